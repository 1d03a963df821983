//! The result of a native function.

use rhai::{Dynamic, EvalAltResult};

/// The result of a native function in Rhai's form.
pub(crate) type RhaiResult<T = Dynamic> = Result<T, Box<EvalAltResult>>;
