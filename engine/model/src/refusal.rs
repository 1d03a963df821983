//! Refusals with the kernel's words.

use netscript_net::error::{Errno, Refusal};
use netscript_net::rejection::Rejection;

/// A refusal with the text of the kernel's extended acknowledgement.
pub(crate) fn refused(errno: Errno, text: &str) -> Rejection {
    Rejection { refusal: Refusal { errno, text: Some(text.to_owned()), unsupported: None }, missing: None }
}
