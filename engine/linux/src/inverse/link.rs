//! Inverses of operations on links.

use super::{contents, guard, step, sysctl};
use crate::journal::{Place, Undo};
use crate::listed::Listed;
use crate::site::Site;
use crate::{Outcome, Rejection, fdb, link as links};
use netscript_net::error::Error;
use netscript_net::op::{
    AddrOp, AddrSpec, FdbEntry, FdbOp, IfName, LinkAt, LinkFlag, LinkOp, LinkSet, LinkSpec, Mac, NetnsRef, Op, Prefix,
};
use netscript_net::state::{FdbRecord, Link, LinkType, Master};

/// The smallest MTU with which a link has IPv6 (`IPV6_MIN_MTU`, linux/ipv6.h).
const IPV6_MIN_MTU: u32 = 1280;

pub(super) fn inverse(site: &mut Site, op: &Op, netns: &NetnsRef, link: &LinkOp) -> Outcome<Vec<Undo>> {
    match link {
        LinkOp::Add(name, kind) => inverse_of_link_add(site, netns, name, kind),
        LinkOp::Set(name, LinkSet::Netns(to)) if guard::goes_with_link(site, netns, name) => {
            inverse_of_own_move(site, netns, name, to)
        }
        LinkOp::Set(name, set) if guard::goes_with_link(site, netns, name) => {
            inverse_of_own_set(site, netns, name, set)
        }
        LinkOp::Del(name) if guard::goes_with_link(site, netns, name) => Ok(Vec::new()),
        LinkOp::Set(name, set) => match look(site, netns, name)? {
            Some(link) => inverse_of_set(site, op, netns, &link, set),
            None => Ok(Vec::new()),
        },
        LinkOp::Del(name) => match look(site, netns, name)? {
            Some(link) => inverse_of_link_del(site, op, netns, &link),
            None => Ok(Vec::new()),
        },
    }
}

fn look(site: &mut Site, netns: &NetnsRef, name: &IfName) -> Outcome<Option<Link>> {
    links::find(&mut site.network.namespaces, netns, name)
}

/// An inverse for each end of a pair that does not vanish with a namespace of the lab.
fn inverse_of_link_add(site: &mut Site, netns: &NetnsRef, name: &IfName, kind: &LinkSpec) -> Outcome<Vec<Undo>> {
    let index = site.network.namespaces.upcoming_index();
    let mut ends = vec![(netns, name, index)];
    ends.extend(kind.peer(netns).map(|peer| (peer.netns, peer.name, index + 1)));
    let mut undo = Vec::new();
    for (netns, name, index) in ends {
        if guard::goes_with_netns(site, netns) {
            continue;
        }
        match site.network.namespaces.place(netns) {
            Ok(place) => undo.push(Undo::Link { place, index, name: name.clone() }),
            Err(rejection) if rejection.missing.is_some() => return Ok(Vec::new()),
            Err(rejection) => return Err(rejection),
        }
    }
    Ok(undo)
}

/// A link of the lab leaves the lab's namespaces, or moves between namespaces of others.
fn inverse_of_own_move(site: &mut Site, netns: &NetnsRef, name: &IfName, to: &NetnsRef) -> Outcome<Vec<Undo>> {
    if site.store.own.has_netns(to) {
        return Ok(Vec::new());
    }
    let index = match site.store.own.index(netns, name) {
        Some(index) => index,
        None => match links::index(&mut site.network.namespaces, netns, name) {
            Ok(index) => links::index_after_move(&site.network.namespaces, index),
            Err(_) => return Ok(Vec::new()),
        },
    };
    let Ok(place) = site.network.namespaces.place(to) else { return Ok(Vec::new()) };
    Ok(vec![Undo::Link { place, index, name: name.clone() }])
}

/// A change of a link of the lab vanishes with the link, except for its effects on a bridge of others.
fn inverse_of_own_set(site: &mut Site, netns: &NetnsRef, name: &IfName, set: &LinkSet) -> Outcome<Vec<Undo>> {
    if guard::goes_with_netns(site, netns) {
        return Ok(Vec::new());
    }
    let bridge = match set {
        LinkSet::Master(Some(bridge)) if !guard::goes_with_link(site, netns, bridge) => Some(bridge),
        LinkSet::Mac(_) => None,
        LinkSet::Master(_)
        | LinkSet::Flag(..)
        | LinkSet::Name(_)
        | LinkSet::Mtu(_)
        | LinkSet::Alias(_)
        | LinkSet::Hairpin(_)
        | LinkSet::Netns(_) => return Ok(Vec::new()),
    };
    let Some(link) = look(site, netns, name)? else { return Ok(Vec::new()) };
    let mac = if let LinkSet::Mac(mac) = set { Some(*mac) } else { link.mac.known() };
    let place = site.network.namespaces.place(netns)?;
    made_of_port(site, &place, bridge.or(link.master.as_ref()), mac)
}

fn inverse_of_set(site: &mut Site, op: &Op, netns: &NetnsRef, link: &Link, set: &LinkSet) -> Outcome<Vec<Undo>> {
    let place = site.network.namespaces.place(netns)?;
    let name = &link.name;
    let back = |set: LinkSet| LinkOp::Set(name.clone(), set);
    match set {
        LinkSet::Flag(LinkFlag::Up, on) if link.up == *on => Ok(Vec::new()),
        LinkSet::Flag(LinkFlag::Up, on) => {
            let mut undo: Vec<Undo> =
                loopback_addr(link).map(|addr| step::by_index(&place, link, addr)).into_iter().collect();
            undo.extend(step::by_names(site, &place, &[name], back(LinkSet::Flag(LinkFlag::Up, !on)))?);
            undo.extend(contents::of_link(site, &place, link)?);
            Ok(undo)
        }
        LinkSet::Flag(LinkFlag::Arp, _) => {
            let mut undo = step::by_names(site, &place, &[name], back(LinkSet::Flag(LinkFlag::Arp, link.arp)))?;
            undo.extend(contents::neighbours(site, &place, link)?);
            Ok(undo)
        }
        LinkSet::Flag(LinkFlag::Promisc, _) => {
            step::by_names(site, &place, &[name], back(LinkSet::Flag(LinkFlag::Promisc, link.promisc)))
        }
        LinkSet::Master(master) => {
            let mut undo = membership(site, &place, link)?;
            undo.extend(forwarding_of_bridge(site, &place, link)?);
            for master in link.master.iter().chain(master) {
                if look(site, netns, master)?.is_some_and(|master| flushes(&master)) {
                    undo.extend(contents::of_link(site, &place, link)?);
                }
            }
            undo.extend(made_of_port(site, &place, master.as_ref(), link.mac.known())?);
            Ok(undo)
        }
        LinkSet::Name(to) => {
            let index = link.index.unwrap_or(0);
            let op = LinkOp::Set(to.clone(), LinkSet::Name(name.clone())).into();
            let mut undo = vec![Undo::Do { place: place.clone(), links: vec![(to.clone(), index)], op, message: None }];
            // All labels except the first are numbered (`inetdev_changename`).
            let labelled = link.addrs.iter().filter(|addr| addr.local.addr().is_ipv4()).skip(1);
            let labelled: Vec<AddrOp> = labelled.map(|addr| AddrOp::Del(name.clone(), addr.spec())).collect();
            if !labelled.is_empty() {
                undo.extend(labelled.into_iter().map(|del| step::by_index(&place, link, del)));
                undo.extend(contents::of_link(site, &place, link)?);
            }
            Ok(undo)
        }
        LinkSet::Mac(wrote) => {
            // The kernel rejects the address of zeros, which `lo` has (`eth_prepare_mac_addr_change`).
            let Some(mac) = link.mac.known().filter(|mac| *mac != Mac([0; 6])) else {
                let note = "which cannot be restored when the lab is taken down";
                guard::check(site, op, vec![format!("the hardware address of `{name}` in {netns}, {note}")])?;
                return Ok(Vec::new());
            };
            let mut undo = step::by_names(site, &place, &[name], back(LinkSet::Mac(mac)))?;
            undo.extend(contents::made_of(*wrote, link).map(|addr| step::by_index(&place, link, addr)));
            undo.extend(made_of_port(site, &place, link.master.as_ref(), Some(*wrote))?);
            undo.extend(contents::neighbours(site, &place, link)?);
            Ok(undo)
        }
        LinkSet::Mtu(mtu) => {
            let mut undo = step::by_names(site, &place, &[name], back(LinkSet::Mtu(link.mtu)))?;
            if *mtu < IPV6_MIN_MTU {
                undo.extend(sysctl::settings_of_link(site, &place, name)?);
                undo.extend(contents::of_link(site, &place, link)?);
            }
            Ok(undo)
        }
        LinkSet::Alias(_) => {
            step::by_names(site, &place, &[name], back(LinkSet::Alias(link.alias.clone().unwrap_or_default())))
        }
        LinkSet::Hairpin(_) => step::by_names(site, &place, &[name], back(LinkSet::Hairpin(link.hairpin))),
        LinkSet::Netns(to) => inverse_of_move(site, place, link, to),
    }
}

/// Everything that a link loses when it is moved: its bridge, its up state, its addresses, routes and settings.
fn inverse_of_move(site: &mut Site, here: Place, link: &Link, to: &NetnsRef) -> Outcome<Vec<Undo>> {
    let Ok(from) = site.network.namespaces.place(to) else { return Ok(Vec::new()) };
    // A move within a namespace has no effect. Before Linux 6.2, undoing it would fail while the link is up, because its
    // name is sent too.
    if from.key.is_same(here.key) {
        return Ok(Vec::new());
    }
    let former = link.index.unwrap_or(0);
    let index = links::index_after_move(&site.network.namespaces, former);
    // The kernel never moves `lo` and says so (`NETIF_F_NETNS_LOCAL`).
    let movable = link.kind != LinkType::Loopback;
    if movable && index == former && here.netns != *to && links::has_index(&mut site.network.namespaces, to, index)? {
        let error = Error::StuckLink { name: link.name.to_string(), netns: to.to_string(), index };
        return Err(Rejection::from_error(error));
    }
    let mut undo = vec![Undo::Move { from, index, to: here.clone(), former, name: link.name.clone() }];
    undo.extend(sysctl::settings_of_link(site, &here, &link.name)?);
    undo.extend(membership(site, &here, link)?);
    undo.extend(state_of(site, &here, link)?);
    Ok(undo)
}

/// The link's up state, and everything that depends on it.
fn state_of(site: &mut Site, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
    let mut undo = Vec::new();
    if link.up {
        let up = LinkOp::Set(link.name.clone(), LinkSet::Flag(LinkFlag::Up, true));
        undo.push(step::by_index(place, link, up));
    }
    undo.extend(contents::of_link(site, place, link)?);
    undo.extend(forwarding(site, place, link)?);
    Ok(undo)
}

/// The bridge that the link is a port of.
fn membership(site: &mut Site, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
    let set = LinkOp::Set(link.name.clone(), LinkSet::Master(link.master.clone()));
    let mut undo = match &link.master {
        Some(master) => step::by_names(site, place, &[&link.name, master], set)?,
        None => vec![step::by_index(place, link, set)],
    };
    if link.hairpin {
        undo.push(step::by_index(place, link, LinkOp::Set(link.name.clone(), LinkSet::Hairpin(true))));
    }
    Ok(undo)
}

/// The forwarding entries that somebody has set.
fn forwarding(site: &mut Site, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
    entries_of(site, place, link, |_| true)
}

/// Those in the table of the link's bridge, which forgets them when the link leaves it.
fn forwarding_of_bridge(site: &mut Site, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
    entries_of(site, place, link, |record| record.master.is_some())
}

fn entries_of(site: &mut Site, place: &Place, link: &Link, wanted: impl Fn(&FdbRecord) -> bool) -> Outcome<Vec<Undo>> {
    let mut undo = Vec::new();
    for Listed { object: record, message } in fdb::listed_set(&mut site.network.namespaces, &place.netns)? {
        let multicast = record.mac.0[0] & 1 == 1 && record.dst.is_none();
        let made = record.dev == link.name
            && (record.dst.is_some() || record.master.is_some())
            && !multicast
            && Some(record.mac) != link.mac.known();
        if made && wanted(&record) {
            let master = record.master.is_some();
            let entry = FdbEntry { mac: record.mac, dev: record.dev, dst: record.dst, master };
            undo.push(step::restoring_by_index(site, place, link, FdbOp::Append(entry), &message)?);
        }
    }
    Ok(undo)
}

/// Restores a link of others as far as it can be described.
fn inverse_of_link_del(site: &mut Site, op: &Op, netns: &NetnsRef, link: &Link) -> Outcome<Vec<Undo>> {
    let kind = link.kind.made_as();
    if !site.store.own.has_link(netns, &link.name) {
        let note = if kind.is_some() { "" } else { ", which cannot be restored when the lab is taken down" };
        guard::check(site, op, vec![format!("the {} `{}` in {netns}{note}", link.kind.word(), link.name)])?;
    }
    let Some(kind) = kind else { return Ok(Vec::new()) };
    let place = site.network.namespaces.place(netns)?;
    let (peer, far) = match kind.peer(netns) {
        Some(far) => far_end(site, far)?,
        None => (None, None),
    };
    let index = link.index.unwrap_or(0);
    let mut undo = vec![Undo::Make { place: place.clone(), index, name: link.name.clone(), kind, peer }];
    undo.extend(attributes(site, &place, link)?);
    if let Some((place, far)) = &far {
        undo.extend(attributes(site, place, far)?);
    }
    undo.extend(ports(site, &place, link)?);
    undo.extend(state_of(site, &place, link)?);
    if let Some((place, far)) = &far {
        undo.extend(state_of(site, place, far)?);
    }
    Ok(undo)
}

#[allow(clippy::type_complexity, reason = "what the inverse names, and the link itself")]
fn far_end(site: &mut Site, far: LinkAt) -> Outcome<(Option<(Place, u32)>, Option<(Place, Link)>)> {
    let there = far.netns;
    let Some(far) = look(site, there, far.name)? else { return Ok((None, None)) };
    let place = site.network.namespaces.place(there)?;
    Ok((Some((place.clone(), far.index.unwrap_or(0))), Some((place, far))))
}

/// Further settings of a link.
fn attributes(site: &mut Site, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
    let mut sets = vec![LinkSet::Mtu(link.mtu)];
    sets.extend(link.mac.known().map(LinkSet::Mac));
    sets.extend(link.alias.clone().map(LinkSet::Alias));
    sets.extend((!link.arp).then_some(LinkSet::Flag(LinkFlag::Arp, false)));
    sets.extend(link.promisc.then_some(LinkSet::Flag(LinkFlag::Promisc, true)));
    let mut undo: Vec<Undo> =
        sets.into_iter().map(|set| step::by_index(place, link, LinkOp::Set(link.name.clone(), set))).collect();
    undo.extend(sysctl::settings_of_link(site, place, &link.name)?);
    if link.master.is_some() {
        undo.extend(membership(site, place, link)?);
    }
    Ok(undo)
}

/// Whether links lose everything that depends on being up when they join or leave this master.
fn flushes(master: &Link) -> bool {
    match master.kind.master() {
        Some(Master::Vrf) => true,
        Some(Master::Bridge) | None => false,
    }
}

/// The links of this master.
fn ports(site: &mut Site, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
    let all = links::list(&mut site.network.namespaces, &place.netns)?;
    let ports = all.iter().filter(|port| port.master.as_ref() == Some(&link.name));
    let mut undo = Vec::new();
    for port in ports {
        undo.extend(membership(site, place, port)?);
        undo.extend(forwarding_of_bridge(site, place, port)?);
        if flushes(link) {
            undo.extend(contents::of_link(site, place, port)?);
        }
    }
    Ok(undo)
}

/// Removes the address that the kernel adds to `lo` when it comes up (`inetdev_event`).
fn loopback_addr(link: &Link) -> Option<AddrOp> {
    let addr = Prefix::parse("127.0.0.1/8").expect("it is an address");
    let comes = link.kind == LinkType::Loopback && !link.up && !link.addrs.iter().any(|have| have.local == addr);
    comes.then(|| AddrOp::Del(link.name.clone(), AddrSpec::new(addr)))
}

/// Removes the address that a bridge of others may derive from a port's hardware address. A bridge without an address
/// of its own takes the lowest address of its ports (`br_stp_recalculate_bridge_id`), and keeps the `fe80` address that
/// the kernel derived from it when the port leaves.
fn made_of_port(site: &mut Site, place: &Place, bridge: Option<&IfName>, mac: Option<Mac>) -> Outcome<Vec<Undo>> {
    let (Some(name), Some(mac)) = (bridge, mac) else { return Ok(Vec::new()) };
    if guard::goes_with_link(site, &place.netns, name) {
        return Ok(Vec::new());
    }
    let bridge = look(site, &place.netns, name)?.filter(|bridge| bridge.kind.master() == Some(Master::Bridge));
    let addr = bridge.and_then(|bridge| Some(step::by_index(place, &bridge, contents::made_of(mac, &bridge)?)));
    Ok(addr.into_iter().collect())
}
