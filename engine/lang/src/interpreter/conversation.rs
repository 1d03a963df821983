//! Runs a script statement by statement, for the REPL: variables, functions and imports stay.

use std::collections::BTreeMap;

use rhai::{
    AST, Caches, Dynamic, Engine, EvalAltResult, EvalContext, Expr, Expression, FnAccess, GlobalRuntimeState, LexError,
    Module, ParseErrorType, Position, Scope, StmtBlock,
};

use super::text::prepare;
use super::words::docs;
use super::{Interpreter, place, switches};
use crate::diagnostics::{At, Failure, TokenKind, fault, tokens};

/// The state that later statements get from earlier ones.
#[derive(Clone)]
pub(super) struct Conversation {
    scope: Scope<'static>,
    /// Functions and imports.
    global: GlobalRuntimeState,
    /// All statements so far, so that each line has a number of its own.
    text: String,
    /// The number of this text. A text has a limited length, because Rhai counts lines with 16 bits.
    volume: usize,
    /// How many lines come before each statement.
    starts: Vec<usize>,
}

/// A point in a conversation to go back to.
#[derive(Clone)]
pub struct Mark(Conversation);

/// The result of a statement.
#[derive(Clone, Debug)]
pub enum Evaluated {
    /// Its value; `()` where it has none.
    Value(Dynamic),
    /// The statement ended the session, with an exit status.
    Exit(i32),
}

/// Whether a text can be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Statements.
    Complete,
    /// The beginning of a statement.
    Incomplete,
    /// Wrong, whatever follows.
    Wrong,
}

/// A function that a script defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The names of its parameters.
    pub params: Vec<String>,
    /// Its doc comment.
    pub docs: String,
}

/// How many lines one text of a conversation may have.
const MAX_LINES: usize = 60_000;

impl Conversation {
    pub(super) fn new(engine: &Engine) -> Conversation {
        Conversation {
            scope: Scope::new(),
            global: engine.new_global_runtime_state(),
            text: String::new(),
            volume: 1,
            starts: Vec::new(),
        }
    }

    /// The name of the current text in errors.
    fn name(&self) -> String {
        if self.volume == 1 { "input".to_owned() } else { format!("input {}", self.volume) }
    }

    fn lines(&self) -> usize {
        self.text.lines().count()
    }

    fn turn_page(&mut self) {
        if self.lines() > MAX_LINES {
            self.text.clear();
            self.starts.clear();
            self.volume += 1;
        }
    }

    /// The text of the statement at a line, after as many empty lines as come before it. `None` for a source outside
    /// the conversation.
    pub(super) fn statement(&self, source: &str, line: usize) -> Option<String> {
        if source != self.name() {
            return None;
        }
        let after = self.starts.partition_point(|start| *start < line);
        let first = *self.starts.get(after.checked_sub(1)?)?;
        let last = self.starts.get(after).copied().unwrap_or(usize::MAX);
        let lines = self.text.split_inclusive('\n').skip(first).take(last - first);
        Some("\n".repeat(first) + lines.collect::<String>().as_str())
    }
}

impl Interpreter {
    /// Evaluates typed statements. Variables, functions and imports stay for the next ones, even those made before an
    /// error.
    pub fn evaluate(&mut self, text: &str) -> Result<Evaluated, Failure> {
        self.conversation.turn_page();
        let name = self.conversation.name();
        self.session.set_main(&name);
        let lines = self.conversation.lines();
        self.conversation.starts.push(lines);
        let before = "\n".repeat(lines);
        let text = format!("{}\n", text.trim_end_matches('\n'));
        self.conversation.text.push_str(&text);
        self.sources.add(name.as_str().into(), self.conversation.text.as_str().into());
        self.session.limits().begin();
        let ast = fault::catch(|| switches::compile(&self.engine, &format!("{before}{text}")))?;
        let mut ast = ast.map_err(|error| self.syntax_error(&name, &error))?;
        ast.set_source(name.as_str());
        self.go_on_with(&name, &ast)
    }

    /// Runs a script as if it had been typed: what it defines stays.
    pub fn load(&mut self, name: &str, text: &str) -> Result<Evaluated, Failure> {
        self.session.limits().begin();
        let ast = self.compile(name, text)?;
        // The loaded script's lines are not those of typed text.
        self.session.set_main(&self.conversation.name());
        self.go_on_with(name, &ast)
    }

    fn go_on_with(&mut self, name: &str, ast: &AST) -> Result<Evaluated, Failure> {
        self.session.go_on();
        let Conversation { scope, global, .. } = &mut self.conversation;
        if ast.iter_functions().next().is_some() {
            global.lib.push(ast.shared_lib().clone());
        }
        global.source = Some(name.into());
        global.num_operations = 0;
        let block = StmtBlock::new(ast.statements().iter().cloned(), Position::NONE, Position::NONE);
        let block = Expr::Stmt(Box::new(block));
        let mut caches = Caches::new();
        let mut context = EvalContext::new(&self.engine, global, &mut caches, scope, None);
        #[allow(deprecated, reason = "Rhai marks it so because it may change")]
        let result = fault::catch(|| context.eval_expression_tree_raw(&Expression::from(&block), false))?;
        self.flush()?;
        match result.map_err(|error| *error) {
            Ok(value) | Err(EvalAltResult::Return(value, _)) => Ok(Evaluated::Value(value)),
            Err(EvalAltResult::Exit(value, _)) => {
                Ok(Evaluated::Exit(self.session.exit_status().unwrap_or_else(|| {
                    // Rhai's own `exit`.
                    value.as_int().map_or(0, |status| i32::try_from(status & 0xff).unwrap_or(1))
                })))
            }
            Err(error) => Err(self.failure(name, error)),
        }
    }

    /// Forgets what the statements between two points defined, and keeps later definitions. An older variable that they
    /// changed gets its old value, unless it was changed again.
    pub fn forget(&mut self, before: &Mark, after: &Mark) {
        let (first, last) = (lengths(&before.0), lengths(&after.0));
        let mut variables = entries(&self.conversation.scope);
        let (old, new) = (entries(&before.0.scope), entries(&after.0.scope));
        for (index, (_, _, value)) in variables.iter_mut().enumerate().take(first.0) {
            if !self.equal(&old[index].2, &new[index].2) && self.equal(&new[index].2, value) {
                *value = old[index].2.clone();
            }
        }
        variables.drain(first.0..last.0.max(first.0));
        let Conversation { scope, global, .. } = &mut self.conversation;
        scope.rewind(0);
        for (name, constant, value) in variables {
            if constant {
                scope.push_constant_dynamic(name, value)
            } else {
                scope.push_dynamic(name, value)
            };
        }
        global.lib.drain(first.1..last.1.max(first.1));
        let later: Vec<_> =
            global.scan_imports_raw().skip(last.2).map(|(name, module)| (name.clone(), module.clone())).collect();
        global.truncate_imports(first.2);
        later.into_iter().for_each(|(name, module)| global.push_import(name, module));
    }

    /// Whether two values are equal to a script.
    fn equal(&self, one: &Dynamic, other: &Dynamic) -> bool {
        let mut scope = Scope::new();
        scope.push_constant_dynamic("one", one.clone()).push_constant_dynamic("other", other.clone());
        self.engine.eval_expression_with_scope(&mut scope, "one == other").unwrap_or(false)
    }

    /// Whether a text is a complete statement.
    pub fn completeness(&self, text: &str) -> Completeness {
        if open_comment(text) {
            return Completeness::Incomplete;
        }
        let text = prepare(text);
        let Err(error) = self.engine.compile(text.as_ref()) else { return Completeness::Complete };
        let rest = place("", error.position()).map_or("", |at| after(&text, &at));
        let open_string =
            matches!(error.err_type(), ParseErrorType::BadInput(LexError::UnterminatedString)) && rest.starts_with('`');
        let nothing_follows = tokens(rest).all(|token| token.kind == TokenKind::Comment);
        if nothing_follows || open_string { Completeness::Incomplete } else { Completeness::Wrong }
    }

    /// The line that the next statement begins in.
    pub fn next_line(&self) -> usize {
        self.conversation.lines() + 1
    }

    /// The variables that the conversation has made, the last one of each name, by name.
    pub fn variables(&self) -> Vec<(String, Dynamic)> {
        let own = self.conversation.scope.iter().map(|(name, _, value)| (name.to_owned(), value));
        own.collect::<BTreeMap<String, Dynamic>>().into_iter().collect()
    }

    /// The value of a variable or a constant.
    pub fn variable(&self, name: &str) -> Option<Dynamic> {
        let constants = || self.session.constants().into_iter().find(|(known, _)| *known == name);
        self.conversation.scope.get(name).cloned().or_else(|| constants().map(|(_, value)| value))
    }

    /// The functions that the conversation has defined, by name.
    pub fn functions(&self) -> Vec<Function> {
        let defined = self.conversation.global.lib.iter().flat_map(|module| functions(module));
        let latest: BTreeMap<_, _> =
            defined.map(|function| ((function.name.clone(), function.params.len()), function)).collect();
        latest.into_values().collect()
    }

    /// The functions of the modules that the conversation has imported, by the modules' names.
    pub fn imports(&self) -> Vec<(String, Vec<Function>)> {
        let imports = self.conversation.global.iter_imports_raw();
        imports.map(|(name, module)| (name.to_string(), functions(module).collect())).collect()
    }

    /// The functions that the text of a module defines, by name.
    pub fn functions_of(&self, text: &str) -> Vec<Function> {
        let Ok(ast) = self.engine.compile(text) else { return Vec::new() };
        let mut functions: Vec<Function> = functions(ast.shared_lib()).collect();
        functions.sort_by(|a, b| (&a.name, a.params.len()).cmp(&(&b.name, b.params.len())));
        functions
    }

    /// Evaluates an expression that changes nothing, with the variables of the conversation.
    pub fn look_up(&self, expression: &str) -> Option<Dynamic> {
        let mut scope = self.conversation.scope.clone();
        self.engine.eval_expression_with_scope(&mut scope, expression).ok()
    }

    /// This point of the conversation.
    pub fn mark(&self) -> Mark {
        Mark(self.conversation.clone())
    }

    /// Forgets variables, functions and imports made after a point. The text is kept: line numbers go on.
    pub fn go_back(&mut self, mark: Mark) {
        self.conversation.scope = mark.0.scope;
        self.conversation.global = mark.0.global;
    }
}

/// How many variables, functions and imports there are.
fn lengths(conversation: &Conversation) -> (usize, usize, usize) {
    (conversation.scope.len(), conversation.global.lib.len(), conversation.global.num_imports())
}

/// Variables in the order in which they were made, a shared value as it is shared.
fn entries(scope: &Scope<'_>) -> Vec<(String, bool, Dynamic)> {
    let mut entries: Vec<_> =
        scope.iter_raw().map(|(name, constant, value)| (name.to_owned(), constant, value.clone())).collect();
    // Rhai goes through them backwards.
    entries.reverse();
    entries
}

fn functions(module: &Module) -> impl Iterator<Item = Function> {
    let named = module
        .iter_script_fn_info()
        .filter(|(_, access, name, ..)| *access == FnAccess::Public && !name.starts_with("anon$"));
    named.map(|(_, _, name, _, definition)| Function {
        name: name.to_owned(),
        params: definition.params.iter().map(ToString::to_string).collect(),
        docs: docs(&definition.comments),
    })
}

/// The text that begins at a place.
fn after<'a>(text: &'a str, at: &At) -> &'a str {
    let line_start: usize = text.split_inclusive('\n').take(at.line - 1).map(str::len).sum();
    let line = &text[line_start..];
    let skipped: usize = line.chars().take(at.column.saturating_sub(1)).map(char::len_utf8).sum();
    &line[skipped..]
}

/// Whether a text ends inside a comment. To Rhai that is the end of the script.
fn open_comment(text: &str) -> bool {
    tokens(text).last().is_some_and(|token| match token.kind {
        TokenKind::Comment => {
            let comment = &text[token.span];
            comment.starts_with("/*") && (comment.len() < 4 || !comment.ends_with("*/"))
        }
        TokenKind::Word | TokenKind::Number | TokenKind::Text | TokenKind::Sign => false,
    })
}
