//! Global constants, and the values of `catch` variables.

use std::collections::BTreeMap;

use rhai::{Dynamic, Engine, Module};

use super::{Session, foreign};

/// Defines an engine's constants; it must be called once. Unlike constants of a scope, they are visible inside script
/// functions (like variables of a global module) and inside closures (which capture variables of a scope and those that
/// `on_var` resolves).
///
/// In `catch (e)`, Rhai gives its own errors as maps without a code. Such a variable reads as an error of netscript's
/// instead.
pub fn define_constants<const N: usize>(engine: &mut Engine, constants: [(&'static str, Dynamic); N]) {
    let mut module = Module::new();
    for (name, value) in &constants {
        module.set_var(*name, value.clone());
    }
    engine.register_global_module(module.into());
    Session::of_engine(engine).set_constants(constants.to_vec());
    let constants = BTreeMap::from(constants);
    #[allow(deprecated, reason = "Rhai marks `on_var` so because it may change")]
    engine.on_var(move |name, _, context| match context.scope().get(name) {
        Some(value) => Ok(foreign::caught(context.engine(), value).map(Dynamic::from)),
        None => Ok(constants.get(name).cloned()),
    });
}
