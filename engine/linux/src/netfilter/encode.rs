//! Encodes rules as expressions that every iptables from 1.8.7 to 1.8.11 lists, checks and deletes.
//!
//! Ports, TCP flags and marks are written as xtables matches, as in iptables 1.8.7. Later versions write native nft
//! expressions, but read both; 1.8.7 silently drops the native ones.

use std::net::IpAddr;

use super::expr::{Base, Compare, Expr, MetaKey, Verdict};
use super::{xt_match, xt_target};
use netscript_net::op::netfilter::{Extension, Header, IfPattern, Match, Negatable, Proto, Rule, Target};
use netscript_net::op::{Family, Prefix, raw};

/// The name that `-i ! +`, which matches no link, is compared with (nft-shared.c of iptables).
pub(super) const NO_LINK: &[u8] = b"INVAL/D\0";

/// A rule's expressions. The error is the name of something read from the kernel that cannot be written.
pub(super) fn expressions(rule: &Rule) -> Result<Vec<Expr>, String> {
    let family = rule.chain().table.family;
    let mut exprs = Vec::new();
    header(&mut exprs, family, rule.header());
    for found in rule.matches() {
        put_match(&mut exprs, family, found)?;
    }
    exprs.push(Expr::Counter(0, 0));
    if let Some(target) = rule.target() {
        exprs.push(put_target(family, target));
    }
    Ok(exprs)
}

fn header(exprs: &mut Vec<Expr>, family: Family, header: &Header) {
    let Header { src, dst, iif, oif, proto, fragment } = header;
    for (key, link) in [(MetaKey::Iifname, iif), (MetaKey::Oifname, oif)] {
        if let Some(link) = link {
            link_name(exprs, key, link);
        }
    }
    if let Some(proto) = proto {
        exprs.push(Expr::Meta(MetaKey::L4proto));
        exprs.push(Expr::Cmp(Compare::equal(proto.inverted), vec![proto.value.0]));
    }
    let (src_at, dst_at) = address_offsets(family);
    for (offset, addr) in [(src_at, src), (dst_at, dst)] {
        if let Some(addr) = addr {
            address(exprs, offset, addr);
        }
    }
    if let Some(fragment) = fragment {
        exprs.push(Expr::Payload(Base::Network, FRAGMENT_OFFSET, 2));
        exprs.push(Expr::Mask(FRAGMENT_MASK.to_vec()));
        exprs.push(Expr::Cmp(Compare::equal(*fragment), vec![0, 0]));
    }
}

/// The offsets of source and destination address in the header.
pub(super) fn address_offsets(family: Family) -> (u32, u32) {
    match family {
        Family::V4 => (12, 16),
        Family::V6 => (8, 24),
    }
}

/// The offset of the fragment offset in an IPv4 header, and the mask without flags.
pub(super) const FRAGMENT_OFFSET: u32 = 6;
pub(super) const FRAGMENT_MASK: [u8; 2] = [0x1f, 0xff];

fn link_name(exprs: &mut Vec<Expr>, key: MetaKey, link: &Negatable<IfPattern>) {
    let (compare, bytes) = match &link.value {
        IfPattern::Name(name) => (Compare::equal(link.inverted), [&*raw::to_bytes(name.as_str()), b"\0"].concat()),
        IfPattern::Prefix(prefix) if prefix.is_empty() && link.inverted => (Compare::Eq, NO_LINK.to_vec()),
        // `-i +` matches every link, so there is nothing to compare.
        IfPattern::Prefix(prefix) if prefix.is_empty() => return,
        IfPattern::Prefix(prefix) => (Compare::equal(link.inverted), raw::to_bytes(prefix).into_owned()),
    };
    exprs.push(Expr::Meta(key));
    exprs.push(Expr::Cmp(compare, bytes));
}

/// A prefix of whole bytes is compared as that many bytes, other prefixes as a masked address.
fn address(exprs: &mut Vec<Expr>, offset: u32, addr: &Negatable<Prefix>) {
    let network = octets(addr.value.network().addr());
    let compare = Compare::equal(addr.inverted);
    if addr.value.len().is_multiple_of(8) {
        let bytes = usize::from(addr.value.len() / 8);
        exprs.push(Expr::Payload(Base::Network, offset, u32::from(addr.value.len() / 8)));
        exprs.push(Expr::Cmp(compare, network[..bytes].to_vec()));
    } else {
        exprs.push(Expr::Payload(Base::Network, offset, u32::from(addr.value.family().bits() / 8)));
        exprs.push(Expr::Mask(octets(addr.value.netmask())));
        exprs.push(Expr::Cmp(compare, network));
    }
}

/// The bytes of an address.
pub(super) fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    }
}

fn put_match(exprs: &mut Vec<Expr>, family: Family, found: &Match) -> Result<(), String> {
    match found {
        Match::Tcp(tcp) => exprs.push(Expr::Match(xt_match::tcp(*tcp))),
        Match::Udp(udp) => exprs.push(Expr::Match(xt_match::udp(*udp))),
        Match::Mark(mark) => exprs.push(Expr::Match(xt_match::mark(*mark))),
        Match::Limit(rate, burst) => {
            let (packets, seconds) = rate.packets_and_seconds();
            exprs.push(Expr::Limit(packets.into(), seconds.into(), *burst));
        }
        Match::Icmp(kind) => exprs.push(Expr::Match(xt_match::icmp(family, *kind))),
        Match::Multiport(multiport) => exprs.push(Expr::Match(xt_match::multiport(multiport))),
        Match::Conntrack(conntrack) => exprs.push(Expr::Match(xt_match::conntrack(*conntrack))),
        Match::Connmark(mark) => exprs.push(Expr::Match(xt_match::connmark(*mark))),
        Match::Mac(mac) => exprs.push(Expr::Match(xt_match::mac(*mac))),
        Match::Addrtype(addrtype) => exprs.push(Expr::Match(xt_match::addrtype(*addrtype))),
        Match::Nth(nth) => exprs.push(Expr::Match(xt_match::nth(*nth))),
        Match::Random(probability) => exprs.push(Expr::Match(xt_match::random(*probability))),
        Match::Comment(comment) => exprs.push(Expr::Match(xt_match::comment(comment.as_str()))),
        Match::Extension(extension) => exprs.push(Expr::Match(extension.clone())),
        Match::Native(names) => return Err(names.clone()),
    }
    Ok(())
}

fn put_target(family: Family, target: &Target) -> Expr {
    match target {
        Target::Accept => Expr::Verdict(Verdict::Accept),
        Target::Drop => Expr::Verdict(Verdict::Drop),
        Target::Return => Expr::Verdict(Verdict::Return),
        Target::Jump(chain) => Expr::Verdict(Verdict::Jump(chain.clone())),
        Target::Goto(chain) => Expr::Verdict(Verdict::Goto(chain.clone())),
        Target::Reject(with) => Expr::Target(xt_target::reject(*with)),
        Target::Log(log) => Expr::Target(xt_target::log(log)),
        Target::Masquerade(ports, options) => Expr::Target(xt_target::to_ports("MASQUERADE", family, *ports, *options)),
        Target::Redirect(ports, options) => Expr::Target(xt_target::to_ports("REDIRECT", family, *ports, *options)),
        Target::Snat(to, options) => Expr::Target(xt_target::snat(family, *to, *options)),
        Target::Dnat(to, options) => Expr::Target(xt_target::dnat(*to, *options)),
        Target::Mark(mark) => Expr::Target(xt_target::mark(*mark)),
        Target::Connmark(connmark) => Expr::Target(xt_target::connmark(*connmark)),
        Target::Tcpmss(mss) => Expr::Target(xt_target::tcpmss(*mss)),
        Target::Notrack { alias } => Expr::Target(xt_target::notrack(*alias)),
        Target::Extension(extension) => Expr::Target(extension.clone()),
    }
}

/// `NFTA_RULE_COMPAT`: the protocol for the rule's extensions, and flags, of which 2 means that the protocol is
/// inverted (`NFT_RULE_COMPAT_F_INV`, linux/netfilter/nf_tables.h). The kernel does not list it. For a rule that is
/// restored, it is derived from the comparison with the protocol, or, without one that iptables would write, from
/// extensions that require a protocol.
pub(super) fn compat(rule: &Rule) -> (u32, u32) {
    let matches = rule.matches().iter().filter_map(|found| match found {
        Match::Tcp(_) => Some(Proto::TCP),
        Match::Udp(_) => Some(Proto::UDP),
        Match::Icmp(_) => Some(Proto::icmp(rule.chain().table.family)),
        Match::Multiport(_) => Some(Proto::TCP),
        Match::Extension(extension) => asked_for(extension),
        Match::Conntrack(_)
        | Match::Mark(_)
        | Match::Connmark(_)
        | Match::Mac(_)
        | Match::Addrtype(_)
        | Match::Limit(..)
        | Match::Nth(_)
        | Match::Random(_)
        | Match::Comment(_)
        | Match::Native(_) => None,
    });
    let target = match rule.target() {
        Some(Target::Reject(with)) if with.is_tcp_reset() => Some(Proto::TCP),
        Some(Target::Tcpmss(_)) => Some(Proto::TCP),
        Some(Target::Extension(extension)) => asked_for(extension),
        Some(
            Target::Accept
            | Target::Drop
            | Target::Return
            | Target::Jump(_)
            | Target::Goto(_)
            | Target::Reject(_)
            | Target::Log(_)
            | Target::Masquerade(..)
            | Target::Redirect(..)
            | Target::Snat(..)
            | Target::Dnat(..)
            | Target::Mark(_)
            | Target::Connmark(_)
            | Target::Notrack { .. },
        )
        | None => None,
    };
    match rule.header().proto {
        Some(proto) => (proto.value.0.into(), if proto.inverted { 2 } else { 0 }),
        None => (matches.chain(target).next().map_or(0, |proto| proto.0.into()), 0),
    }
}

/// The protocol that an extension requires (`.proto` of `struct xt_match` and `struct xt_target`, net/netfilter/xt_*.c,
/// net/ipv4/netfilter, net/ipv6/netfilter).
fn asked_for(extension: &Extension) -> Option<Proto> {
    let number = match extension.name.as_str() {
        "icmp" => 1,
        "tcp" | "tcpmss" | "osf" | "TCPMSS" | "TCPOPTSTRIP" | "SYNPROXY" | "TPROXY" | "multiport" => 6,
        "udp" => 17,
        "dccp" => 33,
        "esp" => 50,
        "ah" => 51,
        "icmp6" => 58,
        "ipcomp" => 108,
        "sctp" => 132,
        "mh" => 135,
        "udplite" => 136,
        _ => return None,
    };
    Some(Proto(number))
}
