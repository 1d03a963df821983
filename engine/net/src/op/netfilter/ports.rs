//! Ports in rules.

use std::fmt;

use crate::invalid::{Invalid, Result};

/// A port range, both ends included, in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    min: u16,
    max: u16,
}

impl PortRange {
    /// One port.
    pub fn one(port: u16) -> PortRange {
        PortRange { min: port, max: port }
    }

    /// The ports from `min` to `max`; `None` if `max` is smaller.
    pub fn new(min: u16, max: u16) -> Option<PortRange> {
        (min <= max).then_some(PortRange { min, max })
    }

    /// Parses `80`, or two numbers with `separator` between them. With `:`, either may be left out, as in iptables:
    /// `:1023` and `1024:`.
    pub fn parse(text: &str, separator: char) -> Result<PortRange> {
        let wrong = |why: &str| Invalid::Port { given: format!("{text:?}"), why: why.to_owned() };
        let number = |part: &str| {
            part.parse::<u16>()
                .ok()
                .filter(|_| part.bytes().all(|b| b.is_ascii_digit()))
                .ok_or_else(|| wrong("expected a number from 0 to 65535"))
        };
        let Some((min, max)) = text.split_once(separator) else { return number(text).map(PortRange::one) };
        let min = if min.is_empty() && separator == ':' { 0 } else { number(min)? };
        let max = if max.is_empty() && separator == ':' { u16::MAX } else { number(max)? };
        PortRange::new(min, max).ok_or_else(|| wrong("the range ends before it begins"))
    }

    /// The first port.
    pub fn min(self) -> u16 {
        self.min
    }

    /// The last port.
    pub fn max(self) -> u16 {
        self.max
    }

    /// Whether it is a single port.
    pub fn is_one(self) -> bool {
        self.min == self.max
    }

    /// Whether it is every port, 0 to 65535.
    pub fn is_all(self) -> bool {
        self.min == 0 && self.max == u16::MAX
    }

    /// The range as text with this separator.
    pub fn text(self, separator: char) -> String {
        if self.is_one() { self.min.to_string() } else { format!("{}{separator}{}", self.min, self.max) }
    }
}

/// The list of `-m multiport`: at most 15 entries, of which a range takes two (`XT_MULTI_PORTS`,
/// linux/netfilter/xt_multiport.h).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortList(Vec<PortRange>);

impl PortList {
    /// Entries in a list.
    pub const MAX: usize = 15;

    /// Checks the length.
    pub fn new(ports: Vec<PortRange>) -> Result<PortList> {
        let places: usize = ports.iter().map(|range| if range.is_one() { 1 } else { 2 }).sum();
        let why = match places {
            0 => "the list is empty".to_owned(),
            places if places > PortList::MAX => {
                format!("a list holds {} ports, a range counting as two, and this has {places}", PortList::MAX)
            }
            _ => return Ok(PortList(ports)),
        };
        Err(Invalid::Port { given: format!("\"{}\"", join(&ports)), why })
    }

    /// The ports and ranges.
    pub fn ranges(&self) -> &[PortRange] {
        &self.0
    }
}

fn join(ports: &[PortRange]) -> String {
    ports.iter().map(|range| range.text(':')).collect::<Vec<_>>().join(",")
}

impl fmt::Display for PortList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&join(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_parse_as_iptables_has_them() {
        let text = |given: &str| PortRange::parse(given, ':').map(|range| range.text(':')).ok();
        assert_eq!(text("80").as_deref(), Some("80"));
        assert_eq!(text(":5").as_deref(), Some("0:5"));
        assert_eq!(text("5:").as_deref(), Some("5:65535"));
        assert_eq!(text("7:7").as_deref(), Some("7"));
        for bad in ["", "65536", "-1", "+1", "a", "9:3", "1:2:3", "80 "] {
            assert_eq!(text(bad), None, "{bad:?}");
        }
        assert_eq!(PortRange::parse("8-9", '-').map(|range| range.text('-')).ok().as_deref(), Some("8-9"));
        assert!(PortRange::parse("8-", '-').is_err());
    }

    #[test]
    fn lists_have_fifteen_places() {
        assert!(PortList::new((1..=15).map(PortRange::one).collect()).is_ok());
        assert!(PortList::new((1..=16).map(PortRange::one).collect()).is_err());
        assert!(PortList::new(vec![PortRange { min: 1, max: 2 }; 8]).is_err());
        assert!(PortList::new(Vec::new()).is_err());
    }
}
