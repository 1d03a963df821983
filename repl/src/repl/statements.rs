//! Statements from a pipe: each is evaluated as soon as it is complete.

use std::io::{self, BufRead};

use netscript_engine::diagnostics::{TokenKind, tokens};
use netscript_engine::interpreter::Completeness;

/// The statements of a text that is still being written.
pub struct Statements<R> {
    input: R,
    /// A line that was read to see whether it goes on with what is before it.
    next: Option<String>,
}

impl<R: BufRead> Statements<R> {
    /// The statements of a text.
    pub fn new(input: R) -> Statements<R> {
        Statements { input, next: None }
    }

    /// The next statement or statements, or command; none at the end of the text.
    pub fn next(&mut self, completeness: impl Fn(&str) -> Completeness) -> io::Result<Option<String>> {
        let Some(mut text) = self.line()? else { return Ok(None) };
        if text.starts_with(':') {
            return Ok(Some(text));
        }
        loop {
            let go_on = match completeness(&text) {
                Completeness::Incomplete => true,
                Completeness::Wrong => false,
                Completeness::Complete => !is_closed(&text) && self.continues()?,
            };
            if !go_on {
                return Ok(Some(text));
            }
            match self.line()? {
                Some(line) => text.push_str(&line),
                None => return Ok(Some(text)),
            }
        }
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        if let Some(line) = self.next.take() {
            return Ok(Some(line));
        }
        let mut line = String::new();
        Ok((self.input.read_line(&mut line)? > 0).then_some(line))
    }

    /// Whether the next line goes on with an expression.
    fn continues(&mut self) -> io::Result<bool> {
        self.next = self.line()?;
        let goes_on = |line: &String| [".", "?."].iter().any(|start| line.trim_start().starts_with(start));
        Ok(self.next.as_ref().is_some_and(goes_on))
    }
}

/// Whether nothing can follow that belongs to the last statement.
fn is_closed(text: &str) -> bool {
    let last = tokens(text).filter(|token| token.kind != TokenKind::Comment).last();
    last.is_none_or(|last| &text[last.span] == ";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_where_nothing_follows_that_belongs_to_it() {
        let text = "a;\nb\n  .c;\n\n:show\nd(\n1)\ne";
        let mut statements = Statements::new(text.as_bytes());
        let complete = |text: &str| match text.matches('(').count() == text.matches(')').count() {
            true => Completeness::Complete,
            false => Completeness::Incomplete,
        };
        let mut all = Vec::new();
        while let Some(statement) = statements.next(complete).expect("it is text") {
            all.push(statement);
        }
        assert_eq!(all, ["a;\n", "b\n  .c;\n", "\n", ":show\n", "d(\n1)\n", "e"]);
    }
}
