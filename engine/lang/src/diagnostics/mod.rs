//! Errors with their places in the script, and how they are shown. Start with [`render`].

pub mod fault;
mod place;
mod render;
mod token;

pub use netscript_net::error::*;
pub use netscript_net::{pictured, visible, visible_in_colour, visible_json, visible_line, visible_xml};

pub(crate) use place::offset_of;
pub use place::{Sources, Span};
pub use render::{Call, Failure, Underline, render};
pub use token::{Token, TokenKind, tokens};
