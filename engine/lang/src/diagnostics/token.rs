//! The tokens of a script, for error messages and highlighting. It accepts any text.

use super::Span;

/// A token and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its kind.
    pub kind: TokenKind,
    /// Its bytes.
    pub span: Span,
}

/// The kind of a token, as highlighting tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A name or a keyword.
    Word,
    /// A number.
    Number,
    /// A string or a character, closed or not.
    Text,
    /// A comment, closed or not.
    Comment,
    /// A bracket, or an operator.
    Sign,
}

/// The tokens of a text, without the white space between them. No text is an error.
pub fn tokens(text: &str) -> impl Iterator<Item = Token> {
    let mut position = 0;
    std::iter::from_fn(move || {
        let rest = &text[position..];
        position += rest.len() - rest.trim_start().len();
        let rest = &text[position..];
        let kind = kind(rest)?;
        let start = position;
        position += token_len(rest);
        Some(Token { kind, span: start..position })
    })
}

fn kind(text: &str) -> Option<TokenKind> {
    let first = text.chars().next()?;
    Some(match first {
        '"' | '`' | '\'' => TokenKind::Text,
        '/' if text.starts_with("//") || text.starts_with("/*") => TokenKind::Comment,
        c if c.is_ascii_digit() => TokenKind::Number,
        c if c.is_alphabetic() || c == '_' => TokenKind::Word,
        _ => TokenKind::Sign,
    })
}

/// The length in bytes of the token at the beginning of a text: a word, a number, a string, a
/// comment, or one character.
pub(super) fn token_len(text: &str) -> usize {
    let Some(first) = text.chars().next() else { return 0 };
    match first {
        '`' => template_len(text),
        '"' | '\'' => {
            let mut escaped = false;
            for (index, c) in text.char_indices().skip(1) {
                match c {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '\n' => return index,
                    c if c == first => return index + 1,
                    _ => {}
                }
            }
            text.len()
        }
        '/' if text.starts_with("//") => text.find('\n').unwrap_or(text.len()),
        '/' if text.starts_with("/*") => text.find("*/").map_or(text.len(), |end| end + 2),
        c if c.is_alphanumeric() || c == '_' => {
            text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
        }
        c if "=!<>&|+-*/%.:?".contains(c) => text.find(|c: char| !"=!<>&|+-*/%.:?".contains(c)).unwrap_or(text.len()),
        c => c.len_utf8(),
    }
}

/// The length of a string between back-quotes, in which `${…}` holds code with strings of its own.
fn template_len(text: &str) -> usize {
    let mut position = 1;
    while let Some(c) = text[position..].chars().next() {
        let rest = &text[position..];
        match c {
            '`' => return position + 1,
            '$' if rest.starts_with("${") => position += 2 + code_len(&rest[2..]),
            c => position += c.len_utf8(),
        }
    }
    text.len()
}

/// The length of code up to the bracket that closes it, and that bracket.
fn code_len(text: &str) -> usize {
    let mut depth = 0usize;
    for token in tokens(text) {
        match &text[token.span.clone()] {
            "{" => depth += 1,
            "}" if depth == 0 => return token.span.end,
            "}" => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(&str, TokenKind)> {
        tokens(text).map(|token| (&text[token.span], token.kind)).collect()
    }

    #[test]
    fn every_token_is_found() {
        use TokenKind::{Comment, Number, Sign, Text, Word};
        assert_eq!(
            parts("let ü = a.f(\"x\", 1.5); // é"),
            [
                ("let", Word),
                ("ü", Word),
                ("=", Sign),
                ("a", Word),
                (".", Sign),
                ("f", Word),
                ("(", Sign),
                ("\"x\"", Text),
                (",", Sign),
                ("1", Number),
                (".", Sign),
                ("5", Number),
                (")", Sign),
                (";", Sign),
                ("// é", Comment),
            ]
        );
        assert_eq!(parts("#{ a: `x\n"), [("#", Sign), ("{", Sign), ("a", Word), (":", Sign), ("`x\n", Text)]);
        assert_eq!(parts("`${a + `}`}`, b"), [("`${a + `}`}`", Text), (",", Sign), ("b", Word)]);
        assert_eq!(parts("`a ${ `b"), [("`a ${ `b", Text)]);
        assert_eq!(parts("/* a"), [("/* a", Comment)]);
        assert_eq!(parts("  "), []);
    }
}
