//! Rules that packets meet and that are not those of iptables-nft: netscript neither writes nor evaluates them.

use std::fmt;

use crate::op::Family;
use crate::op::netfilter::Policy;

/// What of a namespace's rules is neither in [`super::Ruleset`] nor evaluated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignRules {
    /// The tables of iptables-legacy and ip6tables-legacy.
    pub legacy: Vec<(Family, String)>,
    /// Chains of nft that packets meet, but for those of iptables-nft.
    pub chains: Vec<ForeignChain>,
}

/// A chain of nft with a hook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignChain {
    /// The family of its table, as nft calls it: `inet`, `bridge`.
    pub family: &'static str,
    /// The table's name.
    pub table: String,
    /// The chain's name.
    pub name: String,
    /// Where packets meet it: `forward`, `ingress`.
    pub hook: &'static str,
    /// Chains of one hook come in the order of this.
    pub priority: i32,
    /// The link that it stands at, in family `netdev`.
    pub device: Option<String>,
    /// What becomes of a packet that no rule decided on.
    pub policy: Policy,
    /// How many rules it has.
    pub rules: u32,
}

impl ForeignChain {
    /// Whether anything can become of a packet there.
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
    /// The chains that may do something.
    pub fn speaking(&self) -> impl Iterator<Item = &ForeignChain> {
        self.chains.iter().filter(|chain| chain.says_something())
    }

    /// Whether there is anything that packets may meet. What tables of iptables-legacy hold is not known.
    pub fn is_empty(&self) -> bool {
        self.legacy.is_empty() && self.speaking().next().is_none()
    }

    /// Each as a line.
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
