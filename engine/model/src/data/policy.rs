//! Rules that choose a routing table (net/core/fib_rules.c, net/ipv4/fib_rules.c).

use std::net::IpAddr;

use super::ids::DevId;
use netscript_net::error::Errno;
use netscript_net::op::{Family, IfName, PolicyPattern, PolicyRule, Prefix, TableId};
use netscript_net::rejection::Outcome;

/// The properties of a packet that a lookup uses.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) daddr: IpAddr,
    pub(crate) oif: Option<DevId>,
}

/// The rules of a family, in order.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    rules: Vec<RuleEntry>,
    /// A rule has been added (`fib_has_custom_rules`).
    custom: bool,
}

#[derive(Clone, Debug)]
struct RuleEntry {
    rule: PolicyRule,
    /// Added by the kernel at the start: no other rule counts as its duplicate.
    first: bool,
}

impl Rules {
    /// `fib_default_rules_init`
    pub(crate) fn v4() -> Rules {
        Rules::with(Family::V4, &[(0, TableId::LOCAL), (32766, TableId::MAIN), (32767, TableId::DEFAULT)])
    }

    /// `fib6_rules_net_init`
    pub(crate) fn v6() -> Rules {
        Rules::with(Family::V6, &[(0, TableId::LOCAL), (32766, TableId::MAIN)])
    }

    fn with(family: Family, tables: &[(u32, TableId)]) -> Rules {
        let first = |(priority, table): &(u32, TableId)| RuleEntry {
            rule: kernel_rule(family, *priority, *table),
            first: true,
        };
        Rules { rules: tables.iter().map(first).collect(), custom: false }
    }

    /// Takes the rules as they were found.
    pub(crate) fn adopt(&mut self, rules: Vec<PolicyRule>) {
        let known = |rule: &PolicyRule| self.iter().any(|known| known == rule);
        let custom = rules.iter().any(|rule| !known(rule));
        let entries = rules.iter().map(|rule| RuleEntry { rule: rule.clone(), first: known(rule) }).collect();
        *self = Rules { rules: entries, custom };
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &PolicyRule> {
        self.rules.iter().map(|entry| &entry.rule)
    }

    pub(crate) fn custom(&self) -> bool {
        self.custom
    }

    /// The tables to look in, in order (`fib_rules_lookup`); `vrf`: the table of the packet's VRF.
    pub(crate) fn tables(
        &self,
        daddr: IpAddr,
        iif: Option<&IfName>,
        oif: Option<&IfName>,
        vrf: Option<TableId>,
    ) -> Vec<TableId> {
        let fits = |rule: &&PolicyRule| {
            let from = rule.from.is_none_or(|from| from.contains(from.family().unspecified()));
            let to = rule.to.is_none_or(|to| to.contains(daddr));
            let iif = rule.iif.as_ref().is_none_or(|name| iif == Some(name));
            let oif = rule.oif.as_ref().is_none_or(|name| oif == Some(name));
            let mark = rule.fwmark.is_none_or(|(mark, mask)| mark & mask == 0);
            (from && to && iif && oif && mark) != rule.not
        };
        // l3mdev_fib_rule_match
        let table = |rule: &PolicyRule| if rule.table == TableId::L3MDEV { vrf } else { Some(rule.table) };
        self.iter().filter(fits).filter_map(table).collect()
    }

    /// `fib_default_rule_pref`: one less than the priority of the second rule.
    fn default_priority(&self) -> u32 {
        let second = self.rules.get(1).and_then(|entry| entry.rule.priority).filter(|priority| *priority > 0);
        second.map_or(0, |priority| priority - 1)
    }

    /// `vrf_fib_rule`: the rule by which packets are looked up in the tables of their VRFs. A duplicate is no error.
    pub(crate) fn add_l3mdev(&mut self, family: Family) {
        // FIB_RULE_PREF, include/net/l3mdev.h
        const PRIORITY: u32 = 1000;
        let rule = kernel_rule(family, PRIORITY, TableId::L3MDEV);
        if self.iter().any(|known| *known == rule) {
            return;
        }
        let at = self.iter().position(|old| old.priority.unwrap_or(0) > PRIORITY).unwrap_or(self.rules.len());
        self.rules.insert(at, RuleEntry { rule, first: false });
        self.custom = true;
    }

    /// `fib_nl_newrule`
    pub(crate) fn add(&mut self, wanted: &PolicyRule) -> Outcome {
        let wanted = normal(wanted);
        let priority = wanted.priority.unwrap_or_else(|| self.default_priority());
        let wanted = PolicyRule { priority: Some(priority), ..wanted };
        // rule_exists does not look at `not`, nor at addresses that are not asked for.
        let alike = |old: &PolicyRule| PolicyRule {
            not: wanted.not,
            from: old.from.filter(|_| wanted.from.is_some()),
            to: old.to.filter(|_| wanted.to.is_some()),
            ..old.clone()
        };
        if self.rules.iter().any(|old| !old.first && alike(&old.rule) == wanted) {
            return Err(Errno::EEXIST.into());
        }
        let after = self.iter().position(|old| old.priority.unwrap_or(0) > priority);
        let at = after.unwrap_or(self.rules.len());
        self.rules.insert(at, RuleEntry { rule: wanted, first: false });
        self.custom = true;
        Ok(())
    }

    /// `fib_nl_delrule`: the first rule that matches.
    pub(crate) fn del(&mut self, wanted: &PolicyPattern) -> Outcome {
        let Some(at) = self.iter().position(|old| wanted.fits(old)) else { return Err(Errno::ENOENT.into()) };
        self.rules.remove(at);
        // fib6_rule_delete does not set it.
        self.custom |= wanted.family == Family::V4;
        Ok(())
    }
}

/// A rule for every packet.
fn kernel_rule(family: Family, priority: u32, table: TableId) -> PolicyRule {
    PolicyRule {
        family,
        priority: Some(priority),
        from: None,
        to: None,
        iif: None,
        oif: None,
        fwmark: None,
        not: false,
        table,
    }
}

/// The rule as the kernel keeps it: without a network of length 0, and without mark 0 of mask 0.
fn normal(rule: &PolicyRule) -> PolicyRule {
    let network = |prefix: Option<Prefix>| prefix.filter(|prefix| !prefix.is_all());
    let fwmark = rule.fwmark.filter(|mark| *mark != (0, 0));
    PolicyRule { from: network(rule.from), to: network(rule.to), fwmark, ..rule.clone() }
}
