//! Namespaces as the model holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::fib4::Fib4;
use super::fib6::Fib6;
use super::ids::DevId;
use super::netfilter::Tables;
use super::policy::Rules;
use netscript_net::op::{IfName, Mac, NetnsRef, SysctlKey};

#[derive(Clone, Debug)]
pub(crate) struct Netns {
    /// How scripts refer to it; empty when it is about to end.
    pub(crate) names: BTreeSet<NetnsRef>,
    pub(crate) links: BTreeMap<IfName, DevId>,
    pub(crate) by_index: BTreeMap<u32, DevId>,
    pub(crate) fib4: Fib4,
    pub(crate) fib6: Fib6,
    pub(crate) rules4: Rules,
    pub(crate) rules6: Rules,
    pub(crate) neighbours: BTreeMap<(DevId, IpAddr), Mac>,
    pub(crate) tables: Tables,
    /// Settings that were written.
    pub(crate) sysctls: BTreeMap<SysctlKey, String>,
    /// `net.ipv6.conf.default`
    pub(crate) default_disable6: bool,
    pub(crate) default_forwarding6: bool,
    /// It has, or had, a VRF (`add_fib_rules`, inverted).
    pub(crate) has_had_vrf: bool,
}

impl Netns {
    pub(crate) fn new() -> Netns {
        Netns {
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
            has_had_vrf: false,
        }
    }
}
