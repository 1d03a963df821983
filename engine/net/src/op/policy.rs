//! Policy routing: rules that choose a routing table (`ip rule`).

use std::fmt;

use super::netfilter::Proto;
use super::{Family, IfName, Prefix, RouteProto, TableId, is_default};

/// The packets that a rule applies to. A missing property matches every packet.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PolicyMatch {
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
    /// Type of service: the byte of the IPv4 header, or the traffic class of IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// Number of the transport protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipproto: Option<u8>,
    /// Source ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sport: Option<NumberRange<u16>>,
    /// Destination ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dport: Option<NumberRange<u16>>,
    /// Users whose sockets send the packet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uidrange: Option<NumberRange<u32>>,
    /// Inverts the match.
    pub not: bool,
}

/// Numbers from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NumberRange<N> {
    /// The first number.
    pub first: N,
    /// The last number.
    pub last: N,
}

impl<N: fmt::Display + PartialEq> fmt::Display for NumberRange<N> {
    /// `FIRST-LAST`, as `ip rule` shows it; one number if both are equal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => self.first.fmt(f),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

/// What a rule does with its packets (`FR_ACT_*`, linux/fib_rules.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PolicyAction {
    /// Looks in the rule's table.
    #[default]
    Lookup,
    /// Continues with the first rule of this priority.
    Goto(u32),
    /// Continues with the next rule.
    Nop,
    /// Drops the packets silently.
    Blackhole,
    /// Rejects them with "network unreachable".
    Unreachable,
    /// Rejects them with "administratively prohibited".
    Prohibit,
    /// Some other action, which netscript does not know, by its number.
    Other(u8),
}

impl PolicyAction {
    /// The actions that are one word of `ip rule`.
    pub const WORDS: [PolicyAction; 4] =
        [PolicyAction::Nop, PolicyAction::Blackhole, PolicyAction::Unreachable, PolicyAction::Prohibit];

    /// The word of `ip rule`; `None` for an action without a word of its own.
    pub fn word(self) -> Option<&'static str> {
        match self {
            PolicyAction::Lookup | PolicyAction::Goto(_) | PolicyAction::Other(_) => None,
            PolicyAction::Nop => Some("nop"),
            PolicyAction::Blackhole => Some("blackhole"),
            PolicyAction::Unreachable => Some("unreachable"),
            PolicyAction::Prohibit => Some("prohibit"),
        }
    }
}

/// A routing rule. At equal priority, the older rule comes first.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PolicyRule {
    /// IPv4 or IPv6.
    pub family: Family,
    /// The priority; `None`: the kernel chooses it.
    pub priority: Option<u32>,
    /// The packets that it applies to.
    #[serde(flatten)]
    pub matches: PolicyMatch,
    /// The table to look in. [`TableId::L3MDEV`] is in the rule of VRFs; other actions have no table (0).
    pub table: TableId,
    /// What it does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub action: PolicyAction,
    /// Ignores routes of the table with a prefix of this length or a shorter one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppress_prefixlength: Option<u8>,
    /// Ignores routes of the table over links of this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppress_ifgroup: Option<u32>,
    /// The origin of the rule.
    #[serde(default, skip_serializing_if = "is_default")]
    pub proto: RouteProto,
    /// Whether the kernel's rule has further properties, for which there is no field here.
    #[serde(default, skip_serializing_if = "is_default")]
    pub opaque: bool,
}

/// The rule to delete. Fields that are `None` are not compared.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PolicyPattern {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Its priority.
    pub priority: Option<u32>,
    /// The packets that it applies to. The kernel does not compare whether the match is inverted.
    #[serde(flatten)]
    pub matches: PolicyMatch,
    /// The table that the rule looks in.
    pub table: Option<TableId>,
    /// What it does. The kernel does not compare the target of [`PolicyAction::Goto`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<PolicyAction>,
    /// What else identifies one rule. The kernel does not compare it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uncompared: Uncompared,
}

/// Properties of a rule that the kernel does not compare when it deletes one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Uncompared {
    /// [`PolicyRule::suppress_prefixlength`]
    pub suppress_prefixlength: Option<u8>,
    /// [`PolicyRule::suppress_ifgroup`]
    pub suppress_ifgroup: Option<u32>,
    /// [`PolicyRule::proto`]
    pub proto: RouteProto,
}

impl PolicyMatch {
    /// The same match as the kernel keeps it: without networks of length 0, mark 0 of mask 0, and zeros that match
    /// every packet.
    pub fn normalized(self) -> PolicyMatch {
        let network = |prefix: Option<Prefix>| prefix.filter(|prefix| !prefix.is_all());
        let number = |number: Option<u8>| number.filter(|number| *number != 0);
        PolicyMatch {
            from: network(self.from),
            to: network(self.to),
            fwmark: self.fwmark.filter(|mark| *mark != (0, 0)),
            tos: number(self.tos),
            ipproto: number(self.ipproto),
            ..self
        }
    }
}

impl PolicyRule {
    /// A rule that looks in a table for every packet.
    pub fn new(family: Family, table: TableId) -> PolicyRule {
        PolicyRule {
            family,
            priority: None,
            matches: PolicyMatch::default(),
            table,
            action: PolicyAction::Lookup,
            suppress_prefixlength: None,
            suppress_ifgroup: None,
            proto: RouteProto::UNSPEC,
            opaque: false,
        }
    }

    /// Whether it is the rule of VRFs, which the kernel adds with the first one and never removes.
    pub fn is_vrf(&self) -> bool {
        self.action == PolicyAction::Lookup && self.table == TableId::L3MDEV
    }
}

impl fmt::Display for PolicyRule {
    /// In the notation of `ip rule`: `100: from 10.0.0.0/24 lookup 7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PolicyMatch { from, to, iif, oif, fwmark, tos, ipproto, sport, dport, uidrange, not } = &self.matches;
        fn word(name: &str, value: Option<impl fmt::Display>) -> Option<String> {
            value.map(|value| format!("{name} {value}"))
        }
        let mark = fwmark.map(|(mark, mask)| match mask {
            u32::MAX => format!("{mark:#x}"),
            mask => format!("{mark:#x}/{mask:#x}"),
        });
        let from = from.map_or("all".to_owned(), |from| from.to_string());
        let action = match self.action {
            PolicyAction::Lookup => format!("lookup {}", self.table),
            PolicyAction::Goto(target) => format!("goto {target}"),
            PolicyAction::Other(number) => format!("type {number}"),
            PolicyAction::Nop | PolicyAction::Blackhole | PolicyAction::Unreachable | PolicyAction::Prohibit => {
                self.action.word().unwrap_or_default().to_owned()
            }
        };
        let parts = [
            not.then(|| "not".to_owned()),
            Some(format!("from {from}")),
            word("to", *to),
            word("tos", tos.map(|tos| format!("{tos:#04x}"))),
            word("fwmark", mark),
            word("iif", iif.as_ref()),
            word("oif", oif.as_ref()),
            word("uidrange", uidrange.map(|users| format!("{}-{}", users.first, users.last))),
            word("ipproto", ipproto.map(Proto)),
            word("sport", *sport),
            word("dport", *dport),
            Some(action),
            word("suppress_prefixlength", self.suppress_prefixlength),
            word("suppress_ifgroup", self.suppress_ifgroup),
            word("proto", Some(self.proto).filter(|proto| ![RouteProto::UNSPEC, RouteProto::KERNEL].contains(proto))),
            self.opaque.then(|| "…".to_owned()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match self.priority {
            Some(priority) => write!(f, "{priority}: {}", parts.join(" ")),
            None => f.write_str(&parts.join(" ")),
        }
    }
}

impl PolicyPattern {
    /// A pattern with nothing but the family.
    pub fn any(family: Family) -> PolicyPattern {
        PolicyPattern {
            family,
            priority: None,
            matches: PolicyMatch::default(),
            table: None,
            action: None,
            uncompared: Uncompared::default(),
        }
    }

    /// Whether a rule matches the pattern in the kernel's comparison (`rule_find` in net/core/fib_rules.c). The kernel
    /// does not compare `not`, a mark, mask, protocol or type of service of 0, and prefixes of length 0.
    pub fn fits(&self, rule: &PolicyRule) -> bool {
        let PolicyPattern { family, priority, matches, table, action, uncompared: _ } = self;
        let PolicyMatch { from, to, iif, oif, fwmark, tos, ipproto, sport, dport, uidrange, not: _ } = matches;
        let found = &rule.matches;
        // Rules without a table have its number, too.
        let asks_for_vrf = *table == Some(TableId::L3MDEV) && matches!(action, None | Some(PolicyAction::Lookup));
        let network = |wanted: &Option<Prefix>, found: Option<Prefix>| {
            wanted.filter(|wanted| !wanted.is_all()).is_none_or(|wanted| found == Some(wanted))
        };
        let number = |wanted: &Option<u8>, found: Option<u8>| wanted.is_none_or(|n| n == 0 || found == Some(n));
        let (mark, mask) = fwmark.unwrap_or((0, 0));
        let (found_mark, found_mask) = found.fwmark.unwrap_or((0, 0));
        rule.family == *family
            && priority.is_none_or(|priority| rule.priority == Some(priority))
            && network(from, found.from)
            && network(to, found.to)
            && iif.as_ref().is_none_or(|iif| found.iif.as_ref() == Some(iif))
            && oif.as_ref().is_none_or(|oif| found.oif.as_ref() == Some(oif))
            && (mark == 0 || found_mark == mark)
            && (mask == 0 || found_mask == mask)
            && number(tos, found.tos)
            && number(ipproto, found.ipproto)
            && sport.is_none_or(|ports| found.sport == Some(ports))
            && dport.is_none_or(|ports| found.dport == Some(ports))
            && uidrange.is_none_or(|users| found.uidrange == Some(users))
            && table.is_none_or(|table| rule.table == table)
            && (!asks_for_vrf || rule.is_vrf())
            && action.is_none_or(|action| kind(action) == kind(rule.action))
    }
}

/// An action without its target.
fn kind(action: PolicyAction) -> std::mem::Discriminant<PolicyAction> {
    std::mem::discriminant(&action)
}

impl From<PolicyRule> for PolicyPattern {
    /// A pattern with every field of a rule.
    fn from(rule: PolicyRule) -> PolicyPattern {
        let PolicyRule {
            family,
            priority,
            matches,
            table,
            action,
            suppress_prefixlength,
            suppress_ifgroup,
            proto,
            opaque: _,
        } = rule;
        let uncompared = Uncompared { suppress_prefixlength, suppress_ifgroup, proto };
        PolicyPattern { family, priority, matches, table: Some(table), action: Some(action), uncompared }
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
