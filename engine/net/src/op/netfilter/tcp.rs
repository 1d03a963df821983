//! The matches that `-p tcp` and `-p udp` imply.

use std::fmt;

use super::{Negatable, PortRange};

/// A set of TCP flags, as bits of byte 13 of the header (RFC 9293).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlagSet(pub u8);

const FLAGS: [(&str, u8); 6] =
    [("FIN", 0x01), ("SYN", 0x02), ("RST", 0x04), ("PSH", 0x08), ("ACK", 0x10), ("URG", 0x20)];

impl TcpFlagSet {
    /// Every flag that iptables knows.
    pub const ALL: TcpFlagSet = TcpFlagSet(0x3f);

    /// Parses names with commas between them, or `ALL` or `NONE`.
    pub fn from_word(word: &str) -> Option<TcpFlagSet> {
        word.split(',').try_fold(TcpFlagSet(0), |set, name| match name.to_ascii_uppercase().as_str() {
            "ALL" => Some(TcpFlagSet::ALL),
            "NONE" => Some(set),
            name => FLAGS.iter().find(|(flag, _)| *flag == name).map(|(_, bit)| TcpFlagSet(set.0 | bit)),
        })
    }
}

impl fmt::Display for TcpFlagSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = FLAGS.iter().filter(|(_, bit)| self.0 & bit != 0).map(|(name, _)| *name).collect();
        f.write_str(if names.is_empty() { "NONE".to_owned() } else { names.join(",") }.as_str())
    }
}

/// `--tcp-flags MASK SET`: of the flags in the mask, exactly those in the set are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFlags {
    /// The flags to look at.
    pub mask: TcpFlagSet,
    /// Those of them that must be on.
    pub set: TcpFlagSet,
}

impl TcpFlags {
    /// `--syn`: the first packet of a connection.
    pub const SYN: TcpFlags = TcpFlags { mask: TcpFlagSet(0x17), set: TcpFlagSet(0x02) };

    /// Parses the two sets with white space between them: `SYN,RST SYN`.
    pub fn from_words(words: &str) -> Option<TcpFlags> {
        let mut parts = words.split_ascii_whitespace();
        let (mask, set) = (parts.next()?, parts.next()?);
        let flags = TcpFlags { mask: TcpFlagSet::from_word(mask)?, set: TcpFlagSet::from_word(set)? };
        parts.next().is_none().then_some(flags)
    }
}

/// `-m tcp`; `None` matches everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpMatch {
    /// `--sport`
    pub sport: Option<Negatable<PortRange>>,
    /// `--dport`
    pub dport: Option<Negatable<PortRange>>,
    /// `--tcp-flags`, `--syn`
    pub flags: Option<Negatable<TcpFlags>>,
}

/// `-m udp`; `None` matches everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpMatch {
    /// `--sport`
    pub sport: Option<Negatable<PortRange>>,
    /// `--dport`
    pub dport: Option<Negatable<PortRange>>,
}
