//! Policy routing: rules that choose a routing table (`ip rule`).

use super::{Family, IfName, Prefix, TableId};

/// A routing rule. At equal priority, the older rule comes first.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PolicyRule {
    /// IPv4 or IPv6.
    pub family: Family,
    /// The priority; `None`: the kernel chooses it.
    pub priority: Option<u32>,
    /// Source network.
    pub from: Option<Prefix>,
    /// Destination network.
    pub to: Option<Prefix>,
    /// Incoming link, by name; the link need not exist.
    pub iif: Option<IfName>,
    /// Outgoing link of the sending socket.
    pub oif: Option<IfName>,
    /// Firewall mark, and its mask.
    pub fwmark: Option<(u32, u32)>,
    /// Inverts the match.
    pub not: bool,
    /// The table to look in. [`TableId::L3MDEV`] is in the rule that the kernel adds with a namespace's first VRF and
    /// never removes.
    pub table: TableId,
}

/// The rule to delete. Fields that are `None` are not compared.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PolicyPattern {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Its priority.
    pub priority: Option<u32>,
    /// Source network.
    pub from: Option<Prefix>,
    /// Destination network.
    pub to: Option<Prefix>,
    /// Incoming link.
    pub iif: Option<IfName>,
    /// Outgoing link of the sending socket.
    pub oif: Option<IfName>,
    /// Firewall mark, and its mask.
    pub fwmark: Option<(u32, u32)>,
    /// Inverts the match. The kernel does not compare it.
    pub not: bool,
    /// The table that the rule looks in.
    pub table: Option<TableId>,
}

impl PolicyPattern {
    /// A pattern with nothing but the family.
    pub fn any(family: Family) -> PolicyPattern {
        PolicyPattern {
            family,
            priority: None,
            from: None,
            to: None,
            iif: None,
            oif: None,
            fwmark: None,
            not: false,
            table: None,
        }
    }

    /// Whether a rule matches the pattern in the kernel's comparison (`rule_find` in net/core/fib_rules.c). The kernel
    /// does not compare `not`, a mark or mask of 0, and prefixes of length 0.
    pub fn fits(&self, rule: &PolicyRule) -> bool {
        let PolicyPattern { family, priority, from, to, iif, oif, fwmark, not: _, table } = self;
        let network = |wanted: &Option<Prefix>, found: Option<Prefix>| {
            wanted.filter(|wanted| !wanted.is_all()).is_none_or(|wanted| found == Some(wanted))
        };
        let (mark, mask) = fwmark.unwrap_or((0, 0));
        let (found_mark, found_mask) = rule.fwmark.unwrap_or((0, 0));
        rule.family == *family
            && priority.is_none_or(|priority| rule.priority == Some(priority))
            && network(from, rule.from)
            && network(to, rule.to)
            && iif.as_ref().is_none_or(|iif| rule.iif.as_ref() == Some(iif))
            && oif.as_ref().is_none_or(|oif| rule.oif.as_ref() == Some(oif))
            && (mark == 0 || found_mark == mark)
            && (mask == 0 || found_mask == mask)
            && table.is_none_or(|table| rule.table == table)
    }
}

impl From<PolicyRule> for PolicyPattern {
    /// A pattern with every field of a rule.
    fn from(rule: PolicyRule) -> PolicyPattern {
        let PolicyRule { family, priority, from, to, iif, oif, fwmark, not, table } = rule;
        PolicyPattern { family, priority, from, to, iif, oif, fwmark, not, table: Some(table) }
    }
}

/// An operation on the routing policy.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PolicyOp {
    /// `ip rule add …`
    Add(PolicyRule),
    /// `ip rule del …`: the first rule that matches
    Del(PolicyPattern),
}

impl PolicyOp {
    /// The family of its rule.
    pub fn family(&self) -> Family {
        match self {
            PolicyOp::Add(rule) => rule.family,
            PolicyOp::Del(pattern) => pattern.family,
        }
    }
}
