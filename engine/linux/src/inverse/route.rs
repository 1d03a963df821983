//! Inverses of operations on routes.

use super::{guard, step};
use crate::journal::{NamedOp, Place, Undo};
use crate::listed::Listed;
use crate::site::Site;
use crate::{Outcome, link as links, replay, route as routes};
use netscript_net::op::{
    Action, Family, IfName, NetnsRef, Nexthop, Op, Route, RouteKind, RouteOp, RouteProto, TableId,
};
use netscript_net::state::{Link, LinkType};

pub(super) fn inverse(site: &mut Site, op: &Op, netns: &NetnsRef, route: &RouteOp) -> Outcome<Vec<Undo>> {
    if guard::goes_with_netns(site, netns) {
        return Ok(Vec::new());
    }
    match route {
        RouteOp::Add(route) | RouteOp::Replace(route) if goes_with_links(site, netns, route) => {
            let replaces = matches!(op.action, Action::Route(RouteOp::Replace(_)));
            if replaces { inverse_of_making(site, op, netns, route) } else { Ok(Vec::new()) }
        }
        RouteOp::Add(route) | RouteOp::Replace(route) => inverse_of_making(site, op, netns, route),
        RouteOp::Del(route) => {
            let there = site.network.listed_routes_to(netns, route.dst, route.table)?;
            let gone: Vec<Listed<Route>> =
                there.into_iter().filter(|there| can_be_named(there) && fits(&there.object, route)).collect();
            gone.iter().try_for_each(|gone| guard_route(site, op, &gone.object))?;
            add_later(site, netns, gone)
        }
        RouteOp::Flush(family, table) => inverse_of_flush(site, op, netns, *family, *table),
    }
}

/// A route that only uses links of the lab vanishes with them.
fn goes_with_links(site: &Site, netns: &NetnsRef, route: &Route) -> bool {
    let own = |dev: &Option<IfName>| dev.as_ref().is_some_and(|dev| guard::goes_with_link(site, netns, dev));
    !route.nexthops.is_empty() && route.nexthops.iter().all(|hop| own(&hop.dev))
}

/// Routes over links of the lab belong to the lab, no matter who added them.
fn guard_route(site: &Site, op: &Op, route: &Route) -> Outcome {
    if is_over_own_links(site, &op.netns, route) {
        return Ok(());
    }
    let removes = |op: &NamedOp, _: &[(IfName, u32)]| is_removal_of(op, route);
    let what = || format!("the route to {} in table {} of {}", route.dst, route.table, op.netns);
    guard::check_step(site, op, None, what, removes)
}

fn inverse_of_making(site: &mut Site, op: &Op, netns: &NetnsRef, route: &Route) -> Outcome<Vec<Undo>> {
    let there = site.network.listed_routes_to(netns, route.dst, route.table)?;
    let mut same = there.into_iter().filter(|there| can_be_named(there) && routes::has_same_key(&there.object, route));
    match same.next() {
        // An addition will be refused; the inverse of a replacement is another replacement.
        Some(Listed { object: former, message }) => {
            if matches!(op.action, Action::Route(RouteOp::Replace(_))) {
                guard_route(site, op, &former)?;
            }
            let place = site.network.namespaces.place(netns)?;
            restoring_step(site, &place, RouteOp::Replace(former), &message)
        }
        None => {
            let place = site.network.namespaces.place(netns)?;
            let mut made = Route { proto: Some(route.proto.unwrap_or(RouteProto::BOOT)), ..route.clone() };
            leave_gateways_over_loopback_out(site, netns, &mut made)?;
            let devs: Vec<&IfName> = devs(&made).collect();
            step::by_names(site, &place, &devs, RouteOp::Del(made.clone()))
        }
    }
}

/// Linux 5.10 accepts an IPv6 gateway over the loopback link, and does not keep it (`fib6_nh_init`).
fn leave_gateways_over_loopback_out(site: &mut Site, netns: &NetnsRef, route: &mut Route) -> Outcome {
    let v6 = route.family() == Family::V6;
    for hop in route.nexthops.iter_mut().filter(|hop| v6 && hop.via.is_some()) {
        let Some(dev) = &hop.dev else { continue };
        let link = links::find(&mut site.network.namespaces, netns, dev)?;
        if link.is_some_and(|link| link.kind == LinkType::Loopback) {
            hop.via = None;
        }
    }
    Ok(())
}

fn inverse_of_flush(site: &mut Site, op: &Op, netns: &NetnsRef, family: Family, table: TableId) -> Outcome<Vec<Undo>> {
    let there = routes::listed(&mut site.network.namespaces, netns, family)?;
    let there: Vec<Listed<Route>> = there.into_iter().filter(|route| route.object.table == table).collect();
    if !site.store.own.has_netns(netns) {
        let is_own = |route: &Route| {
            is_over_own_links(site, netns, route) || guard::is_own_step(site, netns, |op, _| is_removal_of(op, route))
        };
        let others = there.iter().map(|route| &route.object).filter(|route| !is_own(route));
        let others = others.map(|route| format!("the route to {} in table {table} of {netns}", route.dst)).collect();
        guard::check(site, op, others)?;
    }
    add_later(site, netns, there)
}

fn is_over_own_links(site: &Site, netns: &NetnsRef, route: &Route) -> bool {
    let own = |dev: &Option<IfName>| dev.as_ref().is_some_and(|dev| site.store.own.has_link(netns, dev));
    route.nexthops.iter().any(|hop| own(&hop.dev))
}

fn add_later(site: &mut Site, netns: &NetnsRef, mut gone: Vec<Listed<Route>>) -> Outcome<Vec<Undo>> {
    gone.retain(|route| !goes_with_links(site, netns, &route.object));
    sort_for_making(&mut gone);
    let place = site.network.namespaces.place(netns)?;
    let mut undo = Vec::new();
    for Listed { object, message } in gone {
        undo.extend(restoring_step(site, &place, RouteOp::Add(object), &message)?);
    }
    Ok(undo)
}

fn restoring_step(site: &mut Site, place: &Place, op: RouteOp, message: &[u8]) -> Outcome<Vec<Undo>> {
    let (RouteOp::Add(route) | RouteOp::Replace(route) | RouteOp::Del(route)) = &op else { return Ok(Vec::new()) };
    let devs: Vec<IfName> = devs(route).cloned().collect();
    step::restoring_by_names(site, place, &devs.iter().collect::<Vec<_>>(), op, message)
}

fn devs(route: &Route) -> impl Iterator<Item = &IfName> {
    route.nexthops.iter().filter_map(|hop| hop.dev.as_ref())
}

/// Whether an operation can name this route: `from` belongs to a route's key, and operations do not have it.
fn can_be_named(route: &Listed<Route>) -> bool {
    replay::has_no_source(&route.message)
}

/// The kernel's routes for a link's IPv6 addresses that do not exist: `lo` has no route to `::1`, and somebody may have
/// removed others.
pub(super) fn surplus_routes(site: &mut Site, netns: &NetnsRef, link: &Link) -> Outcome<Vec<Route>> {
    let there = routes::list(&mut site.network.namespaces, netns, Family::V6)?;
    let made = link.addrs.iter().filter(|addr| addr.local.addr().is_ipv6()).map(|addr| {
        let mut route = Route::new(addr.local.network());
        route.nexthops = vec![Nexthop { via: None, dev: Some(link.name.clone()), weight: 1, onlink: false }];
        route.metric = Some(ADDRCONF_PRIORITY);
        route.proto = Some(RouteProto::KERNEL);
        route
    });
    let is_there = |made: &Route| {
        there.iter().any(|route| {
            routes::has_same_key(route, made) && route.nexthops.iter().any(|hop| hop.dev == made.nexthops[0].dev)
        })
    };
    Ok(made.filter(|made| !is_there(made)).collect())
}

/// The routes over a link, in an order in which they can be added.
pub(super) fn routes_over(site: &mut Site, netns: &NetnsRef, link: &IfName) -> Outcome<Vec<Listed<Route>>> {
    let mut over = Vec::new();
    for family in [Family::V4, Family::V6] {
        let there = routes::listed(&mut site.network.namespaces, netns, family)?;
        over.extend(there.into_iter().filter(|route| devs(&route.object).any(|dev| dev == link)));
    }
    // The kernel adds these itself, with an address and with IPv6 on a link.
    over.retain(|route| !(route.object.family() == Family::V6 && route.object.proto == Some(RouteProto::KERNEL)));
    sort_for_making(&mut over);
    debug_assert!(links::index(&mut site.network.namespaces, netns, link).is_ok());
    Ok(over)
}

/// The metric of the route for an IPv6 address (`IP6_RT_PRIO_ADDRCONF`).
const ADDRCONF_PRIORITY: u32 = 256;

/// Before a route is added, its gateway must be reachable, and its source must be a local address.
fn sort_for_making(routes: &mut [Listed<Route>]) {
    routes.sort_by_key(|Listed { object: route, .. }| {
        let gateway = route.nexthops.iter().any(|hop| hop.via.is_some());
        (gateway, route.table != TableId::LOCAL, route.kind != RouteKind::Local)
    });
}

/// Whether an inverse removes a route that the lab added.
fn is_removal_of(op: &NamedOp, route: &Route) -> bool {
    matches!(op, NamedOp::Route(RouteOp::Del(made)) if routes::has_same_key(made, route))
}

/// Whether `ip route del` may choose this route for the given one.
fn fits(there: &Route, given: &Route) -> bool {
    there.dst.network() == given.dst.network()
        && there.tos == given.tos
        && there.table == given.table
        && (given.metric.is_none() || routes::metric(there) == routes::metric(given))
        && routes::has_nexthops(there, given)
}
