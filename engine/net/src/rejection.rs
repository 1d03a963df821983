//! The reason for which the kernel, the model or netscript itself rejects one operation or question.

use std::io;

use crate::error::{Errno, Error};
use crate::world::Missing;

/// The reason for which one operation or question was rejected. It becomes an [`Error`] where it is known who asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    /// The error number.
    pub errno: Errno,
    /// The text of the kernel's extended acknowledgement (`NLMSGERR_ATTR_MSG`).
    pub text: Option<String>,
    /// A sentence that names what the machine lacks for the operation: a kernel feature, a device file, a privilege.
    pub unsupported: Option<String>,
    /// What the operation names and does not exist.
    pub missing: Option<Missing>,
}

impl From<Errno> for Rejection {
    fn from(errno: Errno) -> Rejection {
        Rejection { errno, text: None, unsupported: None, missing: None }
    }
}

impl From<io::Error> for Rejection {
    fn from(error: io::Error) -> Rejection {
        match error.raw_os_error() {
            Some(number) => Rejection::from(Errno(number)),
            None => Rejection::from(Errno::EIO).text(error.to_string()),
        }
    }
}

impl Rejection {
    /// Adds the kernel's text.
    pub fn text(mut self, text: impl Into<Option<String>>) -> Rejection {
        self.text = text.into();
        self
    }

    /// Adds what the machine lacks.
    pub fn unsupported(mut self, what: impl Into<String>) -> Rejection {
        self.unsupported = Some(what.into());
        self
    }

    /// An operation names something that does not exist.
    pub fn missing(what: Missing, rejection: impl Into<Rejection>) -> Rejection {
        Rejection { missing: Some(what), ..rejection.into() }
    }

    /// A reason of netscript's own.
    pub fn from_error(error: Error) -> Rejection {
        Rejection::missing(Missing::Other(Box::new(error)), Errno::ECANCELED)
    }

    /// The error of a question, whose text follows "cannot".
    pub fn into_error(mut self, question: impl FnOnce() -> String) -> Error {
        match self.missing.take() {
            Some(missing) => missing.into_error(),
            None => Error::Unanswered { question: question(), rejection: self },
        }
    }
}

/// The result of one operation or question.
pub type Outcome<T = ()> = Result<T, Rejection>;
