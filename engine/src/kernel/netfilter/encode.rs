//! Rules into the expressions that iptables 1.8.9 writes for them.

use std::net::IpAddr;

use super::expr::{Base, Compare, Expr, MetaKey, Verdict};
use super::{xt_match, xt_target};
use crate::op::netfilter::{
    Header, IfPattern, Inv, Masked, Match, PortRange, Rule, Target, TcpFlags, TcpMatch, UdpMatch,
};
use crate::op::{Family, Prefix};

/// What `-i ! +`, no link at all, is compared with (nft-shared.c of iptables).
pub(super) const NO_LINK: &[u8] = b"INVAL/D\0";

/// A rule's expressions, or the name of something read from the kernel that cannot be written back.
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

/// Where source and destination address stand in the header.
pub(super) fn address_offsets(family: Family) -> (u32, u32) {
    match family {
        Family::V4 => (12, 16),
        Family::V6 => (8, 24),
    }
}

/// Where an IPv4 header has its fragment offset, and the bits of it that are not flags.
pub(super) const FRAGMENT_OFFSET: u32 = 6;
pub(super) const FRAGMENT_MASK: [u8; 2] = [0x1f, 0xff];

fn link_name(exprs: &mut Vec<Expr>, key: MetaKey, link: &Inv<IfPattern>) {
    exprs.push(Expr::Meta(key));
    let bytes = match &link.value {
        IfPattern::Name(name) => [name.as_str().as_bytes(), b"\0"].concat(),
        IfPattern::Prefix(prefix) if prefix.is_empty() && link.inverted => {
            return exprs.push(Expr::Cmp(Compare::Eq, NO_LINK.to_vec()));
        }
        IfPattern::Prefix(prefix) if prefix.is_empty() => return,
        IfPattern::Prefix(prefix) => prefix.as_bytes().to_vec(),
    };
    exprs.push(Expr::Cmp(Compare::equal(link.inverted), bytes));
}

/// A prefix of whole bytes is compared as that many bytes, others as a masked address.
fn address(exprs: &mut Vec<Expr>, offset: u32, addr: &Inv<Prefix>) {
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
        Match::Tcp(TcpMatch { sport: None, dport: None, flags: None }) => exprs.push(Expr::Match(xt_match::tcp_all())),
        Match::Udp(UdpMatch { sport: None, dport: None }) => exprs.push(Expr::Match(xt_match::udp_all())),
        Match::Tcp(tcp) => {
            if let Some(flags) = tcp.flags {
                tcp_flags(exprs, flags);
            }
            ports(exprs, tcp.sport, tcp.dport);
        }
        Match::Udp(udp) => ports(exprs, udp.sport, udp.dport),
        Match::Mark(mark) => meta_mark(exprs, mark),
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

/// Byte of a TCP header that holds the flags.
pub(super) const TCP_FLAGS_OFFSET: u32 = 13;

fn tcp_flags(exprs: &mut Vec<Expr>, flags: Inv<TcpFlags>) {
    exprs.push(Expr::Payload(Base::Transport, TCP_FLAGS_OFFSET, 1));
    exprs.push(Expr::Mask(vec![flags.value.mask.0]));
    exprs.push(Expr::Cmp(Compare::equal(flags.inverted), vec![flags.value.set.0]));
}

/// Two plain ports other than 0 are one comparison; else the source port comes first.
fn ports(exprs: &mut Vec<Expr>, sport: Option<Inv<PortRange>>, dport: Option<Inv<PortRange>>) {
    let plain = |port: Option<Inv<PortRange>>| {
        port.filter(|port| !port.inverted && port.value.is_one() && port.value.min() != 0).map(|port| port.value.min())
    };
    if let (Some(sport), Some(dport)) = (plain(sport), plain(dport)) {
        exprs.push(Expr::Payload(Base::Transport, 0, 4));
        exprs.push(Expr::Cmp(Compare::Eq, [sport.to_be_bytes(), dport.to_be_bytes()].concat()));
        return;
    }
    for (offset, port) in [(0, sport), (2, dport)] {
        if let Some(port) = port {
            exprs.push(Expr::Payload(Base::Transport, offset, 2));
            exprs.push(port_comparison(port));
        }
    }
}

fn port_comparison(port: Inv<PortRange>) -> Expr {
    let (min, max) = (port.value.min().to_be_bytes().to_vec(), port.value.max().to_be_bytes().to_vec());
    match (port.value.is_one(), port.value.min()) {
        (true, _) => Expr::Cmp(Compare::equal(port.inverted), min),
        (false, 0) if port.inverted => Expr::Cmp(Compare::Gt, max),
        (false, 0) => Expr::Cmp(Compare::Le, max),
        (false, _) => Expr::Range(port.inverted, min, max),
    }
}

/// Marks are numbers of the machine's own byte order.
fn meta_mark(exprs: &mut Vec<Expr>, mark: &Inv<Masked>) {
    exprs.push(Expr::Meta(MetaKey::Mark));
    if mark.value.mask != u32::MAX {
        exprs.push(Expr::Mask(mark.value.mask.to_ne_bytes().to_vec()));
    }
    exprs.push(Expr::Cmp(Compare::equal(mark.inverted), mark.value.value.to_ne_bytes().to_vec()));
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

/// `NFTA_RULE_COMPAT`: the protocol that the rule's extensions are told, and flags, of which 2 says
/// that the protocol is inverted (`NFT_RULE_COMPAT_F_INV`, linux/netfilter/nf_tables.h).
pub(super) fn compat(rule: &Rule) -> (u32, u32) {
    match rule.header().proto {
        None => (0, 0),
        Some(proto) => (proto.value.0.into(), if proto.inverted { 2 } else { 0 }),
    }
}
