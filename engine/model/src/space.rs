//! Namespaces as the model holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::device::DevId;
use super::netfilter::Tables;
use super::policy::Rules;
use super::route::{Fib4, Fib6};
use super::slab::Number;
use netscript_net::op::{IfName, Mac, NetnsRef, SysctlKey};

/// A namespace; one may have several names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SpaceId(pub(super) u32);

impl Number for SpaceId {
    fn number(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Debug)]
pub(super) struct Space {
    /// How scripts refer to it; empty when it is about to end.
    pub(super) names: BTreeSet<NetnsRef>,
    pub(super) links: BTreeMap<IfName, DevId>,
    pub(super) by_index: BTreeMap<u32, DevId>,
    pub(super) fib4: Fib4,
    pub(super) fib6: Fib6,
    pub(super) rules4: Rules,
    pub(super) rules6: Rules,
    pub(super) neighbours: BTreeMap<(DevId, IpAddr), Mac>,
    pub(super) tables: Tables,
    /// Settings that were written.
    pub(super) sysctls: BTreeMap<SysctlKey, String>,
    /// `net.ipv6.conf.default`
    pub(super) default_disable6: bool,
    pub(super) default_forwarding6: bool,
}

impl Space {
    pub(super) fn new() -> Space {
        Space {
            names: BTreeSet::new(),
            links: BTreeMap::new(),
            by_index: BTreeMap::new(),
            fib4: Fib4::default(),
            fib6: Fib6::default(),
            rules4: Rules::v4(),
            rules6: Rules::v6(),
            neighbours: BTreeMap::new(),
            tables: Tables::default(),
            sysctls: BTreeMap::new(),
            default_disable6: false,
            default_forwarding6: false,
        }
    }
}
