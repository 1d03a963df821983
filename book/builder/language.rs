//! The words of the language, for highlighting and references.

use netscript_lang::interpreter::{Interpreter, Word, words};
use rhai::Token;

/// All words for users, those of Rhai included, by name.
pub fn lexicon(interpreter: &Interpreter) -> Vec<Word> {
    let internal = |word: &Word| word.name.starts_with(['_', '$']) || word.name.contains('$');
    words(interpreter.engine()).into_iter().filter(|word| !internal(word)).collect()
}

/// Whether Rhai knows a word as part of its grammar.
pub fn is_keyword(word: &str) -> bool {
    word == "this" || Token::lookup_symbol_from_syntax(word).is_some()
}
