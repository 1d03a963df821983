//! The reason why the kernel, the model or netscript itself rejects an operation.

use crate::error::{Errno, Error, Refusal};
use crate::world::Missing;

/// The reason why an operation was not applied.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The error of the kernel or of the model.
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
    /// A rejection because something does not exist.
    pub fn missing(what: Missing, refusal: impl Into<Refusal>) -> Rejection {
        Rejection { refusal: refusal.into(), missing: Some(what) }
    }

    /// A rejection by netscript itself.
    pub fn from_error(error: Error) -> Rejection {
        Rejection::missing(Missing::Other(Box::new(error)), Errno::ECANCELED)
    }

    /// The error of a failed question. `question` is the text after "cannot".
    pub fn into_error(self, question: impl FnOnce() -> String) -> Error {
        match self.missing {
            Some(missing) => missing.into_error(),
            None => Error::Unanswered { question: question(), refusal: self.refusal },
        }
    }
}

/// The result of an operation or a question.
pub type Outcome<T = ()> = Result<T, Rejection>;
