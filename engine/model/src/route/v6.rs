//! IPv6 routes (net/ipv6/route.c, ip6_fib.c).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use super::super::device::DevId;
use super::super::policy::Flow;
use super::super::space::SpaceId;
use super::super::{Model, Outcome, refused};
use netscript_net::error::Errno;
use netscript_net::op::{Nexthop, Prefix, Route, RouteKind, RouteProto, TableId};

/// Metric of a route when nothing is said (`IP6_RT_PRIO_USER`, linux/ipv6_route.h).
const METRIC_USER: u32 = 1024;

/// The way onward (`struct fib6_nh`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way6 {
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
    pub(crate) way: Way6,
    pub(crate) group: Option<u64>,
}

impl Route6 {
    /// `rt6_qualify_for_ecmp`
    fn joins(&self) -> bool {
        self.way.via.is_some()
    }
}

type Key = (TableId, Prefix);

/// The tables of a namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fib6 {
    routes: BTreeMap<Key, Vec<Route6>>,
    by_dev: BTreeMap<DevId, BTreeSet<Key>>,
    groups: u64,
    /// Whether any route has, or had, a source of its own.
    sources: bool,
}

impl Fib6 {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TableId, &Prefix, &[Route6])> {
        self.routes.iter().map(|((table, dst), routes)| (*table, dst, routes.as_slice()))
    }

    fn put(&mut self, key: Key, at: usize, route: Route6) {
        self.sources |= route.src.is_some();
        if let Some(dev) = route.way.dev {
            self.by_dev.entry(dev).or_default().insert(key);
        }
        self.routes.entry(key).or_default().insert(at, route);
    }

    fn of(&self, key: &Key) -> &[Route6] {
        self.routes.get(key).map_or(&[], Vec::as_slice)
    }

    /// `ip6_route_add` without a request: a duplicate is no error.
    pub(crate) fn insert_by_kernel(&mut self, table: TableId, dst: Prefix, route: Route6) {
        let key = (table, dst);
        let routes = self.of(&key);
        // Where every port of a bridge has a route, as to fe80::/64, most links have no other one.
        let known = route.way.dev.and_then(|dev| self.by_dev.get(&dev)).is_some_and(|keys| keys.contains(&key));
        let same =
            |old: &Route6| old.metric == route.metric && old.way.dev == route.way.dev && old.way.via == route.way.via;
        if known && routes.iter().any(same) {
            return;
        }
        let at = routes.partition_point(|old| old.metric <= route.metric);
        self.put(key, at, route);
    }

    /// A route as it was found; several are siblings.
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
    fn insert(&mut self, key: Key, mut route: Route6, exclusive: bool, replace: bool) -> Outcome {
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
        if equals.iter().any(|at| routes[*at].way.dev == route.way.dev && routes[*at].way.via == route.way.via) {
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
    fn replace(&mut self, key: Key, at: usize, route: Route6) {
        let Some(routes) = self.routes.get_mut(&key) else { return };
        self.sources |= route.src.is_some();
        let old = routes.remove(at);
        routes.insert(at, route.clone());
        if old.group.is_some() {
            routes.retain(|other| other.group != old.group);
        }
        if let Some(dev) = route.way.dev {
            self.by_dev.entry(dev).or_default().insert(key);
        }
    }

    pub(crate) fn remove_first(&mut self, table: TableId, dst: Prefix, fits: impl Fn(&Route6) -> bool) -> bool {
        let key = (table, dst);
        let Some(at) = self.of(&key).iter().position(fits) else { return false };
        self.remove_at(key, at);
        true
    }

    fn remove_at(&mut self, key: Key, at: usize) {
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
    fn lookup(&self, table: TableId, flow: &Flow) -> Option<&Route6> {
        (0..=128).rev().find_map(|len| {
            let dst = Prefix::new(flow.daddr, len)?.network();
            let fits = |route: &&Route6| !route.way.dead && flow.oif.is_none_or(|oif| route.way.dev == Some(oif));
            self.of(&(table, dst)).iter().find(fits)
        })
    }
}

impl Fib6 {
    /// The longest prefix with a route, and of its best routes one over a link if there is one
    /// (`find_rr_leaf`).
    fn lookup_near(&self, table: TableId, addr: Ipv6Addr, dev: Option<DevId>) -> Option<(Prefix, &Route6)> {
        (0..=128).rev().find_map(|len| {
            let dst = Prefix::new(addr.into(), len)?.network();
            let mut alive = self.of(&(table, dst)).iter().filter(|route| !route.way.dead).peekable();
            let first = *alive.peek()?;
            let mut best = alive.take_while(|route| route.metric == first.metric);
            Some((dst, best.find(|route| route.way.dev == dev).unwrap_or(first)))
        })
    }
}

/// A group of one is none.
fn dissolve(routes: &mut [Route6], group: Option<u64>) {
    if group.is_some() && routes.iter().filter(|route| route.group == group).count() == 1 {
        routes.iter_mut().filter(|route| route.group == group).for_each(|route| route.group = None);
    }
}

/// What is asked of a gateway.
pub(super) struct Wanted {
    pub(super) table: TableId,
    pub(super) onlink: bool,
    pub(super) dev: Option<DevId>,
}

fn ipv6(addr: Option<IpAddr>) -> Option<Ipv6Addr> {
    match addr? {
        IpAddr::V6(addr) => Some(addr),
        IpAddr::V4(_) => None,
    }
}

fn unreachable(text: &str) -> super::super::Failure {
    refused(Errno::EHOSTUNREACH, text)
}

impl Model {
    /// `ip6_route_add`, `ip6_route_multipath_add`
    pub(super) fn make_route6(
        &mut self,
        space: SpaceId,
        route: &Route,
        devices: &[Option<DevId>],
        replace: bool,
    ) -> Outcome {
        // The kernel cuts host bits off.
        let key = (route.table, route.dst.network());
        let none = [Nexthop { via: None, dev: None, weight: 1, onlink: false }];
        let (hops, devices) = match route.nexthops.is_empty() {
            true => (&none[..], &[None][..]),
            false => (&route.nexthops[..], devices),
        };
        if hops.len() > 1 && hops.iter().any(|hop| hop.via.is_none()) {
            // rtm_to_fib6_multipath_config
            return Err(refused(
                Errno::EINVAL,
                "Device only routes can not be added for IPv6 using the multipath API.",
            ));
        }
        let mut made: Vec<Route6> = Vec::new();
        for (hop, dev) in hops.iter().zip(devices) {
            let mut new = self.route_info6(space, route, hop, *dev)?;
            if hops.len() == 1 {
                new.way.weight = 1;
            }
            if made.iter().any(|other| other.way.dev == new.way.dev && other.way.via == new.way.via) {
                return Err(Errno::EEXIST.into());
            }
            made.push(new);
        }
        let fib = &mut self.space_mut(space).fib6;
        for (nth, new) in made.into_iter().enumerate() {
            let first = nth == 0;
            fib.insert(key, new, first && !replace, first && replace)?;
        }
        Ok(())
    }

    /// `ip6_route_info_create`
    fn route_info6(&self, space: SpaceId, route: &Route, hop: &Nexthop, dev: Option<DevId>) -> Outcome<Route6> {
        let Route { dst: _, kind, nexthops: _, src, metric, table, scope: _, proto, mtu } = route;
        let src = ipv6(*src);
        let wanted = Wanted { table: *table, onlink: hop.onlink, dev };
        self.check_device6(&wanted)?;
        let way = self.way6(space, *kind, hop, wanted)?;
        let fits = |src: Ipv6Addr| match src.is_unicast_link_local() || src.is_loopback() {
            // ipv6_chk_addr
            true => way.dev.is_some_and(|dev| self.device(dev).addrs6.iter().any(|addr| addr.local == Some(src))),
            false => self.has_address6(space, src),
        };
        if src.is_some_and(|src| !fits(src)) {
            return Err(refused(Errno::EINVAL, "Invalid source address"));
        }
        Ok(Route6 {
            kind: *kind,
            metric: metric.filter(|metric| *metric != 0).unwrap_or(METRIC_USER),
            src,
            proto: proto.unwrap_or(RouteProto::BOOT),
            mtu: mtu.filter(|mtu| *mtu != 0),
            way,
            group: None,
        })
    }

    /// `fib6_nh_init`
    fn way6(&self, space: SpaceId, kind: RouteKind, hop: &Nexthop, wanted: Wanted) -> Outcome<Way6> {
        let way = |dev, via| Way6 { dev, via, weight: hop.weight, onlink: hop.onlink, dead: false };
        if kind.discards() {
            let loopback = self.space(space).by_index.values().copied().find(|id| self.device(*id).is_loopback());
            return Ok(way(loopback, None));
        }
        let (dev, via) = match ipv6(hop.via) {
            Some(via) => (Some(self.check_gateway6(space, via, &wanted)?), Some(via)),
            None => (wanted.dev, None),
        };
        let dev = dev.ok_or(Errno::ENODEV)?;
        self.check_egress6(dev)?;
        Ok(way(Some(dev), via))
    }

    fn check_device6(&self, wanted: &Wanted) -> Outcome {
        match wanted.dev {
            Some(dev) if !self.has_ipv6(dev) => Err(Errno::ENODEV.into()),
            Some(dev) if wanted.onlink && !self.device(dev).up => {
                Err(refused(Errno::ENETDOWN, "Nexthop device is down"))
            }
            None if wanted.onlink => Err(refused(Errno::ENODEV, "Nexthop device required for onlink")),
            Some(_) | None => Ok(()),
        }
    }

    fn check_egress6(&self, dev: DevId) -> Outcome {
        if self.device(dev).disable6 {
            return Err(refused(Errno::EACCES, "IPv6 is disabled on nexthop device"));
        }
        if !self.device(dev).up {
            return Err(refused(Errno::ENETDOWN, "Nexthop device is not up"));
        }
        Ok(())
    }

    /// `fib_check_nh_v6_gw`: the link that leads to an IPv6 gateway of an IPv4 route.
    pub(super) fn egress_of_route4(&self, space: SpaceId, gateway: Ipv6Addr, wanted: &Wanted) -> Outcome<DevId> {
        self.check_device6(wanted)?;
        let dev = self.check_gateway6(space, gateway, wanted)?;
        self.check_egress6(dev)?;
        Ok(dev)
    }

    /// `ip6_validate_gw`
    fn check_gateway6(&self, space: SpaceId, gateway: Ipv6Addr, wanted: &Wanted) -> Outcome<DevId> {
        let link_local = gateway.is_unicast_link_local();
        let own = |dev: Option<DevId>| match (link_local, dev) {
            (false, _) => self.has_address6(space, gateway),
            (true, Some(dev)) => self.device(dev).addrs6.iter().any(|addr| addr.local == Some(gateway)),
            (true, None) => false,
        };
        let local = || refused(Errno::EINVAL, "Gateway can not be a local address");
        if wanted.dev.is_some() && own(wanted.dev) {
            return Err(local());
        }
        let mut dev = wanted.dev;
        if !link_local {
            if gateway.is_multicast() || gateway.is_unspecified() || gateway.is_loopback() {
                return Err(refused(Errno::EINVAL, "Invalid gateway address"));
            }
            if wanted.onlink {
                self.check_onlink6(space, gateway, wanted)?;
            } else {
                dev = Some(self.egress6(space, gateway, wanted)?);
            }
        }
        let dev = dev.ok_or_else(|| refused(Errno::EINVAL, "Egress device not specified"))?;
        if self.device(dev).is_loopback() {
            return Err(refused(Errno::EINVAL, "Egress device can not be loopback device for this route"));
        }
        if wanted.dev.is_none() && own(Some(dev)) {
            return Err(local());
        }
        Ok(dev)
    }

    /// `ip6_route_check_nh`
    fn egress6(&self, space: SpaceId, gateway: Ipv6Addr, wanted: &Wanted) -> Outcome<DevId> {
        let flow = Flow { daddr: gateway.into(), oif: wanted.dev };
        let leads = |route: &&Route6| !self.rejects6(route) && route.way.via.is_none();
        let in_table = self.space(space).fib6.lookup(wanted.table, &flow).filter(leads);
        let found = match in_table {
            Some(route) => Some(route),
            None => self.lookup6(space, &flow).filter(leads),
        };
        found.and_then(|route| route.way.dev).ok_or_else(|| unreachable("No route to host"))
    }

    /// `fib6_is_reject`: what goes over the loopback device goes nowhere, but to its own addresses.
    fn rejects6(&self, route: &Route6) -> bool {
        let own = match route.kind {
            RouteKind::Local => true,
            RouteKind::Anycast => route.proto == RouteProto::KERNEL,
            RouteKind::Unicast
            | RouteKind::Broadcast
            | RouteKind::Multicast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw => false,
        };
        let over_loopback = route.way.dev.is_some_and(|dev| self.device(dev).is_loopback());
        route.kind.discards() || (over_loopback && !own)
    }

    /// `ip6_route_check_nh_onlink`: the main table may say nothing else of the gateway.
    fn check_onlink6(&self, space: SpaceId, gateway: Ipv6Addr, wanted: &Wanted) -> Outcome {
        let Some((dst, found)) = self.space(space).fib6.lookup_near(TableId::MAIN, gateway, wanted.dev) else {
            return Ok(());
        };
        let default = dst.addr().is_unspecified();
        let leads_there = found.kind == RouteKind::Unicast && found.way.dev == wanted.dev;
        if default || leads_there || self.rejects6(found) {
            return Ok(());
        }
        Err(refused(Errno::EINVAL, "Nexthop has invalid gateway or device mismatch"))
    }

    /// `fib6_lookup`
    fn lookup6(&self, space: SpaceId, flow: &Flow) -> Option<&Route6> {
        let space = self.space(space);
        if !space.rules6.custom() {
            return [TableId::LOCAL, TableId::MAIN].into_iter().find_map(|table| space.fib6.lookup(table, flow));
        }
        let oif = flow.oif.map(|id| self.device(id).name.clone());
        let tables = space.rules6.tables(flow.daddr, None, oif.as_ref());
        tables.into_iter().find_map(|table| space.fib6.lookup(table, flow))
    }

    /// `ip6_route_del`
    pub(super) fn del_route6(&mut self, space: SpaceId, route: &Route, devices: &[Option<DevId>]) -> Outcome {
        let key = (route.table, route.dst.network());
        if route.nexthops.len() < 2 {
            let hop = route.nexthops.first();
            return self.del_hop6(space, key, route, hop, devices.first().copied().flatten(), true);
        }
        // ip6_route_multipath_del: one by one, the last error counts.
        let mut outcome = Ok(());
        for (hop, dev) in route.nexthops.iter().zip(devices) {
            if let Err(failure) = self.del_hop6(space, key, route, Some(hop), *dev, false) {
                outcome = Err(failure);
            }
        }
        outcome
    }

    fn del_hop6(
        &mut self,
        space: SpaceId,
        key: Key,
        route: &Route,
        hop: Option<&Nexthop>,
        dev: Option<DevId>,
        all: bool,
    ) -> Outcome {
        let via = hop.and_then(|hop| ipv6(hop.via));
        let fits = |old: &Route6| {
            dev.is_none_or(|dev| old.way.dev == Some(dev))
                && via.is_none_or(|via| old.way.via == Some(via))
                && route.metric.is_none_or(|metric| metric == 0 || old.metric == metric)
                && route.proto.is_none_or(|proto| old.proto == proto)
        };
        let fib = &mut self.space_mut(space).fib6;
        let Some(at) = fib.of(&key).iter().position(fits) else { return Err(Errno::ESRCH.into()) };
        let group = fib.of(&key)[at].group;
        match group {
            Some(_) if via.is_none() && all => {
                while let Some(at) = fib.of(&key).iter().position(|old| old.group == group) {
                    fib.remove_at(key, at);
                }
            }
            _ => fib.remove_at(key, at),
        }
        Ok(())
    }

    /// `rt6_sync_down_dev`: all routes over the link go, of a group only when it is all dead.
    pub(in super::super) fn sync_down6(&mut self, id: DevId, unregistered: bool) {
        let space = self.space_of(id);
        let fib = &mut self.space_mut(space).fib6;
        for key in fib.by_dev.remove(&id).unwrap_or_default() {
            let Some(routes) = fib.routes.get_mut(&key) else { continue };
            let mut stays = false;
            for route in routes.iter_mut().filter(|route| route.way.dev == Some(id)) {
                route.way.dead = true;
            }
            let groups: BTreeSet<u64> = routes.iter().filter_map(|route| route.group).collect();
            let dying: BTreeSet<u64> = groups
                .iter()
                .copied()
                .filter(|group| routes.iter().filter(|route| route.group == Some(*group)).all(|route| route.way.dead))
                .collect();
            routes.retain(|route| {
                let over = route.way.dev == Some(id);
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
                fib.routes.remove(&key);
            }
            if stays {
                fib.by_dev.entry(id).or_default().insert(key);
            }
        }
    }

    /// `rt6_mtu_change_route`: a route's own MTU follows the link's where it was as large or larger.
    pub(in super::super) fn route_mtus_follow(&mut self, id: DevId, before: u32, now: u32) {
        let space = self.space_of(id);
        let fib = &mut self.space_mut(space).fib6;
        for key in fib.by_dev.get(&id).cloned().unwrap_or_default() {
            for route in fib.routes.get_mut(&key).into_iter().flatten().filter(|route| route.way.dev == Some(id)) {
                route.mtu = route.mtu.map(|mtu| if mtu >= now || mtu == before { now } else { mtu });
            }
        }
    }

    /// `rt6_sync_up`
    pub(in super::super) fn sync_up6(&mut self, id: DevId) {
        let space = self.space_of(id);
        let fib = &mut self.space_mut(space).fib6;
        for key in fib.by_dev.get(&id).cloned().unwrap_or_default() {
            for route in fib.routes.get_mut(&key).into_iter().flatten().filter(|route| route.way.dev == Some(id)) {
                route.way.dead = false;
            }
        }
    }
}
