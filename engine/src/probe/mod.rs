//! Probes: packets of our own, sent from inside a namespace.

mod echo;
mod filter;
mod http;
mod icmp_error;
mod ping;

use std::io;

pub use http::answer_forever;
pub(crate) use http::{fetch, listen};
pub(crate) use ping::ping;
use tokio::runtime::{Builder, Runtime};

/// Carries what happens at the same time in one probe. One thread: namespaces are a thread's.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
