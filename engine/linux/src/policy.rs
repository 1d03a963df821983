//! Adds, removes and lists routing rules over rtnetlink.

use netlink_packet_core::{DefaultNla, NLM_F_CREATE, NLM_F_EXCL, Nla};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage, RulePortRange, RuleUidRange};

use crate::listed::Listed;
use crate::netns::Namespaces;
use crate::socket::{address_family, family_of};
use crate::{Outcome, Rejection};
use netscript_net::error::Errno;
use netscript_net::op::{
    Family, IfName, NetnsRef, NumberRange, PolicyAction, PolicyMatch, PolicyOp, PolicyPattern, PolicyRule, Prefix,
    RouteProto, TableId, Uncompared,
};

/// `FRA_SPORT_MASK` and `FRA_DPORT_MASK` of linux/fib_rules.h (since Linux 6.15), and their value in a rule without
/// port masks.
pub(crate) const PORT_MASKS: [u16; 2] = [28, 29];
const WHOLE_PORT: [u8; 2] = [0xff; 2];

/// `FRA_PAD`, which aligns other attributes.
pub(crate) const PAD: u16 = 18;

/// No suppression (`FRA_SUPPRESS_PREFIXLEN`).
const NO_LENGTH: u32 = u32::MAX;

/// Applies an operation on routing rules.
pub(crate) fn apply(namespaces: &mut Namespaces, netns: &NetnsRef, op: &PolicyOp) -> Outcome {
    match op {
        PolicyOp::Add(rule) => add(namespaces, netns, rule),
        PolicyOp::Del(pattern) => del(namespaces, netns, pattern),
    }
}

/// `ip rule add …`
fn add(namespaces: &mut Namespaces, netns: &NetnsRef, rule: &PolicyRule) -> Outcome {
    namespaces.route_socket(netns)?.change(new_message(rule), NLM_F_CREATE | NLM_F_EXCL).map_err(lacking)
}

/// The message that adds a rule.
pub(crate) fn new_message(rule: &PolicyRule) -> RouteNetlinkMessage {
    let mut message = message(&rule.clone().into());
    let suppressed = rule.suppress_prefixlength.map(|length| RuleAttribute::SuppressPrefixLen(length.into()));
    message.attributes.extend(suppressed);
    message.attributes.extend(rule.suppress_ifgroup.map(RuleAttribute::SuppressIfGroup));
    let proto = Some(rule.proto).filter(|proto| *proto != RouteProto::UNSPEC);
    message.attributes.extend(proto.map(|RouteProto(number)| RuleAttribute::Protocol(number.into())));
    RouteNetlinkMessage::NewRule(message)
}

/// `ip rule del …`: the first rule that matches
fn del(namespaces: &mut Namespaces, netns: &NetnsRef, pattern: &PolicyPattern) -> Outcome {
    let request = RouteNetlinkMessage::DelRule(message(pattern));
    namespaces.route_socket(netns)?.change(request, 0).map_err(lacking)
}

/// Removes exactly one rule. The kernel removes the first one that has the given properties, whatever else it has: if
/// that is another one, nothing is removed.
pub(crate) fn del_exactly(namespaces: &mut Namespaces, netns: &NetnsRef, pattern: &PolicyPattern) -> Outcome {
    let there = list(namespaces, netns, pattern.family)?;
    if !there.iter().any(|rule| is_same(rule, pattern)) {
        return Err(Errno::ENOENT.into());
    }
    match there.iter().find(|rule| pattern.fits(rule)) {
        Some(first) if !is_same(first, pattern) => {
            let text = format!("the kernel would remove the rule `{first}` instead; remove that one first");
            Err(Rejection::from(Errno::EBUSY).text(text))
        }
        Some(_) | None => del(namespaces, netns, pattern),
    }
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
    let PolicyPattern { family, priority, matches, table, action, uncompared: _ } = pattern;
    let PolicyMatch { from, to, iif, oif, fwmark, tos, ipproto, sport, dport, uidrange, not } = matches;
    let mut message = RuleMessage::default();
    message.header.family = address_family(*family);
    message.header.flags.set(RuleFlags::Invert, *not);
    message.header.action = action.map_or(RuleAction::Unspec, action_number);
    if let (Some(PolicyAction::Lookup) | None, Some(table)) = (action, table) {
        set_table(&mut message, *table);
    }
    message.header.src_len = from.map_or(0, |from| from.len());
    message.header.dst_len = to.map_or(0, |to| to.len());
    message.header.tos = tos.unwrap_or(0);
    let ports = |range: &NumberRange<u16>| RulePortRange { start: range.first, end: range.last };
    let users = |range: &NumberRange<u32>| RuleUidRange { start: range.first, end: range.last };
    let attributes = &mut message.attributes;
    attributes.extend(from.map(|from| RuleAttribute::Source(from.addr())));
    attributes.extend(to.map(|to| RuleAttribute::Destination(to.addr())));
    attributes.extend(priority.map(RuleAttribute::Priority));
    attributes.extend(iif.as_ref().map(|name| RuleAttribute::Iifname(name.as_str().to_owned())));
    attributes.extend(oif.as_ref().map(|name| RuleAttribute::Oifname(name.as_str().to_owned())));
    if let Some((mark, mask)) = *fwmark {
        attributes.extend([RuleAttribute::FwMark(mark), RuleAttribute::FwMask(mask)]);
    }
    attributes.extend(ipproto.map(|proto| RuleAttribute::IpProtocol(proto.into())));
    attributes.extend(sport.as_ref().map(|range| RuleAttribute::SourcePortRange(ports(range))));
    attributes.extend(dport.as_ref().map(|range| RuleAttribute::DestinationPortRange(ports(range))));
    attributes.extend(uidrange.as_ref().map(|range| RuleAttribute::UidRange(users(range))));
    if let Some(PolicyAction::Goto(target)) = action {
        attributes.push(RuleAttribute::Goto(*target));
    }
    message
}

fn action_number(action: PolicyAction) -> RuleAction {
    match action {
        PolicyAction::Lookup => RuleAction::ToTable,
        PolicyAction::Goto(_) => RuleAction::Goto,
        PolicyAction::Nop => RuleAction::Nop,
        PolicyAction::Blackhole => RuleAction::Blackhole,
        PolicyAction::Unreachable => RuleAction::Unreachable,
        PolicyAction::Prohibit => RuleAction::Prohibit,
        PolicyAction::Other(number) => RuleAction::Other(number),
    }
}

fn set_table(message: &mut RuleMessage, TableId(number): TableId) {
    match u8::try_from(number) {
        Ok(0) => message.attributes.push(RuleAttribute::L3MDev(true)),
        Ok(number) => message.header.table = number,
        Err(_) => message.attributes.push(RuleAttribute::Table(number)),
    }
}

/// `ip rule show`
pub(crate) fn list(namespaces: &mut Namespaces, netns: &NetnsRef, family: Family) -> Outcome<Vec<PolicyRule>> {
    Ok(listed(namespaces, netns, family)?.into_iter().map(|rule| rule.object).collect())
}

/// The same, with the kernel's messages.
pub(crate) fn listed(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    family: Family,
) -> Outcome<Vec<Listed<PolicyRule>>> {
    let mut question = RuleMessage::default();
    question.header.family = address_family(family);
    let rule = |Listed { object, message }| Some(Listed { object: read(object)?, message });
    match namespaces.route_socket(netns)?.dump_listed(RouteNetlinkMessage::GetRule(question)) {
        Ok(answers) => Ok(answers.into_iter().filter_map(rule).collect()),
        // A kernel without routing rules looks into the local, the main and the default table.
        Err(rejection) if matches!(rejection.errno, Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT) => Ok(Vec::new()),
        Err(rejection) => Err(rejection),
    }
}

fn read(message: RouteNetlinkMessage) -> Option<PolicyRule> {
    let RouteNetlinkMessage::NewRule(RuleMessage { header, attributes, .. }) = message else { return None };
    let mut rule = PolicyRule::new(family_of(header.family)?, TableId(header.table.into()));
    // The kernel leaves out priority 0.
    rule.priority = Some(0);
    let (mut mark, mut mask, mut target) = (0, None, 0);
    let matches = &mut rule.matches;
    matches.not = header.flags.contains(RuleFlags::Invert);
    matches.tos = Some(header.tos).filter(|tos| *tos != 0);
    for attribute in attributes {
        match attribute {
            RuleAttribute::Source(addr) => matches.from = Prefix::new(addr, header.src_len),
            RuleAttribute::Destination(addr) => matches.to = Prefix::new(addr, header.dst_len),
            RuleAttribute::Priority(number) => rule.priority = Some(number),
            RuleAttribute::Iifname(name) => matches.iif = Some(IfName::read(&name)),
            RuleAttribute::Oifname(name) => matches.oif = Some(IfName::read(&name)),
            RuleAttribute::FwMark(number) => mark = number,
            RuleAttribute::FwMask(number) => mask = Some(number),
            RuleAttribute::Table(number) => rule.table = TableId(number),
            RuleAttribute::IpProtocol(proto) => {
                matches.ipproto = Some(i32::from(proto)).and_then(|n| u8::try_from(n).ok())
            }
            RuleAttribute::SourcePortRange(ports) => {
                matches.sport = Some(NumberRange { first: ports.start, last: ports.end });
            }
            RuleAttribute::DestinationPortRange(ports) => {
                matches.dport = Some(NumberRange { first: ports.start, last: ports.end });
            }
            RuleAttribute::UidRange(users) => {
                matches.uidrange = Some(NumberRange { first: users.start, last: users.end });
            }
            RuleAttribute::SuppressPrefixLen(length) if length != NO_LENGTH => {
                rule.suppress_prefixlength = Some(u8::try_from(length).unwrap_or(u8::MAX));
            }
            RuleAttribute::SuppressIfGroup(group) => rule.suppress_ifgroup = Some(group),
            RuleAttribute::Goto(priority) => target = priority,
            // The table is 0.
            RuleAttribute::L3MDev(_) => {}
            RuleAttribute::SuppressPrefixLen(_) => {}
            RuleAttribute::Protocol(proto) => rule.proto = RouteProto(proto.into()),
            RuleAttribute::Other(other) if other.kind() == PAD => {}
            RuleAttribute::Other(other) if PORT_MASKS.contains(&other.kind()) && bytes(&other) == WHOLE_PORT => {}
            _ => rule.opaque = true,
        }
    }
    matches.fwmark = mask.map(|mask| (mark, mask));
    rule.action = match header.action {
        RuleAction::ToTable => PolicyAction::Lookup,
        RuleAction::Goto => PolicyAction::Goto(target),
        RuleAction::Nop => PolicyAction::Nop,
        RuleAction::Blackhole => PolicyAction::Blackhole,
        RuleAction::Unreachable => PolicyAction::Unreachable,
        RuleAction::Prohibit => PolicyAction::Prohibit,
        other => PolicyAction::Other(other.into()),
    };
    if rule.action != PolicyAction::Lookup {
        rule.table = TableId(0);
    }
    Some(rule)
}

/// The value of an attribute that the library does not parse.
fn bytes(attribute: &DefaultNla) -> Vec<u8> {
    let mut value = vec![0; attribute.value_len()];
    attribute.emit_value(&mut value);
    value
}

/// Whether a listed rule is the one that was added.
pub(crate) fn is_same(known: &PolicyRule, made: &PolicyPattern) -> bool {
    let PolicyPattern { family, priority, matches, table, action, uncompared } = made;
    let Uncompared { suppress_prefixlength, suppress_ifgroup, proto } = *uncompared;
    known.family == *family
        && (priority.is_none() || known.priority == *priority)
        && known.matches.clone().normalized() == matches.clone().normalized()
        && (known.action != PolicyAction::Lookup || Some(known.table) == *table)
        && known.action == action.unwrap_or(PolicyAction::Lookup)
        && known.suppress_prefixlength == suppress_prefixlength
        && known.suppress_ifgroup == suppress_ifgroup
        && known.proto == proto
        && !known.opaque
}
