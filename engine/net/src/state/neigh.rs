//! Neighbours and forwarding tables.

use std::net::IpAddr;

use crate::op::{IfName, Mac};

/// An entry of the neighbour table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighRecord {
    /// The neighbour's address.
    pub dst: IpAddr,
    /// Its hardware address, once known.
    pub mac: Option<Mac>,
    /// The link it is reached over.
    pub dev: IfName,
    /// `"permanent"`, `"reachable"`, `"stale"`, `"failed"`, … as `ip neigh` shows it, lower case.
    pub state: String,
}

/// An entry of a bridge's or a vxlan's forwarding table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FdbRecord {
    /// The hardware address.
    pub mac: Mac,
    /// The port that leads to it.
    pub dev: IfName,
    /// The bridge whose table contains it; `None`: the link's own table.
    pub master: Option<IfName>,
    /// The remote endpoint, on a vxlan link.
    pub dst: Option<IpAddr>,
    /// `"permanent"`, `"static"`, `"reachable"` (learned) or `"stale"`.
    pub state: String,
}
