//! Maps of options: known keys only, each value of the right type.

use std::net::IpAddr;

use netscript_lang::diagnostics::{Error, Result, Within};
use netscript_net::op::{IfName, NetnsRef};
use rhai::{Dynamic, Map};

use crate::args;

/// The words of a file that take options, each with its keys, in parts.
pub(crate) type Known = &'static [(&'static str, Keys)];

/// The keys that a word takes, in parts.
pub(crate) type Keys = &'static [&'static [&'static str]];

/// The keys of a word's options, if it takes any.
pub(crate) fn keys_of(words: Known, word: &str) -> Option<Keys> {
    words.iter().find(|(known, _)| *known == word).map(|(_, keys)| *keys)
}

fn unknown(word: &str, key: &str, known: &[&str]) -> Error {
    Error::UnknownOption {
        word: word.to_owned(),
        key: key.to_owned(),
        known: known.iter().map(ToString::to_string).collect(),
    }
}

/// The options given to a word.
pub(crate) struct Options {
    word: &'static str,
    keys: Keys,
    map: Map,
}

impl Options {
    /// Options of a word, one of those that its file lists.
    pub(crate) fn new(words: Known, word: &'static str, map: Map) -> Result<Options> {
        let keys = keys_of(words, word).unwrap_or_default();
        debug_assert!(!keys.is_empty(), "the file of `{word}` says nothing of its options");
        match map.keys().find(|key| !keys.iter().any(|part| part.contains(&key.as_str()))) {
            None => Ok(Options { word, keys, map }),
            Some(key) => Err(unknown(word, key, &keys.concat())).key(key),
        }
    }

    /// An error if a key is given that the word takes elsewhere, but not here.
    pub(crate) fn refuse(&self, key: &str) -> Result<()> {
        let known: Vec<&str> = self.keys.concat().into_iter().filter(|known| *known != key).collect();
        if self.map.contains_key(key) { Err(unknown(self.word, key, &known)).key(key) } else { Ok(()) }
    }

    /// The word that they are given to.
    pub(crate) fn word(&self) -> &'static str {
        self.word
    }

    /// A value; `()` is as good as none.
    pub(crate) fn take(&mut self, key: &str) -> Option<Dynamic> {
        self.map.remove(key).filter(|value| !value.is_unit())
    }

    /// Whether a key is given.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_unit())
    }

    /// A value made into something else.
    pub(crate) fn with<T>(&mut self, key: &str, parse: impl FnOnce(&str, &Dynamic) -> Result<T>) -> Result<Option<T>> {
        self.take(key).map(|value| parse(&format!("`{key}`"), &value).option(key)).transpose()
    }

    /// A value that must be there.
    pub(crate) fn need<T>(
        &mut self,
        key: &str,
        example: &str,
        parse: impl FnOnce(&str, &Dynamic) -> Result<T>,
    ) -> Result<T> {
        self.with(key, parse)?.ok_or_else(|| Error::MissingOption {
            word: self.word.to_owned(),
            key: key.to_owned(),
            example: example.to_owned(),
        })
    }

    /// True or false.
    pub(crate) fn boolean(&mut self, key: &str) -> Result<Option<bool>> {
        self.with(key, args::boolean)
    }

    /// An address.
    pub(crate) fn ip(&mut self, key: &str) -> Result<Option<IpAddr>> {
        self.with(key, args::ip)
    }

    /// A link of a namespace.
    pub(crate) fn link(&mut self, key: &str, netns: &NetnsRef) -> Result<Option<IfName>> {
        self.with(key, |what, value| args::link_in(netns, what, value))
    }

    /// A number within a range.
    pub(crate) fn number<N: TryFrom<i64>>(&mut self, key: &str, min: i64, max: i64) -> Result<Option<N>> {
        self.with(key, |what, value| args::int_in(what, value, min, max))
    }

    /// A word out of several, which `wanted` tells.
    pub(crate) fn choice<T>(
        &mut self,
        key: &str,
        wanted: impl FnOnce() -> String,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        self.with(key, |what, value| {
            let text = if value.is_int() { value.to_string() } else { args::text(what, value)? };
            parse(&text).ok_or_else(|| Error::OptionValue {
                key: key.to_owned(),
                given: format!("{text:?}"),
                wanted: wanted(),
            })
        })
    }
}

/// Words as a readable choice: `"a"`, `"b"` or `"c"`.
pub(crate) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}
