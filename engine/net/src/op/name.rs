//! Names that the kernel and the file system accept, of links and namespaces.

use std::fmt;

use super::raw;
use crate::invalid::{Invalid, Result};

macro_rules! text_type {
    ($type:ident) => {
        impl $type {
            /// The name as text. Bytes that are not UTF-8 are represented as in [`raw`](crate::op::raw).
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&$crate::op::raw::shown(&self.0))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", $crate::op::raw::shown(&self.0))
            }
        }
    };
}
pub(crate) use text_type;

/// Longest interface name in bytes, without the terminating NUL (`IFNAMSIZ` − 1, linux/if.h).
pub const IFNAME_MAX: usize = 15;

/// The name of a link: 1–15 bytes, no `/`, `:`, `%` or white space, not `.` or `..` (the kernel's `dev_valid_name`;
/// with `%` the kernel would generate a name).
///
/// Names that look like words or options of `ip` (`up`, `dev`, `-a`) are valid.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct IfName(String);
text_type!(IfName);

impl IfName {
    /// Parses a link name; the error says which rule it breaks.
    pub fn parse(name: &str) -> Result<IfName> {
        match Self::flaw(name) {
            None => Ok(IfName(name.to_owned())),
            Some(why) => Err(Invalid::LinkName { given: name.to_owned(), why }),
        }
    }

    /// The name of an existing link, which is not checked.
    pub fn read(name: &str) -> IfName {
        IfName(name.to_owned())
    }

    /// The loopback device that every namespace has.
    pub fn lo() -> IfName {
        IfName("lo".to_owned())
    }

    fn flaw(name: &str) -> Option<String> {
        if name.is_empty() {
            return Some("it is empty".into());
        }
        let bytes = raw::to_bytes(name);
        if bytes.len() > IFNAME_MAX {
            return Some(format!("it has {} bytes, and the kernel takes at most {IFNAME_MAX}", bytes.len()));
        }
        if name == "." || name == ".." {
            return Some("`.` and `..` are folders".into());
        }
        // The kernel looks at bytes, and byte 0xA0 is white space to it (lib/ctype.c).
        if let Some(c) = name.chars().find(|c| raw::to_bytes(c.encode_utf8(&mut [0; 4])).contains(&0xa0)) {
            return Some(format!("the kernel takes a byte of {c:?} for white space"));
        }
        let bad = name.chars().find(|c| matches!(c, '/' | ':' | '%' | '\0') || c.is_whitespace() || *c == '\u{b}')?;
        Some(match bad {
            '%' => "`%` makes the kernel choose a number of its own".into(),
            c if c.is_whitespace() => "it contains white space".into(),
            c => format!("it contains {c:?}"),
        })
    }
}

/// The name of a network namespace: a file name under `/run/netns` (not empty, no `/` or NUL, not `.` or `..`, at most
/// 255 bytes).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct NetnsName(String);
text_type!(NetnsName);

impl NetnsName {
    /// Parses a namespace name; the error says which rule it breaks.
    pub fn parse(name: &str) -> Result<NetnsName> {
        match Self::flaw(name) {
            None => Ok(NetnsName(name.to_owned())),
            Some(why) => Err(Invalid::NetnsName { given: name.to_owned(), why }),
        }
    }

    fn flaw(name: &str) -> Option<String> {
        // NAME_MAX, linux/limits.h
        const NAME_MAX: usize = 255;
        if name.is_empty() {
            Some("it is empty".into())
        } else if name == "." || name == ".." {
            Some("`.` and `..` are folders".into())
        } else if name.contains('/') {
            Some("it contains `/`, and it becomes a file name under /run/netns".into())
        } else if name.contains('\0') {
            Some("it contains a NUL byte".into())
        } else if raw::to_bytes(name).len() > NAME_MAX {
            Some(format!("it has {} bytes, and a file name has at most {NAME_MAX}", raw::to_bytes(name).len()))
        } else if name == "host" {
            Some("`host` is the namespace that the script runs in".into())
        } else {
            None
        }
    }
}
