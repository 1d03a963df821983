//! The options of every verb: a rule's matches and its position.

use netscript_net::op::netfilter::{
    AddrTypes, Comment, CtStates, IcmpType, IfPattern, Masked, Negatable, Probability, Proto, Rate, TcpFlags,
};
use netscript_net::op::{Family, Mac, NetnsRef, Prefix};

use super::matches::{self, Ports};
use crate::Netns;
use crate::options::{Key, Literal, Takes, keys};

/// The context for reading values: the rule's namespace and its family.
pub(super) struct Here {
    pub(super) netns: Netns,
    pub(super) reference: NetnsRef,
    pub(super) family: Family,
}

keys! {
    /// The options that a rule has only once: those of `iptables` itself, and its position.
    pub(super) COMMON:
    /// Packets from these addresses; a list makes a rule for each
    SRC: Key<Vec<Negatable<Prefix>>, Here> = Key::value("src", ADDRESSES, matches::addresses).example("\"10.0.0.0/24\"");
    /// Packets to these addresses; a list makes a rule for each
    DST: Key<Vec<Negatable<Prefix>>, Here> = Key::value("dst", ADDRESSES, matches::addresses).example("\"10.0.0.1\"");
    /// Packets that arrive by this link; `"veth+"` matches every name that begins with `veth`
    IIF: Key<Negatable<IfPattern>, Here> = Key::value("iif", LINK, matches::link).example("\"eth0\"");
    /// Packets that leave by this link; `"veth+"` matches every name that begins with `veth`
    OIF: Key<Negatable<IfPattern>, Here> = Key::value("oif", LINK, matches::link).example("\"eth0\"");
    /// Packets of this protocol
    PROTO: Key<Option<Negatable<Proto>>> =
        Key::new("proto", Takes::Value(PROTOCOL, || Proto::words().collect()), matches::proto).example("\"tcp\"");
    /// The rule's position in its chain, from 1; by default the end
    AT: Key<u32> = Key::number("at", 1, u32::MAX as i64).example("1");
}

const ADDRESSES: &str = "an address, a network, a link, a namespace, or a list of them";
const LINK: &str = "a link (a Link or its name)";
const PROTOCOL: &str = "a protocol such as \"tcp\", \"udp\" or \"icmp\", or its number from 1 to 255";

keys! {
    /// The matches, in the order in which the rule of a map has them.
    pub(super) MATCHES:
    /// Whether the rule has a match `-m tcp` even without ports and flags
    TCP: Key<bool> = Key::boolean("tcp").default(Literal::Bool(false));
    /// Whether the rule has a match `-m udp` even without ports
    UDP: Key<bool> = Key::boolean("udp").default(Literal::Bool(false));
    /// Packets from these ports
    SPORT: Key<Ports> = Key::value("sport", PORTS, matches::port_option).example("53");
    /// Packets to these ports
    DPORT: Key<Ports> = Key::value("dport", PORTS, matches::port_option).example("[80, 443]");
    /// Packets that begin a TCP connection; with `false`, all others
    SYN: Key<bool> = Key::boolean("syn");
    /// Packets with these TCP flags
    TCP_FLAGS: Key<Negatable<TcpFlags>> = Key::value("tcp_flags", FLAGS, matches::flags).example("\"SYN,RST SYN\"");
    /// ICMP messages of this type
    ICMP: Key<Negatable<IcmpType>, Here> = Key::new("icmp", Takes::Value(ICMP_TYPE, icmp_words), matches::icmp);
    /// Packets of connections in these states, by `-m state`
    STATE: Key<Negatable<CtStates>> = Key::new("state", Takes::Several(|| CtStates::alias_words().collect()), matches::state)
        .example("\"RELATED,ESTABLISHED\"");
    /// Packets of connections in these states, by `-m conntrack`
    CTSTATE: Key<Negatable<CtStates>> = Key::new("ctstate", Takes::Several(|| CtStates::words().collect()), matches::ctstate)
        .example("\"RELATED,ESTABLISHED\"");
    /// Packets with this mark
    MARK: Key<Negatable<Masked>> = Key::value("mark", MASKED, matches::mark).example("7");
    /// Packets of connections with this mark
    CONNMARK: Key<Negatable<Masked>> = Key::value("connmark", MASKED, matches::mark).example("7");
    /// Packets from this hardware address
    MAC: Key<Negatable<Mac>> = Key::value("mac", "a hardware address", matches::mac).example("\"02:00:00:00:00:01\"");
    /// Packets whose source has this address type in this namespace
    SRC_TYPE: Key<Negatable<AddrTypes>> = Key::new("src_type", ADDRESS_TYPES, matches::address_types).example("\"LOCAL\"");
    /// Packets whose destination has this address type in this namespace
    DST_TYPE: Key<Negatable<AddrTypes>> = Key::new("dst_type", ADDRESS_TYPES, matches::address_types).example("\"LOCAL\"");
    /// Packets up to this rate
    LIMIT: Key<Rate> = Key::value("limit", RATE, matches::rate).example("\"3/min\"");
    /// Number of packets that may exceed `limit` at once
    BURST: Key<u32> = Key::number("burst", 1, Rate::MAX_BURST as i64)
        .default(Literal::Int(Rate::DEFAULT_BURST as i64))
        .example("10");
    /// One of this many packets
    EVERY: Key<Negatable<u32>> = Key::value("every", "a number from 1 to 4294967295", matches::every).example("2");
    /// The number of the packet that `every` selects, from 0
    PACKET: Key<u32> = Key::number("packet", 0, u32::MAX as i64).default(Literal::Int(0)).example("1");
    /// A random share of the packets
    PROBABILITY: Key<Negatable<Probability>> =
        Key::value("probability", "a number from 0.0 to 1.0", matches::probability).example("0.5");
    /// A comment, which `iptables -S` shows
    COMMENT: Key<Comment> = Key::value("comment", "one line of at most 255 bytes", matches::comment).example("\"web\"");
}

const PORTS: &str = "a port, a range such as \"8000:8080\", or a list of them";
const FLAGS: &str = "the flags to look at and those that are set, such as \"SYN,RST SYN\"";
const ICMP_TYPE: &str = "a type such as \"echo-request\", or its number such as \"8\" or \"3/4\"";
pub(super) const MASKED: &str = "a number from 0 to 4294967295, or \"VALUE/MASK\"";
const ADDRESS_TYPES: Takes = Takes::Several(|| AddrTypes::words().collect());
const RATE: &str = "a number of packets for a second, minute, hour or day, such as \"3/min\", at most 10000 a second";

/// Types of both families, those of ICMP first.
fn icmp_words() -> Vec<&'static str> {
    of_both(|family| IcmpType::words(family).collect())
}

/// Words of IPv4, then those that IPv6 has in addition.
pub(super) fn of_both(words: impl Fn(Family) -> Vec<&'static str>) -> Vec<&'static str> {
    let mut all = words(Family::V4);
    let more: Vec<&str> = words(Family::V6).into_iter().filter(|word| !all.contains(word)).collect();
    all.extend(more);
    all
}
