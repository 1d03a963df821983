//! Splits a text into statements. Those from a pipe are evaluated as soon as they are complete; pasted ones are
//! evaluated one by one.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use netscript_lang::diagnostics::{TokenKind, tokens};
use netscript_lang::interpreter::Completeness;

/// The statements and commands of a whole text.
pub fn split(text: &str, completeness: impl Fn(&str) -> Completeness) -> Vec<String> {
    let mut statements = Statements::new(text.as_bytes());
    // Reading from memory does not fail.
    std::iter::from_fn(|| statements.next(&completeness).ok().flatten()).collect()
}

/// The statements of a text that is read line by line.
pub struct Statements<R> {
    input: R,
    /// Lines that were read to see whether they continue the statement before them.
    ahead: VecDeque<String>,
}

impl<R: BufRead> Statements<R> {
    /// The statements of a text.
    pub fn new(input: R) -> Statements<R> {
        Statements { input, ahead: VecDeque::new() }
    }

    /// The next statement or statements, or command; none at the end of the text.
    pub fn next(&mut self, completeness: impl Fn(&str) -> Completeness) -> io::Result<Option<String>> {
        let Some(mut text) = self.line()? else { return Ok(None) };
        if text.trim_start().starts_with(':') {
            return Ok(Some(text));
        }
        loop {
            let lines = match completeness(&text) {
                Completeness::Incomplete => 1,
                Completeness::Wrong => 0,
                Completeness::Complete if is_closed(&text) => 0,
                Completeness::Complete => self.continued()?,
            };
            if lines == 0 {
                return Ok(Some(text));
            }
            for _ in 0..lines {
                match self.line()? {
                    Some(line) => text.push_str(&line),
                    None => return Ok(Some(text)),
                }
            }
        }
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read(),
        }
    }

    fn read(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        Ok((self.input.read_line(&mut line)? > 0).then_some(line))
    }

    /// How many of the next lines continue an expression: none, or one and the comments before it.
    fn continued(&mut self) -> io::Result<usize> {
        for count in 1.. {
            if self.ahead.len() < count {
                let Some(line) = self.read()? else { return Ok(0) };
                self.ahead.push_back(line);
            }
            let line = self.ahead[count - 1].trim_start();
            if !line.starts_with("//") {
                return Ok(if goes_on(line) { count } else { 0 });
            }
        }
        Ok(0)
    }
}

/// Whether a line can only continue the statement before it, even if that is complete.
fn goes_on(line: &str) -> bool {
    /// No statement begins with these.
    const SIGNS: [&str; 11] = [".", "?.", "&&", "??", "==", "!=", "<", ">", "*", "%", "+"];
    let word = line.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
    // A closure or a negative number may begin with these signs, but hardly ever one that is a statement.
    let binary = ["|| ", "- ", "/ "].iter().any(|sign| line.starts_with(sign));
    SIGNS.iter().any(|sign| line.starts_with(sign)) || binary || matches!(word, "else" | "catch" | "in")
}

/// Whether the last statement cannot be continued.
fn is_closed(text: &str) -> bool {
    let last = tokens(text).filter(|token| token.kind != TokenKind::Comment).last();
    last.is_none_or(|last| &text[last.span] == ";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_where_nothing_follows_that_belongs_to_it() {
        let text = "a;\nb\n  // why\n  .c;\n\n:show\nd(\n1)\nif e {}\nelse {}\nf\n  && g\n// end\nh";
        let complete = |text: &str| match text.matches('(').count() == text.matches(')').count() {
            true => Completeness::Complete,
            false => Completeness::Incomplete,
        };
        let wanted = [
            "a;\n",
            "b\n  // why\n  .c;\n",
            "\n",
            ":show\n",
            "d(\n1)\n",
            "if e {}\nelse {}\n",
            "f\n  && g\n",
            "// end\n",
            "h",
        ];
        assert_eq!(split(text, complete), wanted);
    }
}
