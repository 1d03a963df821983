//! Unknown values: the answers of programs and probes in a dry run.

use std::fmt;

use netscript_lang::diagnostics::{Error, Result};
use netscript_lang::interpreter::{ScriptError, Session, UNNAMED, add_words, takes_unknown};
use netscript_net::op::NetnsRef;
use netscript_net::world::StatePart;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map};

use crate::RhaiResult;

/// An unknown answer whose type in the script, `T`, is known. It can be passed on, but
/// not read.
#[derive(Clone)]
pub struct Unknown<T> {
    what: String,
    /// An answer of the same type: it has the same keys, with values of the same types if those do not
    /// vary.
    sample: T,
}

impl<T> Unknown<T> {
    /// An answer of the same type.
    pub(crate) fn sample(&self) -> &T {
        &self.sample
    }

    fn refuse<V>(&self) -> RhaiResult<V> {
        Err(Error::NotSimulated { what: self.what.clone() }.into())
    }
}

/// Nothing is known to go through.
impl IntoIterator for Unknown<Array> {
    type Item = RhaiResult;
    type IntoIter = std::iter::Once<RhaiResult>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.refuse())
    }
}

impl<T> fmt::Display for Unknown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(unknown in a dry run: {})", self.what)
    }
}

pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Unknown<Map>>("map");
    engine.register_type_with_name::<Unknown<Array>>("array");
    engine.register_iterator_result::<Unknown<Array>, Dynamic>();
    add_words(engine, exported_manifest!(words));
}

/// An unknown answer of type map.
pub(crate) fn map<T: Default>(answer: Result<T>, known: impl FnOnce(T) -> Map) -> Result<Dynamic> {
    match answer {
        Ok(answer) => Ok(known(answer).into()),
        Err(Error::NotSimulated { what }) => Ok(Dynamic::from(Unknown { what, sample: known(T::default()) })),
        Err(error) => Err(error),
    }
}

/// An unknown answer of type array.
pub(crate) fn list<T>(answer: Result<Vec<T>>, known: impl FnMut(T) -> Dynamic) -> Result<Dynamic> {
    match answer {
        Ok(answer) => Ok(answer.into_iter().map(known).collect::<Array>().into()),
        Err(Error::NotSimulated { what }) => Ok(Dynamic::from(Unknown { what, sample: Array::new() })),
        Err(error) => Err(error),
    }
}

/// The description of an unknown value, if the whole value is unknown.
pub(crate) fn what(value: &Dynamic) -> Option<String> {
    let map = value.read_lock::<Unknown<Map>>().map(|unknown| unknown.what.clone());
    map.or_else(|| what_list(value))
}

/// A value of the type that a property of an unknown map has.
pub(crate) fn sample(value: &Dynamic, property: &str) -> Option<Dynamic> {
    let unknown = value.read_lock::<Unknown<Map>>()?;
    Some(unknown.sample.get(property).cloned().unwrap_or(Dynamic::UNIT))
}

/// The description of an array's unknown part.
pub(crate) fn what_list(value: &Dynamic) -> Option<String> {
    Some(value.read_lock::<Unknown<Array>>()?.what.clone())
}

/// An error if a part of what a namespace has is not known completely.
pub(crate) fn known(session: &Session, netns: &NetnsRef, part: StatePart) -> Result<()> {
    match session.lab().world().unknown_part(netns, part)? {
        None => Ok(()),
        Some(what) => Err(Error::NotSimulated { what }),
    }
}

/// What cannot be known, if that is why an evaluation failed.
pub(crate) fn reason(engine: &Engine, error: &EvalAltResult) -> Option<String> {
    let inner = match error {
        EvalAltResult::ErrorInFunctionCall(.., inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            return reason(engine, inner);
        }
        EvalAltResult::ErrorRuntime(value, _) => value.read_lock::<ScriptError>()?,
        error => return takes_unknown(engine, error).then(|| UNNAMED.to_owned()),
    };
    match inner.error() {
        Error::NotSimulated { what } => Some(what.clone()),
        _ => None,
    }
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Reading a key of an unknown answer is an error (E0601), except for a key that no such answer has.
    #[rhai_fn(index_get, pure, return_raw)]
    pub fn look(unknown: &mut Unknown<Map>, part: Dynamic) -> RhaiResult {
        let known = part.read_lock::<ImmutableString>().is_some_and(|part| !unknown.sample.contains_key(part.as_str()));
        if known { Ok(Dynamic::UNIT) } else { unknown.refuse() }
    }

    /// An element of an unknown array is unknown.
    #[rhai_fn(index_get, pure, return_raw)]
    pub fn look_at(unknown: &mut Unknown<Array>, _index: i64) -> RhaiResult {
        unknown.refuse()
    }

    /// An unknown value cannot be changed in part.
    #[rhai_fn(index_set, pure, return_raw)]
    pub fn change(unknown: &mut Unknown<Map>, _part: Dynamic, _value: Dynamic) -> RhaiResult<()> {
        unknown.refuse()
    }

    /// An unknown value cannot be changed in part.
    #[rhai_fn(index_set, pure, return_raw)]
    pub fn change_at(unknown: &mut Unknown<Array>, _index: i64, _value: Dynamic) -> RhaiResult<()> {
        unknown.refuse()
    }

    /// The result of a comparison is unknown. By default, Rhai treats values of different types as different.
    #[rhai_fn(name = "==", name = "!=", name = "<", name = "<=", name = ">", name = ">=", pure, return_raw)]
    pub fn compare_map(unknown: &mut Unknown<Map>, _other: Dynamic) -> RhaiResult<bool> {
        unknown.refuse()
    }

    /// The result of a comparison is unknown.
    #[rhai_fn(name = "==", name = "!=", name = "<", name = "<=", name = ">", name = ">=", return_raw)]
    pub fn compare_with_map(_other: Dynamic, unknown: Unknown<Map>) -> RhaiResult<bool> {
        unknown.refuse()
    }

    /// The description of the unknown value.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn map_to_string(unknown: &mut Unknown<Map>) -> String {
        unknown.to_string()
    }

    /// The result of a comparison is unknown. By default, Rhai treats values of different types as different.
    #[rhai_fn(name = "==", name = "!=", name = "<", name = "<=", name = ">", name = ">=", pure, return_raw)]
    pub fn compare_array(unknown: &mut Unknown<Array>, _other: Dynamic) -> RhaiResult<bool> {
        unknown.refuse()
    }

    /// The result of a comparison is unknown.
    #[rhai_fn(name = "==", name = "!=", name = "<", name = "<=", name = ">", name = ">=", return_raw)]
    pub fn compare_with_array(_other: Dynamic, unknown: Unknown<Array>) -> RhaiResult<bool> {
        unknown.refuse()
    }

    /// The description of the unknown value.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn array_to_string(unknown: &mut Unknown<Array>) -> String {
        unknown.to_string()
    }
}
