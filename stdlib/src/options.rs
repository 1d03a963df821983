//! Options of words.
//!
//! Each key is declared once, beside its word: a [`Key`] has a type, reads values, and has a default,
//! a unit, an example and a line of help. A [`WordOptions`] lists the keys of a word. [`Options`] uses them to read a script's
//! map in place. Completion, hints, `:help` and the book's reference use the same [`OptionSpec`]s
//! ([`options_of`](crate::options_of)).

use std::fmt;

use netscript_lang::diagnostics::{Error, Invalid, Result, Step};
use netscript_lang::interpreter::Session;
use netscript_net::op::{IfName, NetnsRef};
use rhai::{Dynamic, ImmutableString, Map};

use crate::args;

/// The declaration of a word's option.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// The key.
    pub key: &'static str,
    /// The values it takes.
    pub takes: Takes,
    /// Whether the option is required.
    pub needed: bool,
    /// The default.
    pub default: Option<Literal>,
    /// The unit of a number; empty if it has none.
    pub unit: &'static str,
    /// An example value in a script's notation; empty if all values are listed.
    pub example: &'static str,
    help: &'static str,
    holds: &'static [Keys],
}

/// The values that an option takes. Error messages and the reference show its text.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Number {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// One of these words.
    Words(fn() -> Vec<&'static str>),
    /// One of these words, or the values that the text describes.
    WordsOr(fn() -> Vec<&'static str>, &'static str),
    /// One of these words, or several with commas between them.
    Several(fn() -> Vec<&'static str>),
    /// The values that the text describes, which include these words.
    Value(&'static str, fn() -> Vec<&'static str>),
}

/// A value in a script's notation.
#[derive(Clone, Copy, Debug)]
pub enum Literal {
    /// `true`
    Bool(bool),
    /// `42`
    Int(i64),
    /// `"text"`
    Text(&'static str),
}

impl OptionSpec {
    /// The description: a sentence without its full stop.
    pub fn help(&self) -> &'static str {
        self.help.trim()
    }

    /// The options of the maps that it takes, if it takes maps.
    pub fn inner(&self) -> impl Iterator<Item = &'static OptionSpec> + use<> {
        self.holds.iter().copied().flatten().copied()
    }

    /// Its values, unit and example.
    pub fn value(&self) -> String {
        let mut value = self.takes.to_string();
        if !self.unit.is_empty() {
            value.push_str(&format!(" ({})", self.unit));
        }
        if !(self.example.is_empty() || value.contains("such as")) {
            value.push_str(&format!(", such as `{}`", self.example));
        }
        value
    }

    /// The whole declaration in a paragraph.
    pub fn described(&self) -> String {
        let needed = if self.needed { "; required" } else { "" };
        let default = self.default.map_or_else(String::new, |default| format!("; default `{default}`"));
        format!("{}. Takes {}{default}{needed}.", self.help(), self.value())
    }
}

impl Takes {
    /// The listed values, in a script's notation.
    pub fn values(&self) -> Vec<String> {
        match self {
            Takes::Boolean => vec!["true".to_owned(), "false".to_owned()],
            Takes::Number { .. } => Vec::new(),
            Takes::Words(words) | Takes::WordsOr(words, _) | Takes::Several(words) | Takes::Value(_, words) => {
                words().into_iter().map(|word| format!("{word:?}")).collect()
            }
        }
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Takes::Boolean => f.write_str("true or false"),
            Takes::Number { min, max } => write!(f, "a number from {min} to {max}"),
            Takes::Words(words) => f.write_str(&one_of(&words())),
            Takes::WordsOr(words, other) => {
                let words: Vec<String> = words().iter().map(|word| format!("{word:?}")).collect();
                write!(f, "{} or {other}", words.join(", "))
            }
            Takes::Several(words) => write!(f, "{}, or several with commas between them", one_of(&words())),
            Takes::Value(described, _) => f.write_str(described),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Bool(value) => value.fmt(f),
            Literal::Int(value) => value.fmt(f),
            Literal::Text(value) => write!(f, "{value:?}"),
        }
    }
}

impl Literal {
    /// The value itself.
    fn value(self) -> Dynamic {
        match self {
            Literal::Bool(value) => value.into(),
            Literal::Int(value) => value.into(),
            Literal::Text(value) => value.into(),
        }
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

/// No words.
fn none() -> Vec<&'static str> {
    Vec::new()
}

/// A value that a script gives for an option.
pub(crate) struct Given<'a> {
    spec: &'a OptionSpec,
    pub(crate) value: &'a Dynamic,
}

impl Given<'_> {
    /// Whether it is a certain text.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.value.read_lock::<ImmutableString>().is_some_and(|given| *given == text)
    }

    /// The key of the option.
    pub(crate) fn key(&self) -> &'static str {
        self.spec.key
    }

    /// The option's name in errors.
    pub(crate) fn what(&self) -> String {
        format!("`{}`", self.spec.key)
    }

    /// The option's values, in words.
    pub(crate) fn wanted(&self) -> String {
        self.spec.takes.to_string()
    }

    /// The error of a value of the right type that the option does not take.
    pub(crate) fn refused(&self, given: &str) -> Error {
        Error::OptionValue { key: self.spec.key.to_owned(), given: format!("{given:?}"), wanted: self.wanted() }
    }

    /// The meaning of a text, or a number, as the option defines it.
    pub(crate) fn word<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let text = if self.value.is_int() { self.value.to_string() } else { args::text(&self.what(), self.value)? };
        parse(&text).ok_or_else(|| self.refused(&text))
    }
}

/// A key of options whose values become a `T`. Reading them needs a context `C`, such as the namespace of the links that
/// they name.
pub(crate) struct Key<T: 'static, C: 'static = ()> {
    pub(crate) spec: OptionSpec,
    read: fn(&Given<'_>, &C) -> Result<T>,
}

impl<T, C> Key<T, C> {
    /// A key whose values a function reads.
    pub(crate) const fn new(key: &'static str, takes: Takes, read: fn(&Given<'_>, &C) -> Result<T>) -> Key<T, C> {
        let spec = OptionSpec { key, takes, needed: false, default: None, unit: "", example: "", help: "", holds: &[] };
        Key { spec, read }
    }

    /// A value that a text describes.
    pub(crate) const fn value(
        key: &'static str,
        described: &'static str,
        read: fn(&Given<'_>, &C) -> Result<T>,
    ) -> Key<T, C> {
        Key::new(key, Takes::Value(described, none), read)
    }

    /// Whether the option is required.
    pub(crate) const fn needed(mut self) -> Key<T, C> {
        self.spec.needed = true;
        self
    }

    /// The default, applied by [`Options::or_default`] or by the kernel.
    pub(crate) const fn default(mut self, value: Literal) -> Key<T, C> {
        self.spec.default = Some(value);
        self
    }

    /// The unit of a number.
    pub(crate) const fn unit(mut self, unit: &'static str) -> Key<T, C> {
        self.spec.unit = unit;
        self
    }

    /// An example value in a script's notation.
    pub(crate) const fn example(mut self, example: &'static str) -> Key<T, C> {
        self.spec.example = example;
        self
    }

    /// It takes maps with these keys.
    pub(crate) const fn holds(mut self, keys: &'static [Keys]) -> Key<T, C> {
        self.spec.holds = keys;
        self
    }

    /// The description.
    pub(crate) const fn help(mut self, help: &'static str) -> Key<T, C> {
        self.spec.help = help;
        self
    }
}

impl Key<bool> {
    /// True or false.
    pub(crate) const fn boolean(key: &'static str) -> Key<bool> {
        Key::new(key, Takes::Boolean, |given, _| args::boolean(&given.what(), given.value))
    }
}

impl<N: TryFrom<i64>> Key<N> {
    /// A number within a range.
    pub(crate) const fn number(key: &'static str, min: i64, max: i64) -> Key<N> {
        Key::new(key, Takes::Number { min, max }, |given, _| {
            let Takes::Number { min, max } = given.spec.takes else { unreachable!("it is declared as a number") };
            args::int_in(&given.what(), given.value, min, max)
        })
    }
}

impl Key<u16> {
    /// A port.
    pub(crate) const fn port(key: &'static str) -> Key<u16> {
        Key::new(key, Takes::Number { min: 0, max: u16::MAX as i64 }, |given, _| args::port(&given.what(), given.value))
    }
}

impl Key<f64> {
    /// A length of time.
    pub(crate) const fn seconds(key: &'static str) -> Key<f64> {
        Key::value(key, "a number of seconds", |given, _| args::seconds(&given.what(), given.value)).example("0.5")
    }
}

impl Key<std::net::IpAddr> {
    /// An address.
    pub(crate) const fn ip(key: &'static str) -> Key<std::net::IpAddr> {
        Key::value(key, "an address", |given, _| args::ip(&given.what(), given.value))
    }
}

impl Key<IfName, NetnsRef> {
    /// A link of a namespace.
    pub(crate) const fn link(key: &'static str) -> Key<IfName, NetnsRef> {
        Key::value(key, "a link (a Link or its name)", |given, netns| args::link_in(netns, &given.what(), given.value))
            .example("\"eth0\"")
    }
}

impl Key<NetnsRef, Session> {
    /// A namespace.
    pub(crate) const fn netns(key: &'static str) -> Key<NetnsRef, Session> {
        Key::value(key, "a namespace (a Netns or its name)", |given, session| {
            args::netns(session, &given.what(), given.value)
        })
    }
}

/// Declares keys, each with its description as a doc comment, and a list of them:
///
/// ```text
/// keys! {
///     /// The options of a bridge.
///     BRIDGE:
///     /// Whether it runs the spanning tree protocol
///     STP: Key<bool> = Key::boolean("stp").default(Bool(false));
/// }
/// ```
macro_rules! keys {
    (
        $(#[doc = $of:literal])+ $vis:vis $list:ident:
        $($(#[doc = $help:literal])+ $name:ident: $type:ty = $key:expr;)+
    ) => {
        $($(#[doc = $help])+ $vis const $name: $type = $key.help(concat!($($help),+));)+
        $(#[doc = $of])+ $vis const $list: $crate::options::Keys = &[$(&$name.spec),+];
    };
}
pub(crate) use keys;

/// The words of a file that take options.
pub(crate) type WordsWithOptions = &'static [&'static WordOptions];

/// Keys that are declared together.
pub(crate) type Keys = &'static [&'static OptionSpec];

/// A word that takes options: its own, in several lists, and optionally those of another word.
#[derive(Debug)]
pub(crate) struct WordOptions {
    word: &'static str,
    like: Option<&'static WordOptions>,
    parts: &'static [Keys],
}

impl WordOptions {
    /// A word with its keys.
    pub(crate) const fn new(word: &'static str, parts: &'static [Keys]) -> WordOptions {
        WordOptions { word, like: None, parts }
    }

    /// A word that takes the keys of another word, and keys of its own.
    pub(crate) const fn like(word: &'static str, other: &'static WordOptions, own: &'static [Keys]) -> WordOptions {
        WordOptions { word, like: Some(other), parts: own }
    }

    /// The word.
    pub(crate) fn word(&self) -> &'static str {
        self.word
    }

    /// The word whose options it takes.
    pub(crate) fn other(&self) -> Option<&'static str> {
        self.like.map(|other| other.word)
    }

    /// The keys of its own.
    pub(crate) fn own(&self) -> impl Iterator<Item = &'static OptionSpec> + use<> {
        self.parts.iter().copied().flatten().copied()
    }

    /// The keys that it takes.
    pub(crate) fn specs(&self) -> impl Iterator<Item = &'static OptionSpec> + use<> {
        let others = self.like.map_or(&[][..], |other| other.parts);
        others.iter().chain(self.parts).copied().flatten().copied()
    }

    fn unknown(&self, key: &str, known: impl Iterator<Item = &'static OptionSpec>) -> Error {
        Error::UnknownOption {
            word: self.word.to_owned(),
            key: key.to_owned(),
            known: known.map(|spec| spec.key.to_owned()).collect(),
        }
    }

    /// A map with the required options, in a script's notation.
    fn example(&self) -> String {
        let needed = self.specs().filter(|spec| spec.needed);
        let entries: Vec<String> = needed.map(|spec| format!("{}: {}", spec.key, spec.example)).collect();
        format!("#{{ {} }}", entries.join(", "))
    }
}

/// The options that a script gives to a word: a map, or a list of maps.
pub(crate) struct Options<'a> {
    of: &'static WordOptions,
    /// The maps, with their numbers if they are in a list.
    maps: Vec<(Option<usize>, &'a Map)>,
}

impl<'a> Options<'a> {
    /// The options of a word, in a map. A key that the word does not take is an error.
    pub(crate) fn new(of: &'static WordOptions, map: &'a Map) -> Result<Options<'a>> {
        Options { of, maps: vec![(None, map)] }.checked()
    }

    /// The same, in a list of maps.
    pub(crate) fn in_list(of: &'static WordOptions, maps: impl Iterator<Item = &'a Map>) -> Result<Options<'a>> {
        let maps = maps.enumerate().map(|(number, map)| (Some(number), map)).collect();
        Options { of, maps }.checked()
    }

    fn checked(self) -> Result<Options<'a>> {
        for (number, map) in &self.maps {
            let known = |key: &str| self.of.specs().any(|spec| spec.key == key);
            if let Some(key) = map.keys().find(|key| !known(key)) {
                let unknown = self.of.unknown(key, self.of.specs()).within(Step::Key(key.to_string()));
                return Err(within(*number, unknown));
            }
        }
        Ok(self)
    }

    /// The options of each map.
    pub(crate) fn each(&self) -> impl Iterator<Item = Options<'a>> + '_ {
        self.maps.iter().map(|map| Options { of: self.of, maps: vec![*map] })
    }

    /// An error if a key is given that the word takes in other calls, but not in this one.
    pub(crate) fn refuse<T, C>(&self, key: &Key<T, C>) -> Result<()> {
        let key = key.spec.key;
        match self.maps.iter().find(|(_, map)| map.contains_key(key)) {
            None => Ok(()),
            Some((number, _)) => {
                let unknown = self.of.unknown(key, self.of.specs().filter(|known| known.key != key));
                Err(within(*number, unknown.within(Step::Key(key.to_owned()))))
            }
        }
    }

    /// An error if one of these keys is given in two maps.
    pub(crate) fn refuse_twice(&self, keys: impl Iterator<Item = &'static OptionSpec>) -> Result<()> {
        if self.maps.len() < 2 {
            return Ok(());
        }
        for spec in keys {
            if self.given(spec.key).count() > 1 {
                return Err(Error::Invalid(Invalid::Conflict {
                    message: format!("`{}` is given in two maps, and a rule has it once", spec.key),
                    help: "give it in one of them".into(),
                }));
            }
        }
        Ok(())
    }

    /// The word that has these options.
    pub(crate) fn of(&self) -> &'static WordOptions {
        self.of
    }

    /// The values of a key. `()` counts as not given.
    fn given(&self, key: &str) -> impl Iterator<Item = (Option<usize>, &'a Dynamic)> {
        self.maps
            .iter()
            .filter_map(move |(number, map)| Some((*number, map.get(key).filter(|value| !value.is_unit())?)))
    }

    /// Whether a key is given.
    pub(crate) fn has<T, C>(&self, key: &Key<T, C>) -> bool {
        self.given(key.spec.key).next().is_some()
    }

    /// The value of a key, if it is given.
    pub(crate) fn get<T>(&self, key: &Key<T>) -> Result<Option<T>> {
        self.get_in(key, &())
    }

    /// The value of a key that is read by other code.
    pub(crate) fn get_in<T, C>(&self, key: &Key<T, C>, context: &C) -> Result<Option<T>> {
        let Some((number, value)) = self.given(key.spec.key).next() else { return Ok(None) };
        let given = Given { spec: &key.spec, value };
        match (key.read)(&given, context) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(within(number, key.expected(error).within(Step::Option(key.spec.key.to_owned())))),
        }
    }

    /// The value of a key, or its default.
    pub(crate) fn or_default<T>(&self, key: &Key<T>) -> Result<T> {
        if let Some(value) = self.get(key)? {
            return Ok(value);
        }
        let default = key.spec.default.expect("a default is declared").value();
        (key.read)(&Given { spec: &key.spec, value: &default }, &())
    }

    /// The value of a required key.
    pub(crate) fn need<T>(&self, key: &Key<T>) -> Result<T> {
        self.need_in(key, &())
    }

    /// The value of a required key that is read by other code.
    pub(crate) fn need_in<T, C>(&self, key: &Key<T, C>, context: &C) -> Result<T> {
        debug_assert!(key.spec.needed, "`{}` is needed", key.spec.key);
        self.get_in(key, context)?.ok_or_else(|| Error::MissingOption {
            word: self.of.word.to_owned(),
            key: key.spec.key.to_owned(),
            example: self.of.example(),
        })
    }
}

impl<T, C> Key<T, C> {
    /// The error for a value of another type lists the declared values.
    fn expected(&self, error: Error) -> Error {
        match error {
            Error::WrongType { what, given, .. } => {
                Error::WrongType { what, wanted: self.spec.takes.to_string(), given }
            }
            other => other,
        }
    }
}

/// An error about a part of a map, which may be an element of a list.
fn within(number: Option<usize>, error: Error) -> Error {
    match number {
        None => error,
        Some(number) => error.within(Step::Element(number)),
    }
}
