//! Refusals as the kernel words them.

use netscript_net::error::{Errno, Refusal};
use netscript_net::failure::Failure;

/// A refusal with the text of the kernel's extended acknowledgement.
pub(crate) fn refused(errno: Errno, text: &str) -> Failure {
    Failure { refusal: Refusal { errno, text: Some(text.to_owned()), missing: None }, absent: None }
}
