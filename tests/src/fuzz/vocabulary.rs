//! The vocabulary of random scripts: the registered words, their options, and the values in their examples.

use std::collections::BTreeMap;

use netscript_lab::wiring::of_words;
use netscript_lang::diagnostics::{TokenKind, tokens};
use netscript_lang::interpreter::{Form, Word, words};
use netscript_stdlib::options_of;

/// A word, with its options and values.
pub struct KnownWord {
    /// As it is registered.
    pub word: Word,
    /// The keys of its options.
    pub keys: Vec<&'static str>,
    /// The strings in its examples.
    pub texts: Vec<String>,
}

/// The vocabulary of random scripts.
pub struct Vocabulary {
    /// The words of netscript.
    pub own: Vec<KnownWord>,
    /// The words of Rhai.
    pub standard: Vec<KnownWord>,
    /// The examples of words, whole.
    pub examples: Vec<String>,
    /// The values that options have in examples, by key.
    pub values: BTreeMap<String, Vec<String>>,
    /// The strings in all examples.
    pub texts: Vec<String>,
}

/// Words that end the script, wait for a user, or differ from run to run, as the time does.
const LEFT_OUT: [&str; 5] = ["shell", "timestamp", "elapsed", "args", "exit"];

/// Constants that differ in a dry run.
const TELLING: [&str; 2] = ["dry_run", "sandboxed"];

impl Vocabulary {
    /// The vocabulary of the registered words.
    pub fn new() -> Vocabulary {
        let interpreter = of_words();
        let mut vocabulary = Vocabulary {
            own: Vec::new(),
            standard: Vec::new(),
            examples: Vec::new(),
            values: BTreeMap::new(),
            texts: Vec::new(),
        };
        for word in words(interpreter.engine()) {
            let name = word.name.as_str();
            if LEFT_OUT.contains(&name) || word.form == Form::Operator {
                continue;
            }
            vocabulary.add(word);
        }
        vocabulary.texts.sort();
        vocabulary.texts.dedup();
        vocabulary
    }

    fn add(&mut self, word: Word) {
        let examples = if word.standard { Vec::new() } else { examples(&word.docs) };
        let mut texts = Vec::new();
        for example in &examples {
            texts.extend(strings(example));
            for (key, value) in options(example) {
                self.values.entry(key).or_default().push(value);
            }
        }
        // `exec` waits for a program that `start` leaves running.
        self.texts.extend(texts.iter().filter(|text| !text.contains("sleep 100")).cloned());
        let left_out = LEFT_OUT.iter().chain(&TELLING);
        self.examples.extend(examples.into_iter().filter(|text| !left_out.clone().any(|word| text.contains(word))));
        let options = options_of(&word.name);
        for option in options.iter().copied().chain(options.iter().flat_map(|option| option.inner())) {
            let values = option.takes.values().into_iter().chain([option.example.to_owned()]);
            self.values.entry(option.key.to_owned()).or_default().extend(values.filter(|value| !value.is_empty()));
        }
        let known = KnownWord { keys: options.iter().map(|option| option.key).collect(), texts, word };
        if known.word.standard { self.standard.push(known) } else { self.own.push(known) }
    }
}

impl Default for Vocabulary {
    fn default() -> Vocabulary {
        Vocabulary::new()
    }
}

/// The fenced blocks of a documentation.
fn examples(docs: &str) -> Vec<String> {
    docs.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').map_or("", |(_, text)| text).to_owned())
        .collect()
}

/// The strings of a text, quotes included.
fn strings(text: &str) -> impl Iterator<Item = String> + '_ {
    let strings = tokens(text).filter(|token| token.kind == TokenKind::Text);
    strings.map(|token| text[token.span].to_owned()).filter(|text| text.starts_with('"') && text.len() > 1)
}

/// `KEY: VALUE` of maps.
fn options(text: &str) -> Vec<(String, String)> {
    let tokens: Vec<_> = tokens(text).collect();
    let mut found = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        if pair[0].kind != TokenKind::Word || &text[pair[1].span.clone()] != ":" {
            continue;
        }
        let Some(first) = tokens.get(at + 2) else { continue };
        let mut depth = 0_i32;
        let mut end = first.span.start;
        for token in &tokens[at + 2..] {
            match &text[token.span.clone()] {
                "(" | "[" | "{" => depth += 1,
                "," if depth == 0 => break,
                ")" | "]" | "}" if depth == 0 => break,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            end = token.span.end;
        }
        found.push((text[pair[0].span.clone()].to_owned(), text[first.span.start..end].to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_takes_options_has_values_for_some() {
        let vocabulary = Vocabulary::new();
        assert!(vocabulary.own.len() > 100, "{}", vocabulary.own.len());
        assert!(vocabulary.examples.len() > 100);
        assert!(vocabulary.values["via"].iter().any(|value| value.starts_with('"')), "{:?}", vocabulary.values["via"]);
        assert_eq!(
            options("f(#{ a: [1, 2], b: g(\"x\", 3) })"),
            [("a".to_owned(), "[1, 2]".to_owned()), ("b".to_owned(), "g(\"x\", 3)".to_owned())]
        );
    }
}
