//! Errors on their way through Rhai. They are in this crate because Rust allows a conversion only beside one of its two
//! types; without the feature `rhai`, this crate does not know about scripts.

use std::fmt;
use std::rc::Rc;

use rhai::{Dynamic, EvalAltResult, Position};

use super::{Error, Invalid};

/// An error as a script's `catch (e)` sees it: with `.code`, `.message` and `.errno`.
#[derive(Clone)]
pub struct ScriptError(Rc<Error>);

impl ScriptError {
    /// Wraps an error for a script.
    pub fn new(error: Error) -> ScriptError {
        ScriptError(Rc::new(error))
    }

    /// The error.
    pub fn error(&self) -> &Error {
        &self.0
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let description = self.0.describe();
        write!(f, "error[{}]: {}", description.code, description.message)
    }
}

/// An error on its way through Rhai, which adds the place.
impl From<Error> for Box<EvalAltResult> {
    fn from(error: Error) -> Box<EvalAltResult> {
        let value = Dynamic::from(ScriptError::new(error));
        EvalAltResult::ErrorRuntime(value, Position::NONE).into()
    }
}

impl From<Invalid> for Box<EvalAltResult> {
    fn from(invalid: Invalid) -> Box<EvalAltResult> {
        Error::from(invalid).into()
    }
}
