//! Errors: their facts, codes, places in the script, and how they are shown.

mod blame;
mod code;
mod describe;
mod errno;
mod error;
pub mod fault;
mod part;
mod place;
mod refused;
mod remedy;
mod render;
mod suggest;
mod token;
mod visible;

pub(crate) use blame::absent;
pub use code::{Code, Entry, REGISTRY};
pub use errno::{Errno, Refusal};
pub use error::{Description, Error, Result};
pub use part::{Part, Step, Within};
pub(crate) use place::offset_of;
pub use place::{At, Sources, Span};
pub use render::{Call, Failure, Underline, render};
pub use suggest::did_you_mean;
pub use token::{Token, TokenKind, tokens};
pub use visible::{pictured, visible, visible_in_colour, visible_json, visible_line, visible_xml};
