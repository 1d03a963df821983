//! The type of an expression before a dot, and its value if evaluating it changes nothing.

use netscript_lang::diagnostics::{Token, TokenKind, tokens};
use netscript_lang::interpreter::{Interpreter, kind_of};
use rhai::{Dynamic, Map};

use super::lexicon::Lexicon;

/// What is known of an expression.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    /// Its type, as users know it.
    pub kind: Option<String>,
    /// Its value.
    pub value: Option<Dynamic>,
}

impl Receiver {
    /// The type and the value of an expression. It is evaluated only if that changes nothing: variables, their
    /// properties, and their elements.
    pub fn of(expression: &str, interpreter: &Interpreter, lexicon: &Lexicon) -> Receiver {
        let tokens: Vec<Token> = tokens(expression).collect();
        let chain = Chain { text: expression, tokens: &tokens, interpreter, lexicon };
        let kind = chain.kind();
        let enough = kind.as_deref().is_some_and(|kind| !matches!(kind, "map" | "value"));
        if enough || !chain.is_free() {
            return Receiver { kind, value: None };
        }
        match interpreter.look_up(expression) {
            Some(value) => Receiver { kind: Some(kind_of(interpreter.engine(), &value)), value: Some(value) },
            None => Receiver { kind, value: None },
        }
    }

    /// The keys of a map.
    pub fn keys(&self) -> Vec<String> {
        let map = self.value.as_ref().and_then(|value| value.read_lock::<Map>());
        map.map(|map| map.keys().map(ToString::to_string).collect()).unwrap_or_default()
    }
}

struct Chain<'a> {
    text: &'a str,
    tokens: &'a [Token],
    interpreter: &'a Interpreter,
    lexicon: &'a Lexicon,
}

impl Chain<'_> {
    fn get(&self, index: usize) -> Option<&str> {
        self.tokens.get(index).map(|token| &self.text[token.span.clone()])
    }

    /// Whether it begins with a variable and only reads it.
    fn is_free(&self) -> bool {
        let begins = self.tokens.first().is_some_and(|token| token.kind == TokenKind::Word);
        let looks = |token: &Token| match token.kind {
            TokenKind::Word | TokenKind::Number | TokenKind::Text => true,
            TokenKind::Sign => matches!(&self.text[token.span.clone()], "." | "?." | "[" | "]"),
            TokenKind::Comment => false,
        };
        begins && self.tokens.iter().all(looks)
    }

    /// Its type, derived from the documented types of its parts.
    fn kind(&self) -> Option<String> {
        let (mut kind, mut next) = self.first()?;
        while let Some(token) = self.get(next) {
            (kind, next) = match token {
                "." | "?." => {
                    let name = self.get(next + 1)?;
                    let called = self.get(next + 2) == Some("(");
                    let returned = self.lexicon.returned(Some(&kind), name, called)?.to_owned();
                    (returned, if called { self.after(next + 2)? } else { next + 2 })
                }
                _ => return None,
            };
        }
        Some(kind)
    }

    /// The type of its first part, and the index of the token after that.
    fn first(&self) -> Option<(String, usize)> {
        let first = self.get(0)?;
        let kind = |text: &str| Some(text.to_owned());
        match self.tokens[0].kind {
            TokenKind::Text => Some((kind(if first.starts_with('\'') { "character" } else { "string" })?, 1)),
            TokenKind::Number => Some((kind("integer")?, 1)),
            TokenKind::Word if self.get(1) == Some("(") => {
                Some((self.lexicon.returned(None, first, true)?.to_owned(), self.after(1)?))
            }
            TokenKind::Word => {
                let value = self.interpreter.variable(first)?;
                Some((kind_of(self.interpreter.engine(), &value), 1))
            }
            TokenKind::Sign => match first {
                "[" => Some((kind("array")?, self.after(0)?)),
                "#" => Some((kind("map")?, self.after(1)?)),
                _ => None,
            },
            TokenKind::Comment => None,
        }
    }

    /// The index after the bracket that closes the one at an index.
    fn after(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for index in open..self.tokens.len() {
            match self.get(index)? {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth == 0 {
                return Some(index + 1);
            }
        }
        None
    }
}
