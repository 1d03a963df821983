//! The operations that turn one state of a namespace into another: they restore what was lost and remove what was
//! added. They create neither links nor namespaces.

use std::net::IpAddr;

use super::{Addr, FdbRecord, Hardware, Link, NeighRecord, Netns};
use crate::op::{
    Action, AddrOp, AddrSpec, Broadcast, FdbEntry, FdbOp, IfName, LinkFlag, LinkOp, LinkSet, Mac, NeighOp, Neighbour,
    NetnsRef, Op, PolicyOp, PolicyRule, Prefix, Route, RouteKind, RouteOp, RouteProto, TableId,
};

impl Addr {
    /// The address as a specification.
    pub fn spec(&self) -> AddrSpec {
        let Addr {
            local,
            peer,
            broadcast,
            scope,
            label,
            nodad,
            permanent: _,
            tentative: _,
            deprecated: _,
            secondary: _,
            proto,
        } = self;
        AddrSpec {
            local: *local,
            peer: peer.and_then(|peer| Prefix::new(peer, local.len())),
            broadcast: match broadcast {
                Some(IpAddr::V4(addr)) => Some(Broadcast::Address(*addr)),
                Some(IpAddr::V6(_)) | None => None,
            },
            scope: Some(*scope),
            label: label.clone(),
            dad: !nodad,
            proto: *proto,
        }
    }

    /// Whether the kernel creates it by itself on a link: from the hardware address, or on `lo`. A bridge may have an
    /// address that was derived from a former hardware address, which the kernel does not create again.
    fn is_made_by_kernel(&self, link: &Link) -> bool {
        match self.local.addr() {
            IpAddr::V6(addr) => {
                let derived = match link.mac {
                    Hardware::Known(mac) => addr == mac.link_local(),
                    Hardware::Unknown | Hardware::None => addr.octets()[11..13] == [0xff, 0xfe],
                };
                addr.is_loopback() || (addr.is_unicast_link_local() && derived)
            }
            IpAddr::V4(_) => false,
        }
    }
}

impl Netns {
    /// The same namespace with a link renamed.
    pub fn renamed(mut self, from: &IfName, to: &IfName) -> Netns {
        let rename = |name: &mut IfName| {
            if name == from {
                name.clone_from(to);
            }
        };
        for link in &mut self.links {
            rename(&mut link.name);
            link.master.iter_mut().for_each(rename);
        }
        let hops = self.routes.iter_mut().flat_map(|route| &mut route.nexthops);
        hops.filter_map(|hop| hop.dev.as_mut()).for_each(rename);
        self.neighbours.iter_mut().for_each(|record| rename(&mut record.dev));
        for record in &mut self.fdb {
            rename(&mut record.dev);
            record.master.iter_mut().for_each(rename);
        }
        self
    }
}

/// A phase of restoring. Each phase relies on those before it, and its operations are computed from the state at that
/// time: what a link loses when it goes down need not be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Settings of links.
    Links,
    /// Addresses.
    Addrs,
    /// Routes.
    Routes,
    /// Routing rules, neighbours and forwarding entries.
    Others,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 4] = [Phase::Links, Phase::Addrs, Phase::Routes, Phase::Others];
}

/// The operations of a phase that turn a namespace's state from `now` into `wanted`, for links that exist. Objects that
/// the kernel creates by itself are left to it.
pub fn steps(phase: Phase, netns: &NetnsRef, now: &Netns, wanted: &Netns) -> Vec<Op> {
    let pairs: Vec<(&Link, &Link)> = wanted
        .links
        .iter()
        .filter_map(|wanted| Some((now.links.iter().find(|now| now.name == wanted.name)?, wanted)))
        .collect();
    let is_there = |name: &IfName| pairs.iter().any(|(now, _)| now.name == *name);
    let actions: Vec<Action> = match phase {
        Phase::Links => pairs.iter().flat_map(|(now, wanted)| settings(now, wanted)).map(Action::from).collect(),
        Phase::Addrs => pairs.iter().flat_map(|(now, wanted)| addrs(now, wanted)).map(Action::from).collect(),
        Phase::Routes => routes(now, wanted, is_there).into_iter().map(Action::from).collect(),
        Phase::Others => {
            // The kernel would not create it again for another VRF.
            let stays = |rule: &PolicyRule| rule.is_vrf();
            let surplus = now.policy.iter().filter(|rule| !wanted.policy.contains(rule) && !stays(rule));
            let missing = wanted.policy.iter().filter(|rule| !now.policy.contains(rule));
            let mut actions: Vec<Action> = surplus.map(|rule| PolicyOp::Del(rule.clone().into()).into()).collect();
            actions.extend(missing.map(|rule| Action::from(PolicyOp::Add(rule.clone()))));
            actions.extend(neighbours(now, wanted, is_there).into_iter().map(Action::from));
            actions.extend(forwards(now, wanted, is_there).into_iter().map(Action::from));
            actions
        }
    };
    actions.into_iter().map(|action| Op::new(netns.clone(), action)).collect()
}

/// The settings of a link; whether it is up comes last.
fn settings(now: &Link, wanted: &Link) -> Vec<LinkOp> {
    let mut sets = Vec::new();
    if now.master != wanted.master {
        sets.push(LinkSet::Master(wanted.master.clone()));
    }
    if now.mtu != wanted.mtu {
        sets.push(LinkSet::Mtu(wanted.mtu));
    }
    if let (Hardware::Known(mac), true) =
        (wanted.mac, now.mac != wanted.mac && wanted.mac != Hardware::Known(Mac([0; 6])))
    {
        sets.push(LinkSet::Mac(mac));
    }
    if now.alias != wanted.alias {
        sets.push(LinkSet::Alias(wanted.alias.clone().unwrap_or_default()));
    }
    let flags = [(LinkFlag::Arp, now.arp, wanted.arp), (LinkFlag::Promisc, now.promisc, wanted.promisc)];
    sets.extend(
        flags.into_iter().filter(|(_, now, wanted)| now != wanted).map(|(flag, _, on)| LinkSet::Flag(flag, on)),
    );
    if wanted.hairpin && (!now.hairpin || now.master != wanted.master) {
        sets.push(LinkSet::Hairpin(true));
    } else if now.hairpin && !wanted.hairpin && now.master == wanted.master {
        sets.push(LinkSet::Hairpin(false));
    }
    if now.up != wanted.up {
        sets.push(LinkSet::Flag(LinkFlag::Up, wanted.up));
    }
    sets.into_iter().map(|set| LinkOp::Set(wanted.name.clone(), set)).collect()
}

/// Addresses have an order, in which they were added: addresses after a missing one are removed and added again after
/// it. IPv6 lists the newest first.
fn addrs(now: &Link, wanted: &Link) -> Vec<AddrOp> {
    let mut ops = Vec::new();
    for v4 in [true, false] {
        let of = |link: &Link| -> Vec<AddrSpec> {
            let kept = |addr: &&Addr| addr.local.addr().is_ipv4() == v4 && !addr.is_made_by_kernel(link);
            link.addrs.iter().filter(kept).map(Addr::spec).collect()
        };
        let (mut have, mut want) = (of(now), of(wanted));
        if have == want {
            continue;
        }
        if !v4 {
            have.reverse();
            want.reverse();
        }
        let same = have.iter().zip(&want).take_while(|(have, want)| have == want).count();
        // The last first: the first address of a network takes its secondary addresses with it.
        ops.extend(have[same..].iter().rev().map(|spec| AddrOp::Del(now.name.clone(), spec.clone())));
        ops.extend(want[same..].iter().map(|spec| AddrOp::Add(wanted.name.clone(), spec.clone())));
    }
    ops
}

/// Routes that the kernel creates with links and addresses come back with them; others do not. A gateway must be
/// reachable before a route through it is added.
fn routes(now: &Netns, wanted: &Netns, is_there: impl Fn(&IfName) -> bool) -> Vec<RouteOp> {
    let of_kernel = |route: &Route| route.proto == Some(RouteProto::KERNEL);
    let near = |route: &Route| match route.dst.addr() {
        IpAddr::V6(addr) => addr.is_unicast_link_local() || addr.is_multicast(),
        IpAddr::V4(_) => false,
    };
    // A route of the kernel is removed only if somebody had removed it.
    let surplus = |route: &&Route| {
        let own =
            of_kernel(route) && (near(route) || route.table == TableId::LOCAL || route.kind != RouteKind::Unicast);
        !own && !wanted.routes.contains(route)
    };
    let mut missing: Vec<&Route> = wanted
        .routes
        .iter()
        .filter(|route| !now.routes.contains(route) && !of_kernel(route))
        .filter(|route| route.nexthops.iter().filter_map(|hop| hop.dev.as_ref()).all(&is_there))
        .collect();
    missing.sort_by_key(|route| {
        let gateway = route.nexthops.iter().any(|hop| hop.via.is_some());
        (gateway, route.table != TableId::LOCAL, route.kind != RouteKind::Local)
    });
    let mut ops: Vec<RouteOp> = now.routes.iter().filter(surplus).cloned().map(RouteOp::Del).collect();
    ops.extend(missing.into_iter().cloned().map(RouteOp::Add));
    ops
}

fn neighbours(now: &Netns, wanted: &Netns, is_there: impl Fn(&IfName) -> bool) -> Vec<NeighOp> {
    let set = |records: &[NeighRecord]| -> Vec<Neighbour> {
        let permanent = records.iter().filter(|record| record.state == "permanent");
        permanent.filter_map(|r| Some(Neighbour { dst: r.dst, mac: r.mac?, dev: r.dev.clone() })).collect()
    };
    let (have, want) = (set(&now.neighbours), set(&wanted.neighbours));
    let same = |a: &Neighbour, b: &Neighbour| (a.dst, &a.dev) == (b.dst, &b.dev);
    let surplus = have.iter().filter(|have| !want.iter().any(|want| same(have, want)));
    let mut ops: Vec<NeighOp> = surplus.map(|gone| NeighOp::Del(gone.dst, gone.dev.clone())).collect();
    let missing = want.iter().filter(|want| !have.contains(want) && is_there(&want.dev));
    ops.extend(missing.cloned().map(NeighOp::Replace));
    ops
}

fn forwards(now: &Netns, wanted: &Netns, is_there: impl Fn(&IfName) -> bool) -> Vec<FdbOp> {
    let set = |contents: &Netns| -> Vec<FdbEntry> {
        let own = |mac: Mac| contents.links.iter().any(|link| link.mac == Hardware::Known(mac));
        let kept = contents.fdb.iter().filter(|record| {
            let FdbRecord { mac, dev: _, master, dst, state } = record;
            let group = mac.0[0] & 1 == 1 && master.is_none();
            let zero = mac.0 == [0; 6];
            matches!(state.as_str(), "permanent" | "static") && (dst.is_some() || !(group || zero || own(*mac)))
        });
        kept.map(|r| FdbEntry { mac: r.mac, dev: r.dev.clone(), dst: r.dst, master: r.master.is_some() }).collect()
    };
    let (have, want) = (set(now), set(wanted));
    let mut ops: Vec<FdbOp> = have.iter().filter(|entry| !want.contains(entry)).cloned().map(FdbOp::Del).collect();
    let missing = want.into_iter().filter(|entry| !have.contains(entry) && is_there(&entry.dev));
    ops.extend(missing.map(FdbOp::Append));
    ops
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::op::Scope;
    use crate::state::{LinkType, OperState};

    fn dummy(mac: &str, addr: Option<&str>) -> Link {
        let addr = addr.map(|addr| Addr {
            local: Prefix::parse(addr).unwrap(),
            peer: None,
            broadcast: None,
            scope: Scope::Link,
            label: None,
            nodad: false,
            permanent: true,
            tentative: false,
            deprecated: false,
            secondary: false,
            proto: None,
        });
        Link {
            name: IfName::parse("d0").unwrap(),
            index: Some(2),
            kind: LinkType::Dummy,
            mac: Hardware::Known(Mac::parse(mac).unwrap()),
            mtu: 1500,
            up: true,
            carrier: true,
            arp: true,
            promisc: false,
            state: OperState::Unknown,
            alias: None,
            master: None,
            hairpin: false,
            addrs: addr.into_iter().collect(),
            unknown_addr: false,
        }
    }

    /// The kernel creates a link-local address again only if it is derived from the present hardware address.
    #[test]
    fn a_link_local_address_of_a_former_hardware_address_is_restored() {
        let mac = "02:00:00:00:00:01";
        let missing = |addr| addrs(&dummy(mac, None), &dummy(mac, Some(addr))).len();
        assert_eq!(missing("fe80::ff:fe00:1/64"), 0);
        assert_eq!(missing("fe80::ff:fe00:2/64"), 1);
        assert_eq!(missing("fd00::ff:fe00:1/64"), 1);
    }
}
