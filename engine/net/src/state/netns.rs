//! Namespaces.

use std::collections::BTreeMap;

use super::{FdbRecord, ForeignRules, Link, NeighRecord, Ruleset};
use crate::op::{IfName, PolicyRule, Route, SysctlKey};

/// A namespace with everything in it.
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
    /// Rules that belong neither to iptables nor to ip6tables, or to their legacy variants.
    pub foreign: ForeignRules,
    /// The settings that were asked for.
    pub sysctls: BTreeMap<SysctlKey, String>,
}

impl Netns {
    /// The link of a name.
    pub fn link(&self, name: &IfName) -> Option<&Link> {
        self.links.iter().find(|link| link.name == *name)
    }
}

/// A namespace's identity, and the processes in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The inode, `net:[…]`, unique among the existing namespaces.
    pub inode: u64,
    /// The processes in it.
    pub pids: Vec<u32>,
}
