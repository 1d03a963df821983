//! Lookup of the words of the language.

use std::collections::BTreeSet;

use netscript_lang::interpreter::{Form, Word, words};
use rhai::{Engine, Token};

/// Every registered word.
pub struct Lexicon {
    words: Vec<Word>,
    names: BTreeSet<String>,
}

/// Rhai's words for statements, as completion offers them. A test compares them with Rhai's.
pub const KEYWORDS: &[&str] = &[
    "as", "break", "catch", "const", "continue", "do", "else", "export", "false", "fn", "for", "if", "import", "in",
    "let", "loop", "private", "return", "switch", "throw", "true", "try", "until", "while",
];

/// Whether Rhai knows a word as part of its grammar.
pub fn is_keyword(word: &str) -> bool {
    // `this` is a variable to Rhai's tokenizer, although scripts cannot define one of that name.
    word == "this" || Token::lookup_symbol_from_syntax(word).is_some()
}

/// Whether a name is not for users, by its prefix.
fn is_internal(name: &str) -> bool {
    name.starts_with(['_', '$']) || name.contains('$')
}

impl Lexicon {
    /// The words of an engine.
    pub fn new(engine: &Engine) -> Lexicon {
        let words: Vec<Word> = words(engine).into_iter().filter(|word| !is_internal(&word.name)).collect();
        let names = words.iter().filter(|word| word.form != Form::Operator).map(|word| word.name.clone()).collect();
        Lexicon { words, names }
    }

    /// All of them, by name.
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// Whether a word has this name.
    pub fn knows(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The words of a name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Word> {
        self.words.iter().filter(move |word| word.name == name)
    }

    /// The functions, which have no receiver.
    pub fn functions(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().filter(|word| word.form == Form::Function)
    }

    /// The methods and properties of a type; if it is unknown, of all of netscript's types.
    pub fn members<'a>(&'a self, kind: Option<&'a str>) -> impl Iterator<Item = &'a Word> {
        let member = |word: &&Word| matches!(word.form, Form::Method | Form::Property);
        self.words.iter().filter(member).filter(move |word| match kind {
            Some(kind) => word.receiver() == Some(kind),
            None => !word.standard,
        })
    }

    /// The types that have members of netscript's own.
    pub fn kinds(&self) -> BTreeSet<&str> {
        self.words.iter().filter(|word| !word.standard).filter_map(Word::receiver).collect()
    }

    /// The type of the result of a function, a method or a property.
    pub fn returned(&self, receiver: Option<&str>, name: &str, called: bool) -> Option<&str> {
        let fits = |word: &&Word| match word.form {
            Form::Function => called && receiver.is_none(),
            Form::Method => called && receiver.is_some() && word.receiver() == receiver,
            Form::Property => !called && receiver.is_some() && word.receiver() == receiver,
            Form::Setter | Form::Operator => false,
        };
        let found = self.words.iter().find(|word| word.name == name && fits(word))?;
        Some(found.returns.as_str()).filter(|kind| *kind != "value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_those_of_rhai() {
        for word in KEYWORDS {
            assert!(is_keyword(word), "{word}");
        }
    }
}
