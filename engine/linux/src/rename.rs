//! Renames a link. Kernels before 6.2 refuse that while the link is up (`dev_change_name`).

use crate::carry_out::carry_out;
use crate::site::Site;
use crate::{Outcome, Rejection, link, netns};
use netscript_net::error::{Errno, Error};
use netscript_net::op::{AddrOp, AddrSpec, IfName, LinkFlag, LinkOp, LinkSet, NetnsRef, Op};
use netscript_net::state::restore::{self, Phase};
use netscript_net::state::{LinkType, Netns, Peer};

/// `ip link set dev NAME name TO`. If the kernel refuses that, the link goes down for a moment.
pub(crate) fn rename(site: &mut Site, netns: &NetnsRef, name: &IfName, to: &IfName) -> Outcome {
    let rename = LinkOp::Set(name.clone(), LinkSet::Name(to.clone()));
    match link::apply(&mut site.network.namespaces, netns, &rename) {
        Err(rejection) if rejection.errno == Errno::EBUSY => {
            let found = link::find(&mut site.network.namespaces, netns, name)?;
            match found.is_some_and(|link| link.up) {
                true => rename_while_down(site, netns, name, to, &rename),
                false => Err(rejection),
            }
        }
        result => result,
    }
}

/// Brings the link down, renames it, brings it up, and restores everything that depends on being up: IPv6 addresses,
/// routes and neighbours, also of VLANs on the link in any namespace.
fn rename_while_down(site: &mut Site, netns: &NetnsRef, name: &IfName, to: &IfName, rename: &LinkOp) -> Outcome {
    let mut before = vec![(netns.clone(), Netns::read(&mut site.network, netns, &[]).map_err(unread)?)];
    for elsewhere in places_of_vlans(site, netns, name)? {
        let contents = Netns::read(&mut site.network, &elsewhere, &[]).map_err(unread)?;
        before.push((elsewhere, contents));
    }
    let up = |name: &IfName, on| LinkOp::Set(name.clone(), LinkSet::Flag(LinkFlag::Up, on));
    link::apply(&mut site.network.namespaces, netns, &up(name, false))?;
    if let Err(rejection) = link::apply(&mut site.network.namespaces, netns, rename) {
        link::apply(&mut site.network.namespaces, netns, &up(name, true))?;
        put_back(site, &before)?;
        return Err(rejection);
    }
    link::apply(&mut site.network.namespaces, netns, &up(to, true))?;
    // The kernel derives link-local addresses when it processes the carriers.
    for (netns, _) in &before {
        link::settle(site.network.namespaces.route_socket(netns)?)?;
    }
    let here = &mut before[0].1;
    *here = here.clone().renamed(name, to);
    put_back(site, &before)?;
    remove_made(site, &before)
}

/// Removes link-local addresses that the kernel derived when the links came up again and that did not exist before: a
/// bridge may have another hardware address than when it first came up.
fn remove_made(site: &mut Site, before: &[(NetnsRef, Netns)]) -> Outcome {
    for (netns, contents) in before {
        let now = link::list(&mut site.network.namespaces, netns)?;
        for link in now {
            let was = contents.links.iter().find(|was| was.name == link.name);
            let made = link.mac.known().and_then(|mac| was?.lacks_link_local(mac));
            if let Some(made) = made.filter(|made| link.addrs.iter().any(|addr| addr.local == *made)) {
                let del = AddrOp::Del(link.name.clone(), AddrSpec::new(made));
                carry_out(site, &Op::new(netns.clone(), del))?;
            }
        }
    }
    Ok(())
}

/// The other namespaces with VLANs on a link, or with VLANs on these: they go down and up with the link. Namespaces
/// without a name cannot be read.
fn places_of_vlans(site: &mut Site, netns: &NetnsRef, name: &IfName) -> Outcome<Vec<NetnsRef>> {
    let names = netns::names()?.into_iter().map(NetnsRef::Named);
    let mut vlans = Vec::new();
    for place in [NetnsRef::Host].into_iter().chain(names) {
        // A name that does not refer to a namespace has no links.
        for link in link::list(&mut site.network.namespaces, &place).unwrap_or_default() {
            if let LinkType::Vlan(Peer { netns: Some(lower), name: Some(on), .. }, _) = link.kind {
                vlans.push(((place.clone(), link.name), (lower, on)));
            }
        }
    }
    let mut found = vec![(netns.clone(), name.clone())];
    let mut next = 0;
    while let Some(lower) = found.get(next).cloned() {
        found.extend(vlans.iter().filter(|(_, on)| *on == lower).map(|(vlan, _)| vlan.clone()));
        next += 1;
    }
    let mut places: Vec<NetnsRef> = found.into_iter().map(|(place, _)| place).filter(|place| place != netns).collect();
    places.sort();
    places.dedup();
    Ok(places)
}

fn put_back(site: &mut Site, wanted: &[(NetnsRef, Netns)]) -> Outcome {
    for phase in Phase::ALL {
        for (netns, wanted) in wanted {
            let now = Netns::read(&mut site.network, netns, &[]).map_err(unread)?;
            for op in restore::steps(phase, netns, &now, wanted) {
                match carry_out(site, &op) {
                    // The kernel has already restored it.
                    Err(rejection) if matches!(rejection.errno, Errno::EEXIST | Errno::ESRCH) => {}
                    result => result?,
                }
            }
        }
    }
    Ok(())
}

fn unread(error: Error) -> Rejection {
    Rejection::from_error(error)
}
