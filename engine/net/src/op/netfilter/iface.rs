//! Names of links in rules.

use std::fmt;

use super::super::{IFNAME_MAX, IfName};
use crate::invalid::{Invalid, Result};

/// The argument of `-i` and `-o`: a link's name, or with a trailing `+` all names with that prefix. `+` alone matches
/// every link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IfPattern {
    /// A link.
    Name(IfName),
    /// All links with this prefix: `veth` for `veth+`.
    Prefix(String),
}

impl IfPattern {
    /// Parses a name, or a prefix followed by `+`.
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
