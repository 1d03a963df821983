//! Rules that choose a routing table (net/core/fib_rules.c, net/ipv4/fib_rules.c).

use std::net::IpAddr;

use super::ids::DevId;
use netscript_net::error::Errno;
use netscript_net::op::{
    Family, IfName, NumberRange, PolicyAction, PolicyMatch, PolicyPattern, PolicyRule, RouteProto, TableId,
};
use netscript_net::rejection::Outcome;

use super::super::refused;

/// The properties of a packet that a lookup uses.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) daddr: IpAddr,
    pub(crate) oif: Option<DevId>,
}

/// What a rule does with a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Looks in a table.
    Table(TableId, Suppress),
    /// Ends the lookup with an error.
    Refuse(Errno),
}

/// The routes that a rule ignores in its table (`fib4_rule_suppress`, `fib6_rule_suppress`).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Suppress {
    length: Option<u8>,
    group: Option<u32>,
}

impl Suppress {
    /// Whether a route with a prefix of this length is ignored. All links are in group 0.
    pub(crate) fn hides(self, length: u8, has_link: bool) -> bool {
        self.length.is_some_and(|least| length <= least) || (has_link && self.group == Some(0))
    }
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

    /// What the rules do with a packet, in order (`fib_rules_lookup`); `vrf`: the table of the packet's VRF.
    ///
    /// The packets are those of the lookups that changes of routes need: without a mark, a protocol and a source.
    pub(crate) fn steps(
        &self,
        daddr: IpAddr,
        iif: Option<&IfName>,
        oif: Option<&IfName>,
        vrf: Option<TableId>,
    ) -> Vec<Step> {
        let fits = |rule: &PolicyRule| {
            let PolicyMatch { from, to, iif: by, oif: out, fwmark, tos, ipproto, sport, dport, uidrange, not } =
                &rule.matches;
            let from = from.is_none_or(|from| from.contains(from.family().unspecified()));
            let to = to.is_none_or(|to| to.contains(daddr));
            let iif = by.as_ref().is_none_or(|name| iif == Some(name));
            let oif = out.as_ref().is_none_or(|name| oif == Some(name));
            let mark = fwmark.is_none_or(|(mark, mask)| mark & mask == 0);
            let plain = tos.is_none() && ipproto.is_none() && sport.is_none() && dport.is_none();
            let root = uidrange.is_none_or(|users| users.first == 0);
            (from && to && iif && oif && mark && plain && root) != *not
        };
        let mut steps = Vec::new();
        let mut at = 0;
        while let Some(rule) = self.rules.get(at).map(|entry| &entry.rule) {
            at += 1;
            if !fits(rule) {
                continue;
            }
            match rule.action {
                PolicyAction::Lookup => {
                    // l3mdev_fib_rule_match
                    let table = if rule.is_vrf() { vrf } else { Some(rule.table) };
                    let suppress = Suppress { length: rule.suppress_prefixlength, group: rule.suppress_ifgroup };
                    steps.extend(table.map(|table| Step::Table(table, suppress)));
                }
                // The kernel takes only targets behind the rule.
                PolicyAction::Goto(target) => {
                    let found = self.rules[at..].iter().position(|entry| entry.rule.priority == Some(target));
                    at += found.unwrap_or(0);
                }
                PolicyAction::Nop | PolicyAction::Other(_) => {}
                PolicyAction::Blackhole => steps.push(Step::Refuse(Errno::EINVAL)),
                PolicyAction::Unreachable => steps.push(Step::Refuse(Errno::ENETUNREACH)),
                PolicyAction::Prohibit => steps.push(Step::Refuse(Errno::EACCES)),
            }
        }
        steps
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
        check(priority, &wanted.matches, wanted.action)?;
        // fib4_rule_configure, fib6_rule_configure
        if wanted.matches.tos.is_some_and(|tos| tos & 3 != 0) {
            return Err(refused(Errno::EINVAL, "Invalid dsfield (dscp): ECN bits must be 0"));
        }
        // fib4_rule_configure: IPTOS_TOS_MASK
        if wanted.family == Family::V4 && wanted.matches.tos.is_some_and(|tos| tos & !0x1e != 0) {
            return Err(refused(Errno::EINVAL, "Invalid tos"));
        }
        // rule_exists does not look at `not` and a target, nor at addresses and a TOS that are not asked for.
        let alike = |old: &PolicyRule| {
            let mut alike = old.clone();
            let matches = &mut alike.matches;
            matches.not = wanted.matches.not;
            matches.from = matches.from.filter(|_| wanted.matches.from.is_some());
            matches.to = matches.to.filter(|_| wanted.matches.to.is_some());
            matches.tos = matches.tos.filter(|_| wanted.matches.tos.is_some());
            if let (PolicyAction::Goto(_), PolicyAction::Goto(_)) = (alike.action, wanted.action) {
                alike.action = wanted.action;
            }
            alike
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
        let priority = wanted.priority.unwrap_or_else(|| self.default_priority());
        check(priority, &wanted.matches, wanted.action.unwrap_or_default())?;
        let Some(at) = self.iter().position(|old| wanted.fits(old)) else { return Err(Errno::ENOENT.into()) };
        self.rules.remove(at);
        // fib6_rule_delete does not set it.
        self.custom |= wanted.family == Family::V4;
        Ok(())
    }
}

/// What `fib_nl2rule` refuses.
fn check(priority: u32, PolicyMatch { sport, dport, uidrange, .. }: &PolicyMatch, action: PolicyAction) -> Outcome {
    if matches!(action, PolicyAction::Goto(target) if target <= priority) {
        return Err(refused(Errno::EINVAL, "Backward goto not supported"));
    }
    // INVALID_UID
    if uidrange.is_some_and(|users| users.first > users.last || users.last == u32::MAX) {
        return Err(refused(Errno::EINVAL, "Invalid uid range"));
    }
    // fib_rule_port_range_valid
    let wrong = |ports: &Option<NumberRange<u16>>| {
        ports.is_some_and(|ports| ports.first == 0 || ports.last == u16::MAX || ports.first > ports.last)
    };
    if wrong(sport) {
        return Err(refused(Errno::EINVAL, "Invalid sport range"));
    }
    if wrong(dport) {
        return Err(refused(Errno::EINVAL, "Invalid dport range"));
    }
    Ok(())
}

/// A rule for every packet.
fn kernel_rule(family: Family, priority: u32, table: TableId) -> PolicyRule {
    PolicyRule { priority: Some(priority), proto: RouteProto::KERNEL, ..PolicyRule::new(family, table) }
}

/// The rule as the kernel keeps it.
fn normal(rule: &PolicyRule) -> PolicyRule {
    PolicyRule { matches: rule.matches.clone().normalized(), ..rule.clone() }
}
