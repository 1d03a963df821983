//! Makes text from elsewhere safe to show: names of links and scripts, values, sources.
//!
//! A terminal obeys control characters (ECMA-48), and characters of the Unicode bidirectional algorithm can make a text
//! look like another one (UAX #9; CVE-2021-42574). Both are shown as escapes.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A text of several lines. Line ends and tabs stay; every other character that a terminal would obey becomes an escape
/// in Rust's notation (`\x1b`, `\u{202e}`).
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && c != '\t' && is_obeyed(c))
}

/// The same for one line: line ends and tabs become escapes too.
pub fn visible_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed)
}

/// A text of several lines in which escape sequences for colours stay: netscript, or another netscript whose output
/// this is, wrote them.
pub fn visible_in_colour(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && c != '\t' && is_obeyed(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\u{1b}') {
        shown.push_str(&visible(&rest[..start]));
        let length = colour_at(&rest[start..]).unwrap_or(0);
        match length {
            0 => {
                shown.push_str("\\x1b");
                rest = &rest[start + 1..];
            }
            length => {
                shown.push_str(&rest[start..start + length]);
                rest = &rest[start + length..];
            }
        }
    }
    shown.push_str(&visible(rest));
    Cow::Owned(shown)
}

/// A text of a script in which each control character becomes its picture (Unicode block "Control Pictures"), one
/// character each, so that columns stay the same.
pub fn pictured(text: &str) -> Cow<'_, str> {
    let mut ends = text.char_indices().peekable();
    let keeps = |c: char, next: Option<char>| c == '\n' || c == '\t' || (c == '\r' && next == Some('\n'));
    if !text.chars().any(|c| c != '\n' && c != '\t' && is_obeyed(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    while let Some((_, c)) = ends.next() {
        let next = ends.peek().map(|(_, c)| *c);
        shown.push(if keeps(c, next) || !is_obeyed(c) { c } else { picture(c) });
    }
    Cow::Owned(shown)
}

/// A JSON document in which characters that a terminal obeys are escaped. Outside of strings, line ends are the only
/// such characters in JSON.
pub fn visible_json(text: &str) -> Cow<'_, str> {
    replaced(
        text,
        |c| c != '\n' && is_obeyed(c),
        |c, shown| {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        },
    )
}

/// An XML document in which characters that a terminal obeys are escaped.
pub fn visible_xml(text: &str) -> Cow<'_, str> {
    replaced(
        text,
        |c| c != '\n' && c != '\t' && is_obeyed(c),
        |c, shown| {
            let _ = write!(shown, "&#x{:x};", u32::from(c));
        },
    )
}

fn escaped(text: &str, wanted: impl Fn(char) -> bool) -> Cow<'_, str> {
    replaced(text, wanted, |c, shown| {
        let _ = match c {
            '\n' => shown.write_str("\\n"),
            '\r' => shown.write_str("\\r"),
            '\t' => shown.write_str("\\t"),
            c if c.is_ascii() => write!(shown, "\\x{:02x}", u32::from(c)),
            c => write!(shown, "\\u{{{:x}}}", u32::from(c)),
        };
    })
}

fn replaced(text: &str, wanted: impl Fn(char) -> bool, replace: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.chars().any(&wanted) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if wanted(c) { replace(c, &mut shown) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// C0, DEL and C1; marks, embeddings, overrides and isolates of bidirectional text; line and paragraph separators.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

fn picture(c: char) -> char {
    match u32::from(c) {
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        _ => '\u{fffd}',
    }
}

/// The length of the escape sequence at the beginning of a text, if it only sets a colour (ECMA-48, SGR).
fn colour_at(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find('m')?;
    let parts: Vec<&str> = parameters[..end].split(';').collect();
    let known = match parts[..] {
        // One of 256 colours.
        ["38", "5", number] => number.parse::<u8>().is_ok(),
        _ => parts.iter().all(|part| {
            part.is_empty()
                || part.parse::<u8>().is_ok_and(|code| matches!(code, 0..=2 | 4 | 22 | 24 | 30..=37 | 39 | 90..=97))
        }),
    };
    known.then_some(2 + end + 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    const BAD: &str = "a\u{1b}]0;title\u{7}b\rc\u{7f}d\u{9b}31me\u{202e}f\u{2066}g\nh\ti\0";

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        let shown = visible(BAD);
        assert_eq!(shown, "a\\x1b]0;title\\x07b\\rc\\x7fd\\u{9b}31me\\u{202e}f\\u{2066}g\nh\ti\\x00");
        assert_eq!(visible_line("a\nb\tc"), "a\\nb\\tc");
        assert!(matches!(visible("grün — ok\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn colours_stay_and_other_sequences_do_not() {
        let colours = "\u{1b}[0m\u{1b}[1m\u{1b}[38;5;9merror\u{1b}[0m";
        assert_eq!(visible_in_colour(colours), colours);
        assert_eq!(visible_in_colour("\u{1b}[2Ja\u{1b}[8mb\u{1b}"), "\\x1b[2Ja\\x1b[8mb\\x1b");
    }

    #[test]
    fn columns_of_a_source_stay() {
        let shown = pictured(BAD);
        assert_eq!(shown.chars().count(), BAD.chars().count());
        assert_eq!(shown, "a␛]0;title␇b␍c␡d\u{fffd}31me\u{fffd}f\u{fffd}g\nh\ti␀");
        assert_eq!(pictured("a\r\nb"), "a\r\nb");
    }

    #[test]
    fn documents_say_the_same() {
        let text = serde_json::to_string(BAD).unwrap();
        let shown = visible_json(&text);
        assert!(!shown.chars().any(is_obeyed), "{shown:?}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), BAD);
        assert_eq!(visible_xml("<a>\u{9b}\u{202e}</a>"), "<a>&#x9b;&#x202e;</a>");
    }
}
