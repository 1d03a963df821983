//! Adds words to an engine without their documentation, which is read when it is needed.
//!
//! Rhai's `export_module` makes a static manifest of a module's functions. Registering them from there as Rhai
//! does it would copy the text of every doc comment and every parameter's name at each start, and looking them up
//! in the manifest (`Module::from_manifest`) would go through all of them at each call in a closure. So functions are
//! registered only with what a call needs, and [`functions`] reads the rest from the manifests.

use std::collections::BTreeSet;

use rhai::plugin::ModuleManifest;
use rhai::{Engine, FuncInfo, FuncRegistration, Module, RhaiFunc};

use super::Session;

/// Adds the functions of a manifest to an interpreter's engine.
pub fn add_words(engine: &mut Engine, manifest: &'static ModuleManifest) {
    let mut module = Module::new();
    manifest.for_each_fn(true, &mut |function| {
        function.with_param_types(&mut |types| {
            let call = RhaiFunc::StaticPlugin { func: function.func() };
            let registration = FuncRegistration::new(function.name()).with_namespace(function.namespace());
            registration.set_into_module_raw(&mut module, types, call);
        });
    });
    module.build_index();
    engine.register_global_module(module.into());
    Session::of_engine(engine).add_manifest(manifest);
}

/// Collects from the functions of an engine, with their documentation; from those of Rhai's standard packages only if
/// `standard`.
pub fn functions<T>(engine: &Engine, standard: bool, wanted: impl Fn(FuncInfo<'_>) -> Option<T> + Copy) -> Vec<T> {
    let mut documented = Engine::new_raw();
    for manifest in Session::known_to(engine).manifests() {
        documented.register_global_module(Module::from_manifest(manifest).into());
    }
    let mut all = documented.collect_fn_metadata(None, wanted, false);
    let words: BTreeSet<u64> =
        documented.collect_fn_metadata(None, |info| Some(info.metadata.hash), false).into_iter().collect();
    // Functions that `add_words` registered have no return type; all others do.
    let is_word = |info: &FuncInfo<'_>| words.contains(&info.metadata.hash) && info.metadata.return_type.is_empty();
    let others = engine.collect_fn_metadata(None, |info| if is_word(&info) { None } else { wanted(info) }, standard);
    all.extend(others);
    all
}
