//! Modules that scripts import.

use std::path::{Path, PathBuf};

use super::{ImportFolders, Session, handles_errors};
#[cfg(target_family = "wasm")]
use rhai::module_resolvers::DummyModuleResolver as Files;
#[cfg(not(target_family = "wasm"))]
use rhai::module_resolvers::FileModuleResolver as Files;
use rhai::{AST, Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

/// Modules that are built in, and after them those beside the script.
pub(super) struct Modules {
    builtin: &'static [(&'static str, &'static str)],
    files: Files,
    folder: PathBuf,
    only: Option<ImportFolders>,
}

impl Modules {
    pub(super) fn new(
        builtin: &'static [(&'static str, &'static str)],
        folder: &Path,
        only: Option<ImportFolders>,
    ) -> Modules {
        Modules { builtin, files: files_beside(folder), folder: folder.to_owned(), only }
    }

    /// An error if a file may not be read in this run.
    fn check(&self, path: &str, position: Position) -> Result<(), Box<EvalAltResult>> {
        let Some(only) = &self.only else { return Ok(()) };
        only.check(&self.folder.join(path).with_extension("rhai")).map_err(|error| {
            let mut error: Box<EvalAltResult> = error.into();
            error.set_position(position);
            error
        })
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
            self.check(path, position)?;
            // What is no module is an error of the next line.
            if let Some(Ok(ast)) = self.files.resolve_ast(engine, source, path, position) {
                do_at_once_if_caught(engine, &ast)?;
            }
            return self.files.resolve(engine, source, path, position);
        };
        let mut ast = engine.compile(text)?;
        ast.set_source(*name);
        do_at_once_if_caught(engine, &ast)?;
        let module = Module::eval_ast_as_new(Scope::new(), &ast, engine)?;
        Ok(module.into())
    }
}

/// A module that handles errors needs them at the line that caused them.
fn do_at_once_if_caught(engine: &Engine, ast: &AST) -> Result<(), Box<EvalAltResult>> {
    let session = engine.default_tag().clone().try_cast::<Session>();
    if let Some(session) = session.filter(|_| handles_errors(ast)) {
        session.lab().at_once(true)?;
    }
    Ok(())
}
