//! What nobody can know: the answers of programs and probes in a dry run.

use std::fmt;

use netscript_engine::Part;
use netscript_engine::diagnostics::{Error, Result};
use netscript_engine::interpreter::{ScriptError, Session, UNNAMED, takes_unknown};
use netscript_engine::op::NetnsRef;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, EvalAltResult};

use crate::RhaiResult;

/// An answer that nobody knows. It can be handed on, but not looked into.
#[derive(Clone)]
pub struct Unknown {
    what: String,
}

impl Unknown {
    /// What it is that nobody knows, in words.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    fn refuse<T>(&self) -> RhaiResult<T> {
        Err(Error::Unknowable { what: self.what.clone() }.into())
    }
}

/// Nothing is known to go through.
impl IntoIterator for Unknown {
    type Item = RhaiResult;
    type IntoIter = std::iter::Once<RhaiResult>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.refuse())
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(unknown in a dry run: {})", self.what)
    }
}

pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Unknown>("Unknown");
    engine.register_iterator_result::<Unknown, Dynamic>();
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

/// An error if a part of what a namespace has is not known completely.
pub(crate) fn known(session: &Session, netns: &NetnsRef, part: Part) -> Result<()> {
    match session.lab().world().unknown_part(netns, part)? {
        None => Ok(()),
        Some(what) => Err(Error::Unknowable { what }),
    }
}

/// What cannot be known, if that is why an evaluation failed.
pub(crate) fn reason(error: &EvalAltResult) -> Option<String> {
    let inner = match error {
        EvalAltResult::ErrorInFunctionCall(.., inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            return reason(inner);
        }
        EvalAltResult::ErrorRuntime(value, _) => value.read_lock::<ScriptError>()?,
        EvalAltResult::ErrorFunctionNotFound(signature, _) if takes_unknown(signature) => {
            return Some(UNNAMED.to_owned());
        }
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
        unknown.refuse()
    }

    /// An element of what nobody knows is not known either.
    ///
    /// ```
    /// if !dry_run { host.lo.up(); assert(host.traceroute("127.0.0.1")[0].ok); }
    /// ```
    #[rhai_fn(index_get, pure, return_raw)]
    pub fn look_at(unknown: &mut Unknown, _index: i64) -> RhaiResult {
        unknown.refuse()
    }

    /// How many elements it has is not known.
    ///
    /// ```
    /// if !dry_run { host.lo.up(); assert(host.traceroute("127.0.0.1").len() == 1); }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn len(unknown: &mut Unknown) -> RhaiResult<i64> {
        unknown.refuse()
    }

    /// Whether it equals something is not known.
    #[rhai_fn(global, name = "==", pure, return_raw)]
    pub fn eq(unknown: &mut Unknown, _other: Dynamic) -> RhaiResult<bool> {
        unknown.refuse()
    }

    /// Whether it differs from something is not known.
    #[rhai_fn(global, name = "!=", pure, return_raw)]
    pub fn ne(unknown: &mut Unknown, _other: Dynamic) -> RhaiResult<bool> {
        unknown.refuse()
    }

    /// What it is that nobody knows.
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn to_string(unknown: &mut Unknown) -> String {
        unknown.to_string()
    }
}
