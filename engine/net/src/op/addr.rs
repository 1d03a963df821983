//! Addresses of links: `ip addr add`, `ip addr del`.

use std::net::{IpAddr, Ipv4Addr};

use super::{IfName, Prefix};

/// How far an address or a route reaches (`RT_SCOPE_*`, linux/rtnetlink.h).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub enum Scope {
    /// Everywhere: 0.
    Global,
    /// This site: 200.
    Site,
    /// This link: 253.
    Link,
    /// This host: 254.
    Host,
    /// Nothing: 255.
    Nowhere,
    /// A number without a name.
    Other(u8),
}

impl Scope {
    /// The kernel's number.
    pub fn number(self) -> u8 {
        match self {
            Scope::Global => 0,
            Scope::Site => 200,
            Scope::Link => 253,
            Scope::Host => 254,
            Scope::Nowhere => 255,
            Scope::Other(n) => n,
        }
    }

    /// The scope of a kernel's number.
    pub fn from_number(n: u8) -> Scope {
        match n {
            0 => Scope::Global,
            200 => Scope::Site,
            253 => Scope::Link,
            254 => Scope::Host,
            255 => Scope::Nowhere,
            n => Scope::Other(n),
        }
    }

    /// The word of `ip`: `global`, `site`, `link`, `host`, `nowhere`, or the number.
    pub fn word(self) -> String {
        match self {
            Scope::Global => "global".into(),
            Scope::Site => "site".into(),
            Scope::Link => "link".into(),
            Scope::Host => "host".into(),
            Scope::Nowhere => "nowhere".into(),
            Scope::Other(n) => n.to_string(),
        }
    }

    /// The scope of a word or number of `ip`.
    pub fn from_word(word: &str) -> Option<Scope> {
        Some(match word {
            "global" | "universe" => Scope::Global,
            "site" => Scope::Site,
            "link" => Scope::Link,
            "host" => Scope::Host,
            "nowhere" => Scope::Nowhere,
            number => Scope::from_number(number.parse().ok()?),
        })
    }
}

/// The broadcast address to set with an IPv4 address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum Broadcast {
    /// All host bits one: `brd +`.
    Derived,
    /// This one.
    Address(Ipv4Addr),
}

/// An address to add to a link.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct AddrSpec {
    /// The link's own address, and the length of its network.
    pub local: Prefix,
    /// The other end of a point-to-point link; its prefix length is then the network's.
    pub peer: Option<Prefix>,
    /// IPv4 only.
    pub broadcast: Option<Broadcast>,
    /// `None`: the default of `ip`, host for 127.0.0.0/8 and global for others.
    pub scope: Option<Scope>,
    /// IPv4 only: the link's name or its name with `:` and a suffix.
    pub label: Option<String>,
    /// IPv6 only: keep duplicate address detection.
    pub dad: bool,
    /// Who added it (`IFA_PROTO`), for restoring an address that the kernel had created.
    pub proto: Option<u8>,
}

impl AddrSpec {
    /// An address without options.
    pub fn new(local: Prefix) -> AddrSpec {
        AddrSpec { local, peer: None, broadcast: None, scope: None, label: None, dad: false, proto: None }
    }

    /// The broadcast address to request from the kernel, derived from the peer's network if there is one. As with `ip`,
    /// `+` is ignored for a network of one or two addresses.
    pub fn broadcast_address(&self) -> Option<Ipv4Addr> {
        // The longest prefix with a broadcast address (RFC 3021: /31 has none).
        const LONGEST: u8 = 30;
        let network = self.peer.unwrap_or(self.local);
        match (self.broadcast?, network.broadcast()) {
            (Broadcast::Address(addr), _) => Some(addr),
            (Broadcast::Derived, IpAddr::V4(addr)) => (network.len() <= LONGEST).then_some(addr),
            (Broadcast::Derived, IpAddr::V6(_)) => None,
        }
    }

    /// The scope to request from the kernel, with the defaults of `ip addr add`.
    pub fn effective_scope(&self) -> Scope {
        match self.local.addr() {
            IpAddr::V4(addr) if addr.is_loopback() => self.scope.unwrap_or(Scope::Host),
            _ => self.scope.unwrap_or(Scope::Global),
        }
    }
}

/// An operation on the addresses of a link.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum AddrOp {
    /// `ip addr add ADDRESS dev LINK`
    Add(IfName, AddrSpec),
    /// `ip addr del ADDRESS dev LINK`
    Del(IfName, AddrSpec),
}
