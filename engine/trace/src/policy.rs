//! The walk through the routing rules (`fib_rules_lookup`, net/core/fib_rules.c).

use std::net::IpAddr;

use netscript_net::error::Errno;
use netscript_net::op::{Family, IfName, NumberRange, PolicyAction, PolicyMatch, PolicyRule, Prefix, TableId};
use netscript_net::state::{LinkType, Netns};

use crate::lookup::{Known, TableAnswer, Unknown};

/// The properties of a packet that rules look at.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) dst: IpAddr,
    /// `None`: not chosen yet.
    pub(crate) src: Option<IpAddr>,
    pub(crate) oif: Option<IfName>,
    pub(crate) mark: u32,
    pub(crate) tos: u8,
    pub(crate) ipproto: u8,
    pub(crate) sport: u16,
    pub(crate) dport: u16,
}

/// The user whose packets are looked up: netscript runs as root of the namespace.
const ROOT: u32 = 0;

/// The result of the walk.
pub(crate) enum Walk<'a, T> {
    /// A rule's table has a route.
    Found(&'a PolicyRule, TableAnswer<'a, T>),
    /// A rule refuses the packet.
    Refused(&'a PolicyRule, Errno),
    /// No rule decides.
    Nothing,
}

/// The rules of a family, in order.
pub(crate) fn rules(netns: &Netns, family: Family) -> Vec<&PolicyRule> {
    netns.policy.iter().filter(|rule| rule.family == family).collect()
}

/// Whether a rule is one that the kernel made with the namespace.
pub(crate) fn is_default(rule: &PolicyRule) -> bool {
    let table = match rule.priority {
        Some(0) => TableId::LOCAL,
        Some(32766) => TableId::MAIN,
        Some(32767) => TableId::DEFAULT,
        Some(_) | None => return false,
    };
    let plain = PolicyRule { priority: rule.priority, proto: rule.proto, ..PolicyRule::new(rule.family, table) };
    *rule == plain
}

/// Asks the tables of the matching rules, one after the other. `look` looks in a table.
pub(crate) fn walk<'a, T>(
    netns: &'a Netns,
    family: Family,
    flow: &Flow,
    look: impl Fn(TableId) -> Known<TableAnswer<'a, T>>,
) -> Known<Walk<'a, T>> {
    let rules = rules(netns, family);
    let mut at = 0;
    while let Some(rule) = rules.get(at).copied() {
        at += 1;
        if !matches(netns, rule, flow)? {
            continue;
        }
        match rule.action {
            PolicyAction::Nop => {}
            // The kernel takes only targets behind the rule.
            PolicyAction::Goto(target) => {
                at += rules[at..].iter().position(|rule| rule.priority == Some(target)).unwrap_or(0);
            }
            PolicyAction::Blackhole => return Ok(Walk::Refused(rule, Errno::EINVAL)),
            PolicyAction::Unreachable => return Ok(Walk::Refused(rule, Errno::ENETUNREACH)),
            PolicyAction::Prohibit => return Ok(Walk::Refused(rule, Errno::EACCES)),
            PolicyAction::Other(number) => {
                return Err(Unknown::new(format!("what a routing rule of type {number} does")));
            }
            PolicyAction::Lookup => match look(rule.table)? {
                TableAnswer::Nothing => {}
                TableAnswer::Found(route, _) if suppresses(rule, route.dst, !route.nexthops.is_empty())? => {}
                found => return Ok(Walk::Found(rule, found)),
            },
        }
    }
    Ok(Walk::Nothing)
}

/// `fib4_rule_suppress`, `fib6_rule_suppress`
fn suppresses(rule: &PolicyRule, dst: Prefix, has_link: bool) -> Known<bool> {
    if rule.suppress_prefixlength.is_some_and(|least| dst.len() <= least) {
        return Ok(true);
    }
    match rule.suppress_ifgroup {
        Some(_) if has_link => Err(Unknown::new("the group of a link, which a routing rule compares")),
        Some(_) | None => Ok(false),
    }
}

/// `fib_rule_match`
fn matches(netns: &Netns, rule: &PolicyRule, flow: &Flow) -> Known<bool> {
    if rule.opaque {
        return Err(Unknown::new(format!("whether the routing rule `{rule}` matches: it has unknown properties")));
    }
    let PolicyMatch { from, to, iif, oif, fwmark, tos, ipproto, sport, dport, uidrange, not } = &rule.matches;
    let within = |network: &Option<Prefix>, addr: Option<IpAddr>| {
        network.is_none_or(|network| network.contains(addr.unwrap_or(network.family().unspecified())))
    };
    // IPv4 compares the address 0.0.0.0 instead.
    let from = match (rule.family, from, flow.src) {
        (Family::V6, Some(_), None) => false,
        _ => within(from, flow.src),
    };
    let in_range = |range: &Option<NumberRange<u16>>, port: u16| {
        range.is_none_or(|range| port != 0 && range.first <= port && port <= range.last)
    };
    let all = from
        && within(to, Some(flow.dst))
        // Packets of the namespace itself come from the loopback link (LOOPBACK_IFINDEX).
        && iif.as_ref().is_none_or(|name| loopback(netns) == Some(name))
        && oif.as_ref().is_none_or(|name| flow.oif.as_ref() == Some(name))
        && fwmark.is_none_or(|(mark, mask)| (mark ^ flow.mark) & mask == 0)
        && tos.is_none_or(|tos| tos == flow.tos)
        && ipproto.is_none_or(|proto| proto == flow.ipproto)
        && in_range(sport, flow.sport)
        && in_range(dport, flow.dport)
        && uidrange.is_none_or(|users| (users.first..=users.last).contains(&ROOT))
        && (!rule.is_vrf() || in_vrf(netns, flow.oif.as_ref())?);
    Ok(all != *not)
}

/// The namespace's loopback link.
pub(crate) fn loopback(netns: &Netns) -> Option<&IfName> {
    netns.links.iter().find(|link| link.kind == LinkType::Loopback).map(|link| &link.name)
}

/// Whether a packet belongs to a VRF, which is not known: VRFs are not traced.
fn in_vrf(netns: &Netns, oif: Option<&IfName>) -> Known<bool> {
    let link = oif.and_then(|name| netns.link(name));
    let is_vrf = |name: &IfName| netns.link(name).is_some_and(|link| matches!(link.kind, LinkType::Vrf(_)));
    match link {
        Some(link) if is_vrf(&link.name) || link.master.as_ref().is_some_and(is_vrf) => {
            Err(Unknown::new(format!("the route of packets in the VRF of `{}`", link.name)))
        }
        Some(_) | None => Ok(false),
    }
}
