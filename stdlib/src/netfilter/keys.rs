//! The options of the verbs.

use crate::options::Known;

/// The options that every verb takes and that a rule has once: those of `iptables` itself, and its place.
pub(super) const COMMON: &[&str] = &["src", "dst", "iif", "oif", "proto", "at"];

/// The options that every verb takes and that are matches, in the order in which one map writes them.
pub(super) const MATCHES: &[&str] = &[
    "tcp",
    "udp",
    "sport",
    "dport",
    "syn",
    "tcp_flags",
    "icmp",
    "state",
    "ctstate",
    "mark",
    "connmark",
    "mac",
    "src_type",
    "dst_type",
    "limit",
    "burst",
    "every",
    "packet",
    "probability",
    "comment",
];

/// The options of the verbs.
pub(crate) const OPTIONS: Known = &[
    ("accept", &[COMMON, MATCHES]),
    ("drop", &[COMMON, MATCHES]),
    ("ret", &[COMMON, MATCHES]),
    ("jump", &[COMMON, MATCHES]),
    ("notrack", &[COMMON, MATCHES]),
    ("reject", &[COMMON, MATCHES, &["reply"]]),
    ("log", &[COMMON, MATCHES, &["prefix", "level"]]),
    ("masquerade", &[COMMON, MATCHES, &["to", "random", "random_fully", CHAIN]]),
    ("snat", &[COMMON, MATCHES, &["to", "random", "random_fully", "persistent", CHAIN]]),
    ("dnat", &[COMMON, MATCHES, &["to", "random", "persistent", CHAIN]]),
    ("redirect", &[COMMON, MATCHES, &["to", "random", CHAIN]]),
    ("mark", &[COMMON, MATCHES, &["set"]]),
    ("connmark", &[COMMON, MATCHES, &["set", "save", "restore", "mask"]]),
    ("tcpmss", &[COMMON, MATCHES, &["set", "clamp"]]),
];

/// The option of verbs that go into a table itself: which of its chains.
pub(super) const CHAIN: &str = "chain";
