//! Undoes operations on named objects, if each name still refers to the same link.

use super::link;
use crate::carry_out::carry_out;
use crate::journal::{KernelMessage, NamedOp, Place};
use crate::site::Site;
use crate::{Outcome, link as links, policy, replay, route};
use netscript_net::error::Errno;
use netscript_net::op::{
    AddrOp, Family, FdbOp, IfName, LinkOp, LinkSet, NeighOp, NetnsRef, Op, PolicyOp, Route, RouteOp,
};

/// Undoes an operation on named objects, if each name still refers to the same link.
pub(super) fn undo(
    site: &mut Site,
    place: &Place,
    links: &[(IfName, u32)],
    op: &NamedOp,
    message: Option<&KernelMessage>,
    last_try: bool,
) -> Outcome {
    let Some(netns) = site.network.namespaces.find(place)? else {
        return undo_at_home(site, place, links, op, message, last_try);
    };
    for (name, index) in links {
        match links::index(&mut site.network.namespaces, &netns, name) {
            Ok(found) if found == *index => {}
            Ok(_) => return Ok(()),
            Err(rejection) if rejection.missing.is_some() => return Ok(()),
            Err(rejection) => return Err(rejection),
        }
    }
    if let NamedOp::Route(RouteOp::Del(route)) = op
        && !has_route(site, &netns, route)?
    {
        return Ok(());
    }
    let done = match message {
        Some(message) => restore(site, &netns, links, op, message, last_try),
        None => apply(site, &netns, op),
    };
    let done = match (done, op) {
        (Err(rejection), NamedOp::Route(RouteOp::Add(route)))
            if rejection.errno == Errno::EEXIST && has_some_nexthops(site, &netns, route)? =>
        {
            let op = NamedOp::Route(RouteOp::Replace(route.clone()));
            match message {
                Some(message) => restore(site, &netns, links, &op, message, last_try),
                None => apply(site, &netns, &op),
            }
        }
        (done, _) => done,
    };
    match done {
        Err(rejection) if is_done(op, rejection.errno) => Ok(()),
        Err(rejection) if last_try && is_out_of_place(op, rejection.errno) => Ok(()),
        result => result,
    }
}

fn apply(site: &mut Site, netns: &NetnsRef, op: &NamedOp) -> Outcome {
    match op {
        NamedOp::Route(RouteOp::Add(route)) => route::put_back(&mut site.network.namespaces, netns, route),
        NamedOp::Policy(PolicyOp::Del(rule)) => policy::del_exactly(&mut site.network.namespaces, netns, rule),
        NamedOp::Link(_)
        | NamedOp::Addr(_)
        | NamedOp::Route(_)
        | NamedOp::Policy(_)
        | NamedOp::Neigh(_)
        | NamedOp::Fdb(_) => carry_out(site, &Op::new(netns.clone(), op.action())),
    }
}

/// Restores an object with all of its properties, from the kernel's message of it. If that is not possible at the last
/// try, restores the properties that the operation sets, and warns.
fn restore(
    site: &mut Site,
    netns: &NetnsRef,
    links: &[(IfName, u32)],
    op: &NamedOp,
    message: &KernelMessage,
    last_try: bool,
) -> Outcome {
    match replay::send(&mut site.network.namespaces, netns, op, links, message) {
        Err(refused) if last_try && !is_done(op, refused.errno) => {
            apply(site, netns, op)?;
            let why = refused.text.unwrap_or_else(|| refused.errno.to_string());
            let what = Op::new(netns.clone(), op.action());
            site.warn(&format!("`{what}` has not restored all properties that the object had: {why}"));
            Ok(())
        }
        result => result,
    }
}

/// The same as `undo` if the namespace is gone: the link has been restored where it came from.
fn undo_at_home(
    site: &mut Site,
    place: &Place,
    links: &[(IfName, u32)],
    op: &NamedOp,
    message: Option<&KernelMessage>,
    last_try: bool,
) -> Outcome {
    let [(name, index)] = links else { return Ok(()) };
    let end = link::RemadeLink { place: place.clone(), index: *index, name: name.clone() };
    match link::home(site, end)? {
        Some((_, end)) if end.name == *name => {
            let message = message.map(|message| replay::moved(op, message, *index, end.index));
            undo(site, &end.place, &[(end.name, end.index)], op, message.as_ref(), last_try)
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether an IPv6 route has only some of the nexthops that are to be restored: those of IPv6 are deleted one by one.
fn has_some_nexthops(site: &mut Site, netns: &NetnsRef, wanted: &Route) -> Outcome<bool> {
    if wanted.family() == Family::V4 {
        return Ok(false);
    }
    let there = site.network.routes_to(netns, wanted.dst, wanted.table)?;
    let mut same = there.iter().filter(|there| route::has_same_key(there, wanted));
    Ok(same.any(|there| there.nexthops.len() < wanted.nexthops.len() && route::has_nexthops(wanted, there)))
}

/// Whether exactly the route that was added exists, not another one to the same network.
pub(super) fn has_route(site: &mut Site, netns: &NetnsRef, wanted: &Route) -> Outcome<bool> {
    let there = site.network.routes_to(netns, wanted.dst, wanted.table)?;
    Ok(there.iter().any(|there| {
        route::has_same_key(there, wanted)
            && there.kind == wanted.kind
            && (wanted.proto.is_none() || there.proto == wanted.proto)
            && route::has_nexthops(there, wanted)
    }))
}

/// Whether a refusal means that there is nothing left to do.
fn is_done(op: &NamedOp, errno: Errno) -> bool {
    let makes = match op {
        NamedOp::Link(LinkOp::Add(..)) => true,
        NamedOp::Link(LinkOp::Set(..) | LinkOp::Del(_)) => false,
        NamedOp::Addr(op) => matches!(op, AddrOp::Add(..)),
        NamedOp::Route(op) => matches!(op, RouteOp::Add(_)),
        NamedOp::Policy(op) => matches!(op, PolicyOp::Add(_)),
        NamedOp::Neigh(op) => matches!(op, NeighOp::Add(_) | NeighOp::Replace(_)),
        NamedOp::Fdb(op) => matches!(op, FdbOp::Add(_) | FdbOp::Append(_) | FdbOp::Replace(_)),
    };
    match makes {
        true => errno == Errno::EEXIST,
        false => matches!(errno, Errno::ENOENT | Errno::ESRCH | Errno::EADDRNOTAVAIL | Errno::ENODEV),
    }
}

/// Whether a refusal to restore an object means that an object that it depends on is gone, so that it would be gone
/// too: a route depends on the address that leads to its gateway, a neighbour on its link being up, an IPv6 address on
/// IPv6 on its link, the setting of a bridge port on the bridge. Only valid after everything else has been undone,
/// which may restore that object.
fn is_out_of_place(op: &NamedOp, errno: Errno) -> bool {
    match op {
        NamedOp::Route(RouteOp::Add(route) | RouteOp::Replace(route)) => match errno {
            Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::ENETDOWN | Errno::ENODEV => true,
            // The source address is missing, or IPv6 on the link.
            Errno::EINVAL => route.src.is_some() || route.nexthops.iter().any(|hop| hop.via.is_some()),
            Errno::EACCES => route.family() == Family::V6,
            _ => false,
        },
        NamedOp::Addr(AddrOp::Add(_, spec)) => errno == Errno::EACCES && spec.local.addr().is_ipv6(),
        NamedOp::Neigh(NeighOp::Add(_) | NeighOp::Replace(_)) => matches!(errno, Errno::ENETDOWN | Errno::EINVAL),
        NamedOp::Fdb(FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Replace(entry)) => {
            entry.master && matches!(errno, Errno::EINVAL | Errno::EOPNOTSUPP)
        }
        NamedOp::Link(LinkOp::Set(_, LinkSet::Hairpin(_))) => matches!(errno, Errno::EINVAL | Errno::EOPNOTSUPP),
        NamedOp::Link(_)
        | NamedOp::Route(RouteOp::Del(_) | RouteOp::Flush(..))
        | NamedOp::Addr(AddrOp::Del(..))
        | NamedOp::Neigh(NeighOp::Del(..))
        | NamedOp::Fdb(FdbOp::Del(_))
        | NamedOp::Policy(_) => false,
    }
}
