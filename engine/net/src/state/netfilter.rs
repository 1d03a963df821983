//! Chains and rules of iptables as they are.

use std::collections::BTreeMap;

use crate::op::netfilter::{ChainName, Policy, Rule, TableRef};

/// The tables of iptables that are there; a table that nobody used is not.
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
    /// Of a built-in chain; `None`: a chain of someone's own, which packets reach by jumps only.
    pub policy: Option<Policy>,
    /// In order.
    pub rules: Vec<RuleRecord>,
}

/// A rule in its place, with what it has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRecord {
    /// What it says.
    pub rule: Rule,
    /// The kernel's number for it, unique in its table and never used again.
    pub handle: u64,
    /// Packets that it matched; `None`: nobody knows, in a dry run.
    pub packets: Option<u64>,
    /// Their bytes.
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
