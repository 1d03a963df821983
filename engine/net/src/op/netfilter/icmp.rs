//! ICMP messages by name.

use super::super::Family;

/// Type 255 with every code is iptables' `any`.
pub const ICMP_ANY: IcmpType = IcmpType { kind: 0xff, code: None };

/// An ICMP message: its type, and its code if only one is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IcmpType {
    /// The type's number.
    pub kind: u8,
    /// `None`: every code.
    pub code: Option<u8>,
}

/// The names of `iptables -p icmp -h`.
const V4: &[(&str, u8, Option<u8>)] = &[
    ("any", 0xff, None),
    ("echo-reply", 0, None),
    ("pong", 0, None),
    ("destination-unreachable", 3, None),
    ("network-unreachable", 3, Some(0)),
    ("host-unreachable", 3, Some(1)),
    ("protocol-unreachable", 3, Some(2)),
    ("port-unreachable", 3, Some(3)),
    ("fragmentation-needed", 3, Some(4)),
    ("source-route-failed", 3, Some(5)),
    ("network-unknown", 3, Some(6)),
    ("host-unknown", 3, Some(7)),
    ("network-prohibited", 3, Some(9)),
    ("host-prohibited", 3, Some(10)),
    ("TOS-network-unreachable", 3, Some(11)),
    ("TOS-host-unreachable", 3, Some(12)),
    ("communication-prohibited", 3, Some(13)),
    ("host-precedence-violation", 3, Some(14)),
    ("precedence-cutoff", 3, Some(15)),
    ("source-quench", 4, None),
    ("redirect", 5, None),
    ("network-redirect", 5, Some(0)),
    ("host-redirect", 5, Some(1)),
    ("TOS-network-redirect", 5, Some(2)),
    ("TOS-host-redirect", 5, Some(3)),
    ("echo-request", 8, None),
    ("ping", 8, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("time-exceeded", 11, None),
    ("ttl-exceeded", 11, None),
    ("ttl-zero-during-transit", 11, Some(0)),
    ("ttl-zero-during-reassembly", 11, Some(1)),
    ("parameter-problem", 12, None),
    ("ip-header-bad", 12, Some(0)),
    ("required-option-missing", 12, Some(1)),
    ("timestamp-request", 13, None),
    ("timestamp-reply", 14, None),
    ("address-mask-request", 17, None),
    ("address-mask-reply", 18, None),
];

/// The names of `ip6tables -p icmpv6 -h`.
const V6: &[(&str, u8, Option<u8>)] = &[
    ("destination-unreachable", 1, None),
    ("no-route", 1, Some(0)),
    ("communication-prohibited", 1, Some(1)),
    ("beyond-scope", 1, Some(2)),
    ("address-unreachable", 1, Some(3)),
    ("port-unreachable", 1, Some(4)),
    ("failed-policy", 1, Some(5)),
    ("reject-route", 1, Some(6)),
    ("packet-too-big", 2, None),
    ("time-exceeded", 3, None),
    ("ttl-exceeded", 3, None),
    ("ttl-zero-during-transit", 3, Some(0)),
    ("ttl-zero-during-reassembly", 3, Some(1)),
    ("parameter-problem", 4, None),
    ("bad-header", 4, Some(0)),
    ("unknown-header-type", 4, Some(1)),
    ("unknown-option", 4, Some(2)),
    ("echo-request", 128, None),
    ("ping", 128, None),
    ("echo-reply", 129, None),
    ("pong", 129, None),
    ("router-solicitation", 133, None),
    ("router-advertisement", 134, None),
    ("neighbour-solicitation", 135, None),
    ("neighbor-solicitation", 135, None),
    ("neighbour-advertisement", 136, None),
    ("neighbor-advertisement", 136, None),
    ("redirect", 137, None),
];

fn names(family: Family) -> &'static [(&'static str, u8, Option<u8>)] {
    match family {
        Family::V4 => V4,
        Family::V6 => V6,
    }
}

impl IcmpType {
    /// The message of a name such as `echo-request`, a type `8`, or a type and a code `3/4`.
    pub fn from_word(family: Family, word: &str) -> Option<IcmpType> {
        let named = names(family).iter().find(|(name, ..)| name.eq_ignore_ascii_case(word));
        if let Some((_, kind, code)) = named {
            return Some(IcmpType { kind: *kind, code: *code });
        }
        match word.split_once('/') {
            None => Some(IcmpType { kind: word.parse().ok()?, code: None }),
            Some((kind, code)) => Some(IcmpType { kind: kind.parse().ok()?, code: Some(code.parse().ok()?) }),
        }
    }

    /// Every name of a family.
    pub fn words(family: Family) -> impl Iterator<Item = &'static str> {
        names(family).iter().map(|(name, ..)| *name)
    }

    /// The notation of `iptables -S`: `8`, `3/4`; `any` for IPv4's type 255.
    pub fn text(self, family: Family) -> String {
        match (family, self) {
            (Family::V4, ICMP_ANY) => "any".to_owned(),
            (_, IcmpType { kind, code: None }) => kind.to_string(),
            (_, IcmpType { kind, code: Some(code) }) => format!("{kind}/{code}"),
        }
    }
}
