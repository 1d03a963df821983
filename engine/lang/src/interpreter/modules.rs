//! Finds, runs and caches the modules that scripts import.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use rhai::{AST, Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

use super::text::{handles_errors, prepare};
use super::{ImportFolders, Session, switches};
use crate::diagnostics::Error;
use netscript_net::files;

/// The extension of module files.
const EXTENSION: &str = "rhai";

/// The built-in modules, and after them those in the script's folder.
pub(super) struct Modules {
    builtin: &'static [(&'static str, &'static str)],
    folder: PathBuf,
    only: Option<ImportFolders>,
    /// Those that have been imported.
    made: RefCell<BTreeMap<PathBuf, Shared<Module>>>,
    /// The files of those that are being imported, the outermost first.
    open: RefCell<Vec<PathBuf>>,
}

impl Modules {
    pub(super) fn new(
        builtin: &'static [(&'static str, &'static str)],
        folder: &Path,
        only: Option<ImportFolders>,
    ) -> Modules {
        Modules { builtin, folder: folder.to_owned(), only, made: RefCell::default(), open: RefCell::default() }
    }

    /// The module of a file, which is run only once.
    fn of_file(&self, engine: &Engine, path: &str, position: Position) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let file = self.folder.join(path).with_extension(EXTENSION);
        if let Some(module) = self.made.borrow().get(&file) {
            return Ok(module.clone());
        }
        let at_import = |error: Error| {
            let mut error: Box<EvalAltResult> = error.into();
            error.set_position(position);
            error
        };
        self.only.as_ref().map_or(Ok(()), |only| only.check(&file)).map_err(at_import)?;
        let text = files::read_text(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => EvalAltResult::ErrorModuleNotFound(path.to_owned(), position).into(),
            _ => at_import(Error::Unreadable { path: file.display().to_string(), why: error.to_string() }),
        })?;
        let _importing = self.enter(&file).map_err(at_import)?;
        // Errors name it by its path, from which the text is read again to show the place.
        let name = file.strip_prefix(".").unwrap_or(&file).display().to_string();
        let inside = |error| EvalAltResult::ErrorInModule(name.clone(), error, position);
        let module = evaluate(engine, &name, &prepare(&text)).map_err(inside)?;
        self.made.borrow_mut().insert(file, module.clone());
        Ok(module)
    }

    /// Notes that a file is being imported; an error if it is already.
    fn enter(&self, file: &Path) -> Result<Importing<'_>, Error> {
        // Several names of one file are the same module.
        let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let mut open = self.open.borrow_mut();
        if let Some(first) = open.iter().position(|known| *known == file) {
            let circle = open[first..].iter().chain([&file]);
            return Err(Error::ImportCircle { files: circle.map(|file| self.shown(file)).collect() });
        }
        open.push(file);
        Ok(Importing(&self.open))
    }

    /// A file's path for messages: relative to the script's folder.
    fn shown(&self, file: &Path) -> String {
        let folder = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone());
        file.strip_prefix(&folder).unwrap_or(file).display().to_string()
    }
}

/// A file that is being imported, until this is dropped.
struct Importing<'a>(&'a RefCell<Vec<PathBuf>>);

impl Drop for Importing<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().pop();
    }
}

impl ModuleResolver for Modules {
    fn resolve(
        &self,
        engine: &Engine,
        _source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        match self.builtin.iter().find(|(name, _)| *name == path) {
            Some((name, text)) => evaluate(engine, name, text),
            None => self.of_file(engine, path, position),
        }
    }
}

/// Runs a module's text.
fn evaluate(engine: &Engine, name: &str, text: &str) -> Result<Shared<Module>, Box<EvalAltResult>> {
    let mut ast = switches::compile(engine, text)?;
    ast.set_source(name);
    do_at_once_if_caught(engine, &ast)?;
    Ok(Module::eval_ast_as_new(Scope::new(), &ast, engine)?.into())
}

/// A module that catches errors needs them at the line that caused them.
fn do_at_once_if_caught(engine: &Engine, ast: &AST) -> Result<(), Box<EvalAltResult>> {
    let session = engine.default_tag().clone().try_cast::<Session>();
    if let Some(session) = session.filter(|_| handles_errors(ast)) {
        session.lab().at_once(true)?;
    }
    Ok(())
}
