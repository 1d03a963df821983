//! Why one operation was not done, as the kernel and the model both tell it.

use crate::error::{Errno, Error, Refusal};
use crate::world::Absent;

/// Why one operation was not done.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The kernel's word, or the model's.
    pub refusal: Refusal,
    /// What the operation names and is not there.
    pub absent: Option<Absent>,
}

impl<R: Into<Refusal>> From<R> for Failure {
    fn from(refusal: R) -> Failure {
        Failure { refusal: refusal.into(), absent: None }
    }
}

impl Failure {
    /// What an operation names is not there.
    pub fn absent(what: Absent, refusal: impl Into<Refusal>) -> Failure {
        Failure { refusal: refusal.into(), absent: Some(what) }
    }

    /// What netscript itself has against an operation.
    pub fn from_error(error: Error) -> Failure {
        Failure::absent(Absent::Leave(Box::new(error)), Errno::ECANCELED)
    }

    /// The failure as the answer to a question, put as what follows "cannot".
    pub fn into_error(self, question: impl FnOnce() -> String) -> Error {
        match self.absent {
            Some(absent) => absent.into_error(),
            None => Error::Unanswered { question: question(), refusal: self.refusal },
        }
    }
}

/// The result of one thing that is asked for.
pub type Outcome<T = ()> = Result<T, Failure>;
