//! Inverses of operations on routes.

use crate::journal::{Deed, Place, Undo};
use crate::{Kernel, Outcome, link as links, route as routes};
use netscript_net::op::{
    Action, Family, IfName, NetnsRef, Nexthop, Op, Route, RouteKind, RouteOp, RouteProto, TableId,
};
use netscript_net::state::Link;

impl Kernel {
    pub(super) fn inverse_of_route(&mut self, op: &Op, netns: &NetnsRef, route: &RouteOp) -> Outcome<Vec<Undo>> {
        if self.goes_with_netns(netns) {
            return Ok(Vec::new());
        }
        match route {
            RouteOp::Add(route) | RouteOp::Replace(route) if self.goes_with_links(netns, route) => {
                let replaces = matches!(op.action, Action::Route(RouteOp::Replace(_)));
                if replaces { self.inverse_of_making(op, netns, route) } else { Ok(Vec::new()) }
            }
            RouteOp::Add(route) | RouteOp::Replace(route) => self.inverse_of_making(op, netns, route),
            RouteOp::Del(route) => {
                let there = self.routes_to(netns, route.dst, route.table)?;
                let gone: Vec<Route> = there.into_iter().filter(|there| fits(there, route)).collect();
                gone.iter().try_for_each(|gone| self.guard_route(op, gone))?;
                self.add_later(netns, gone.into_iter())
            }
            RouteOp::Flush(family, table) => self.inverse_of_flush(op, netns, *family, *table),
        }
    }

    /// A route over the lab's own links only goes with them.
    fn goes_with_links(&self, netns: &NetnsRef, route: &Route) -> bool {
        let own = |dev: &Option<IfName>| dev.as_ref().is_some_and(|dev| self.goes_with_link(netns, dev));
        !route.nexthops.is_empty() && route.nexthops.iter().all(|hop| own(&hop.dev))
    }

    /// Routes over the lab's own links are its own, whoever made them.
    fn guard_route(&self, op: &Op, route: &Route) -> Outcome {
        if self.is_over_own_links(&op.netns, route) {
            return Ok(());
        }
        let removes = |deed: &Deed, _: &[(IfName, u32)]| is_removal_of(deed, route);
        let what = || format!("the route to {} in table {} of {}", route.dst, route.table, op.netns);
        self.guard_step(op, None, what, removes)
    }

    fn inverse_of_making(&mut self, op: &Op, netns: &NetnsRef, route: &Route) -> Outcome<Vec<Undo>> {
        let there = self.routes_to(netns, route.dst, route.table)?;
        let mut same = there.into_iter().filter(|there| routes::has_same_key(there, route));
        match same.next() {
            // An addition will be refused; a replacement is undone by another.
            Some(former) => {
                if matches!(op.action, Action::Route(RouteOp::Replace(_))) {
                    self.guard_route(op, &former)?;
                }
                let place = self.namespaces.place(netns)?;
                self.route_step(&place, RouteOp::Replace(former))
            }
            None => {
                let place = self.namespaces.place(netns)?;
                let made = Route { proto: Some(route.proto.unwrap_or(RouteProto::BOOT)), ..route.clone() };
                self.route_step(&place, RouteOp::Del(made))
            }
        }
    }

    fn inverse_of_flush(&mut self, op: &Op, netns: &NetnsRef, family: Family, table: TableId) -> Outcome<Vec<Undo>> {
        let there = routes::list(&mut self.namespaces, netns, family)?;
        let there: Vec<Route> = there.into_iter().filter(|route| route.table == table).collect();
        if !self.own.has_netns(netns) {
            let is_own = |route: &Route| {
                self.is_over_own_links(netns, route) || self.is_own_step(netns, |deed, _| is_removal_of(deed, route))
            };
            let others = there.iter().filter(|route| !is_own(route));
            let others =
                others.map(|route| format!("the route to {} in table {table} of {netns}", route.dst)).collect();
            self.guard(op, others)?;
        }
        self.add_later(netns, there.into_iter())
    }

    fn is_over_own_links(&self, netns: &NetnsRef, route: &Route) -> bool {
        let own = |dev: &Option<IfName>| dev.as_ref().is_some_and(|dev| self.own.has_link(netns, dev));
        route.nexthops.iter().any(|hop| own(&hop.dev))
    }

    fn add_later(&mut self, netns: &NetnsRef, gone: impl Iterator<Item = Route>) -> Outcome<Vec<Undo>> {
        let mut gone: Vec<Route> = gone.filter(|route| !self.goes_with_links(netns, route)).collect();
        sort_for_making(&mut gone);
        let place = self.namespaces.place(netns)?;
        let mut undo = Vec::new();
        for route in gone {
            undo.extend(self.route_step(&place, RouteOp::Add(route))?);
        }
        Ok(undo)
    }

    fn route_step(&mut self, place: &Place, op: RouteOp) -> Outcome<Vec<Undo>> {
        let devs: Vec<IfName> = match &op {
            RouteOp::Add(route) | RouteOp::Replace(route) | RouteOp::Del(route) => {
                route.nexthops.iter().filter_map(|hop| hop.dev.clone()).collect()
            }
            RouteOp::Flush(..) => Vec::new(),
        };
        let devs: Vec<&IfName> = devs.iter().collect();
        self.step(place, &devs, op)
    }

    /// The routes that the kernel makes with a link's IPv6 addresses and that are not there: `lo` has none
    /// to `::1`, and others may have been removed.
    pub(super) fn surplus_routes(&mut self, netns: &NetnsRef, link: &Link) -> Outcome<Vec<Route>> {
        let there = routes::list(&mut self.namespaces, netns, Family::V6)?;
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

    /// The routes over a link, in an order in which they can be made.
    pub(super) fn routes_over(&mut self, netns: &NetnsRef, link: &IfName) -> Outcome<Vec<Route>> {
        let mut over = Vec::new();
        for family in [Family::V4, Family::V6] {
            let there = routes::list(&mut self.namespaces, netns, family)?;
            over.extend(
                there.into_iter().filter(|route| route.nexthops.iter().any(|hop| hop.dev.as_ref() == Some(link))),
            );
        }
        // Those that the kernel makes by itself with an address and with IPv6 on a link.
        over.retain(|route| !(route.family() == Family::V6 && route.proto == Some(RouteProto::KERNEL)));
        sort_for_making(&mut over);
        debug_assert!(links::index(&mut self.namespaces, netns, link).is_ok());
        Ok(over)
    }
}

/// The metric of the route that comes with an IPv6 address (`IP6_RT_PRIO_ADDRCONF`).
const ADDRCONF_PRIORITY: u32 = 256;

/// A gateway must be reached before a route over it is made, and an address be the machine's own before
/// it is a route's source.
fn sort_for_making(routes: &mut [Route]) {
    routes.sort_by_key(|route| {
        let gateway = route.nexthops.iter().any(|hop| hop.via.is_some());
        (gateway, route.table != TableId::LOCAL, route.kind != RouteKind::Local)
    });
}

/// Whether a step back removes a route that the lab made.
fn is_removal_of(deed: &Deed, route: &Route) -> bool {
    matches!(deed, Deed::Route(RouteOp::Del(made)) if routes::has_same_key(made, route))
}

/// Whether `ip route del` may take a route for what it is given.
fn fits(there: &Route, given: &Route) -> bool {
    let hops = given.nexthops.iter().all(|hop| {
        let same = |other: &Nexthop| {
            (hop.via.is_none() || hop.via == other.via) && (hop.dev.is_none() || hop.dev == other.dev)
        };
        there.nexthops.iter().any(same)
    });
    there.dst.network() == given.dst.network()
        && there.table == given.table
        && (given.metric.is_none() || routes::metric(there) == routes::metric(given))
        && hops
}
