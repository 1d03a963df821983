//! The reason for which the kernel, the model or netscript itself rejects one operation.

use crate::error::{Errno, Error, Refusal};
use crate::world::Missing;

/// The reason for which one operation was not done.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The kernel's word, or the model's.
    pub refusal: Refusal,
    /// What the operation names and does not exist.
    pub missing: Option<Missing>,
}

impl<R: Into<Refusal>> From<R> for Rejection {
    fn from(refusal: R) -> Rejection {
        Rejection { refusal: refusal.into(), missing: None }
    }
}

impl Rejection {
    /// What an operation names is not there.
    pub fn missing(what: Missing, refusal: impl Into<Refusal>) -> Rejection {
        Rejection { refusal: refusal.into(), missing: Some(what) }
    }

    /// What netscript itself has against an operation.
    pub fn from_error(error: Error) -> Rejection {
        Rejection::missing(Missing::Other(Box::new(error)), Errno::ECANCELED)
    }

    /// The error of a question, whose text follows "cannot".
    pub fn into_error(self, question: impl FnOnce() -> String) -> Error {
        match self.missing {
            Some(missing) => missing.into_error(),
            None => Error::Unanswered { question: question(), refusal: self.refusal },
        }
    }
}

/// The result of one thing that is asked for.
pub type Outcome<T = ()> = Result<T, Rejection>;
