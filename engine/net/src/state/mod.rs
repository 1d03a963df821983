//! The state of a network as plain data, which is shown, compared and explained. Start with [`NetState`].
//!
//! Links, namespaces and tables have the kernel's current names. Nothing here talks to the kernel.

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

/// The state of all namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetState {
    /// By the way a script refers to them.
    pub netns: BTreeMap<NetnsRef, Netns>,
}
