//! Refusals with the kernel's words.

use netscript_net::error::{Errno, Rejection};

/// A refusal with the text of the kernel's extended acknowledgement.
pub(crate) fn refused(errno: Errno, text: &str) -> Rejection {
    Rejection::from(errno).text(text.to_owned())
}
