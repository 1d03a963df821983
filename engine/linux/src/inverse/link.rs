//! Inverses of operations on links.

use crate::journal::{Deed, Place, Undo};
use crate::{Failure, Kernel, Outcome, link as links};
use netscript_net::error::Error;
use netscript_net::op::{
    AddrOp, AddrSpec, FdbEntry, FdbOp, IfName, LinkFlag, LinkOp, LinkSet, LinkSpec, Mac, NeighOp, Neighbour, NetnsRef,
    Op, Prefix, RouteOp, Veth,
};
use netscript_net::state::{Link, LinkType};

/// Below this MTU a link has no IPv6 (`IPV6_MIN_MTU`, linux/ipv6.h).
const IPV6_MIN_MTU: u32 = 1280;

impl Kernel {
    pub(super) fn inverse_of_link(&mut self, op: &Op, netns: &NetnsRef, link: &LinkOp) -> Outcome<Vec<Undo>> {
        match link {
            LinkOp::Add(name, kind) => self.inverse_of_link_add(netns, name, kind),
            LinkOp::Set(name, LinkSet::Netns(to)) if self.goes_with_link(netns, name) => {
                self.inverse_of_own_move(netns, name, to)
            }
            LinkOp::Set(name, _) | LinkOp::Del(name) if self.goes_with_link(netns, name) => Ok(Vec::new()),
            LinkOp::Set(name, set) => match self.look(netns, name)? {
                Some(link) => self.inverse_of_set(op, netns, &link, set),
                None => Ok(Vec::new()),
            },
            LinkOp::Del(name) => match self.look(netns, name)? {
                Some(link) => self.inverse_of_link_del(op, netns, &link),
                None => Ok(Vec::new()),
            },
        }
    }

    fn look(&mut self, netns: &NetnsRef, name: &IfName) -> Outcome<Option<Link>> {
        links::find(&mut self.namespaces, netns, name)
    }

    /// Each end of a pair is written, where it does not go with a namespace of the lab.
    fn inverse_of_link_add(&mut self, netns: &NetnsRef, name: &IfName, kind: &LinkSpec) -> Outcome<Vec<Undo>> {
        let index = self.namespaces.upcoming_index();
        let mut ends = vec![(netns, name, index)];
        if let LinkSpec::Veth(veth) = kind {
            ends.push((veth.netns.as_ref().unwrap_or(netns), &veth.peer, index + 1));
        }
        let mut undo = Vec::new();
        for (netns, name, index) in ends {
            if self.goes_with_netns(netns) {
                continue;
            }
            match self.namespaces.place(netns) {
                Ok(place) => undo.push(Undo::Link { place, index, name: name.clone() }),
                Err(failure) if failure.absent.is_some() => return Ok(Vec::new()),
                Err(failure) => return Err(failure),
            }
        }
        Ok(undo)
    }

    /// One of the lab's links that leaves the lab's namespaces, or goes on among others' ones.
    fn inverse_of_own_move(&mut self, netns: &NetnsRef, name: &IfName, to: &NetnsRef) -> Outcome<Vec<Undo>> {
        if self.own.has_netns(to) {
            return Ok(Vec::new());
        }
        let index = match self.own.index(netns, name) {
            Some(index) => index,
            None => match links::index(&mut self.namespaces, netns, name) {
                Ok(index) => links::index_after_move(&self.namespaces, index),
                Err(_) => return Ok(Vec::new()),
            },
        };
        let Ok(place) = self.namespaces.place(to) else { return Ok(Vec::new()) };
        Ok(vec![Undo::Link { place, index, name: name.clone() }])
    }

    fn inverse_of_set(&mut self, op: &Op, netns: &NetnsRef, link: &Link, set: &LinkSet) -> Outcome<Vec<Undo>> {
        let place = self.namespaces.place(netns)?;
        let name = &link.name;
        let back = |set: LinkSet| LinkOp::Set(name.clone(), set);
        match set {
            LinkSet::Flag(LinkFlag::Up, on) if link.up == *on => Ok(Vec::new()),
            LinkSet::Flag(LinkFlag::Up, on) => {
                let mut undo: Vec<Undo> =
                    loopback_addr(link).map(|addr| by_index(&place, link, addr)).into_iter().collect();
                undo.extend(self.step(&place, &[name], back(LinkSet::Flag(LinkFlag::Up, !on)))?);
                undo.extend(self.contents(&place, link)?);
                Ok(undo)
            }
            LinkSet::Flag(LinkFlag::Arp, _) => {
                let mut undo = self.step(&place, &[name], back(LinkSet::Flag(LinkFlag::Arp, link.arp)))?;
                undo.extend(self.neighbours_of(&place, link)?);
                Ok(undo)
            }
            LinkSet::Flag(LinkFlag::Promisc, _) => {
                self.step(&place, &[name], back(LinkSet::Flag(LinkFlag::Promisc, link.promisc)))
            }
            LinkSet::Master(_) => self.membership(&place, link),
            LinkSet::Name(to) => {
                let index = link.index.unwrap_or(0);
                let deed = LinkOp::Set(to.clone(), LinkSet::Name(name.clone())).into();
                let mut undo = vec![Undo::Do { place: place.clone(), links: vec![(to.clone(), index)], deed }];
                // All labels but the first are numbered (`inetdev_changename`).
                let labelled = link.addrs.iter().filter(|addr| addr.local.addr().is_ipv4()).skip(1);
                let labelled: Vec<AddrOp> = labelled.map(|addr| AddrOp::Del(name.clone(), addr.spec())).collect();
                if !labelled.is_empty() {
                    undo.extend(labelled.into_iter().map(|del| by_index(&place, link, del)));
                    undo.extend(self.contents(&place, link)?);
                }
                Ok(undo)
            }
            LinkSet::Mac(wrote) => {
                // The kernel takes no address of zeroes, which `lo` has (`eth_prepare_mac_addr_change`).
                let Some(mac) = link.mac.known().filter(|mac| *mac != Mac([0; 6])) else {
                    let note = "which the kernel does not take back when the lab is taken down";
                    self.guard(op, vec![format!("the hardware address of `{name}` in {netns}, {note}")])?;
                    return Ok(Vec::new());
                };
                let mut undo = self.step(&place, &[name], back(LinkSet::Mac(mac)))?;
                undo.extend(made_of(*wrote, link).map(|addr| by_index(&place, link, addr)));
                undo.extend(self.neighbours_of(&place, link)?);
                Ok(undo)
            }
            LinkSet::Mtu(mtu) => {
                let mut undo = self.step(&place, &[name], back(LinkSet::Mtu(link.mtu)))?;
                if *mtu < IPV6_MIN_MTU {
                    undo.extend(self.settings_of_link(&place, name)?);
                    undo.extend(self.contents(&place, link)?);
                }
                Ok(undo)
            }
            LinkSet::Alias(_) => {
                self.step(&place, &[name], back(LinkSet::Alias(link.alias.clone().unwrap_or_default())))
            }
            LinkSet::Hairpin(_) => self.step(&place, &[name], back(LinkSet::Hairpin(link.hairpin))),
            LinkSet::Netns(to) => self.inverse_of_move(place, link, to),
        }
    }

    /// What a link loses when it is moved: its bridge, its being up, its addresses, routes and
    /// settings.
    fn inverse_of_move(&mut self, here: Place, link: &Link, to: &NetnsRef) -> Outcome<Vec<Undo>> {
        let Ok(from) = self.namespaces.place(to) else { return Ok(Vec::new()) };
        let former = link.index.unwrap_or(0);
        let index = links::index_after_move(&self.namespaces, former);
        if index == former && here.netns != *to && links::has_index(&mut self.namespaces, to, index)? {
            let error = Error::StuckLink { name: link.name.to_string(), netns: to.to_string(), index };
            return Err(Failure::from_error(error));
        }
        let mut undo = vec![Undo::Move { from, index, to: here.clone(), former, name: link.name.clone() }];
        undo.extend(self.settings_of_link(&here, &link.name)?);
        undo.extend(self.membership(&here, link)?);
        undo.extend(self.state_of(&here, link)?);
        Ok(undo)
    }

    /// Its being up, and what hangs on that.
    fn state_of(&mut self, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
        let mut undo = Vec::new();
        if link.up {
            let up = LinkOp::Set(link.name.clone(), LinkSet::Flag(LinkFlag::Up, true));
            undo.push(by_index(place, link, up));
        }
        undo.extend(self.contents(place, link)?);
        undo.extend(self.forwarding(place, link)?);
        Ok(undo)
    }

    /// The bridge that a link is a port of.
    fn membership(&mut self, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
        let set = LinkOp::Set(link.name.clone(), LinkSet::Master(link.master.clone()));
        let mut undo = match &link.master {
            Some(master) => self.step(place, &[&link.name, master], set)?,
            None => vec![by_index(place, link, set)],
        };
        if link.hairpin {
            undo.push(by_index(place, link, LinkOp::Set(link.name.clone(), LinkSet::Hairpin(true))));
        }
        Ok(undo)
    }

    /// A link's addresses, the routes over it, and its permanent neighbours.
    pub(super) fn contents(&mut self, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
        let mut undo: Vec<Undo> = Vec::new();
        for addr in &link.addrs {
            undo.push(by_index(place, link, AddrOp::Add(link.name.clone(), addr.spec())));
        }
        for route in self.surplus_routes(&place.netns, link)? {
            undo.push(by_index(place, link, RouteOp::Del(route)));
        }
        for route in self.routes_over(&place.netns, &link.name)? {
            undo.push(by_index(place, link, RouteOp::Add(route)));
        }
        undo.extend(self.neighbours_of(place, link)?);
        Ok(undo)
    }

    /// Its permanent neighbours: the kernel forgets them when its hardware address changes, and when
    /// it is to ask for addresses again (`neigh_changeaddr`).
    fn neighbours_of(&mut self, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
        let mut undo = Vec::new();
        for record in crate::neigh::list(&mut self.namespaces, &place.netns)? {
            let (true, true, Some(mac)) = (record.dev == link.name, record.state == "permanent", record.mac) else {
                continue;
            };
            let neighbour = Neighbour { dst: record.dst, mac, dev: record.dev };
            undo.push(by_index(place, link, NeighOp::Replace(neighbour)));
        }
        Ok(undo)
    }

    /// The permanent entries of forwarding tables that somebody made.
    fn forwarding(&mut self, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
        let records = crate::fdb::list(&mut self.namespaces, &place.netns)?;
        let made = records.into_iter().filter(|record| {
            let multicast = record.mac.0[0] & 1 == 1 && record.dst.is_none();
            record.dev == link.name
                && record.state == "permanent"
                && (record.dst.is_some() || record.master.is_some())
                && !multicast
                && Some(record.mac) != link.mac.known()
        });
        let entries = made.map(|record| {
            let master = record.master.is_some();
            let entry = FdbEntry { mac: record.mac, dev: record.dev, dst: record.dst, master };
            by_index(place, link, FdbOp::Append(entry))
        });
        Ok(entries.collect())
    }

    /// Somebody else's link, made again as far as it can be described.
    fn inverse_of_link_del(&mut self, op: &Op, netns: &NetnsRef, link: &Link) -> Outcome<Vec<Undo>> {
        let kind = link.kind.made_as();
        if !self.own.has_link(netns, &link.name) {
            let note = if kind.is_some() { "" } else { ", which cannot be made again when the lab is taken down" };
            self.guard(op, vec![format!("the {} `{}` in {netns}{note}", link.kind.word(), link.name)])?;
        }
        let Some(kind) = kind else { return Ok(Vec::new()) };
        let place = self.namespaces.place(netns)?;
        let (peer, far) = match &kind {
            LinkSpec::Veth(veth) => self.far_end(netns, veth)?,
            LinkSpec::Bridge(_)
            | LinkSpec::Vxlan(_)
            | LinkSpec::Macvlan(..)
            | LinkSpec::Ipvlan(..)
            | LinkSpec::Vlan(_)
            | LinkSpec::Dummy
            | LinkSpec::Tun(_) => (None, None),
        };
        let index = link.index.unwrap_or(0);
        let mut undo = vec![Undo::Make { place: place.clone(), index, name: link.name.clone(), kind, peer }];
        undo.extend(self.attributes(&place, link)?);
        if let Some((place, far)) = &far {
            undo.extend(self.attributes(place, far)?);
        }
        undo.extend(self.ports(&place, link)?);
        undo.extend(self.state_of(&place, link)?);
        if let Some((place, far)) = &far {
            undo.extend(self.state_of(place, far)?);
        }
        Ok(undo)
    }

    #[allow(clippy::type_complexity, reason = "what the inverse names, and the link itself")]
    fn far_end(&mut self, netns: &NetnsRef, veth: &Veth) -> Outcome<(Option<(Place, u32)>, Option<(Place, Link)>)> {
        let there = veth.netns.clone().unwrap_or_else(|| netns.clone());
        let Some(far) = self.look(&there, &veth.peer)? else { return Ok((None, None)) };
        let place = self.namespaces.place(&there)?;
        Ok((Some((place.clone(), far.index.unwrap_or(0))), Some((place, far))))
    }

    /// What else can be set of a link.
    fn attributes(&mut self, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
        let mut sets = vec![LinkSet::Mtu(link.mtu)];
        sets.extend(link.mac.known().map(LinkSet::Mac));
        sets.extend(link.alias.clone().map(LinkSet::Alias));
        sets.extend((!link.arp).then_some(LinkSet::Flag(LinkFlag::Arp, false)));
        sets.extend(link.promisc.then_some(LinkSet::Flag(LinkFlag::Promisc, true)));
        let mut undo: Vec<Undo> =
            sets.into_iter().map(|set| by_index(place, link, LinkOp::Set(link.name.clone(), set))).collect();
        undo.extend(self.settings_of_link(place, &link.name)?);
        if link.master.is_some() {
            undo.extend(self.membership(place, link)?);
        }
        Ok(undo)
    }

    /// The ports of a bridge.
    fn ports(&mut self, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
        let all = links::list(&mut self.namespaces, &place.netns)?;
        let ports = all.iter().filter(|port| port.master.as_ref() == Some(&link.name));
        let mut undo = Vec::new();
        for port in ports {
            undo.extend(self.membership(place, port)?);
        }
        Ok(undo)
    }
}

/// An operation on a link that may not be there until the step before is done.
pub(super) fn by_index(place: &Place, link: &Link, deed: impl Into<Deed>) -> Undo {
    let links = vec![(link.name.clone(), link.index.unwrap_or(0))];
    Undo::Do { place: place.clone(), links, deed: deed.into() }
}

/// Whether one of the links that a step names has this index.
pub(super) fn names_link(named: &[(IfName, u32)], index: Option<u32>) -> bool {
    named.iter().any(|(_, named)| Some(*named) == index)
}

/// The address that the kernel gives to `lo` when it comes up (`inetdev_event`), to be taken away.
fn loopback_addr(link: &Link) -> Option<AddrOp> {
    let addr = Prefix::parse("127.0.0.1/8").expect("it is an address");
    let comes = link.kind == LinkType::Loopback && !link.up && !link.addrs.iter().any(|have| have.local == addr);
    comes.then(|| AddrOp::Del(link.name.clone(), AddrSpec::new(addr)))
}

/// The address that the kernel may make of a hardware address while a link has that, to be taken away.
fn made_of(mac: Mac, link: &Link) -> Option<AddrOp> {
    let addr = Prefix::new(mac.link_local().into(), 64)?;
    let comes = !link.addrs.iter().any(|have| have.local == addr);
    comes.then(|| AddrOp::Del(link.name.clone(), AddrSpec::new(addr)))
}
