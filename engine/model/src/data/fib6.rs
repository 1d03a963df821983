//! IPv6 routes (net/ipv6/ip6_fib.c).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use super::ids::DevId;
use super::policy::{Flow, Suppress};
use netscript_net::error::Errno;
use netscript_net::op::{Prefix, RouteKind, RouteProto, TableId};
use netscript_net::rejection::Outcome;

/// The nexthop (`struct fib6_nh`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nexthop6 {
    pub(crate) dev: Option<DevId>,
    pub(crate) via: Option<Ipv6Addr>,
    pub(crate) weight: u16,
    pub(crate) onlink: bool,
    /// `RTNH_F_DEAD`
    pub(crate) dead: bool,
}

/// A route (`struct fib6_info`). Those with a gateway, of one destination and metric, are siblings
/// in a group, and are shown as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route6 {
    pub(crate) kind: RouteKind,
    pub(crate) metric: u32,
    pub(crate) src: Option<Ipv6Addr>,
    pub(crate) proto: RouteProto,
    pub(crate) mtu: Option<u32>,
    /// [`Route::opaque`](netscript_net::op::Route::opaque), of a route that was found.
    pub(crate) opaque: bool,
    pub(crate) nexthop: Nexthop6,
    pub(crate) group: Option<u64>,
}

impl Route6 {
    /// `rt6_qualify_for_ecmp`
    fn joins(&self) -> bool {
        self.nexthop.via.is_some()
    }
}

pub(crate) type RouteKey = (TableId, Prefix);

/// The tables of a namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fib6 {
    routes: BTreeMap<RouteKey, Vec<Route6>>,
    by_dev: BTreeMap<DevId, BTreeSet<RouteKey>>,
    groups: u64,
    /// Whether any route has, or had, a preferred source.
    sources: bool,
}

impl Fib6 {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TableId, &Prefix, &[Route6])> {
        self.routes.iter().map(|((table, dst), routes)| (*table, dst, routes.as_slice()))
    }

    fn put(&mut self, key: RouteKey, at: usize, route: Route6) {
        self.sources |= route.src.is_some();
        if let Some(dev) = route.nexthop.dev {
            self.by_dev.entry(dev).or_default().insert(key);
        }
        self.routes.entry(key).or_default().insert(at, route);
    }

    pub(crate) fn of(&self, key: &RouteKey) -> &[Route6] {
        self.routes.get(key).map_or(&[], Vec::as_slice)
    }

    /// `ip6_route_add` without a request: a duplicate is no error.
    pub(crate) fn insert_by_kernel(&mut self, table: TableId, dst: Prefix, route: Route6) {
        let key = (table, dst);
        let routes = self.of(&key);
        // Many links, as the ports of a bridge, have a route to fe80::/64; a link's own keys tell at once whether it
        // has this one.
        let known = route.nexthop.dev.and_then(|dev| self.by_dev.get(&dev)).is_some_and(|keys| keys.contains(&key));
        let same = |old: &Route6| {
            old.metric == route.metric && old.nexthop.dev == route.nexthop.dev && old.nexthop.via == route.nexthop.via
        };
        if known && routes.iter().any(same) {
            return;
        }
        let at = routes.partition_point(|old| old.metric <= route.metric);
        self.put(key, at, route);
    }

    /// Adds a route as it was read; several are siblings.
    pub(crate) fn append(&mut self, table: TableId, dst: Prefix, mut routes: Vec<Route6>) {
        if routes.len() > 1 {
            self.groups += 1;
            routes.iter_mut().for_each(|route| route.group = Some(self.groups));
        }
        for route in routes {
            let key = (table, dst);
            let at = self.of(&key).iter().position(|old| old.metric > route.metric).unwrap_or(self.of(&key).len());
            self.put(key, at, route);
        }
    }

    /// `fib6_add_rt2node`
    pub(crate) fn insert(&mut self, key: RouteKey, mut route: Route6, exclusive: bool, replace: bool) -> Outcome {
        let routes = self.of(&key);
        let equals: Vec<usize> = (0..routes.len()).filter(|at| routes[*at].metric == route.metric).collect();
        if replace && !equals.is_empty() {
            let alike = equals.iter().copied().find(|at| routes[*at].joins() == route.joins());
            let at = alike.unwrap_or(equals[0]);
            self.replace(key, at, route);
            return Ok(());
        }
        if exclusive && !equals.is_empty() {
            return Err(Errno::EEXIST.into());
        }
        if equals
            .iter()
            .any(|at| routes[*at].nexthop.dev == route.nexthop.dev && routes[*at].nexthop.via == route.nexthop.via)
        {
            return Err(Errno::EEXIST.into());
        }
        let sibling = equals.iter().copied().find(|at| route.joins() && routes[*at].joins());
        let at = routes.iter().position(|old| old.metric > route.metric).unwrap_or(routes.len());
        if let Some(sibling) = sibling {
            let group = routes[sibling].group.unwrap_or(self.groups + 1);
            self.groups = self.groups.max(group);
            route.group = Some(group);
            if let Some(routes) = self.routes.get_mut(&key) {
                routes[sibling].group = Some(group);
            }
        }
        self.put(key, at, route);
        Ok(())
    }

    /// The replaced route takes its siblings with it.
    fn replace(&mut self, key: RouteKey, at: usize, route: Route6) {
        let Some(routes) = self.routes.get_mut(&key) else { return };
        self.sources |= route.src.is_some();
        let old = routes.remove(at);
        routes.insert(at, route.clone());
        if old.group.is_some() {
            routes.retain(|other| other.group != old.group);
        }
        if let Some(dev) = route.nexthop.dev {
            self.by_dev.entry(dev).or_default().insert(key);
        }
    }

    pub(crate) fn remove_first(&mut self, table: TableId, dst: Prefix, fits: impl Fn(&Route6) -> bool) -> bool {
        let key = (table, dst);
        let Some(at) = self.of(&key).iter().position(fits) else { return false };
        self.remove_at(key, at);
        true
    }

    pub(crate) fn remove_at(&mut self, key: RouteKey, at: usize) {
        let Some(routes) = self.routes.get_mut(&key) else { return };
        let gone = routes.remove(at);
        dissolve(routes, gone.group);
        if routes.is_empty() {
            self.routes.remove(&key);
        }
    }

    pub(crate) fn flush(&mut self, table: TableId) {
        self.routes.retain(|(of, _), _| *of != table);
    }

    /// `rt6_remove_prefsrc`: routes over any link.
    pub(crate) fn forget_source(&mut self, addr: Ipv6Addr) {
        if !self.sources {
            return;
        }
        for route in self.routes.values_mut().flatten().filter(|route| route.src == Some(addr)) {
            route.src = None;
        }
    }

    /// `fib6_table_lookup`: the longest prefix with a route that fits.
    pub(crate) fn lookup(&self, table: TableId, flow: &Flow, suppress: Suppress) -> Option<&Route6> {
        let (len, route) = (0..=128).rev().find_map(|len| {
            let dst = Prefix::new(flow.daddr, len)?.network();
            let fits =
                |route: &&Route6| !route.nexthop.dead && flow.oif.is_none_or(|oif| route.nexthop.dev == Some(oif));
            Some((len, self.of(&(table, dst)).iter().find(fits)?))
        })?;
        (!suppress.hides(len, route.nexthop.dev.is_some())).then_some(route)
    }
}

impl Fib6 {
    /// The longest prefix with a route, and of its best routes one over a link if there is one
    /// (`find_rr_leaf`).
    pub(crate) fn lookup_near(&self, table: TableId, addr: Ipv6Addr, dev: Option<DevId>) -> Option<(Prefix, &Route6)> {
        (0..=128).rev().find_map(|len| {
            let dst = Prefix::new(addr.into(), len)?.network();
            let mut alive = self.of(&(table, dst)).iter().filter(|route| !route.nexthop.dead).peekable();
            let first = *alive.peek()?;
            let mut best = alive.take_while(|route| route.metric == first.metric);
            Some((dst, best.find(|route| route.nexthop.dev == dev).unwrap_or(first)))
        })
    }

    /// `rt6_sync_down_dev`: removes all routes over the link; those of a group only when all of it is dead.
    pub(crate) fn sync_down(&mut self, id: DevId, unregistered: bool) {
        for key in self.by_dev.remove(&id).unwrap_or_default() {
            let Some(routes) = self.routes.get_mut(&key) else { continue };
            let mut stays = false;
            for route in routes.iter_mut().filter(|route| route.nexthop.dev == Some(id)) {
                route.nexthop.dead = true;
            }
            let groups: BTreeSet<u64> = routes.iter().filter_map(|route| route.group).collect();
            let dying: BTreeSet<u64> = groups
                .iter()
                .copied()
                .filter(|group| {
                    routes.iter().filter(|route| route.group == Some(*group)).all(|route| route.nexthop.dead)
                })
                .collect();
            routes.retain(|route| {
                let over = route.nexthop.dev == Some(id);
                let gone = match route.group {
                    Some(group) if !unregistered => dying.contains(&group),
                    Some(_) | None => over,
                };
                stays |= over && !gone;
                !gone
            });
            for group in groups {
                dissolve(routes, Some(group));
            }
            if routes.is_empty() {
                self.routes.remove(&key);
            }
            if stays {
                self.by_dev.entry(id).or_default().insert(key);
            }
        }
    }

    /// `rt6_mtu_change_route`: a route's own MTU follows the link's if it was at least as large.
    pub(crate) fn mtus_follow(&mut self, id: DevId, before: u32, now: u32) {
        for key in self.by_dev.get(&id).cloned().unwrap_or_default() {
            for route in self.routes.get_mut(&key).into_iter().flatten().filter(|route| route.nexthop.dev == Some(id)) {
                route.mtu = route.mtu.map(|mtu| if mtu >= now || mtu == before { now } else { mtu });
            }
        }
    }

    /// `rt6_sync_up`
    pub(crate) fn sync_up(&mut self, id: DevId) {
        for key in self.by_dev.get(&id).cloned().unwrap_or_default() {
            for route in self.routes.get_mut(&key).into_iter().flatten().filter(|route| route.nexthop.dev == Some(id)) {
                route.nexthop.dead = false;
            }
        }
    }
}

/// A single remaining route is no longer a group.
fn dissolve(routes: &mut [Route6], group: Option<u64>) {
    if group.is_some() && routes.iter().filter(|route| route.group == group).count() == 1 {
        routes.iter_mut().filter(|route| route.group == group).for_each(|route| route.group = None);
    }
}
