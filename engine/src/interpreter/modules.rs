//! Modules that scripts import.

use std::path::Path;

#[cfg(target_family = "wasm")]
use rhai::module_resolvers::DummyModuleResolver as Files;
#[cfg(not(target_family = "wasm"))]
use rhai::module_resolvers::FileModuleResolver as Files;
use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

/// Modules that are built in, and after them those beside the script.
pub(super) struct Modules {
    builtin: &'static [(&'static str, &'static str)],
    files: Files,
}

impl Modules {
    pub(super) fn new(builtin: &'static [(&'static str, &'static str)], folder: &Path) -> Modules {
        Modules { builtin, files: files_beside(folder) }
    }
}

#[cfg(not(target_family = "wasm"))]
fn files_beside(folder: &Path) -> Files {
    Files::new_with_path(folder)
}

/// A web page has no folders.
#[cfg(target_family = "wasm")]
fn files_beside(_: &Path) -> Files {
    Files::new()
}

impl ModuleResolver for Modules {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let Some((name, text)) = self.builtin.iter().find(|(name, _)| *name == path) else {
            return self.files.resolve(engine, source, path, position);
        };
        let mut ast = engine.compile(text)?;
        ast.set_source(*name);
        let module = Module::eval_ast_as_new(Scope::new(), &ast, engine)?;
        Ok(module.into())
    }
}
