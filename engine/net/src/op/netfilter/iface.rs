//! Names of links in rules.

use std::fmt;

use super::super::{IFNAME_MAX, IfName};
use crate::invalid::{Invalid, Result};

/// What `-i` and `-o` compare a link's name with: the whole name, or with a `+` at its end every
/// name that begins so. `+` alone is every link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IfPattern {
    /// This link.
    Name(IfName),
    /// Every link whose name begins so: `veth+`, without the `+`.
    Prefix(String),
}

impl IfPattern {
    /// Parses a name, or the beginning of one with `+` behind it.
    pub fn parse(text: &str) -> Result<IfPattern> {
        match text.strip_suffix('+') {
            None => IfName::parse(text).map(IfPattern::Name),
            Some("") => Ok(IfPattern::Prefix(String::new())),
            Some(prefix) if text.len() > IFNAME_MAX => {
                let why = format!("it has {} bytes with its `+`, and iptables takes at most {IFNAME_MAX}", text.len());
                IfName::parse(prefix).and(Err(Invalid::LinkName { given: text.to_owned(), why }))
            }
            Some(prefix) => IfName::parse(prefix).map(|name| IfPattern::Prefix(name.as_str().to_owned())),
        }
    }
}

impl From<IfName> for IfPattern {
    fn from(name: IfName) -> IfPattern {
        IfPattern::Name(name)
    }
}

impl fmt::Display for IfPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IfPattern::Name(name) => name.fmt(f),
            IfPattern::Prefix(prefix) => write!(f, "{prefix}+"),
        }
    }
}
