//! What nobody can know: the answers of programs and probes in a dry run.

use std::fmt;

use netscript_engine::diagnostics::{Error, Result};
use netscript_engine::interpreter::ScriptError;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, EvalAltResult};

use crate::RhaiResult;

/// An answer that nobody knows. It can be handed on, but not looked into.
#[derive(Clone)]
pub struct Unknown {
    what: String,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(unknown in a dry run: {})", self.what)
    }
}

pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Unknown>("Unknown");
    engine.register_global_module(exported_module!(words).into());
}

/// An answer as a script's value; one that cannot be known is a value too.
pub(crate) fn answer<T>(answer: Result<T>, known: impl FnOnce(T) -> Dynamic) -> Result<Dynamic> {
    match answer {
        Ok(answer) => Ok(known(answer)),
        Err(Error::Unknowable { what }) => Ok(Dynamic::from(Unknown { what })),
        Err(error) => Err(error),
    }
}

/// What cannot be known, if that is why an evaluation failed.
pub(crate) fn reason(error: &EvalAltResult) -> Option<String> {
    let inner = match error {
        EvalAltResult::ErrorInFunctionCall(.., inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            return reason(inner);
        }
        EvalAltResult::ErrorRuntime(value, _) => value.read_lock::<ScriptError>()?,
        _ => return None,
    };
    match inner.error() {
        Error::Unknowable { what } => Some(what.clone()),
        _ => None,
    }
}

#[export_module]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Looking into what nobody knows is an error of its own, whatever is looked for.
    ///
    /// ```
    /// if !dry_run { assert(host.exec("true").ok); }
    /// ```
    #[rhai_fn(index_get, pure, return_raw)]
    pub fn look(unknown: &mut Unknown, _part: &str) -> RhaiResult {
        Err(Error::Unknowable { what: unknown.what.clone() }.into())
    }

    /// What it is that nobody knows.
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn to_string(unknown: &mut Unknown) -> String {
        unknown.to_string()
    }
}
