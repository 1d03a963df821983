//! The result of a native function.

use rhai::{Dynamic, EvalAltResult};

/// The result of a native function, as Rhai wants it.
pub(crate) type RhaiResult<T = Dynamic> = Result<T, Box<EvalAltResult>>;
