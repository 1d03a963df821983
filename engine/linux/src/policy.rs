//! Adds, removes and lists routing rules over rtnetlink.

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};

use crate::netns::Namespaces;
use crate::socket::{address_family, family_of};
use crate::{Outcome, Rejection};
use netscript_net::error::Errno;
use netscript_net::op::{Family, IfName, NetnsRef, PolicyOp, PolicyPattern, PolicyRule, Prefix, TableId};

/// Applies an operation on routing rules.
pub(crate) fn apply(namespaces: &mut Namespaces, netns: &NetnsRef, op: &PolicyOp) -> Outcome {
    match op {
        PolicyOp::Add(rule) => add(namespaces, netns, rule),
        PolicyOp::Del(pattern) => del(namespaces, netns, pattern),
    }
}

/// `ip rule add …`
fn add(namespaces: &mut Namespaces, netns: &NetnsRef, rule: &PolicyRule) -> Outcome {
    let mut message = message(&rule.clone().into());
    message.header.action = RuleAction::ToTable;
    let added =
        namespaces.route_socket(netns)?.change(RouteNetlinkMessage::NewRule(message), NLM_F_CREATE | NLM_F_EXCL);
    added.map_err(lacking)
}

/// `ip rule del …`: the first rule that matches
fn del(namespaces: &mut Namespaces, netns: &NetnsRef, pattern: &PolicyPattern) -> Outcome {
    let request = RouteNetlinkMessage::DelRule(message(pattern));
    namespaces.route_socket(netns)?.change(request, 0).map_err(lacking)
}

fn lacking(rejection: Rejection) -> Rejection {
    match rejection.errno {
        Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT => {
            let unsupported =
                "this kernel has no routing rules (CONFIG_IP_MULTIPLE_TABLES, CONFIG_IPV6_MULTIPLE_TABLES)";
            rejection.unsupported(unsupported)
        }
        _ => rejection,
    }
}

fn message(pattern: &PolicyPattern) -> RuleMessage {
    let PolicyPattern { family, priority, from, to, iif, oif, fwmark, not, table } = pattern;
    let mut message = RuleMessage::default();
    message.header.family = address_family(*family);
    message.header.flags.set(RuleFlags::Invert, *not);
    if let Some(table) = table {
        set_table(&mut message, *table);
    }
    message.header.src_len = from.map_or(0, |from| from.len());
    message.header.dst_len = to.map_or(0, |to| to.len());
    let attributes = &mut message.attributes;
    attributes.extend(from.map(|from| RuleAttribute::Source(from.addr())));
    attributes.extend(to.map(|to| RuleAttribute::Destination(to.addr())));
    attributes.extend(priority.map(RuleAttribute::Priority));
    attributes.extend(iif.as_ref().map(|name| RuleAttribute::Iifname(name.as_str().to_owned())));
    attributes.extend(oif.as_ref().map(|name| RuleAttribute::Oifname(name.as_str().to_owned())));
    if let Some((mark, mask)) = *fwmark {
        attributes.extend([RuleAttribute::FwMark(mark), RuleAttribute::FwMask(mask)]);
    }
    message
}

fn set_table(message: &mut RuleMessage, TableId(number): TableId) {
    match u8::try_from(number) {
        Ok(0) => message.attributes.push(RuleAttribute::L3MDev(true)),
        Ok(number) => message.header.table = number,
        Err(_) => message.attributes.push(RuleAttribute::Table(number)),
    }
}

/// `ip rule show`, without rules with other actions than a table.
pub(crate) fn list(namespaces: &mut Namespaces, netns: &NetnsRef, family: Family) -> Outcome<Vec<PolicyRule>> {
    let mut question = RuleMessage::default();
    question.header.family = address_family(family);
    match namespaces.route_socket(netns)?.dump(RouteNetlinkMessage::GetRule(question)) {
        Ok(answers) => Ok(answers.into_iter().filter_map(read).collect()),
        // A kernel without routing rules looks into the local, the main and the default table.
        Err(rejection) if matches!(rejection.errno, Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT) => Ok(Vec::new()),
        Err(rejection) => Err(rejection),
    }
}

fn read(message: RouteNetlinkMessage) -> Option<PolicyRule> {
    let RouteNetlinkMessage::NewRule(RuleMessage { header, attributes, .. }) = message else { return None };
    if header.action != RuleAction::ToTable {
        return None;
    }
    let mut rule = PolicyRule {
        family: family_of(header.family)?,
        // The kernel leaves out priority 0.
        priority: Some(0),
        from: None,
        to: None,
        iif: None,
        oif: None,
        fwmark: None,
        not: header.flags.contains(RuleFlags::Invert),
        table: TableId(header.table.into()),
    };
    let (mut mark, mut mask) = (0, None);
    for attribute in attributes {
        match attribute {
            RuleAttribute::Source(addr) => rule.from = Prefix::new(addr, header.src_len),
            RuleAttribute::Destination(addr) => rule.to = Prefix::new(addr, header.dst_len),
            RuleAttribute::Priority(number) => rule.priority = Some(number),
            RuleAttribute::Iifname(name) => rule.iif = Some(IfName::read(&name)),
            RuleAttribute::Oifname(name) => rule.oif = Some(IfName::read(&name)),
            RuleAttribute::FwMark(number) => mark = number,
            RuleAttribute::FwMask(number) => mask = Some(number),
            RuleAttribute::Table(number) => rule.table = TableId(number),
            _ => {}
        }
    }
    rule.fwmark = mask.map(|mask| (mark, mask));
    Some(rule)
}

/// Whether a listed rule is the one that was added. The kernel leaves out a prefix of length 0.
pub(crate) fn is_same(known: &PolicyRule, made: &PolicyPattern) -> bool {
    let part = |prefix: Option<Prefix>| prefix.filter(|prefix| prefix.len() > 0);
    let PolicyPattern { family, priority, from, to, iif, oif, fwmark, not, table } = made;
    known.family == *family
        && (priority.is_none() || known.priority == *priority)
        && part(known.from) == part(*from)
        && part(known.to) == part(*to)
        && known.iif == *iif
        && known.oif == *oif
        && known.fwmark == fwmark.filter(|mark| *mark != (0, 0))
        && known.not == *not
        && Some(known.table) == *table
}
