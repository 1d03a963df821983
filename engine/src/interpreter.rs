//! Runs scripts: Rhai with every limit set, errors with codes and places, and Ctrl-C heard.

mod conversation;
mod foreign;
mod guarded;
mod imports;
mod limits;
mod modules;
mod session;
mod variables;
mod words;

use std::path::Path;

use conversation::Conversation;
use rhai::{AST, ASTNode, Dynamic, Engine, EvalAltResult, Expr, OptimizationLevel, Position, Scope, Stmt};

pub use conversation::{Completeness, Function, Mark, Outcome};
pub use foreign::{UNNAMED, takes_unknown};
pub use guarded::{MAX_ELEMENTS, MAX_TEXT};
pub use imports::ImportFolders;
pub use limits::MAX_MEMORY;
pub use session::{Columns, ScriptError, Session, at};
pub use variables::define_constants;
pub use words::{Form, Param, Word, kind_of, words};

use crate::Lab;
use crate::diagnostics::{At, Call, Error, Failure, Sources, fault};
use crate::files;

/// How deep script functions may call each other.
pub const MAX_CALL_LEVELS: usize = 128;

/// How deep expressions may nest, also inside functions.
pub const MAX_EXPR_DEPTH: usize = 128;

/// Stack that a thread needs to run a script up to the limits, in bytes; generous for debug
/// builds. Memory is taken only as it is used.
pub const STACK_SIZE: usize = 256 << 20;

/// A script interpreter over a lab.
pub struct Interpreter {
    engine: Engine,
    session: Session,
    sources: Sources,
    conversation: Conversation,
}

impl Interpreter {
    /// An interpreter whose words `register` adds.
    pub fn new(lab: Lab, register: impl FnOnce(&mut Engine)) -> Interpreter {
        let session = Session::new(lab);
        let mut engine = Engine::new();
        engine
            .set_max_call_levels(MAX_CALL_LEVELS)
            .set_max_expr_depths(MAX_EXPR_DEPTH, MAX_EXPR_DEPTH)
            .set_max_operations(0)
            .set_max_variables(usize::MAX)
            .set_max_functions(usize::MAX)
            .set_max_modules(1024)
            // `guarded` has the limits of single functions, `limits` that of memory.
            .set_max_string_size(0)
            .set_max_array_size(0)
            .set_max_map_size(0)
            // The optimizer drops statements that it thinks do nothing, wrong ones included.
            .set_optimization_level(OptimizationLevel::None)
            .set_default_tag(Dynamic::from(session.clone()));
        guarded::register(&mut engine);
        register(&mut engine);
        // Texts that scripts put together are rarely made twice.
        engine.set_max_strings_interned(0);
        session.limits().watch(&mut engine, &session);
        let conversation = Conversation::new(&engine);
        Interpreter { engine, session, sources: Sources::default(), conversation }
    }

    /// Rhai's engine, for tables of the words that there are.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The lab that scripts work on.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The texts that have been run, for showing errors.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Lets scripts have [`MAX_MEMORY`] and no more; `taken` tells how much the program has.
    pub fn limit_memory(&self, taken: fn() -> usize) {
        self.session.limits().count_memory(taken);
    }

    /// Looks for imported modules among those that are built in (by name, with their texts), then
    /// beside a script.
    pub fn import_from(&mut self, builtin: &'static [(&'static str, &'static str)], folder: &Path) {
        self.set_modules(builtin, folder, None);
    }

    /// The same, but files are read from some folders only.
    pub fn import_only_from(
        &mut self,
        builtin: &'static [(&'static str, &'static str)],
        folder: &Path,
        only: ImportFolders,
    ) {
        self.set_modules(builtin, folder, Some(only));
    }

    fn set_modules(
        &mut self,
        builtin: &'static [(&'static str, &'static str)],
        folder: &Path,
        only: Option<ImportFolders>,
    ) {
        for (name, text) in builtin {
            self.sources.add((*name).into(), (*text).into());
        }
        self.engine.set_module_resolver(modules::Modules::new(builtin, folder, only));
    }

    /// Runs a script to its end and gives its exit status: that of `exit(n)`, or 0.
    pub fn run(&mut self, name: &str, text: &str) -> Result<i32, Failure> {
        self.session.limits().begin();
        let ast = self.compile(name, text)?;
        self.session.go_on();
        let result = fault::catch(|| self.engine.run_ast_with_scope(&mut Scope::new(), &ast))?;
        self.flush()?;
        match result {
            Ok(()) => Ok(self.session.exit_status().unwrap_or(0)),
            Err(error) => Err(self.failure(name, *error)),
        }
    }

    /// Does what has been waiting. What fails of that came before whatever else may have failed.
    fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.session.lab().flush();
        flushed.map_err(|error| match error {
            Error::Late { at, error } => Failure { error: *error, at, calls: Vec::new() },
            error => error.into(),
        })
    }

    /// A script of a name, ready to be run.
    fn compile(&mut self, name: &str, text: &str) -> Result<AST, Failure> {
        self.session.set_main(name);
        let text = prepare(text);
        self.sources.add(name.into(), text.as_ref().into());
        let compiled = fault::catch(|| self.engine.compile(&text))?;
        let mut ast = compiled.map_err(|error| self.syntax_error(name, &error))?;
        ast.set_source(name);
        if takes_steps_back(&ast) {
            self.session.lab().keep_steps();
        }
        if handles_errors(&ast) {
            // Nothing waits yet.
            self.session.lab().at_once(true)?;
        }
        Ok(ast)
    }

    fn syntax_error(&self, name: &str, error: &rhai::ParseError) -> Failure {
        if let Some(why) = self.session.stop_reading() {
            return limits::cause(&why.into()).into();
        }
        let description = foreign::syntax(&self.engine, error.err_type());
        Failure { error: Error::Script(Box::new(description)), at: place(name, error.position()), calls: Vec::new() }
    }

    /// Turns an error of Rhai into one of ours: innermost cause, its place, the calls that led there.
    fn failure(&mut self, name: &str, error: EvalAltResult) -> Failure {
        let mut calls = Vec::new();
        let mut source = name.to_owned();
        let mut error = error;
        loop {
            match error {
                EvalAltResult::ErrorInFunctionCall(function, inside, inner, position) => {
                    let function = if function.contains('$') { String::new() } else { function };
                    calls.push(Call { function, at: place(&source, position) });
                    if !inside.is_empty() {
                        source = inside;
                    }
                    error = *inner;
                }
                EvalAltResult::ErrorInModule(module, inner, position) => {
                    calls.push(Call { function: format!("import {module:?}"), at: place(&source, position) });
                    source = module;
                    error = *inner;
                }
                error => {
                    calls.reverse();
                    // A function of Rhai's own does not tell where it fails; its call does.
                    let at = place(&source, error.position()).or_else(|| {
                        let last = calls.iter().position(|call: &Call| call.at.is_some())?;
                        let call = calls.drain(..=last).next_back()?;
                        source = call.at.as_ref()?.source.to_string();
                        call.at
                    });
                    self.learn_source(&source);
                    let text = self.sources.text(&source).cloned();
                    let cause = match error {
                        EvalAltResult::ErrorTerminated(token, _) => limits::cause(&token),
                        error => foreign::cause(&self.engine, text.as_deref().unwrap_or(""), &error),
                    };
                    return Failure { error: cause, at, calls };
                }
            }
        }
    }

    /// An imported module's text is read when an error points into it.
    fn learn_source(&mut self, source: &str) {
        if self.sources.text(source).is_none()
            && let Ok(text) = files::read_text(source)
        {
            self.sources.add(source.into(), text.into());
        }
    }
}

/// Whether a script may take single steps back.
fn takes_steps_back(ast: &AST) -> bool {
    let mut found = false;
    ast.walk(&mut |path| {
        found |= path.iter().any(|node| match node {
            ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => {
                matches!(call.name.as_str(), "undo" | "checkpoint")
            }
            _ => false,
        });
        !found
    });
    found
}

/// Whether a script may go on after an error: it has a `try`, or evaluates text that may have one.
fn handles_errors(ast: &AST) -> bool {
    let mut found = false;
    ast.walk(&mut |path| {
        found |= path.iter().any(|node| match node {
            ASTNode::Stmt(Stmt::TryCatch(..)) => true,
            ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => call.name == "eval",
            _ => false,
        });
        !found
    });
    found
}

fn place(source: &str, position: Position) -> Option<At> {
    let line = position.line()?;
    Some(At { source: source.into(), line, column: position.position().unwrap_or(0), module: false })
}

/// Takes a byte order mark away, and makes a comment of a `#!` line of the same length. (Three
/// slashes would be a doc comment.)
fn prepare(text: &str) -> std::borrow::Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.strip_prefix("#!") {
        Some(rest) => format!("//{}", rest.replacen('/', " ", 1)).into(),
        None => text.into(),
    }
}
