//! Matches: the conditions of a rule, `-m` and its options.

use std::fmt;

use super::super::Mac;
use super::{IcmpType, Negatable, PortList, PortRange, TcpMatch, UdpMatch};

/// A match. Their order in the rule is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// `-m tcp …`, which `-p tcp` implies.
    Tcp(TcpMatch),
    /// `-m udp …`, which `-p udp` implies.
    Udp(UdpMatch),
    /// `-m icmp --icmp-type …`, or `-m icmp6 --icmpv6-type …` in IPv6.
    Icmp(Negatable<IcmpType>),
    /// `-m multiport …`
    Multiport(Multiport),
    /// `-m conntrack --ctstate …`
    Conntrack(Conntrack),
    /// `-m mark --mark …`
    Mark(Negatable<Masked>),
    /// `-m connmark --mark …`
    Connmark(Negatable<Masked>),
    /// `-m mac --mac-source …`
    Mac(Negatable<Mac>),
    /// `-m addrtype …`
    Addrtype(Addrtype),
    /// `-m limit --limit … --limit-burst …`
    Limit(Rate, u32),
    /// `-m statistic --mode nth …`
    Nth(Negatable<Nth>),
    /// `-m statistic --mode random …`
    Random(Negatable<Probability>),
    /// `-m comment --comment …`
    Comment(Comment),
    /// An extension of iptables that netscript cannot express, as read from the kernel.
    Extension(Extension),
    /// Expressions of nft that no `iptables` rule contains, as read from the kernel: their names.
    Native(String),
}

impl Match {
    /// Source and destination ports of `-m tcp` and `-m udp`.
    pub(super) fn ports(&mut self) -> Option<[&mut Option<Negatable<PortRange>>; 2]> {
        match self {
            Match::Tcp(tcp) => Some([&mut tcp.sport, &mut tcp.dport]),
            Match::Udp(udp) => Some([&mut udp.sport, &mut udp.dport]),
            Match::Icmp(_)
            | Match::Multiport(_)
            | Match::Conntrack(_)
            | Match::Mark(_)
            | Match::Connmark(_)
            | Match::Mac(_)
            | Match::Addrtype(_)
            | Match::Limit(..)
            | Match::Nth(_)
            | Match::Random(_)
            | Match::Comment(_)
            | Match::Extension(_)
            | Match::Native(_) => None,
        }
    }
}

/// An xtables extension whose settings are kept in the kernel's binary form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its name, such as `hashlimit`.
    pub name: String,
    /// The revision of its settings.
    pub revision: u32,
    /// Its settings, in the kernel's structure.
    pub info: Vec<u8>,
}

/// Which ports `-m multiport` looks at (`enum xt_multiport_flags`, linux/netfilter/xt_multiport.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultiportSide {
    /// `--sports`: 0
    Source,
    /// `--dports`: 1
    Destination,
    /// `--ports`: 2
    Either,
}

/// `-m multiport`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiport {
    /// Which ports.
    pub side: MultiportSide,
    /// The list.
    pub ports: Negatable<PortList>,
}

/// A set of states of a connection, as bits (`XT_CONNTRACK_STATE_*`,
/// linux/netfilter/xt_conntrack.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtStates(pub u16);

/// In the order of `iptables -S`.
const STATES: [(&str, u16); 7] =
    [("INVALID", 1), ("NEW", 8), ("RELATED", 4), ("ESTABLISHED", 2), ("UNTRACKED", 256), ("SNAT", 64), ("DNAT", 128)];

impl CtStates {
    /// Every name of a state.
    pub fn words() -> impl Iterator<Item = &'static str> {
        STATES.iter().map(|(name, _)| *name)
    }

    /// The names that `-m state` accepts too.
    pub fn alias_words() -> impl Iterator<Item = &'static str> {
        STATES.iter().filter(|(_, bit)| bit & CtStates::NAT.0 == 0).map(|(name, _)| *name)
    }

    /// SNAT and DNAT, which `-m state` does not have.
    const NAT: CtStates = CtStates(64 | 128);

    /// Whether `-m state` accepts these states.
    pub fn has_alias(self) -> bool {
        self.0 & CtStates::NAT.0 == 0
    }

    /// Parses names with commas between them.
    pub fn from_word(word: &str) -> Option<CtStates> {
        bits(&STATES, word).map(CtStates)
    }

    /// Whether iptables has a name for every bit.
    pub fn is_known(self) -> bool {
        self.0 != 0 && STATES.iter().fold(self.0, |rest, (_, bit)| rest & !bit) == 0
    }
}

impl fmt::Display for CtStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&names(&STATES, self.0))
    }
}

/// `-m conntrack --ctstate`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conntrack {
    /// The states.
    pub states: Negatable<CtStates>,
    /// Written as `-m state --state`, the old name (`XT_CONNTRACK_STATE_ALIAS`).
    pub alias: bool,
}

/// A 32-bit number with a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Masked {
    /// The number.
    pub value: u32,
    /// The mask: the bits that are compared or set.
    pub mask: u32,
}

impl Masked {
    /// A number with a full mask.
    pub fn full(value: u32) -> Masked {
        Masked { value, mask: u32::MAX }
    }

    /// Parses `7`, `0x7` or `0x7/0xff`.
    pub fn from_word(word: &str) -> Option<Masked> {
        match word.split_once('/') {
            None => number(word).map(Masked::full),
            Some((value, mask)) => Some(Masked { value: number(value)?, mask: number(mask)? }),
        }
    }
}

/// A number in decimal, or in hexadecimal after `0x`.
fn number(word: &str) -> Option<u32> {
    let (digits, radix) = match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None => (word, 10),
    };
    u32::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))
}

/// A set of kinds of addresses, as bits (`enum XT_ADDRTYPE_*`, linux/netfilter/xt_addrtype.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrTypes(pub u16);

const ADDRESS_TYPES: [(&str, u16); 12] = [
    ("UNSPEC", 1 << 0),
    ("UNICAST", 1 << 1),
    ("LOCAL", 1 << 2),
    ("BROADCAST", 1 << 3),
    ("ANYCAST", 1 << 4),
    ("MULTICAST", 1 << 5),
    ("BLACKHOLE", 1 << 6),
    ("UNREACHABLE", 1 << 7),
    ("PROHIBIT", 1 << 8),
    ("THROW", 1 << 9),
    ("NAT", 1 << 10),
    ("XRESOLVE", 1 << 11),
];

impl AddrTypes {
    /// The types that exist for IPv6 addresses: all but BROADCAST, BLACKHOLE, PROHIBIT, THROW, NAT and XRESOLVE.
    pub const OF_IPV6: AddrTypes = AddrTypes(0b1011_0111);

    /// Every name of a type.
    pub fn words() -> impl Iterator<Item = &'static str> {
        ADDRESS_TYPES.iter().map(|(name, _)| *name)
    }

    /// Parses names with commas between them.
    pub fn from_word(word: &str) -> Option<AddrTypes> {
        bits(&ADDRESS_TYPES, word).map(AddrTypes)
    }
}

impl fmt::Display for AddrTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&names(&ADDRESS_TYPES, self.0))
    }
}

/// The link on which `-m addrtype` looks the address up; without a limit, all links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfaceLimit {
    /// `--limit-iface-in`
    In,
    /// `--limit-iface-out`
    Out,
}

/// `-m addrtype`: at least one of the two types is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addrtype {
    /// `--src-type`
    pub src: Option<Negatable<AddrTypes>>,
    /// `--dst-type`
    pub dst: Option<Negatable<AddrTypes>>,
    /// `--limit-iface-in`, `--limit-iface-out`
    pub limit: Option<IfaceLimit>,
}

/// The rate of `-m limit`, in iptables' form: the time between two packets in units of 100 µs (`XT_LIMIT_SCALE`,
/// linux/netfilter/xt_limit.h), at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u32);

const SCALE: u32 = 10_000;
/// The names of units in iptables, and their lengths in seconds.
const UNITS: [(&str, u32); 4] = [("day", 86_400), ("hour", 3_600), ("min", 60), ("sec", 1)];

impl Rate {
    /// The default burst: packets that pass before the rate applies.
    pub const DEFAULT_BURST: u32 = 5;
    /// The largest burst.
    pub const MAX_BURST: u32 = 10_000;

    /// A number of packets in a number of seconds; `None` for no packet, for more than 10,000 packets a second, and for
    /// periods that do not fit into 32 bits.
    pub fn per_seconds(packets: u64, seconds: u64) -> Option<Rate> {
        let period = u64::from(SCALE).checked_mul(seconds)?.checked_div(packets)?;
        u32::try_from(period).ok().filter(|period| *period > 0).map(Rate)
    }

    /// Parses `3/min`: a number of packets, and the beginning of `second`, `minute`, `hour` or
    /// `day`. A number alone is per second.
    pub fn from_word(word: &str) -> Option<Rate> {
        let (packets, unit) = word.split_once('/').unwrap_or((word, "second"));
        let unit = unit.to_lowercase();
        let (_, seconds) = [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)]
            .into_iter()
            .find(|(name, _)| !unit.is_empty() && name.starts_with(&unit))?;
        Rate::per_seconds(packets.parse().ok()?, seconds)
    }

    /// Packets and the seconds in which they pass, in iptables' unit for the rate.
    pub fn packets_and_seconds(self) -> (u32, u32) {
        let (_, seconds) = self.unit();
        (seconds * SCALE / self.0, seconds)
    }

    /// The smallest unit in which the rate is a whole number of packets, as in iptables' libxt_limit.
    fn unit(self) -> (&'static str, u32) {
        let mut best = UNITS[0];
        for unit in &UNITS[1..] {
            let period = unit.1 * SCALE;
            if self.0 > period || period / self.0 < period % self.0 {
                break;
            }
            best = *unit;
        }
        best
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.packets_and_seconds().0, self.unit().0)
    }
}

/// Every n-th packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nth {
    every: u32,
    packet: u32,
}

impl Nth {
    /// Packet number `packet`, from 0, of every `every`; `None` if there is no such packet.
    pub fn new(every: u32, packet: u32) -> Option<Nth> {
        (packet < every).then_some(Nth { every, packet })
    }

    /// The length of the cycle.
    pub fn every(self) -> u32 {
        self.every
    }

    /// The packet's number in the cycle, from 0.
    pub fn packet(self) -> u32 {
        self.packet
    }
}

/// A probability in units of 2⁻³¹, as in the kernel's xt_statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probability(pub u32);

const ONE: f64 = 2_147_483_648.0;

impl Probability {
    /// A probability from 0 to 1.
    pub fn new(probability: f64) -> Option<Probability> {
        // At most 2³¹, which 32 bits hold.
        (0.0..=1.0).contains(&probability).then(|| Probability((probability * ONE).round() as u32))
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.11}", f64::from(self.0) / ONE)
    }
}

/// A comment of at most 255 bytes (`XT_MAX_COMMENT_LEN` − 1, linux/netfilter/xt_comment.h),
/// without line breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment(String);

impl Comment {
    /// Longest comment in bytes.
    pub const MAX: usize = 255;

    /// Checks length and characters.
    pub fn new(text: &str) -> Option<Comment> {
        (text.len() <= Comment::MAX && !text.contains(['\n', '\0'])).then(|| Comment(text.to_owned()))
    }

    /// The comment of an existing rule, which is not checked.
    pub fn read(text: String) -> Comment {
        Comment(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn bits(table: &[(&str, u16)], word: &str) -> Option<u16> {
    word.split(',').try_fold(0, |set, name| {
        table.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim())).map(|(_, bit)| set | bit)
    })
}

fn names(table: &[(&str, u16)], set: u16) -> String {
    let names: Vec<&str> = table.iter().filter(|(_, bit)| set & bit != 0).map(|(name, _)| *name).collect();
    names.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of `iptables -S` for arguments of `iptables -A`, taken from iptables 1.8.9.
    #[test]
    fn rates_are_shown_as_iptables_shows_them() {
        for (given, shown) in [
            ("3/min", "3/min"),
            ("10/s", "10/sec"),
            ("100/hour", "100/hour"),
            ("1/day", "1/day"),
            ("7/min", "7/min"),
            ("20000/min", "333/sec"),
            ("10000/second", "10000/sec"),
            ("5", "5/sec"),
        ] {
            assert_eq!(Rate::from_word(given).map(|rate| rate.to_string()).as_deref(), Some(shown), "{given}");
        }
        for bad in ["0/s", "10001/s", "1/", "1/week", "x/s", "", "-1/s"] {
            assert_eq!(Rate::from_word(bad), None, "{bad}");
        }
    }

    #[test]
    fn probabilities_round_as_iptables_rounds_them() {
        assert_eq!(Probability::new(0.333), Some(Probability(0x2a9f_be77)));
        assert_eq!(Probability(0x2a9f_be77).to_string(), "0.33300000010");
        assert_eq!(Probability::new(1.0).map(|p| p.to_string()).as_deref(), Some("1.00000000000"));
        assert_eq!(Probability::new(1.5), None);
        assert_eq!(Probability::new(f64::NAN), None);
    }

    #[test]
    fn marks_parse_in_both_bases() {
        assert_eq!(Masked::from_word("7/0xff"), Some(Masked { value: 7, mask: 0xff }));
        assert_eq!(Masked::from_word("0xffffffff"), Some(Masked::full(u32::MAX)));
        for bad in ["", "0x", "-1", "+1", "4294967296", "1/", "1/2/3"] {
            assert_eq!(Masked::from_word(bad), None, "{bad}");
        }
    }
}
