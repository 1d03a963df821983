//! Firewall rules that do not belong to iptables-nft. netscript neither writes nor evaluates them.

use std::fmt;

use crate::op::Family;
use crate::op::netfilter::Policy;

/// The rules of a namespace that are neither in [`super::Ruleset`] nor evaluated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignRules {
    /// The tables of iptables-legacy and ip6tables-legacy.
    pub legacy: Vec<(Family, String)>,
    /// Base chains of nft that do not belong to iptables-nft.
    pub chains: Vec<ForeignChain>,
}

/// A base chain of nft.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignChain {
    /// The family of its table, in nft's words: `inet`, `bridge`.
    pub family: &'static str,
    /// The table's name.
    pub table: String,
    /// The chain's name.
    pub name: String,
    /// Its hook: `forward`, `ingress`.
    pub hook: &'static str,
    /// The priority, which orders the chains of one hook.
    pub priority: i32,
    /// Its link, in family `netdev`.
    pub device: Option<String>,
    /// The fate of packets that no rule decides on.
    pub policy: Policy,
    /// The number of its rules.
    pub rules: u32,
}

impl ForeignChain {
    /// Whether the chain can affect packets.
    pub fn says_something(&self) -> bool {
        self.rules > 0 || self.policy == Policy::Drop
    }
}

impl fmt::Display for ForeignChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ForeignChain { family, table, name, hook, priority, device, policy, rules } = self;
        write!(f, "nft {family} {table} {name}  {hook}")?;
        if let Some(device) = device {
            write!(f, " of {device}")?;
        }
        let plural = if *rules == 1 { "" } else { "s" };
        write!(f, "  priority {priority}  policy {}  {rules} rule{plural}", policy.word().to_lowercase())
    }
}

impl ForeignRules {
    /// The chains that can affect packets.
    pub fn speaking(&self) -> impl Iterator<Item = &ForeignChain> {
        self.chains.iter().filter(|chain| chain.says_something())
    }

    /// Whether there is no rule that may affect packets. The contents of iptables-legacy's tables are not known.
    pub fn is_empty(&self) -> bool {
        self.legacy.is_empty() && self.speaking().next().is_none()
    }

    /// Each table and chain as a line.
    pub fn lines(&self) -> Vec<String> {
        let command = |family: &Family| match family {
            Family::V4 => "iptables-legacy",
            Family::V6 => "ip6tables-legacy",
        };
        let legacy = self.legacy.iter().map(|(family, table)| format!("{} {table}", command(family)));
        legacy.chain(self.speaking().map(ToString::to_string)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_chains_that_let_pass_say_nothing() {
        let chain = ForeignChain {
            family: "inet",
            table: "own".into(),
            name: "c".into(),
            hook: "forward",
            priority: 0,
            device: None,
            policy: Policy::Accept,
            rules: 0,
        };
        let foreign = |chain| ForeignRules { legacy: Vec::new(), chains: vec![chain] };
        assert!(foreign(chain.clone()).is_empty());
        let drops = foreign(ForeignChain { policy: Policy::Drop, ..chain.clone() });
        assert_eq!(drops.lines(), ["nft inet own c  forward  priority 0  policy drop  0 rules"]);
        assert!(!foreign(ForeignChain { rules: 1, ..chain }).is_empty());
        let legacy = ForeignRules { legacy: vec![(Family::V6, "filter".into())], chains: Vec::new() };
        assert_eq!(legacy.lines(), ["ip6tables-legacy filter"]);
    }
}
