//! Probes: packets that netscript sends from inside a namespace, and small servers and captures.

pub(crate) mod capture;
mod common;
mod connect;
mod dns;
mod echo;
mod filter;
mod http;
mod icmp_error;
pub(crate) mod name_server;
mod packet_socket;
mod ping;
mod resolve;
mod summary;
mod target;

pub use capture::capture_forever;
pub(crate) use connect::connect;
pub use http::answer_forever;
pub(crate) use http::{fetch, listen};
pub use name_server::resolve_forever;
pub(crate) use ping::ping;
pub(crate) use target::look_up;
