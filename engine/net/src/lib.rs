//! Networks as types: the operations on network namespaces, the state of a network, the roles of whatever applies and
//! answers them ([`world::World`]), and errors.
//!
//! This crate knows neither Linux nor the script language and builds for any target. Start with [`op::Op`].

pub mod error;
pub mod files;
pub mod invalid;
pub mod op;
mod quote;
pub mod rejection;
pub mod state;
mod visible;
pub mod world;

pub use quote::{quote, quote_program};
pub use visible::{pictured, visible, visible_in_colour, visible_json, visible_line, visible_xml};
