//! The language as the book knows it: an interpreter that touches nothing.

use netscript_dialect::Style;
use netscript_lang::DryRun;
use netscript_lang::Lab;
use netscript_lang::interpreter::{Interpreter, Word, words};
use netscript_model::Model;
use netscript_stdlib::Environment;
use rhai::Token;

/// An interpreter over a model.
pub fn interpreter() -> Interpreter {
    let world = DryRun::new(Model::new(), Style::Plain, |_| ());
    Interpreter::new(Lab::new(Box::new(world)), |engine| {
        netscript_stdlib::register(engine, &Environment { dry_run: true, ..Environment::default() });
    })
}

/// Every word that users know, those of Rhai included, by name.
pub fn lexicon(interpreter: &Interpreter) -> Vec<Word> {
    let internal = |word: &Word| word.name.starts_with(['_', '$']) || word.name.contains('$');
    words(interpreter.engine()).into_iter().filter(|word| !internal(word)).collect()
}

/// Whether Rhai knows a word as part of its grammar.
pub fn is_keyword(word: &str) -> bool {
    word == "this" || Token::lookup_symbol_from_syntax(word).is_some()
}
