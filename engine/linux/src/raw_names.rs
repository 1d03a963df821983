//! Conversion of names in rtnetlink messages that are not UTF-8. The crate that parses the messages keeps names as
//! `String` and rejects a whole list because of one name. So names are converted to text before it parses messages
//! ([`raw::from_bytes`]), and back to bytes after it has written them.

use std::borrow::Cow;

use crate::attributes::{all, put};
use netscript_net::op::raw;

/// `struct nlmsghdr` (linux/netlink.h).
const HEADER: usize = 16;

/// `IFLA_PROP_LIST`, with `IFLA_ALT_IFNAME` in it (linux/if_link.h).
const PROP_LIST: u16 = 52;
const ALT_NAME: u16 = 53;

/// The length of the fixed part of a message, and the attributes with names.
fn layout(kind: u16) -> Option<(usize, &'static [u16])> {
    match kind {
        // RTM_NEWLINK to RTM_SETLINK: `struct ifinfomsg`; IFLA_IFNAME, IFLA_IFALIAS.
        16..=19 => Some((16, &[3, 20, PROP_LIST])),
        // RTM_NEWADDR, RTM_DELADDR: `struct ifaddrmsg`; IFA_LABEL.
        20 | 21 => Some((8, &[3])),
        // RTM_NEWRULE, RTM_DELRULE: `struct fib_rule_hdr`; FRA_IIFNAME, FRA_OIFNAME.
        32 | 33 => Some((12, &[3, 17])),
        _ => None,
    }
}

/// A message from the kernel, with its names as text.
pub(crate) fn received(message: &[u8]) -> Cow<'_, [u8]> {
    rewritten(message, |name| {
        let end = name.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let mut text = raw::from_bytes(&name[..end]).into_bytes();
        // The kernel terminates them with a NUL.
        text.push(0);
        text
    })
}

/// A message to the kernel, with its names as bytes.
pub(crate) fn to_send(message: &[u8]) -> Cow<'_, [u8]> {
    rewritten(message, |name| match std::str::from_utf8(name) {
        Ok(text) => raw::to_bytes(text).into_owned(),
        Err(_) => name.to_vec(),
    })
}

fn rewritten(message: &[u8], rewrite: impl Fn(&[u8]) -> Vec<u8>) -> Cow<'_, [u8]> {
    let Some((fixed, names)) = message.get(4..6).and_then(|kind| layout(u16::from_ne_bytes([kind[0], kind[1]]))) else {
        return Cow::Borrowed(message);
    };
    let Some(attributes) = message.get(HEADER + fixed..) else { return Cow::Borrowed(message) };
    let is_plain = all(attributes).all(|(kind, value)| !names.contains(&kind) || value.is_ascii());
    if is_plain {
        return Cow::Borrowed(message);
    }
    let mut new = message[..HEADER + fixed].to_vec();
    for (kind, value) in all(attributes) {
        let value = match kind {
            PROP_LIST if names.contains(&PROP_LIST) => {
                let mut list = Vec::new();
                all(value).for_each(|(kind, value)| {
                    let value = if kind == ALT_NAME { rewrite(value) } else { value.to_vec() };
                    put(&mut list, kind, &value);
                });
                list
            }
            kind if names.contains(&kind) => rewrite(value),
            _ => value.to_vec(),
        };
        put(&mut new, kind, &value);
    }
    let length = u32::try_from(new.len()).unwrap_or(u32::MAX);
    new[..4].copy_from_slice(&length.to_ne_bytes());
    Cow::Owned(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &[u8]) -> Vec<u8> {
        let mut message = vec![0; HEADER + 16];
        message[4] = 16;
        put(&mut message, 3, name);
        put(&mut message, 4, &1500_u32.to_ne_bytes());
        let length = u32::try_from(message.len()).expect("it is short");
        message[..4].copy_from_slice(&length.to_ne_bytes());
        message
    }

    #[test]
    fn names_become_text_and_bytes_again() {
        assert_eq!(received(&link(b"eth0\0")), link(b"eth0\0"));
        let text = raw::from_bytes(b"a\xffb");
        let read = link(&[text.as_bytes(), b"\0"].concat());
        assert_eq!(*received(&link(b"a\xffb\0")), *read);
        assert_eq!(*to_send(&read), *link(b"a\xffb\0"));
        assert_eq!(*to_send(&link(text.as_bytes())), *link(b"a\xffb"));
    }
}
