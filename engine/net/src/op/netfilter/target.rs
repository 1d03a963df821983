//! Targets: a rule's action, `-j` and its options.

use super::super::Family;
use super::{ChainName, Extension, Masked, NatOptions, NatTo, PortRange};

/// The action of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `-j ACCEPT`
    Accept,
    /// `-j DROP`
    Drop,
    /// `-j RETURN`
    Return,
    /// `-j CHAIN`
    Jump(ChainName),
    /// `-g CHAIN`
    Goto(ChainName),
    /// `-j REJECT --reject-with …`
    Reject(RejectWith),
    /// `-j LOG …`
    Log(Log),
    /// `-j MASQUERADE …`
    Masquerade(Option<PortRange>, NatOptions),
    /// `-j SNAT --to-source …`
    Snat(NatTo, NatOptions),
    /// `-j DNAT --to-destination …`
    Dnat(NatTo, NatOptions),
    /// `-j REDIRECT --to-ports …`
    Redirect(Option<PortRange>, NatOptions),
    /// `-j MARK --set-xmark VALUE/MASK`
    Mark(Masked),
    /// `-j CONNMARK …`
    Connmark(ConnmarkTarget),
    /// `-j TCPMSS …`
    Tcpmss(Mss),
    /// `-j CT --notrack`; with `alias`, written as `-j NOTRACK`, the old name.
    Notrack {
        /// `XT_CT_NOTRACK_ALIAS`
        alias: bool,
    },
    /// A target of iptables that netscript cannot express, as read from the kernel.
    Extension(Extension),
}

/// The answer of `-j REJECT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectWith {
    family: Family,
    code: u32,
}

type RejectTable = &'static [(&'static str, &'static str, u32)];

/// Name, short name and number (`enum ipt_reject_with`, linux/netfilter_ipv4/ipt_REJECT.h).
const REJECT_V4: RejectTable = &[
    ("icmp-net-unreachable", "net-unreach", 0),
    ("icmp-host-unreachable", "host-unreach", 1),
    ("icmp-proto-unreachable", "proto-unreach", 2),
    ("icmp-port-unreachable", "port-unreach", 3),
    ("icmp-net-prohibited", "net-prohib", 5),
    ("icmp-host-prohibited", "host-prohib", 6),
    ("tcp-reset", "tcp-rst", 7),
    ("icmp-admin-prohibited", "admin-prohib", 8),
];

/// The same for IPv6 (`enum ip6t_reject_with`, linux/netfilter_ipv6/ip6t_REJECT.h).
const REJECT_V6: RejectTable = &[
    ("icmp6-no-route", "no-route", 0),
    ("icmp6-adm-prohibited", "adm-prohibited", 1),
    ("icmp6-addr-unreachable", "addr-unreach", 3),
    ("icmp6-port-unreachable", "port-unreach", 4),
    ("tcp-reset", "tcp-reset", 6),
    ("icmp6-policy-fail", "policy-fail", 7),
    ("icmp6-reject-route", "reject-route", 8),
];

fn reject_table(family: Family) -> RejectTable {
    match family {
        Family::V4 => REJECT_V4,
        Family::V6 => REJECT_V6,
    }
}

impl RejectWith {
    /// Port unreachable, iptables' default.
    pub fn port_unreachable(family: Family) -> RejectWith {
        let code = match family {
            Family::V4 => 3,
            Family::V6 => 4,
        };
        RejectWith { family, code }
    }

    /// The answer of a name or its short form.
    pub fn from_word(family: Family, word: &str) -> Option<RejectWith> {
        let named = reject_table(family).iter().find(|(name, short, _)| *name == word || *short == word);
        named.map(|(.., code)| RejectWith { family, code: *code })
    }

    /// The answer of a kernel number.
    pub fn from_code(family: Family, code: u32) -> Option<RejectWith> {
        reject_table(family).iter().any(|(.., known)| *known == code).then_some(RejectWith { family, code })
    }

    /// The kernel's number.
    pub fn code(self) -> u32 {
        self.code
    }

    /// Whether it resets a TCP connection, which requires `-p tcp`.
    pub fn is_tcp_reset(self) -> bool {
        self.word() == "tcp-reset"
    }

    /// The full name.
    pub fn word(self) -> &'static str {
        let named = reject_table(self.family).iter().find(|(.., code)| *code == self.code);
        named.map(|(name, ..)| *name).expect("the constructors look the number up")
    }

    /// Every full name of a family.
    pub fn words(family: Family) -> impl Iterator<Item = &'static str> {
        reject_table(family).iter().map(|(name, ..)| *name)
    }
}

/// The prefix of a log line: 1 to 29 bytes (`struct xt_log_info`, linux/netfilter/xt_LOG.h)
/// without line breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPrefix(String);

impl LogPrefix {
    /// Longest prefix in bytes.
    pub const MAX: usize = 29;

    /// Checks length and characters.
    pub fn new(text: &str) -> Option<LogPrefix> {
        let fits = (1..=LogPrefix::MAX).contains(&text.len()) && !text.contains(['\n', '\0']);
        fits.then(|| LogPrefix(text.to_owned()))
    }

    /// The prefix of an existing rule, which is not checked.
    pub fn read(text: String) -> LogPrefix {
        LogPrefix(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `-j LOG`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `--log-prefix`
    pub prefix: Option<LogPrefix>,
    /// `--log-level`: 0 (emerg) to 7 (debug), as syslog(3) has them.
    pub level: u8,
    /// What else is logged, as bits (`XT_LOG_*`): TCP sequence numbers 1, TCP options 2, IP options 4, the sending user
    /// 8.
    pub flags: u8,
}

const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"];

impl Log {
    /// `warning`, iptables' default.
    pub const DEFAULT_LEVEL: u8 = 4;
    /// The options of iptables by their bits, in iptables' order.
    pub(super) const FLAGS: [(u8, &'static str); 4] =
        [(1, "--log-tcp-sequence"), (2, "--log-tcp-options"), (4, "--log-ip-options"), (8, "--log-uid")];

    /// The level of a name of syslog(3) or a number.
    pub fn level_from_word(word: &str) -> Option<u8> {
        let level = match word {
            "panic" => Some(0),
            "err" => Some(3),
            "warn" => Some(4),
            word => LEVELS.iter().position(|level| *level == word).and_then(|level| u8::try_from(level).ok()),
        };
        level.or_else(|| word.parse().ok()).filter(|level| usize::from(*level) < LEVELS.len())
    }

    /// Every name of a level.
    pub fn level_words() -> &'static [&'static str] {
        &LEVELS
    }
}

/// `-j CONNMARK`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnmarkTarget {
    /// `--set-xmark`: sets the connection's mark.
    Set(Masked),
    /// `--save-mark`: copies the packet's mark to the connection.
    Save {
        /// The bits of the packet's mark to copy.
        nfmask: u32,
        /// The bits of the connection's mark to change.
        ctmask: u32,
    },
    /// `--restore-mark`: copies the connection's mark to the packet.
    Restore {
        /// The bits of the packet's mark to change.
        nfmask: u32,
        /// The bits of the connection's mark to copy.
        ctmask: u32,
    },
}

/// `-j TCPMSS`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mss {
    /// `--set-mss`: this many bytes, at most 65495 (65535 less the smallest IPv4 and TCP headers).
    Set(u16),
    /// `--clamp-mss-to-pmtu`: according to the path's MTU.
    Clamp,
}

impl Mss {
    /// The largest maximum segment size that iptables sets.
    pub const MAX: u16 = 65535 - 40;
}
