//! The choice of a source address.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netscript_net::op::{Prefix, Scope};
use netscript_net::state::{Addr, Link, LinkType, Netns};

use crate::lookup::{Known, Unknown};
use crate::read;

/// The links that have an IPv4 address.
pub(crate) fn links_of(netns: &Netns, addr: Ipv4Addr) -> impl Iterator<Item = &Link> {
    netns.links.iter().filter(move |link| link.addrs.iter().any(|own| own.local.addr() == IpAddr::V4(addr)))
}

/// `inet_select_addr`: an address of the link, if possible in the network of `gateway`; without one, an address of
/// another link. `scope` is how far it must reach.
pub(crate) fn select4(netns: &Netns, link: &Link, gateway: Option<Ipv4Addr>, scope: Scope) -> Known<Option<Ipv4Addr>> {
    let own = |largest: Scope| {
        let fits = move |addr: &&Addr| addr.scope.number().min(largest.number()) <= scope.number();
        let near =
            gateway.and_then(|gateway| addrs4(link).filter(fits).find(|addr| network4(addr).contains(gateway.into())));
        near.or_else(|| addrs4(link).find(fits))
    };
    let (on, off) = (own(Scope::Link), own(Scope::Host));
    let found = match read::routes_localnet(netns, &link.name) {
        Some(true) => on,
        Some(false) => off,
        None if on == off => off,
        None => {
            return Err(Unknown::new(format!("the source address: it depends on route_localnet of `{}`", link.name)));
        }
    };
    if let Some(addr) = found {
        return Ok(v4(addr));
    }
    // in_dev_select_addr
    let fits = |addr: &&Addr| addr.scope != Scope::Link && addr.scope.number() <= scope.number();
    let others = netns.links.iter().filter(|other| !is_in_vrf(netns, other));
    let mut candidates = others.filter_map(|other| addrs4(other).find(fits));
    let first = candidates.next();
    match (first, candidates.next()) {
        (Some(_), Some(_)) => Err(Unknown::new(format!(
            "the source address: `{}` has none, and the kernel takes one of several other links",
            link.name
        ))),
        (first, _) => Ok(first.and_then(v4)),
    }
}

/// The primary IPv4 addresses of a link.
fn addrs4(link: &Link) -> impl Iterator<Item = &Addr> {
    link.addrs.iter().filter(|addr| addr.local.addr().is_ipv4() && !addr.secondary)
}

/// The network of an address, which is that of its peer if it has one (`ifa_address`).
fn network4(addr: &Addr) -> Prefix {
    addr.peer.and_then(|peer| Prefix::new(peer, addr.local.len())).unwrap_or(addr.local)
}

fn v4(addr: &Addr) -> Option<Ipv4Addr> {
    match addr.local.addr() {
        IpAddr::V4(addr) => Some(addr),
        IpAddr::V6(_) => None,
    }
}

/// Whether a link belongs to a VRF, or is one.
fn is_in_vrf(netns: &Netns, link: &Link) -> bool {
    let is_vrf = |link: &Link| matches!(link.kind, LinkType::Vrf(_));
    let master = || link.master.as_ref().and_then(|master| netns.link(master));
    is_vrf(link) || master().is_some_and(is_vrf)
}

/// An address that packets may come from.
struct Candidate<'a> {
    addr: Ipv6Addr,
    /// The address is not known: the kernel derives it from a hardware address.
    unknown: bool,
    /// It may be deprecated or temporary.
    dynamic: bool,
    len: u8,
    link: &'a Link,
}

/// Ranks candidates (RFC 6724, section 5, in the order of `ipv6_get_saddr_eval`): the greatest wins.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    same: bool,
    scope: i16,
    on_link: bool,
    same_label: bool,
    common: u8,
}

/// `ipv6_dev_get_saddr`: the source address of packets over a link. The kernel's table of labels is taken to be its
/// default.
pub(crate) fn select6(netns: &Netns, link: &Link, dst: Ipv6Addr) -> Known<Option<Ipv6Addr>> {
    if dst.is_multicast() || scope6(dst) <= LINK_LOCAL {
        return select6_among(netns, link, dst, true);
    }
    match read::uses_own_addrs_only(netns, &link.name) {
        Some(only_own) => select6_among(netns, link, dst, only_own),
        None => {
            let all = select6_among(netns, link, dst, false)?;
            match all == select6_among(netns, link, dst, true)? {
                true => Ok(all),
                false => Err(Unknown::new(format!(
                    "the source address: it depends on use_oif_addrs_only of `{}`",
                    link.name
                ))),
            }
        }
    }
}

/// The same, among the addresses of the link or of all links.
fn select6_among(netns: &Netns, link: &Link, dst: Ipv6Addr, only_own: bool) -> Known<Option<Ipv6Addr>> {
    let links = netns.links.iter().filter(|other| match only_own {
        true => other.name == link.name,
        false => other.name == link.name || !is_in_vrf(netns, other),
    });
    let candidates: Vec<Candidate> = links.flat_map(candidates).collect();
    let rank = |candidate: &Candidate| rank(candidate, dst, candidate.link.name == link.name);
    let Some(best) = candidates.iter().map(rank).max() else { return Ok(None) };
    let mut winners = candidates.iter().filter(|candidate| rank(candidate) == best);
    let Some(winner) = winners.next() else { return Ok(None) };
    if winner.unknown {
        return Err(Unknown::new(format!("the fe80 address of `{}`, which the kernel makes", winner.link.name)));
    }
    if candidates.iter().any(|candidate| candidate.dynamic) && candidates.len() > 1 {
        return Err(Unknown::new("the source address: one of several is deprecated or has a limited lifetime"));
    }
    if winners.any(|other| other.link.name != winner.link.name) {
        return Err(Unknown::new("the source address: several links have one that fits equally"));
    }
    Ok(Some(winner.addr))
}

fn candidates(link: &Link) -> impl Iterator<Item = Candidate<'_>> {
    let known = link.addrs.iter().filter(|addr| !addr.tentative).filter_map(move |addr| match addr.local.addr() {
        IpAddr::V6(own) => Some(Candidate {
            addr: own,
            unknown: false,
            dynamic: !addr.permanent || addr.deprecated,
            len: addr.local.len(),
            link,
        }),
        IpAddr::V4(_) => None,
    });
    let derived = Candidate { addr: DERIVED, unknown: true, dynamic: false, len: 64, link };
    known.chain(Some(derived).filter(|_| link.unknown_addr))
}

/// Stands for a link-local address that is not known.
const DERIVED: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);

/// `IPV6_ADDR_SCOPE_LINKLOCAL`, include/net/ipv6.h
const LINK_LOCAL: i16 = 2;

fn rank(candidate: &Candidate, dst: Ipv6Addr, on_link: bool) -> Rank {
    let (scope, wanted) = (scope6(candidate.addr), scope6(dst));
    Rank {
        same: candidate.addr == dst && !candidate.unknown,
        scope: if scope >= wanted { -scope } else { scope - 128 },
        on_link,
        same_label: label(candidate.addr) == label(dst),
        common: common_bits(candidate.addr, dst).min(candidate.len),
    }
}

/// `__ipv6_addr_src_scope`
fn scope6(addr: Ipv6Addr) -> i16 {
    const INVALID: i16 = -1;
    const SITE_LOCAL: i16 = 5;
    const GLOBAL: i16 = 14;
    let [first, second, ..] = addr.octets();
    match addr {
        _ if addr.is_unspecified() => INVALID,
        _ if addr.is_multicast() => i16::from(second & 0xf),
        _ if addr.is_unicast_link_local() || addr.is_loopback() => LINK_LOCAL,
        _ if first == 0xfe && second & 0xc0 == 0xc0 => SITE_LOCAL,
        _ => GLOBAL,
    }
}

fn common_bits(a: Ipv6Addr, b: Ipv6Addr) -> u8 {
    u8::try_from((a.to_bits() ^ b.to_bits()).leading_zeros()).unwrap_or(u8::MAX)
}

/// The label of an address in the kernel's default table (`ip6addrlbl_init_table`, net/ipv6/addrlabel.c): that of the
/// longest matching prefix.
fn label(addr: Ipv6Addr) -> u8 {
    const TABLE: [(Ipv6Addr, u8, u8); 8] = [
        (Ipv6Addr::UNSPECIFIED, 0, 1),
        (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, 5),
        (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 2),
        (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, 6),
        (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28, 7),
        (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 4),
        (Ipv6Addr::UNSPECIFIED, 96, 3),
        (Ipv6Addr::LOCALHOST, 128, 0),
    ];
    let fitting = TABLE.iter().filter(|(prefix, len, _)| common_bits(*prefix, addr) >= *len);
    fitting.min_by_key(|(_, len, _)| Reverse(*len)).map_or(1, |(.., label)| *label)
}
