//! Namespaces.

use std::collections::BTreeMap;

use super::{FdbRecord, ForeignRules, Link, NeighRecord, Ruleset};
use crate::op::{PolicyRule, Route, SysctlKey};

/// A namespace and all that it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netns {
    /// Links in the order of their indexes.
    pub links: Vec<Link>,
    /// Routes of every table and family.
    pub routes: Vec<Route>,
    /// Rules that choose a routing table, by family and priority.
    pub policy: Vec<PolicyRule>,
    /// Neighbours.
    pub neighbours: Vec<NeighRecord>,
    /// Forwarding tables.
    pub fdb: Vec<FdbRecord>,
    /// Chains and rules of iptables and ip6tables.
    pub ruleset: Ruleset,
    /// Rules that are neither of iptables nor of ip6tables, or are those of their legacy variants.
    pub foreign: ForeignRules,
    /// Settings, those that were asked for.
    pub sysctls: BTreeMap<SysctlKey, String>,
}

/// What identifies a namespace, and who is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The number of `net:[…]`, unique among the namespaces that are alive.
    pub inode: u64,
    /// The processes in it.
    pub pids: Vec<u32>,
}
