//! The kernel's names, aliases and labels as text. The kernel forbids only a few bytes in them, so they need not be
//! UTF-8.
//!
//! A byte that is not part of a valid character becomes a private-use character: U+EF80 to U+EFFF for the bytes 0x80 to
//! 0xff. These characters themselves become their three bytes, so that the conversion is reversible.

use std::borrow::Cow;

/// The private-use character for a byte is this number plus the byte.
const BASE: u32 = 0xef00;

/// The byte that a private-use character represents.
fn byte_of(c: char) -> Option<u8> {
    let number = u32::from(c);
    (BASE + 0x80..=BASE + 0xff).contains(&number).then(|| u8::try_from(number - BASE).unwrap_or(u8::MAX))
}

fn stand_in(byte: u8) -> char {
    char::from_u32(BASE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Bytes as text.
pub fn from_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match byte_of(c) {
                None => text.push(c),
                Some(_) => text.extend(c.encode_utf8(&mut [0; 4]).bytes().map(stand_in)),
            }
        }
        text.extend(chunk.invalid().iter().copied().map(stand_in));
    }
    text
}

/// The bytes of a text that [`from_bytes`] made.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !text.chars().any(|c| byte_of(c).is_some()) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte_of(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// A text that [`from_bytes`] made, for people: bytes that are not UTF-8 are shown as `\xNN`.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| byte_of(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let show = |c: char| byte_of(c).map_or_else(|| c.to_string(), |byte| format!("\\x{byte:02x}"));
    Cow::Owned(text.chars().map(show).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_lost() {
        for bytes in
            [&b"eth0"[..], b"\xff\xfe", b"a\x80z", "käse".as_bytes(), "\u{ef80}\u{efff}".as_bytes(), b"\xe2\x82"]
        {
            assert_eq!(*to_bytes(&from_bytes(bytes)), *bytes);
        }
        assert_eq!(from_bytes("käse".as_bytes()), "käse");
        assert_eq!(shown(&from_bytes(b"a\xff\x80b")), "a\\xff\\x80b");
    }
}
