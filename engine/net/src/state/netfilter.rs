//! The existing chains and rules of iptables.

use std::collections::BTreeMap;

use crate::op::netfilter::{ChainName, Policy, Rule, TableRef};

/// The tables of iptables that exist. The kernel creates a table when it is first used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// By family and name.
    pub tables: BTreeMap<TableRef, Vec<Chain>>,
}

/// A chain and its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: ChainName,
    /// The policy of a built-in chain; `None`: a user-defined chain, which packets reach by jumps only.
    pub policy: Option<Policy>,
    /// In the order of evaluation.
    pub rules: Vec<RuleRecord>,
}

/// A rule in a chain, with its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRecord {
    /// The rule itself.
    pub rule: Rule,
    /// The kernel's number for it, unique in its table and never used again.
    pub handle: u64,
    /// Packets that it matched; `None`: unknown, in a dry run.
    pub packets: Option<u64>,
    /// Bytes of these packets.
    pub bytes: Option<u64>,
}

impl Ruleset {
    /// The chains of a table.
    pub fn chains(&self, table: TableRef) -> &[Chain] {
        self.tables.get(&table).map_or(&[], Vec::as_slice)
    }

    /// One chain.
    pub fn chain(&self, table: TableRef, name: &ChainName) -> Option<&Chain> {
        self.chains(table).iter().find(|chain| chain.name == *name)
    }
}
