//! Shows errors: the underlined place, the calls that led there, notes and help.

use codespan_reporting::diagnostic::{Diagnostic, Label};
use codespan_reporting::files::SimpleFiles;
use codespan_reporting::term::termcolor::Buffer;
use codespan_reporting::term::{self, Config};

use super::{At, Error, Sources, Span, pictured, visible, visible_line};

/// A call of a script function on the way to an error, innermost first.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function's name; empty for a closure.
    pub function: String,
    /// Where it was called.
    pub at: Option<At>,
}

/// An error with the place where it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// Where.
    pub at: Option<At>,
    /// The bytes to underline, if not those of the token there.
    pub underline: Option<Underline>,
    /// The calls of script functions that led there.
    pub calls: Vec<Call>,
}

/// What to underline in the script that a [`Failure`] points into.
#[derive(Clone, Debug, PartialEq)]
pub struct Underline {
    /// Its bytes.
    pub span: Span,
    /// The part of it that the error is about, if the part itself is written elsewhere: `via` of a map in a variable.
    pub unwritten: Option<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error, at: None, underline: None, calls: Vec::new() }
    }
}

/// The error as text for a terminal, with colours as ANSI escapes if `colour`. Control characters in names, values and
/// the script are escaped.
pub fn render(failure: &Failure, sources: &Sources, colour: bool) -> String {
    let description = failure.error.describe();
    let mut files = SimpleFiles::new();
    let mut place = |at: &At, span: Span| {
        sources.text(&at.source).map(|text| {
            let file = files.add(visible_line(&at.source).into_owned(), pictured(text).into_owned());
            (file, pictured_span(text, span))
        })
    };

    let mut labels = Vec::new();
    if let Some(at) = &failure.at {
        let underline = failure.underline.clone();
        let Underline { span, unwritten } =
            underline.unwrap_or_else(|| Underline { span: sources.span(at), unwritten: None });
        let label = match unwritten {
            Some(part) => format!("in its `{part}`: {}", description.label),
            None => description.label.clone(),
        };
        if let Some((file, span)) = place(at, span) {
            labels.push(Label::primary(file, span).with_message(visible_line(&label)));
        }
    }
    let mut notes: Vec<String> = description.notes;
    for call in &failure.calls {
        notes.push(match (&call.at, call.function.is_empty()) {
            (Some(at), true) => format!("in a closure called at {}:{}:{}", at.source, at.line, at.column),
            (Some(at), false) => format!("in `{}`, called at {}:{}:{}", call.function, at.source, at.line, at.column),
            (None, _) => format!("in `{}`", call.function),
        });
    }
    let help = description.help.unwrap_or_else(|| lower_first(description.code.entry().remedy));
    notes.push(format!("help: {help}"));

    let diagnostic = Diagnostic::error()
        .with_code(description.code.to_string())
        .with_message(visible(&description.message))
        .with_labels(labels)
        .with_notes(notes.iter().map(|note| visible(note).into_owned()).collect());
    let mut buffer = if colour { Buffer::ansi() } else { Buffer::no_color() };
    term::emit_to_write_style(&mut buffer, &Config::default(), &files, &diagnostic)
        .expect("a buffer in memory takes everything, and every span lies within its file");
    String::from_utf8_lossy(buffer.as_slice()).into_owned()
}

/// The place of a span in the text as it is shown.
fn pictured_span(text: &str, span: Span) -> Span {
    let at = |index: usize| text.get(..index).map_or(index, |before| pictured(before).len());
    at(span.start)..at(span.end)
}

/// A sentence of the registry with a small first letter, to follow "help:".
fn lower_first(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut chars = sentence.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
