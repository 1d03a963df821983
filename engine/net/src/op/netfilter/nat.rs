//! The addresses and ports of NAT.

use std::net::IpAddr;

use super::super::{Family, parse_ip};
use super::PortRange;
use crate::invalid::{Invalid, Result};

/// An address range of one family, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatAddrs {
    min: IpAddr,
    max: IpAddr,
}

impl NatAddrs {
    /// A range of addresses of one family; the second must not be below the first.
    pub fn new(min: IpAddr, max: IpAddr) -> Option<NatAddrs> {
        (Family::of(min) == Family::of(max) && min <= max).then_some(NatAddrs { min, max })
    }

    /// The first address.
    pub fn min(self) -> IpAddr {
        self.min
    }

    /// The last address.
    pub fn max(self) -> IpAddr {
        self.max
    }
}

/// The argument of `--to-source` and `--to-destination`: addresses, ports, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatTo {
    /// The addresses; `None`: the address is kept.
    pub addrs: Option<NatAddrs>,
    /// The ports; `None`: the port is kept where possible.
    pub ports: Option<PortRange>,
    /// DNAT only: the port before the translation that corresponds to the first of `ports`, so that a port range is
    /// shifted.
    pub base: Option<u16>,
}

impl NatTo {
    /// Parses `ADDRESS[-ADDRESS][:PORT[-PORT][/PORT]]`, with brackets around IPv6 addresses that are followed by a
    /// port.
    pub fn parse(text: &str) -> Result<NatTo> {
        let (addrs, ports) = split(text);
        let addrs = if addrs.is_empty() { None } else { Some(parse_addrs(text, addrs)?) };
        let (ports, base) = match ports.map(|ports| ports.split_once('/').map_or((ports, None), |(p, b)| (p, Some(b))))
        {
            None => (None, None),
            Some((ports, base)) => {
                let base = base.map(|base| PortRange::parse(base, '\0')).transpose()?;
                (Some(PortRange::parse(ports, '-')?), base.map(PortRange::min))
            }
        };
        match (addrs, ports) {
            (None, None) => Err(Invalid::Address { given: text.to_owned(), why: "it is empty".into() }),
            _ => Ok(NatTo { addrs, ports, base }),
        }
    }

    /// The notation of iptables.
    pub fn text(self) -> String {
        let mut text = self.addrs.map(|addrs| addrs_text(addrs, self.ports.is_some())).unwrap_or_default();
        if let Some(ports) = self.ports {
            text += &format!(":{}", ports.text('-'));
        }
        if let Some(base) = self.base {
            text += &format!("/{base}");
        }
        text
    }
}

fn addrs_text(addrs: NatAddrs, with_ports: bool) -> String {
    let range = if addrs.min == addrs.max { addrs.min.to_string() } else { format!("{}-{}", addrs.min, addrs.max) };
    if with_ports && addrs.min.is_ipv6() { format!("[{range}]") } else { range }
}

/// Splits `ADDRESSES:PORTS`, `[ADDRESSES]:PORTS` or `ADDRESSES`.
fn split(text: &str) -> (&str, Option<&str>) {
    if let Some((addrs, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match rest.strip_prefix(':') {
            Some(ports) => (addrs, Some(ports)),
            None if rest.is_empty() => (addrs, None),
            None => (text, None),
        };
    }
    match text.split_once(':') {
        Some((addrs, ports)) if !ports.contains(':') => (addrs, Some(ports)),
        Some(_) | None => (text, None),
    }
}

fn parse_addrs(whole: &str, text: &str) -> Result<NatAddrs> {
    let (min, max) = text.split_once('-').unwrap_or((text, text));
    let wrong = || Invalid::Address { given: whole.to_owned(), why: "the range ends before it begins".into() };
    NatAddrs::new(parse_ip(min)?, parse_ip(max)?).ok_or_else(wrong)
}

/// How NAT chooses addresses and ports (`NF_NAT_RANGE_*`, linux/netfilter/nf_nat.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NatOptions {
    /// `--random`: ports by a hash with a secret.
    pub random: bool,
    /// `--random-fully`: ports at random. Not for DNAT and REDIRECT.
    pub random_fully: bool,
    /// `--persistent`: a client always gets the same address. Not for MASQUERADE and REDIRECT.
    pub persistent: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_shown_as_they_are_written() {
        for text in [
            "1.2.3.4",
            "1.2.3.4-1.2.3.9",
            "1.2.3.4:80",
            "1.2.3.4-1.2.3.9:100-200",
            ":80",
            ":100-200",
            "1.2.3.4:80-90/1000",
            "fd00::1",
            "fd00::1-fd00::5",
            "[fd00::1]:80",
            "[fd00::1-fd00::5]:100-200",
        ] {
            assert_eq!(NatTo::parse(text).map(NatTo::text).as_deref(), Ok(text));
        }
        assert_eq!(NatTo::parse("[fd00::1]").map(NatTo::text).as_deref(), Ok("fd00::1"));
        for bad in [
            "",
            "1.2.3.4:",
            "1.2.3.4:x",
            "1.2.3.9-1.2.3.4",
            "1.2.3.4-fd00::1",
            "[fd00::1]80",
            "1.2.3.4/24",
            "1.2.3.4:9-8",
        ] {
            assert!(NatTo::parse(bad).is_err(), "{bad}");
        }
    }
}
