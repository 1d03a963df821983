//! Networks as types: the operations on network namespaces, the state that they act on, what a network can be asked,
//! and what can go wrong.
//!
//! Nothing here knows Linux or the script language: it builds for any target.

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
