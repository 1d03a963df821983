//! IP addresses with a prefix length, and the two families.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::invalid::{Invalid, Result};

/// The version of the Internet Protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub enum Family {
    /// IPv4, `AF_INET`.
    V4,
    /// IPv6, `AF_INET6`.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(addr: IpAddr) -> Family {
        match addr {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// The number of bits in an address: 32 or 128.
    pub fn bits(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }

    /// The address of all zeros.
    pub fn unspecified(self) -> IpAddr {
        match self {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

/// An address and the length of its network part, such as `10.0.0.1/24`. Host bits are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix(IpNet);

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> String {
        prefix.to_string()
    }
}

impl TryFrom<String> for Prefix {
    type Error = String;

    fn try_from(text: String) -> Result<Prefix, String> {
        Prefix::parse(&text).map_err(|_| format!("{text:?} is not an address with a length"))
    }
}

impl Prefix {
    /// An address with a prefix length of at most [`Family::bits`].
    pub fn new(addr: IpAddr, len: u8) -> Option<Prefix> {
        IpNet::new(addr, len).ok().map(Prefix)
    }

    /// One address: `/32` or `/128`.
    pub fn host(addr: IpAddr) -> Prefix {
        Prefix(IpNet::from(addr))
    }

    /// Everything: `0.0.0.0/0` or `::/0`.
    pub fn all(family: Family) -> Prefix {
        match family {
            Family::V4 => Prefix(Ipv4Net::default().into()),
            Family::V6 => Prefix(Ipv6Net::default().into()),
        }
    }

    /// Parses `ADDRESS/LENGTH` or `ADDRESS` (one host), as `ip` does; the error says why it is invalid.
    pub fn parse(text: &str) -> Result<Prefix> {
        let wrong = |why: String| Invalid::Prefix { given: text.to_owned(), why };
        let (addr, len) = match text.split_once('/') {
            None => (text, None),
            Some((addr, len)) => (addr, Some(len)),
        };
        let addr: IpAddr = addr.parse().map_err(|_| wrong(address_flaw(addr)))?;
        let bits = Family::of(addr).bits();
        let len = match len {
            None => bits,
            Some(len) => {
                len.parse().ok().filter(|n| *n <= bits && len.bytes().all(|b| b.is_ascii_digit())).ok_or_else(|| {
                    wrong(format!("the length after `/` of an {} address is 0 to {bits}", Family::of(addr)))
                })?
            }
        };
        Ok(Prefix(IpNet::new(addr, len).expect("the length was checked")))
    }

    /// The address as written, host bits included.
    pub fn addr(&self) -> IpAddr {
        self.0.addr()
    }

    /// The number of bits of the network part.
    #[allow(clippy::len_without_is_empty, reason = "the length of a prefix, not of a collection")]
    pub fn len(&self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether its length is 0.
    pub fn is_all(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is one address, `/32` or `/128`.
    pub fn is_host(&self) -> bool {
        self.len() == self.family().bits()
    }

    /// The family.
    pub fn family(&self) -> Family {
        Family::of(self.addr())
    }

    /// The same with all host bits zero: `10.0.0.0/24` for `10.0.0.1/24`.
    pub fn network(&self) -> Prefix {
        Prefix(self.0.trunc())
    }

    /// The address with all host bits one.
    pub fn broadcast(&self) -> IpAddr {
        self.0.broadcast()
    }

    /// The network mask.
    pub fn netmask(&self) -> IpAddr {
        self.0.netmask()
    }

    /// The number of addresses in the network; for 2¹²⁸ it is one less.
    pub fn size(&self) -> u128 {
        1u128.checked_shl((self.family().bits() - self.len()).into()).unwrap_or(u128::MAX)
    }

    /// The n-th address of the network, counted from 0, with the network's length.
    pub fn nth(&self, n: u128) -> Option<Prefix> {
        if n >= self.size() {
            return None;
        }
        let addr = match self.network().addr() {
            IpAddr::V4(addr) => Ipv4Addr::from(addr.to_bits() + u32::try_from(n).ok()?).into(),
            IpAddr::V6(addr) => Ipv6Addr::from(addr.to_bits() + n).into(),
        };
        Prefix::new(addr, self.len())
    }

    /// Whether an address lies in the network.
    pub fn contains(&self, addr: IpAddr) -> bool {
        self.0.contains(&addr)
    }
}

/// Parses an address without a length; the error says why it is invalid.
pub fn parse_ip(text: &str) -> Result<IpAddr> {
    text.parse().map_err(|_| {
        let why = match text.split_once('/') {
            Some((addr, _)) if addr.parse::<IpAddr>().is_ok() => "expected an address without `/`".to_owned(),
            _ => address_flaw(text),
        };
        Invalid::Address { given: text.to_owned(), why }
    })
}

fn address_flaw(text: &str) -> String {
    if text.is_empty() {
        return "it is empty".into();
    }
    if text.contains(':') {
        return "it is not an IPv6 address: up to eight groups of hexadecimal digits, one `::` for a run of zeros"
            .into();
    }
    let parts = text.split('.').count();
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && parts != 4 {
        return format!("an IPv4 address has four numbers, and this has {parts}");
    }
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return "each number of an IPv4 address is 0 to 255, without leading zeros".into();
    }
    "it is not an address".into()
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
