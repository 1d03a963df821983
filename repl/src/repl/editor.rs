//! The line editor: rustyline, with completion, hints and colours for the language.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use netscript_lang::diagnostics::visible_line;
use netscript_lang::interpreter::{Completeness, Form, Interpreter};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper};

use super::complete::{complete, option};
use super::context::{self, Expected, context};
use super::highlight::highlight;
use super::history::History;
use super::lexicon::Lexicon;
use super::statements;
use super::style::Style;

/// Reads what a user types, with history.
pub struct LineReader {
    editor: Editor<Assistant, DefaultHistory>,
    history: History,
    colour: bool,
}

/// The result of reading a line.
pub enum Typed {
    /// Statements, or a command.
    Line(String),
    /// Ctrl-C: the typed text is dropped.
    Nothing,
    /// Ctrl-D, or the terminal was closed.
    End,
    /// Bytes that are not UTF-8.
    NoText,
}

/// How many lines of history are kept.
const HISTORY_LINES: usize = 10_000;

impl LineReader {
    /// An editor that knows an interpreter's words.
    pub fn new(assistant: Assistant, history: History) -> rustyline::Result<LineReader> {
        let colour = assistant.colour;
        let config = Config::builder()
            .max_history_size(HISTORY_LINES)?
            .history_ignore_dups(true)?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .color_mode(if colour { ColorMode::Forced } else { ColorMode::Disabled })
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(assistant));
        history.read(&mut editor);
        Ok(LineReader { editor, history, colour })
    }

    /// Reads a line, and adds it to the history.
    pub fn read(&mut self, prompt: &str) -> rustyline::Result<Typed> {
        let prompt = (prompt.to_owned(), Style::Head.paint_if(self.colour, prompt));
        match self.editor.readline(&prompt) {
            Ok(line) => {
                if !line.trim().is_empty() && self.editor.add_history_entry(line.as_str())? {
                    self.history.write(&mut self.editor);
                }
                Ok(Typed::Line(line))
            }
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => Ok(Typed::Nothing),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            // A byte with which no character begins.
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => Ok(Typed::NoText),
            Err(error) => Err(error),
        }
    }
}

/// Completion, hints, colours and validation for the editor.
pub struct Assistant {
    interpreter: Rc<RefCell<Interpreter>>,
    lexicon: Rc<Lexicon>,
    colour: bool,
}

impl Assistant {
    /// An assistant that knows an interpreter's words and variables.
    pub fn new(interpreter: &Rc<RefCell<Interpreter>>, lexicon: &Rc<Lexicon>, colour: bool) -> Assistant {
        Assistant { interpreter: Rc::clone(interpreter), lexicon: Rc::clone(lexicon), colour }
    }

    /// The arguments of the call whose bracket was just opened.
    fn arguments(&self, text: &str) -> Option<String> {
        let call = text.strip_suffix('(')?;
        let start = call.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
        let is_method = call[..start].ends_with('.');
        let interpreter = self.interpreter.borrow();
        let own = interpreter.functions().into_iter().find(|function| !is_method && function.name == call[start..]);
        let arguments = match own {
            Some(own) => own.params,
            None => {
                let fits = |form| if is_method { form == Form::Method } else { form == Form::Function };
                let word = self.lexicon.named(&call[start..]).filter(|word| fits(word.form)).last()?;
                word.arguments().iter().map(|argument| argument.name.clone()).collect()
            }
        };
        Some(format!("{})", arguments.join(", ")))
    }
}

/// The type of the option whose value is typed next.
fn value(text: &str) -> Option<String> {
    match context(text) {
        context::Context { typed: "", place: Expected::Value(word, key), .. } => {
            let space = if text.ends_with(':') { " " } else { "" };
            Some(format!("{space}{}", option(word, key)?.value()))
        }
        _ => None,
    }
}

impl Helper for Assistant {}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, candidates) = complete(&line[..pos], &self.interpreter.borrow(), &self.lexicon);
        let pair = |candidate: super::complete::Candidate| Pair {
            display: candidate.display,
            replacement: candidate.replacement,
        };
        // A name with control characters cannot be typed.
        let typed =
            |candidate: &super::complete::Candidate| visible_line(&candidate.replacement) == candidate.replacement;
        Ok((start, candidates.into_iter().filter(typed).map(pair).collect()))
    }
}

/// A hint, shown dim after the cursor. Arguments are shown, but not inserted.
pub struct Hint {
    shown: String,
    is_text: bool,
}

impl rustyline::hint::Hint for Hint {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.is_text.then_some(self.shown.as_str())
    }
}

impl Hinter for Assistant {
    type Hint = Hint;

    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<Hint> {
        if pos < line.len() || line.is_empty() {
            return None;
        }
        let expected = self.arguments(line).or_else(|| value(line));
        let arguments = expected.map(|shown| Hint { shown, is_text: false });
        let history = || HistoryHinter::new().hint(line, pos, context).map(|shown| Hint { shown, is_text: true });
        arguments.or_else(history)
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.colour { highlight(line, &self.lexicon).into() } else { line.into() }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Style::Dim.paint_if(self.colour, hint).into()
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.colour
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let interpreter = self.interpreter.borrow();
        // Pasted text may be several statements: only the last can be incomplete.
        let statements = statements::split(context.input(), |text| interpreter.completeness(text));
        let last = statements.last().filter(|last| !last.trim_start().starts_with(':'));
        Ok(match last.map(|last| interpreter.completeness(last)) {
            Some(Completeness::Incomplete) => ValidationResult::Incomplete,
            // Errors are shown after evaluation, with the place underlined.
            Some(Completeness::Complete | Completeness::Wrong) | None => ValidationResult::Valid(None),
        })
    }
}
