//! Hosts, by address or by a DNS name.

use std::fmt;
use std::net::IpAddr;

use super::name::text_type;

/// A host: the target of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Its address.
    Addr(IpAddr),
    /// Its name, which is resolved in the namespace that sends the probe.
    Name(HostName),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Addr(addr) => addr.fmt(f),
            Host::Name(name) => name.fmt(f),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(addr: IpAddr) -> Host {
        Host::Addr(addr)
    }
}

/// A host name, in lower case and without a trailing dot: labels of 1–63 letters, digits, `-` and `_`, 253 bytes at
/// most (RFC 1123, section 2.1). The last label is not a number, so an address, even an invalid one, is never read as a
/// name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);
text_type!(HostName);

impl HostName {
    /// Parses a name; `None` if it is invalid.
    pub fn parse(text: &str) -> Option<HostName> {
        const LONGEST: usize = 253;
        let name = text.strip_suffix('.').unwrap_or(text);
        let last = name.rsplit('.').next()?;
        let is_name =
            name.len() <= LONGEST && name.split('.').all(is_label) && !last.bytes().all(|b| b.is_ascii_digit());
        is_name.then(|| HostName(name.to_ascii_lowercase()))
    }

    /// Whether it means this host itself, whatever a name server answers (RFC 6761, section 6.3).
    pub fn is_localhost(&self) -> bool {
        self.0 == "localhost" || self.0.ends_with(".localhost")
    }
}

fn is_label(label: &str) -> bool {
    const LONGEST: usize = 63;
    let fits = (1..=LONGEST).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    fits && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_addresses() {
        for name in ["example.test", "a", "_dmarc.example", "xn--bcher-kva.example", "8.8.8.8.in-addr.arpa", "3com"] {
            assert!(HostName::parse(name).is_some(), "{name}");
        }
        for other in
            ["", ".", "a..b", "10.0.0.256", "10.0.0", "1", "fd00::1", "a b", "-a", "a-", "bücher.example", "a/b"]
        {
            assert!(HostName::parse(other).is_none(), "{other}");
        }
        assert!(HostName::parse(&"a".repeat(64)).is_none());
        assert_eq!(HostName::parse("Example.TEST.").map(|name| name.to_string()), Some("example.test".to_owned()));
    }
}
