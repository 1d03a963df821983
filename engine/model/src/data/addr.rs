//! Addresses of links.

use std::net::{Ipv4Addr, Ipv6Addr};

use netscript_net::op::{Prefix, Scope};

/// An address of a link (`struct in_ifaddr`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addr4 {
    pub(crate) local: Ipv4Addr,
    /// The other end of a point-to-point link, else the address itself. The network is the one of this address.
    pub(crate) address: Ipv4Addr,
    pub(crate) len: u8,
    pub(crate) broadcast: Option<Ipv4Addr>,
    pub(crate) scope: Scope,
    pub(crate) label: String,
    pub(crate) secondary: bool,
}

impl Addr4 {
    pub(crate) fn mask(&self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.len)).unwrap_or(0)
    }

    /// The network's first address.
    pub(crate) fn any(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) & self.mask())
    }

    /// The network's last address.
    pub(crate) fn all(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) | !self.mask())
    }

    /// `inet_ifa_match` with equal masks
    pub(crate) fn same_network(&self, other: &Addr4) -> bool {
        self.len == other.len && self.any() == other.any()
    }

    pub(crate) fn network(&self) -> Prefix {
        prefix(self.any(), self.len)
    }
}

pub(crate) fn prefix(addr: Ipv4Addr, len: u8) -> Prefix {
    Prefix::new(addr.into(), len).expect("lengths come from prefixes")
}

/// An address of a link (`struct inet6_ifaddr`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addr6 {
    /// `None`: made by the kernel from an unknown hardware address.
    pub(crate) local: Option<Ipv6Addr>,
    pub(crate) peer: Option<Ipv6Addr>,
    pub(crate) len: u8,
    pub(crate) scope: Scope,
    pub(crate) nodad: bool,
    /// Waits for duplicate address detection, which waits for the link.
    pub(crate) tentative: bool,
    /// Its preferred lifetime was over when it was found.
    pub(crate) deprecated: bool,
    /// The kernel added a route to its network.
    pub(crate) prefix_route: bool,
}

impl Addr6 {
    pub(crate) fn network(&self) -> Option<Prefix> {
        Some(Prefix::new(self.local?.into(), self.len)?.network())
    }
}
