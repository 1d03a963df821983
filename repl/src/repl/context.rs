//! Finds out what is being typed at the cursor, for completion and hints.

use netscript_lang::diagnostics::{Token, TokenKind, tokens};

/// The word being typed, and the part of the syntax that it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// Where it begins, in bytes.
    pub start: usize,
    /// The part of it that has been typed.
    pub typed: &'a str,
    /// The part of the syntax.
    pub place: Expected<'a>,
}

/// A part of the syntax that can be completed.
#[derive(Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// A variable, a function or a keyword.
    Word,
    /// A method or a property of this expression.
    Member(&'a str),
    /// A function of this module.
    Module(&'a str),
    /// A key of the options of this word; the keys that are given already.
    Option(&'a str, Vec<&'a str>),
    /// The value of an option: the word and the key.
    Value(&'a str, &'a str),
    /// A string that is the value of an option: the word, the key, and the expression whose method is being called, if one is.
    Text(&'a str, &'a str, Option<&'a str>),
    /// A name in a string; the expression whose method is being called, if one is.
    Name(Option<&'a str>),
    /// The name of a kernel setting in a string; the expression whose setting it is.
    Setting(Option<&'a str>),
    /// The name of a module in a string.
    Import,
    /// Nothing that could be completed.
    Nothing,
}

/// The context at the end of a text.
pub fn context(text: &str) -> Context<'_> {
    let tokens: Vec<Token> = tokens(text).collect();
    let line = Line { text, tokens: &tokens };
    let (start, count) = match tokens.split_last() {
        Some((last, before)) if last.span.end == text.len() => match last.kind {
            TokenKind::Word => (last.span.start, before.len()),
            TokenKind::Text if !closed(&text[last.span.clone()]) => {
                let place = line.in_string(before.len());
                let start = last.span.start + 1;
                return Context { start, typed: &text[start..], place };
            }
            TokenKind::Comment if !text.ends_with("*/") => return nothing(text),
            TokenKind::Number => return nothing(text),
            TokenKind::Text | TokenKind::Comment | TokenKind::Sign => (text.len(), tokens.len()),
        },
        Some(_) | None => (text.len(), tokens.len()),
    };
    Context { start, typed: &text[start..], place: line.at(count) }
}

fn nothing(text: &str) -> Context<'_> {
    Context { start: text.len(), typed: "", place: Expected::Nothing }
}

/// Whether a string or a character has its second quote.
fn closed(text: &str) -> bool {
    let Some(quote) = text.chars().next() else { return false };
    let inner = text[1..].strip_suffix(quote);
    inner.is_some_and(|inner| inner.chars().rev().take_while(|c| *c == '\\').count() % 2 == 0)
}

struct Line<'a, 't> {
    text: &'a str,
    tokens: &'t [Token],
}

impl<'a> Line<'a, '_> {
    fn get(&self, index: usize) -> Option<&'a str> {
        self.tokens.get(index).map(|token| &self.text[token.span.clone()])
    }

    /// What can follow the first `count` tokens.
    fn at(&self, count: usize) -> Expected<'a> {
        let Some(last) = count.checked_sub(1) else { return Expected::Word };
        match self.get(last) {
            Some("." | "?.") => self.chain(last).map_or(Expected::Nothing, Expected::Member),
            Some("::") => {
                last.checked_sub(1).and_then(|index| self.get(index)).map_or(Expected::Nothing, Expected::Module)
            }
            _ => match self.value(count) {
                Some((word, key)) => Expected::Value(word, key),
                None => self.option(count).unwrap_or(Expected::Word),
            },
        }
    }

    fn in_string(&self, count: usize) -> Expected<'a> {
        if count.checked_sub(1).and_then(|last| self.get(last)) == Some("import") {
            return Expected::Import;
        }
        let mut open = self.enclosing(count);
        while let Some(bracket) = open.filter(|bracket| self.get(*bracket) != Some("(")) {
            open = self.enclosing(bracket);
        }
        let receiver = open.and_then(|bracket| self.receiver(bracket));
        let is_setting = open.is_some_and(|bracket| {
            let word = bracket.checked_sub(1).and_then(|word| self.get(word));
            bracket + 1 == count && matches!(word, Some("sysctl" | "has_sysctl"))
        });
        match self.value(count) {
            _ if is_setting => Expected::Setting(receiver),
            Some((word, key)) => Expected::Text(word, key, receiver),
            None => Expected::Name(receiver),
        }
    }

    /// The expression whose method is called with the bracket at an index.
    fn receiver(&self, bracket: usize) -> Option<&'a str> {
        let dot = bracket.checked_sub(2)?;
        matches!(self.get(dot), Some("." | "?.")).then(|| self.chain(dot)).flatten()
    }

    /// The last bracket before an index that is still open there.
    fn enclosing(&self, count: usize) -> Option<usize> {
        let mut depth = 0usize;
        for index in (0..count).rev() {
            match self.get(index) {
                Some(")" | "]" | "}") => depth += 1,
                Some("(" | "[" | "{") if depth == 0 => return Some(index),
                Some("(" | "[" | "{") => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// A key of options, if one can follow the first `count` tokens.
    fn option(&self, count: usize) -> Option<Expected<'a>> {
        let brace = self.enclosing(count).filter(|index| self.get(*index) == Some("{"))?;
        let hash = brace.checked_sub(1).filter(|index| self.get(*index) == Some("#"))?;
        let key_comes = matches!(self.get(count - 1), Some("{" | ","));
        if !key_comes {
            return None;
        }
        Some(Expected::Option(self.word_of(hash)?, self.keys(brace + 1, count)))
    }

    /// The word and the key of an option, if its value, or an element of it, can follow the first `count` tokens.
    fn value(&self, count: usize) -> Option<(&'a str, &'a str)> {
        let last = count.checked_sub(1)?;
        let colon = match self.get(last)? {
            ":" => last,
            "[" | "," => self.enclosing(count).filter(|index| self.get(*index) == Some("["))?.checked_sub(1)?,
            _ => return None,
        };
        let key = colon.checked_sub(1).filter(|_| self.get(colon) == Some(":"))?;
        let brace = self.enclosing(key).filter(|index| self.get(*index) == Some("{"))?;
        let hash = brace.checked_sub(1).filter(|index| self.get(*index) == Some("#"))?;
        Some((self.word_of(hash)?, self.get(key)?))
    }

    /// The word whose options begin at an index: the called function, or the key whose value they are.
    fn word_of(&self, hash: usize) -> Option<&'a str> {
        let before = hash.checked_sub(1)?;
        match self.get(before)? {
            ":" => self.get(before.checked_sub(1)?),
            _ => {
                let bracket = self.enclosing(hash)?;
                let before = bracket.checked_sub(1)?;
                match (self.get(bracket)?, self.get(before)?) {
                    ("(", _) => self.get(before),
                    ("[", ":") => self.get(before.checked_sub(1)?),
                    // A list of maps of options.
                    ("[", _) => {
                        let bracket = self.enclosing(bracket).filter(|index| self.get(*index) == Some("("))?;
                        self.get(bracket.checked_sub(1)?)
                    }
                    _ => None,
                }
            }
        }
    }

    /// The keys that are given between two indexes.
    fn keys(&self, from: usize, to: usize) -> Vec<&'a str> {
        let mut depth = 0usize;
        let mut keys = Vec::new();
        for index in from..to {
            match self.get(index) {
                Some("(" | "[" | "{") => depth += 1,
                Some(")" | "]" | "}") => depth = depth.saturating_sub(1),
                Some(":") if depth == 0 => keys.extend(self.get(index - 1)),
                _ => {}
            }
        }
        keys
    }

    /// The expression that ends before the dot at an index.
    fn chain(&self, dot: usize) -> Option<&'a str> {
        let mut end = dot;
        let start = loop {
            let mut index = end.checked_sub(1)?;
            while matches!(self.get(index), Some(")" | "]" | "}")) {
                index = self.opening(index)?;
                let before = index.checked_sub(1);
                match (self.get(index), before.map(|before| self.tokens[before].kind), before.and_then(|i| self.get(i)))
                {
                    (Some("("), Some(TokenKind::Word), _)
                    | (Some("["), Some(TokenKind::Word | TokenKind::Text), _)
                    | (Some("(" | "["), _, Some(")" | "]"))
                    | (Some("{"), _, Some("#")) => index = before?,
                    _ => break,
                }
            }
            match index.checked_sub(1).and_then(|before| self.get(before)) {
                Some("." | "?." | "::") => end = index - 1,
                _ => break index,
            }
        };
        Some(&self.text[self.tokens[start].span.start..self.tokens[dot].span.start])
    }

    /// The bracket that the one at an index closes.
    fn opening(&self, closing: usize) -> Option<usize> {
        self.enclosing(closing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Expected<'_> {
        context(text).place
    }

    #[test]
    fn words_and_members() {
        assert_eq!(context("let a = co"), Context { start: 8, typed: "co", place: Expected::Word });
        assert_eq!(context("cool.pi"), Context { start: 5, typed: "pi", place: Expected::Member("cool") });
        assert_eq!(place("x = veth(\"a\", \"b\").peer."), Expected::Member("veth(\"a\", \"b\").peer"));
        assert_eq!(place("f(host.routes[0]."), Expected::Member("host.routes[0]"));
        assert_eq!(place("f(a)(b)."), Expected::Member("f(a)(b)"));
        assert_eq!(place("#{ a: 1 }."), Expected::Member("#{ a: 1 }"));
        assert_eq!(place("\"text\"."), Expected::Member("\"text\""));
        assert_eq!(place("lab::"), Expected::Module("lab"));
        assert_eq!(place("a\n  ."), Expected::Member("a\n  "));
        assert_eq!(place("1..a"), Expected::Word);
    }

    #[test]
    fn options() {
        assert_eq!(place("bridge(\"br0\", #{ "), Expected::Option("bridge", vec![]));
        assert_eq!(place("bridge(\"br0\", #{ stp: true, pr"), Expected::Option("bridge", vec!["stp"]));
        assert_eq!(place("x.route(\"d\", #{ nexthops: [#{ via: 1 }, #{"), Expected::Option("nexthops", vec![]));
        assert_eq!(place("a.b(#{ src: f(#{ x: 1 }), "), Expected::Option("b", vec!["src"]));
        assert_eq!(place("a.b(#{ src: "), Expected::Value("b", "src"));
        assert_eq!(place("a.b([#{ src: 1 }, #{ dst: [1, "), Expected::Value("b", "dst"));
        assert_eq!(place("a.b(#{ src: f("), Expected::Word);
        assert_eq!(place("a.b(#{ src: [#{ "), Expected::Option("src", vec![]));
        assert_eq!(place("if x { "), Expected::Word);
    }

    #[test]
    fn strings_and_comments() {
        assert_eq!(context("link(\"ve"), Context { start: 6, typed: "ve", place: Expected::Name(None) });
        assert_eq!(place("cool.link(\""), Expected::Name(Some("cool")));
        assert_eq!(place("cool.route(\"default\", #{ dev: \""), Expected::Text("route", "dev", Some("cool")));
        assert_eq!(place("macvlan(\"m\", #{ mode: \"br"), Expected::Text("macvlan", "mode", None));
        assert_eq!(
            context("red.sysctl(\"net.ip"),
            Context { start: 12, typed: "net.ip", place: Expected::Setting(Some("red")) }
        );
        assert_eq!(place("red.sysctl(\"a\", \""), Expected::Name(Some("red")));
        assert_eq!(place("import \"la"), Expected::Import);
        assert_eq!(place("\"done\""), Expected::Word);
        assert_eq!(place("// co"), Expected::Nothing);
        assert_eq!(place("/* co"), Expected::Nothing);
        assert_eq!(place("12"), Expected::Nothing);
        assert_eq!(place(""), Expected::Word);
    }
}
