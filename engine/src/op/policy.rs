//! Policy routing: rules that choose a routing table (`ip rule`).

use super::{Family, IfName, Prefix, TableId};

/// A rule of the routing policy. At equal priority the older comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "kernel", derive(serde::Serialize, serde::Deserialize))]
pub struct PolicyRule {
    /// IPv4 or IPv6.
    pub family: Family,
    /// The kernel chooses where it is `None`.
    pub priority: Option<u32>,
    /// Source network.
    pub from: Option<Prefix>,
    /// Destination network.
    pub to: Option<Prefix>,
    /// Incoming link, by name: it need not exist.
    pub iif: Option<IfName>,
    /// Outgoing link of the sending socket.
    pub oif: Option<IfName>,
    /// Firewall mark, and its mask.
    pub fwmark: Option<(u32, u32)>,
    /// Match everything but.
    pub not: bool,
    /// The table to look in.
    pub table: TableId,
}

/// An operation on the routing policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "kernel", derive(serde::Serialize, serde::Deserialize))]
pub enum PolicyOp {
    /// `ip rule add …`
    Add(PolicyRule),
    /// `ip rule del …`
    Del(PolicyRule),
}
