//! The settings of xtables matches, in the layout of the kernel's structures.
//!
//! Numbers are in the machine's byte order unless stated otherwise; lengths are rounded up to the alignment of 8 bytes
//! (`XT_ALIGN`).

use netscript_net::op::netfilter::{
    AddrTypes, Addrtype, Comment, Conntrack, CtStates, Extension, IcmpType, IfaceLimit, Masked, Match, Multiport,
    MultiportSide, Negatable, Nth, PortList, PortRange, Probability, TcpFlagSet, TcpFlags, TcpMatch, UdpMatch,
};
use netscript_net::op::{Family, Mac, raw};

pub(super) fn extension(name: &str, revision: u32, info: Vec<u8>) -> Extension {
    Extension { name: name.to_owned(), revision, info }
}

pub(super) fn u16_at(info: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(info.get(at..at + 2)?.try_into().ok()?))
}

pub(super) fn u32_at(info: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(info.get(at..at + 4)?.try_into().ok()?))
}

/// The text before the first NUL.
pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    raw::from_bytes(&bytes[..end])
}

/// The match of an extension; `None` if netscript cannot express its settings.
pub(super) fn read(extension: &Extension) -> Option<Match> {
    let info = extension.info.as_slice();
    match (extension.name.as_str(), extension.revision) {
        ("tcp", 0) => read_tcp(info).map(Match::Tcp),
        ("udp", 0) => read_udp(info).map(Match::Udp),
        ("icmp" | "icmp6", 0) => read_icmp(info).map(Match::Icmp),
        ("multiport", 1) => read_multiport(info).map(Match::Multiport),
        ("conntrack", 1..=3) => read_conntrack(info).map(Match::Conntrack),
        ("connmark", 1) => read_masked(info).map(Match::Connmark),
        ("mark", 1) => read_masked(info).map(Match::Mark),
        ("mac", 0) => read_mac(info).map(Match::Mac),
        ("addrtype", 1) => read_addrtype(info).map(Match::Addrtype),
        ("statistic", 0) => read_statistic(info),
        ("comment", 0) => Some(Match::Comment(Comment::read(text(info)))),
        _ => None,
    }
}

/// `struct xt_tcp`, linux/netfilter/xt_tcpudp.h: source ports, destination ports, option, mask and
/// value of the flags, what is inverted. 12 bytes.
pub(super) fn tcp(tcp: TcpMatch) -> Extension {
    let TcpMatch { sport, dport, flags } = tcp;
    let (mut info, mut inverted) = port_ranges(sport, dport);
    let (mask, set) = flags.map_or((0, 0), |flags| (flags.value.mask.0, flags.value.set.0));
    inverted |= u8::from(flags.is_some_and(|flags| flags.inverted)) << 2;
    info.extend([0, mask, set, inverted]);
    info.resize(16, 0);
    extension("tcp", 0, info)
}

/// First and last source port, first and last destination port; and which of them are inverted
/// (`XT_TCP_INV_SRCPT` 1, `XT_TCP_INV_DSTPT` 2, those of UDP alike).
fn port_ranges(sport: Option<Negatable<PortRange>>, dport: Option<Negatable<PortRange>>) -> (Vec<u8>, u8) {
    let bounds = |ports: Option<Negatable<PortRange>>| {
        ports.map_or([0, u16::MAX], |ports| [ports.value.min(), ports.value.max()]).map(u16::to_ne_bytes).concat()
    };
    let inverted = |ports: Option<Negatable<PortRange>>| u8::from(ports.is_some_and(|ports| ports.inverted));
    ([bounds(sport), bounds(dport)].concat(), inverted(sport) | inverted(dport) << 1)
}

fn read_tcp(info: &[u8]) -> Option<TcpMatch> {
    let &[option, mask, set, inverted] = info.get(8..12)? else { return None };
    let flags = TcpFlags { mask: TcpFlagSet(mask), set: TcpFlagSet(set) };
    let has_flags = mask != 0 || set != 0;
    (option == 0 && inverted & !0x7 == 0).then_some(())?;
    Some(TcpMatch {
        sport: read_ports(info, 0, inverted & 1 != 0)?,
        dport: read_ports(info, 4, inverted & 2 != 0)?,
        flags: has_flags.then_some(Negatable::new(inverted & 4 != 0, flags)),
    })
}

/// `struct xt_udp`, linux/netfilter/xt_tcpudp.h: as that of TCP, without option and flags. 10 bytes.
pub(super) fn udp(udp: UdpMatch) -> Extension {
    let (mut info, inverted) = port_ranges(udp.sport, udp.dport);
    info.push(inverted);
    info.resize(16, 0);
    extension("udp", 0, info)
}

fn read_udp(info: &[u8]) -> Option<UdpMatch> {
    let inverted = *info.get(8)?;
    Some(UdpMatch { sport: read_ports(info, 0, inverted & 1 != 0)?, dport: read_ports(info, 4, inverted & 2 != 0)? })
}

fn read_ports(info: &[u8], at: usize, inverted: bool) -> Option<Option<Negatable<PortRange>>> {
    let range = PortRange::new(u16_at(info, at)?, u16_at(info, at + 2)?)?;
    Some(Some(Negatable::new(inverted, range)).filter(|ports| inverted || !ports.value.is_all()))
}

/// `struct ipt_icmp`, linux/netfilter_ipv4/ip_tables.h, and `struct ip6t_icmp`: type, first and last
/// code, inverted. 4 bytes.
pub(super) fn icmp(family: Family, kind: Negatable<IcmpType>) -> Extension {
    let name = match family {
        Family::V4 => "icmp",
        Family::V6 => "icmp6",
    };
    let (min, max) = kind.value.code.map_or((0, 0xff), |code| (code, code));
    extension(name, 0, vec![kind.value.kind, min, max, kind.inverted.into(), 0, 0, 0, 0])
}

fn read_icmp(info: &[u8]) -> Option<Negatable<IcmpType>> {
    let &[kind, min, max, inverted] = info.get(..4)? else { return None };
    let code = match (min, max) {
        (0, 0xff) => None,
        (min, max) if min == max => Some(min),
        _ => return None,
    };
    Some(Negatable::new(inverted != 0, IcmpType { kind, code }))
}

/// `struct xt_multiport_v1`, linux/netfilter/xt_multiport.h: which ports, how many, 15 ports, 15
/// flags that say whether the next port ends a range, inverted. 48 bytes.
pub(super) fn multiport(multiport: &Multiport) -> Extension {
    let side = match multiport.side {
        MultiportSide::Source => 0,
        MultiportSide::Destination => 1,
        MultiportSide::Either => 2,
    };
    let mut places = Vec::new();
    for range in multiport.ports.value.ranges() {
        if !range.is_one() {
            places.push((range.min(), true));
        }
        places.push((range.max(), false));
    }
    let mut info = vec![0; 48];
    info[0] = side;
    info[1] = u8::try_from(places.len()).expect("a list has at most 15 places");
    for (index, (port, begins_range)) in places.into_iter().enumerate() {
        info[2 + 2 * index..][..2].copy_from_slice(&port.to_ne_bytes());
        info[32 + index] = begins_range.into();
    }
    info[47] = multiport.ports.inverted.into();
    extension("multiport", 1, info)
}

fn read_multiport(info: &[u8]) -> Option<Multiport> {
    let side = match *info.first()? {
        0 => MultiportSide::Source,
        1 => MultiportSide::Destination,
        2 => MultiportSide::Either,
        _ => return None,
    };
    let (count, inverted) = (usize::from(*info.get(1)?), *info.get(47)? != 0);
    let mut ranges = Vec::new();
    let mut index = 0;
    while index < count.min(PortList::MAX) {
        let min = u16_at(info, 2 + 2 * index)?;
        index += usize::from(info[32 + index] != 0);
        ranges.push(PortRange::new(min, u16_at(info, 2 + 2 * index)?)?);
        index += 1;
    }
    Some(Multiport { side, ports: Negatable::new(inverted, PortList::new(ranges).ok()?) })
}

/// `struct xt_conntrack_mtinfo3`, linux/netfilter/xt_conntrack.h, 168 bytes: what is looked at is a
/// u16 at 146, what is inverted at 148, the states at 150.
pub(super) fn conntrack(conntrack: Conntrack) -> Extension {
    let mut info = vec![0; 168];
    let looked_at = XT_CONNTRACK_STATE | if conntrack.alias { XT_CONNTRACK_STATE_ALIAS } else { 0 };
    let inverted = if conntrack.states.inverted { XT_CONNTRACK_STATE } else { 0 };
    for (at, number) in [(146, looked_at), (148, inverted), (150, conntrack.states.value.0)] {
        info[at..at + 2].copy_from_slice(&number.to_ne_bytes());
    }
    extension("conntrack", 3, info)
}

const XT_CONNTRACK_STATE: u16 = 1 << 0;
const XT_CONNTRACK_STATE_ALIAS: u16 = 1 << 13;

fn read_conntrack(info: &[u8]) -> Option<Conntrack> {
    let (looked_at, inverted, states) = (u16_at(info, 146)?, u16_at(info, 148)?, CtStates(u16_at(info, 150)?));
    let only_states = looked_at & !XT_CONNTRACK_STATE_ALIAS == XT_CONNTRACK_STATE && inverted & !1 == 0;
    (info.len() == 168 && only_states && states.is_known()).then_some(Conntrack {
        states: Negatable::new(inverted != 0, states),
        alias: looked_at & XT_CONNTRACK_STATE_ALIAS != 0,
    })
}

/// `struct xt_connmark_mtinfo1`, linux/netfilter/xt_connmark.h: mark, mask, inverted. 9 bytes.
pub(super) fn connmark(mark: Negatable<Masked>) -> Extension {
    extension("connmark", 1, masked(mark))
}

/// `struct xt_mark_mtinfo1`, linux/netfilter/xt_mark.h: the same.
pub(super) fn mark(mark: Negatable<Masked>) -> Extension {
    extension("mark", 1, masked(mark))
}

fn masked(mark: Negatable<Masked>) -> Vec<u8> {
    let mut info = [mark.value.value.to_ne_bytes(), mark.value.mask.to_ne_bytes()].concat();
    info.resize(16, 0);
    info[8] = mark.inverted.into();
    info
}

fn read_masked(info: &[u8]) -> Option<Negatable<Masked>> {
    Some(Negatable::new(*info.get(8)? != 0, Masked { value: u32_at(info, 0)?, mask: u32_at(info, 4)? }))
}

/// `struct xt_mac_info`, linux/netfilter/xt_mac.h: the address, then inverted as an int at 8.
pub(super) fn mac(mac: Negatable<Mac>) -> Extension {
    let mut info = vec![0; 16];
    info[..6].copy_from_slice(&mac.value.0);
    info[8..12].copy_from_slice(&u32::from(mac.inverted).to_ne_bytes());
    extension("mac", 0, info)
}

fn read_mac(info: &[u8]) -> Option<Negatable<Mac>> {
    let bytes = info.get(..6)?.try_into().ok()?;
    Some(Negatable::new(u32_at(info, 8)? != 0, Mac(bytes)))
}

/// `struct xt_addrtype_info_v1`, linux/netfilter/xt_addrtype.h: source types, destination types,
/// flags (`XT_ADDRTYPE_INVERT_SOURCE` 1, `INVERT_DEST` 2, `LIMIT_IFACE_IN` 4, `LIMIT_IFACE_OUT` 8).
pub(super) fn addrtype(addrtype: Addrtype) -> Extension {
    let types = |types: Option<Negatable<AddrTypes>>| types.map_or(0, |types| types.value.0);
    let inverted = |types: Option<Negatable<AddrTypes>>| types.is_some_and(|types| types.inverted);
    let limit = match addrtype.limit {
        None => 0,
        Some(IfaceLimit::In) => 4,
        Some(IfaceLimit::Out) => 8,
    };
    let flags = u32::from(inverted(addrtype.src)) | u32::from(inverted(addrtype.dst)) << 1 | limit;
    let mut info = [types(addrtype.src).to_ne_bytes(), types(addrtype.dst).to_ne_bytes()].concat();
    info.extend(flags.to_ne_bytes());
    extension("addrtype", 1, info)
}

fn read_addrtype(info: &[u8]) -> Option<Addrtype> {
    let flags = u32_at(info, 4)?;
    let types =
        |bits: u16, inverted: u32| (bits != 0).then_some(Negatable::new(flags & inverted != 0, AddrTypes(bits)));
    let limit = match flags & !3 {
        0 => None,
        4 => Some(IfaceLimit::In),
        8 => Some(IfaceLimit::Out),
        _ => return None,
    };
    Some(Addrtype { src: types(u16_at(info, 0)?, 1), dst: types(u16_at(info, 2)?, 2), limit })
}

/// `struct xt_statistic_info`, linux/netfilter/xt_statistic.h: mode (random 0, nth 1), inverted, then
/// a probability or the last number and the wanted one, then their difference, which iptables fills
/// in for both modes; a pointer of the kernel's. 24 bytes.
fn statistic(mode: u16, inverted: bool, first: u32, packet: u32) -> Extension {
    let mut info = [mode.to_ne_bytes(), u16::from(inverted).to_ne_bytes()].concat();
    for number in [first, packet, first.wrapping_sub(packet)] {
        info.extend(number.to_ne_bytes());
    }
    info.resize(24, 0);
    extension("statistic", 0, info)
}

pub(super) fn nth(nth: Negatable<Nth>) -> Extension {
    statistic(1, nth.inverted, nth.value.every() - 1, nth.value.packet())
}

pub(super) fn random(probability: Negatable<Probability>) -> Extension {
    statistic(0, probability.inverted, probability.value.0, 0)
}

fn read_statistic(info: &[u8]) -> Option<Match> {
    let (mode, inverted) = (u16_at(info, 0)?, u16_at(info, 2)? & 1 != 0);
    let (first, packet) = (u32_at(info, 4)?, u32_at(info, 8)?);
    match mode {
        0 => Some(Match::Random(Negatable::new(inverted, Probability(first)))),
        1 => Nth::new(first.checked_add(1)?, packet).map(|nth| Match::Nth(Negatable::new(inverted, nth))),
        _ => None,
    }
}

/// `struct xt_comment_info`, linux/netfilter/xt_comment.h: 256 bytes of text.
pub(super) fn comment(comment: &str) -> Extension {
    let mut info = raw::to_bytes(comment).into_owned();
    info.resize(256, 0);
    extension("comment", 0, info)
}
