//! Forwarding tables of bridges and vxlan links.

use std::net::IpAddr;

use super::{IfName, Mac};

/// A permanent entry of a forwarding table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FdbEntry {
    /// The hardware address to forward.
    pub mac: Mac,
    /// The port (or vxlan link) to forward it to.
    pub dev: IfName,
    /// The remote endpoint, on a vxlan link.
    pub dst: Option<IpAddr>,
    /// Whether the entry is in the table of the port's bridge (`master`) or in the link's own (`self`).
    pub master: bool,
}

/// An operation on a forwarding table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum FdbOp {
    /// `bridge fdb add MAC dev LINK master static`, `bridge fdb add MAC dev LINK [dst DST] self`
    Add(FdbEntry),
    /// `bridge fdb append …`: like add, for one more destination of the same address
    Append(FdbEntry),
    /// `bridge fdb replace …`: like add, in place of an entry of the same address
    Replace(FdbEntry),
    /// `bridge fdb del …`
    Del(FdbEntry),
}
