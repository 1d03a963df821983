//! Syntax highlighting of typed text.

use netscript_lang::diagnostics::{Token, TokenKind, tokens};

use super::lexicon::{Lexicon, is_keyword};
use super::style::Style;

/// A text with its colours, as ANSI escapes.
pub fn highlight(text: &str, lexicon: &Lexicon) -> String {
    if text.starts_with(':') {
        return command(text);
    }
    let tokens: Vec<Token> = tokens(text).collect();
    let mut shown = String::with_capacity(text.len() * 2);
    let mut end = 0;
    for (index, token) in tokens.iter().enumerate() {
        shown.push_str(&text[end..token.span.start]);
        end = token.span.end;
        let part = &text[token.span.clone()];
        let called = tokens.get(index + 1).is_some_and(|next| text[next.span.clone()].starts_with('('));
        shown.push_str(&style(token.kind, part, called, lexicon).paint(part));
    }
    shown.push_str(&text[end..]);
    shown
}

fn style(kind: TokenKind, part: &str, called: bool, lexicon: &Lexicon) -> Style {
    match kind {
        TokenKind::Word if is_keyword(part) => Style::Keyword,
        TokenKind::Word if called && lexicon.knows(part) => Style::Function,
        TokenKind::Word => Style::Plain,
        TokenKind::Number => Style::Number,
        TokenKind::Text => Style::Text,
        TokenKind::Comment => Style::Dim,
        TokenKind::Sign => Style::Plain,
    }
}

fn command(text: &str) -> String {
    let (name, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    format!("{}{rest}", Style::Keyword.paint(name))
}
