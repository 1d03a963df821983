//! Places in scripts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use netscript_net::error::At;

use super::token::token_len;

/// A range of bytes in a script.
pub type Span = Range<usize>;

/// The texts of the scripts of a run, by name.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<Rc<str>, Rc<str>>);

impl Sources {
    /// Adds a script's text.
    pub fn add(&mut self, name: Rc<str>, text: Rc<str>) {
        self.0.insert(name, text);
    }

    /// The text of a script.
    pub fn text(&self, name: &str) -> Option<&Rc<str>> {
        self.0.get(name)
    }

    /// The range of the token that begins at a point. Points become ranges only here.
    pub fn span(&self, at: &At) -> Span {
        let Some(text) = self.0.get(&at.source) else { return 0..0 };
        let start = offset_of(text, at.line, at.column);
        start..start + token_len(&text[start..])
    }
}

/// The byte at a line and a character in it, both from 1.
pub(crate) fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let line_start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let line = text[line_start..].lines().next().unwrap_or("");
    let in_line = line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(index, _)| index);
    line_start + in_line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Sources {
        let mut sources = Sources::default();
        sources.add("x".into(), text.into());
        sources
    }

    fn at(line: usize, column: usize) -> At {
        At { source: "x".into(), line, column, module: false }
    }

    #[test]
    fn a_point_becomes_the_token_there() {
        let text = "let a = 1;\n  café(\"ü\", 2);\r\nx";
        let sources = sources(text);
        assert_eq!(&text[sources.span(&at(1, 5))], "a");
        assert_eq!(&text[sources.span(&at(2, 3))], "café");
        assert_eq!(&text[sources.span(&at(2, 8))], "\"ü\"");
        assert_eq!(&text[sources.span(&at(3, 1))], "x");
        assert_eq!(sources.span(&at(9, 9)), text.len()..text.len());
    }
}
