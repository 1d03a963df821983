//! Neighbours: hardware addresses of IP addresses on a link.

use std::net::IpAddr;

use super::{IfName, Mac};

/// A permanent entry of the neighbour table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Neighbour {
    /// The neighbour's address.
    pub dst: IpAddr,
    /// Its hardware address.
    pub mac: Mac,
    /// The link that it is reached over.
    pub dev: IfName,
}

/// An operation on the neighbour table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum NeighOp {
    /// `ip neigh add DST lladdr MAC dev LINK`
    Add(Neighbour),
    /// `ip neigh replace DST lladdr MAC dev LINK`: like add, in place of any entry of the address
    Replace(Neighbour),
    /// `ip neigh del DST dev LINK`
    Del(IpAddr, IfName),
}
