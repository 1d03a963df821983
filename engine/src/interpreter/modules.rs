//! Modules that scripts import.

use std::path::Path;

use rhai::module_resolvers::FileModuleResolver;
use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

/// Modules that are built in, and after them those beside the script.
pub(super) struct Modules {
    builtin: &'static [(&'static str, &'static str)],
    files: FileModuleResolver,
}

impl Modules {
    pub(super) fn new(builtin: &'static [(&'static str, &'static str)], folder: &Path) -> Modules {
        Modules { builtin, files: FileModuleResolver::new_with_path(folder) }
    }
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
