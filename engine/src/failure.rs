//! Why one operation was not done, as the kernel and the model both tell it.

use crate::diagnostics::{Error, Refusal};
use crate::world::Absent;

/// Why one operation was not done.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) refusal: Refusal,
    pub(crate) absent: Option<Absent>,
}

impl<R: Into<Refusal>> From<R> for Failure {
    fn from(refusal: R) -> Failure {
        Failure { refusal: refusal.into(), absent: None }
    }
}

impl Failure {
    /// What an operation names is not there.
    pub(crate) fn absent(what: Absent, refusal: impl Into<Refusal>) -> Failure {
        Failure { refusal: refusal.into(), absent: Some(what) }
    }

    /// The failure as the answer to a question, put as what follows "cannot".
    pub(crate) fn into_error(self, question: impl FnOnce() -> String) -> Error {
        match self.absent {
            Some(absent) => absent.into_error(),
            None => Error::Unanswered { question: question(), refusal: self.refusal },
        }
    }
}

/// The result of one thing that is asked for.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;
