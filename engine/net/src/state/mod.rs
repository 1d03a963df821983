//! What a network looks like: plain data, read by everything that shows, compares or explains.
//!
//! Links, namespaces and tables are named as the kernel names them at the moment; nothing here
//! talks to the kernel.

mod equality;
mod foreign;
mod link;
mod neigh;
mod netfilter;
mod netns;
pub mod restore;
mod snapshot;

use std::collections::BTreeMap;

pub use equality::Comparison;
pub use foreign::{ForeignChain, ForeignRules};
pub use link::{Addr, Hardware, Link, LinkType, Master, OperState, Peer};
pub use neigh::{FdbRecord, NeighRecord};
pub use netfilter::{Chain, RuleRecord, Ruleset};
pub use netns::{Contents, Netns};

use crate::op::NetnsRef;

/// Everything that is there: namespaces and what they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetState {
    /// By how a script refers to them.
    pub netns: BTreeMap<NetnsRef, Netns>,
}
