//! Inverses of operations on addresses.

use std::net::IpAddr;

use super::{contents, guard, step};
use crate::journal::{NamedOp, Place, Undo};
use crate::site::Site;
use crate::{Outcome, link as links};
use netscript_net::op::{AddrOp, AddrSpec, IfName, NetnsRef, Op, Prefix};
use netscript_net::state::{Addr, Link};

pub(super) fn inverse(site: &mut Site, whole: &Op, netns: &NetnsRef, op: &AddrOp) -> Outcome<Vec<Undo>> {
    let (AddrOp::Add(name, spec) | AddrOp::Del(name, spec)) = op;
    if guard::goes_with_link(site, netns, name) {
        return Ok(Vec::new());
    }
    let Some(link) = links::find(&mut site.network.namespaces, netns, name)? else { return Ok(Vec::new()) };
    let place = site.network.namespaces.place(netns)?;
    let has = link.addrs.iter().any(|addr| is_same(addr, spec));
    match op {
        AddrOp::Add(..) if has => Ok(Vec::new()),
        AddrOp::Add(..) => {
            // Renaming the link changes the label, which does not distinguish addresses.
            let made = AddrSpec { label: None, ..spec.clone() };
            Ok(vec![step::by_index(&place, &link, AddrOp::Del(name.clone(), made))])
        }
        AddrOp::Del(..) if !has => Ok(Vec::new()),
        // Other addresses of the network, and routes, are removed with an address.
        AddrOp::Del(..) => {
            let removes = |op: &NamedOp, on: &[(IfName, u32)]| match op {
                NamedOp::Addr(AddrOp::Del(_, made)) => step::names_link(on, link.index) && made.local == spec.local,
                _ => false,
            };
            let what = || format!("the address {} of `{name}` in {netns}", spec.local);
            guard::check_step(site, whole, Some(name), what, removes)?;
            let mut undo = later_addrs(&place, &link, spec);
            undo.extend(contents::of_link(site, &place, &link)?);
            Ok(undo)
        }
    }
}

/// Whether the kernel takes both for the same address. In IPv4, one address can have several peers, in other networks
/// (`__inet_insert_ifa`, `inet_rtm_deladdr`).
fn is_same(addr: &Addr, spec: &AddrSpec) -> bool {
    let peer = spec.peer.map(|peer| peer.addr());
    addr.local == spec.local
        && (addr.local.addr().is_ipv6() || network(addr.local, addr.peer) == network(spec.local, peer))
}

/// The network that an address is in: that of its peer, if it has one.
fn network(local: Prefix, peer: Option<IpAddr>) -> Option<Prefix> {
    Some(Prefix::new(peer.unwrap_or(local.addr()), local.len())?.network())
}

/// The addresses of a network have an order, in which they were added, and the first is the primary one. To restore an
/// address in its place, the addresses after it are removed and added again.
fn later_addrs(place: &Place, link: &Link, gone: &AddrSpec) -> Vec<Undo> {
    let network = network(gone.local, gone.peer.map(|peer| peer.addr()));
    let of_network = link.addrs.iter().filter(|addr| self::network(addr.local, addr.peer) == network);
    let later = of_network.skip_while(|addr| !is_same(addr, gone)).skip(1).filter(|addr| addr.local.addr().is_ipv4());
    later.map(|addr| step::by_index(place, link, AddrOp::Del(link.name.clone(), addr.spec()))).collect()
}
