//! Runs scripts: Rhai with all limits set, errors with codes and places, and stopped by Ctrl-C.

mod conversation;
mod foreign;
mod guarded;
mod imports;
mod limits;
mod modules;
mod registry;
mod session;
mod slips;
mod spans;
mod switches;
mod text;
mod variables;
mod words;

use std::path::Path;
use std::rc::Rc;

use conversation::Conversation;
use rhai::{AST, Dynamic, Engine, EvalAltResult, OptimizationLevel, ParseError, Position, Scope};

pub use crate::diagnostics::ScriptError;
pub use conversation::{Completeness, Evaluated, Function, Mark};
pub use foreign::{UNNAMED, takes_unknown};
pub use guarded::{MAX_ELEMENTS, MAX_TEXT};
pub use imports::ImportFolders;
pub use limits::{MAX_CALL_LEVELS, MAX_EXPR_DEPTH, MAX_MEMORY, STACK_SIZE};
pub use registry::{add_words, functions};
pub use session::{Columns, Session, at};
pub use variables::define_constants;
pub use words::{Form, Param, Word, kind_of, words};

use text::{handles_errors, prepare, takes_steps_back};

use crate::Lab;
use crate::diagnostics::{At, Call, Error, Failure, Sources, Underline, fault, offset_of};
use netscript_net::files;

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
            // `guarded` limits single functions, and `limits` the memory.
            .set_max_string_size(0)
            .set_max_array_size(0)
            .set_max_map_size(0)
            // The optimizer drops statements without effect, even wrong ones.
            .set_optimization_level(OptimizationLevel::None)
            .set_default_tag(Dynamic::from(session.clone()));
        guarded::register(&mut engine);
        register(&mut engine);
        // Scripts rarely make the same text twice.
        engine.set_max_strings_interned(0);
        session.limits().watch(&mut engine, &session);
        let conversation = Conversation::new(&engine);
        Interpreter { engine, session, sources: Sources::default(), conversation }
    }

    /// Rhai's engine, from which the registered words can be read.
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

    /// Limits scripts to [`MAX_MEMORY`]; `taken` returns how much the program has.
    pub fn limit_memory(&self, taken: fn() -> usize) {
        self.session.limits().count_memory(taken);
    }

    /// Looks up imported modules among the built-in ones (names with texts), and then in the script's folder.
    pub fn import_from(&mut self, builtin: &'static [(&'static str, &'static str)], folder: &Path) {
        self.set_modules(builtin, folder, None);
    }

    /// The same, but reads files only from some folders.
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

    /// Does the waiting operations. If one fails, its error counts: it came before any other error.
    fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.session.lab().flush();
        flushed.map_err(|error| match error {
            Error::Deferred { at, error } => {
                let at = at.map(|at| self.known(at));
                self.placed(*error, at, Vec::new())
            }
            error => error.into(),
        })
    }

    /// Compiles a script.
    fn compile(&mut self, name: &str, text: &str) -> Result<AST, Failure> {
        self.session.set_main(name);
        let text = prepare(text);
        self.sources.add(name.into(), text.as_ref().into());
        let compiled = fault::catch(|| switches::compile(&self.engine, &text))?;
        let mut ast = compiled.map_err(|error| self.syntax_error(name, &error))?;
        ast.set_source(name);
        if takes_steps_back(&ast) {
            self.session.lab().keep_steps();
        }
        if handles_errors(&ast) {
            // No operation is waiting yet, so this does not fail.
            self.session.lab().at_once(true)?;
        }
        Ok(ast)
    }

    fn syntax_error(&self, name: &str, error: &ParseError) -> Failure {
        let told = error.err_type().to_string();
        // Deep in an `eval`, the limit may no longer be reached now.
        if let Some(why) = self.session.stop_reading().or_else(|| limits::stopped_by(&told)) {
            return limits::cause(&why.into()).into();
        }
        let at = place(name, error.position());
        let text = self.sources.text(name).cloned().unwrap_or_default();
        let start = at.as_ref().map_or(text.len(), |at| offset_of(&text, at.line, at.column));
        if let Some((description, span)) = slips::syntax(error.err_type(), &text, start) {
            let error = Error::Script(Box::new(description));
            let underline = span.map(|span| Underline { span, unwritten: None });
            return Failure { error, at, underline, calls: Vec::new() };
        }
        let description = foreign::syntax(&self.engine, error.err_type());
        self.placed(Error::Script(Box::new(description)), at, Vec::new())
    }

    /// Turns an error of Rhai into one of ours: innermost cause, its place, the calls that led there.
    fn failure(&mut self, name: &str, error: EvalAltResult) -> Failure {
        // The name of an evaluated text contains that of the text around it. A script that evaluates itself without end
        // gets very deep.
        const MAX_EVALS: usize = 16;
        let (mut calls, mut evals) = (Vec::new(), 0);
        let mut source = name.to_owned();
        let mut error = error;
        loop {
            match error {
                EvalAltResult::ErrorInFunctionCall(function, _, inner, position) if function == "eval" => {
                    calls.push(Call { function, at: place(&source, position) });
                    evals += 1;
                    source = if evals > MAX_EVALS { "eval".to_owned() } else { self.evaluated(&source, position) };
                    error = *inner;
                }
                EvalAltResult::ErrorInFunctionCall(function, inside, inner, position) => {
                    let function = if function.contains('$') { String::new() } else { function };
                    calls.push(Call { function, at: place(&source, position) });
                    if !inside.is_empty() {
                        source = self.learn_source(inside);
                    }
                    error = *inner;
                }
                EvalAltResult::ErrorInModule(module, inner, position) => {
                    calls.push(Call { function: format!("import {module:?}"), at: place(&source, position) });
                    source = self.learn_source(module);
                    error = *inner;
                }
                EvalAltResult::ErrorParsing(kind, position) => {
                    calls.reverse();
                    let failure = self.syntax_error(&source, &ParseError(Box::new(kind), position));
                    let at = self.written(failure.at.clone(), &mut calls);
                    let underline = failure.underline.filter(|_| at == failure.at);
                    return Failure { error: failure.error, at, underline, calls };
                }
                error => {
                    calls.reverse();
                    let at = self.written(place(&source, error.position()), &mut calls);
                    if let Some(at) = &at {
                        source = at.source.to_string();
                    }
                    let text = self.sources.text(&source).cloned();
                    let cause = match error {
                        EvalAltResult::ErrorTerminated(token, _) => limits::cause(&token),
                        EvalAltResult::ErrorModuleNotFound(name, _) => {
                            let here = at.as_ref().map(|at| self.sources.span(at));
                            let word = here.zip(text.as_deref()).map_or("", |(here, text)| &text[here]);
                            Error::Script(Box::new(foreign::no_module(&name, word)))
                        }
                        error => foreign::cause(&self.engine, text.as_deref().unwrap_or(""), &error),
                    };
                    return self.placed(cause, at, calls);
                }
            }
        }
    }

    /// A failure with what it underlines.
    fn placed(&self, error: Error, at: Option<At>, calls: Vec<Call>) -> Failure {
        let underline = at.as_ref().and_then(|at| self.underline(&error, at));
        Failure { error, at, underline, calls }
    }

    fn underline(&self, error: &Error, at: &At) -> Option<Underline> {
        let part = error.describe().part?;
        let (ast, text) = self.tree(&at.source, at.line)?;
        spans::locate(&ast, &text, position(at)?, &part)
    }

    /// The syntax tree of a source, or of the statement of it that has a line, and the source's text.
    fn tree(&self, source: &str, line: usize) -> Option<(AST, Rc<str>)> {
        let text = self.sources.text(source)?.clone();
        let part = self.conversation.statement(source, line);
        let ast = self.engine.compile(part.as_deref().unwrap_or(&text)).ok()?;
        Some((ast, text))
    }

    /// The name of the text that `eval` is called with. If the script computes the text, the source has none: the text
    /// is not kept.
    fn evaluated(&mut self, source: &str, at: Position) -> String {
        let tree = at.line().and_then(|line| self.tree(source, line));
        let text = tree.and_then(|(ast, _)| spans::evaluated(&ast, at));
        let name = format!("eval at {source}:{}", at.line().unwrap_or(0));
        if let Some(text) = text {
            self.sources.add(name.as_str().into(), text.trim().into());
        }
        name
    }

    /// The place of an error in a text that is known. Rhai's own functions give no place, and a computed text that is
    /// evaluated has none; then the place is that of their call.
    fn written(&self, at: Option<At>, calls: &mut Vec<Call>) -> Option<At> {
        let in_text = at.filter(|at| self.sources.text(&at.source).is_some());
        in_text.or_else(|| {
            let is_in_text = |call: &Call| call.at.as_ref().is_some_and(|at| self.sources.text(&at.source).is_some());
            let last = calls.iter().position(is_in_text)?;
            calls.drain(..=last).next_back()?.at
        })
    }

    /// Reads an imported module's text for an error that points into it.
    fn learn_source(&mut self, source: String) -> String {
        if self.sources.text(&source).is_none()
            && let Ok(text) = files::read_text(&source)
        {
            self.sources.add(source.as_str().into(), prepare(&text).as_ref().into());
        }
        source
    }

    /// Reads the text of a place, if it is a module's.
    fn known(&mut self, at: At) -> At {
        At { source: self.learn_source(at.source.to_string()).into(), ..at }
    }
}

impl Drop for Interpreter {
    /// Breaks the circle between the session and the handles among its constants, which would never be dropped.
    fn drop(&mut self) {
        self.session.set_constants(Vec::new());
    }
}

fn position(at: &At) -> Option<Position> {
    // Rhai counts lines and characters with 16 bits.
    let (line, column) = (u16::try_from(at.line).ok()?, u16::try_from(at.column).ok()?);
    (line > 0).then(|| Position::new(line, column))
}

fn place(source: &str, position: Position) -> Option<At> {
    let line = position.line()?;
    Some(At { source: source.into(), line, column: position.position().unwrap_or(0), module: false })
}
