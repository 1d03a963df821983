//! Values of options that may begin with `!`.

use netscript_lang::diagnostics::{Error, Result, Within, did_you_mean};
use netscript_net::op::netfilter::Negatable;
use rhai::Dynamic;

use crate::args;
use crate::options::Given;

/// A value as text; arrays with commas between their elements.
pub(super) fn text(what: &str, value: &Dynamic) -> Result<String> {
    if value.is_int() || value.is_float() {
        return Ok(value.to_string());
    }
    if value.is_array() {
        let list = value.read_lock::<rhai::Array>().expect("it is one");
        let element = |(number, part)| text(&format!("an element of {what}"), part).element(number);
        let parts: Result<Vec<String>> = list.iter().enumerate().map(element).collect();
        return Ok(parts?.join(","));
    }
    args::text(what, value)
}

/// A text without the `!` before it, and whether there was one.
pub(super) fn split(text: &str) -> Negatable<&str> {
    match text.strip_prefix('!') {
        Some(rest) => Negatable::new(true, rest.trim_start()),
        None => Negatable::plain(text),
    }
}

/// The text of a value, parsed by a function that returns the reason of an error.
pub(super) fn inverted<T, E: Into<Error>>(
    given: &Given<'_>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Negatable<T>> {
    let text = text(&given.what(), given.value)?;
    let Negatable { inverted, value } = split(&text);
    let parsed = parse(value).map_err(|error| by_element(given.value, &parse).unwrap_or(error.into()))?;
    Ok(Negatable::new(inverted, parsed))
}

/// The error of the first invalid element of a list.
pub(super) fn by_element<T, E: Into<Error>>(value: &Dynamic, parse: impl Fn(&str) -> Result<T, E>) -> Option<Error> {
    let list = value.read_lock::<rhai::Array>()?;
    let wrong = |(number, part)| parse(split(&text("an element", part).ok()?).value).element(number).err();
    list.iter().enumerate().find_map(wrong)
}

/// Words with commas between them that a function knows. For a misspelt word, the error suggests the right
/// one.
pub(super) fn words<T>(
    given: &Given<'_>,
    text: &str,
    known: &[&str],
    wanted: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T> {
    let meant = text
        .split(',')
        .map(str::trim)
        .filter(|word| !known.iter().any(|known| known.eq_ignore_ascii_case(word)))
        .find_map(|word| did_you_mean(word, known.iter().copied()));
    let wanted = match meant {
        Some(meant) => format!("{meant:?}"),
        None => wanted.to_owned(),
    };
    word(given, text, &wanted, parse)
}

/// A word that a function knows.
pub(super) fn word<T>(given: &Given<'_>, text: &str, wanted: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    parse(text).ok_or_else(|| wrong(given.key(), text, wanted))
}

/// The error of an option, or an argument, that does not take a value.
pub(super) fn wrong(key: &str, text: &str, wanted: &str) -> Error {
    Error::OptionValue { key: key.to_owned(), given: format!("{text:?}"), wanted: wanted.to_owned() }
}
