//! IPv4 routes (net/ipv4/fib_semantics.c, fib_trie.c, fib_frontend.c).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::super::device::DevId;
use super::super::policy::Flow;
use super::super::space::{Space, SpaceId};
use super::super::{Failure, Model, Outcome, refused};
use netscript_net::error::Errno;
use netscript_net::op::{Nexthop, Prefix, Route, RouteKind, RouteProto, Scope, TableId};

/// One way onward (`struct fib_nh`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way4 {
    pub(crate) dev: Option<DevId>,
    pub(crate) via: Option<IpAddr>,
    pub(crate) weight: u16,
    pub(crate) onlink: bool,
    pub(crate) scope: Scope,
    /// `RTNH_F_DEAD`
    pub(crate) dead: bool,
}

/// A route (`struct fib_info` and `struct fib_alias`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route4 {
    pub(crate) kind: RouteKind,
    pub(crate) scope: Scope,
    pub(crate) metric: u32,
    pub(crate) src: Option<Ipv4Addr>,
    pub(crate) proto: RouteProto,
    pub(crate) mtu: Option<u32>,
    pub(crate) ways: Vec<Way4>,
}

/// Why the ways over a link die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dead {
    /// The link went down: routes to its own addresses stay.
    Down,
    /// IPv4 left the link, which stays.
    Forced,
    /// The link goes.
    Unregistered,
}

type Key = (TableId, Prefix);

/// The tables of a namespace. Routes to one destination stand in the order in which they are
/// looked at: by metric, then as they were put.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fib4 {
    routes: BTreeMap<Key, Vec<Route4>>,
    /// Where a link is used, or was.
    by_dev: BTreeMap<DevId, BTreeSet<Key>>,
    /// Whether the local table was ever put into.
    local: bool,
    /// The lengths of prefixes that there ever were, a bit for each.
    lengths: u64,
}

impl Fib4 {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TableId, &Prefix, &Route4)> {
        self.routes.iter().flat_map(|((table, dst), routes)| routes.iter().map(move |route| (*table, dst, route)))
    }

    fn touch(&mut self, key: Key, route: &Route4) {
        self.local |= key.0 == TableId::LOCAL;
        self.lengths |= 1 << key.1.len();
        for dev in route.ways.iter().filter_map(|way| way.dev) {
            self.by_dev.entry(dev).or_default().insert(key);
        }
    }

    /// `NLM_F_APPEND`: after its equals, unless it is there.
    pub(crate) fn append(&mut self, table: TableId, dst: Prefix, route: Route4) {
        let key = (table, dst);
        self.touch(key, &route);
        let routes = self.routes.entry(key).or_default();
        if routes.iter().any(|old| old.same(&route)) {
            return;
        }
        let at = routes.iter().position(|old| old.metric > route.metric).unwrap_or(routes.len());
        routes.insert(at, route);
    }

    pub(crate) fn remove_first(&mut self, table: TableId, dst: Prefix, fits: impl Fn(&Route4) -> bool) -> bool {
        let Some(routes) = self.routes.get_mut(&(table, dst)) else { return false };
        let Some(at) = routes.iter().position(fits) else { return false };
        routes.remove(at);
        if routes.is_empty() {
            self.routes.remove(&(table, dst));
        }
        true
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(TableId, &Route4) -> bool) {
        self.routes.retain(|(table, _), routes| {
            routes.retain(|route| keep(*table, route));
            !routes.is_empty()
        });
    }

    pub(crate) fn flush(&mut self, table: TableId) {
        self.routes.retain(|(of, _), _| *of != table);
    }

    /// The longest prefix that fits, of the tables given, the first winning where two have it.
    fn lookup(&self, tables: &[TableId], flow: &Flow, scope: u8) -> Option<Result<(&Route4, &Way4), Errno>> {
        for len in (0..=32).rev().filter(|len| self.lengths & (1 << len) != 0) {
            let Some(dst) = Prefix::new(flow.daddr, len).map(|prefix| prefix.network()) else { continue };
            for table in tables {
                for route in self.routes.get(&(*table, dst)).into_iter().flatten() {
                    if route.scope.number() < scope {
                        continue;
                    }
                    if let Some(errno) = refusal(route.kind) {
                        return Some(Err(errno));
                    }
                    let fits = |way: &&Way4| !way.dead && flow.oif.is_none_or(|oif| way.dev == Some(oif));
                    if let Some(way) = route.ways.iter().find(fits) {
                        return Some(Ok((route, way)));
                    }
                }
            }
        }
        None
    }
}

impl Route4 {
    /// Equal but for what time makes of it.
    fn same(&self, other: &Route4) -> bool {
        let alive = |route: &Route4| {
            let mut route = route.clone();
            route.ways.iter_mut().for_each(|way| way.dead = false);
            route
        };
        alive(self) == alive(other)
    }
}

/// What a lookup ends with at a route that forwards nothing (`fib_props`). A throw ends the table.
fn refusal(kind: RouteKind) -> Option<Errno> {
    match kind {
        RouteKind::Blackhole => Some(Errno::EINVAL),
        RouteKind::Unreachable => Some(Errno::EHOSTUNREACH),
        RouteKind::Prohibit => Some(Errno::EACCES),
        RouteKind::Throw => Some(Errno::EAGAIN),
        RouteKind::Unicast | RouteKind::Local | RouteKind::Broadcast | RouteKind::Anycast | RouteKind::Multicast => {
            None
        }
    }
}

/// The widest scope that a kind of route may have (`fib_props`).
fn widest(kind: RouteKind) -> Scope {
    match kind {
        RouteKind::Local => Scope::Host,
        RouteKind::Broadcast | RouteKind::Anycast => Scope::Link,
        RouteKind::Unicast
        | RouteKind::Multicast
        | RouteKind::Blackhole
        | RouteKind::Unreachable
        | RouteKind::Prohibit
        | RouteKind::Throw => Scope::Global,
    }
}

/// The scope that `ip route add` chooses (iproute2's `iproute_modify`).
fn chosen_scope(route: &Route) -> Scope {
    let direct = route.nexthops.len() < 2 && route.nexthops.iter().all(|hop| hop.via.is_none());
    match route.kind {
        RouteKind::Local => Scope::Host,
        RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast => Scope::Link,
        RouteKind::Unicast if direct => Scope::Link,
        RouteKind::Unicast | RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw => {
            Scope::Global
        }
    }
}

fn ipv4(addr: Option<IpAddr>) -> Option<Ipv4Addr> {
    match addr? {
        IpAddr::V4(addr) => Some(addr),
        IpAddr::V6(_) => None,
    }
}

fn check_prefix(dst: &Prefix) -> Outcome {
    if *dst == dst.network() {
        return Ok(());
    }
    Err(refused(Errno::EINVAL, "Invalid prefix for given prefix length"))
}

impl Model {
    /// `fib_table_insert`
    pub(super) fn make_route4(
        &mut self,
        space: SpaceId,
        route: &Route,
        devices: &[Option<DevId>],
        replace: bool,
    ) -> Outcome {
        check_prefix(&route.dst)?;
        let new = self.route_info4(space, route, devices)?;
        let key = (route.table, route.dst);
        let fib = &mut self.space_mut(space).fib4;
        fib.touch(key, &new);
        let routes = fib.routes.entry(key).or_default();
        let first = routes.iter().position(|old| old.metric == new.metric);
        match first {
            None => {
                let at = routes.iter().position(|old| old.metric > new.metric).unwrap_or(routes.len());
                routes.insert(at, new);
                Ok(())
            }
            Some(_) if !replace => Err(Errno::EEXIST.into()),
            Some(first) => {
                if let Some(same) = routes.iter().position(|old| old.same(&new)) {
                    return if same == first { Ok(()) } else { Err(Errno::EEXIST.into()) };
                }
                routes[first] = new;
                Ok(())
            }
        }
    }

    /// `fib_create_info`
    fn route_info4(&self, space: SpaceId, route: &Route, devices: &[Option<DevId>]) -> Outcome<Route4> {
        let Route { dst, kind, nexthops, src, metric, table, scope, proto, mtu } = route;
        let scope = scope.unwrap_or_else(|| chosen_scope(route));
        if widest(*kind).number() > scope.number() {
            return Err(refused(Errno::EINVAL, "Invalid scope"));
        }
        let ways = if kind.discards() {
            if !nexthops.is_empty() {
                return Err(refused(
                    Errno::EINVAL,
                    "Gateway, device and multipath can not be specified for this route type",
                ));
            }
            Vec::new()
        } else if scope.number() > Scope::Host.number() {
            return Err(refused(Errno::EINVAL, "Invalid scope"));
        } else if scope == Scope::Host {
            vec![local_way(nexthops, devices)?]
        } else if nexthops.is_empty() {
            vec![self.check_way4(
                space,
                *table,
                scope,
                &Nexthop { via: None, dev: None, weight: 1, onlink: false },
                None,
            )?]
        } else {
            let several = nexthops.iter().zip(devices);
            let ways = several.map(|(hop, dev)| self.check_way4(space, *table, scope, hop, *dev));
            let mut ways = ways.collect::<Outcome<Vec<Way4>>>()?;
            if let [only] = &mut ways[..] {
                only.weight = 1;
            }
            ways
        };
        // Of a route that leads nowhere the source is not looked at.
        if let Some(src) = ipv4(*src).filter(|_| !kind.discards()) {
            let own = *kind == RouteKind::Local && dst.addr() == IpAddr::V4(src);
            let local = |table| self.addr_type_in4(space, table, src) == RouteKind::Local;
            if !own && !local(*table) && !local(TableId::LOCAL) {
                return Err(refused(Errno::EINVAL, "Invalid prefsrc address"));
            }
        }
        Ok(Route4 {
            kind: *kind,
            scope,
            metric: metric.unwrap_or(0),
            src: ipv4(*src),
            proto: proto.unwrap_or(RouteProto::BOOT),
            mtu: mtu.filter(|mtu| *mtu != 0),
            ways,
        })
    }

    /// `fib_check_nh`
    fn check_way4(
        &self,
        space: SpaceId,
        table: TableId,
        scope: Scope,
        hop: &Nexthop,
        dev: Option<DevId>,
    ) -> Outcome<Way4> {
        let Nexthop { via, dev: _, weight, onlink } = hop;
        let way = |dev, scope| Way4 { dev: Some(dev), via: *via, weight: *weight, onlink: *onlink, scope, dead: false };
        match via {
            None => {
                if *onlink {
                    return Err(refused(
                        Errno::EINVAL,
                        "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set",
                    ));
                }
                let dev = dev.ok_or(Errno::ENODEV)?;
                if !self.has_ipv4(dev) {
                    return Err(Errno::ENODEV.into());
                }
                if !self.device(dev).up {
                    return Err(refused(Errno::ENETDOWN, "Device for nexthop is not up"));
                }
                Ok(way(dev, Scope::Host))
            }
            Some(IpAddr::V6(gateway)) => {
                let wanted = super::v6::Wanted { table, onlink: *onlink, dev };
                Ok(way(self.egress_of_route4(space, *gateway, &wanted)?, Scope::Link))
            }
            Some(IpAddr::V4(gateway)) if *onlink => {
                if scope.number() >= Scope::Link.number() {
                    return Err(refused(Errno::EINVAL, "Nexthop has invalid scope"));
                }
                let dev = dev.ok_or_else(|| refused(Errno::ENODEV, "Nexthop device required for onlink"))?;
                if !self.device(dev).up {
                    return Err(refused(Errno::ENETDOWN, "Nexthop device is down"));
                }
                if self.addr_type4(space, *gateway) != RouteKind::Unicast {
                    return Err(refused(Errno::EINVAL, "Nexthop has invalid gateway"));
                }
                Ok(way(dev, Scope::Link))
            }
            Some(IpAddr::V4(gateway)) => {
                let (dev, scope) = self.check_gateway4(space, *gateway, table, scope, dev)?;
                Ok(way(dev, scope))
            }
        }
    }

    /// `fib_check_nh_v4_gw`: some route of link scope must lead to the gateway.
    fn check_gateway4(
        &self,
        space: SpaceId,
        gateway: Ipv4Addr,
        table: TableId,
        scope: Scope,
        dev: Option<DevId>,
    ) -> Outcome<(DevId, Scope)> {
        let flow = Flow { daddr: gateway.into(), oif: dev };
        let least = scope.number().saturating_add(1).max(Scope::Link.number());
        let fib = &self.space(space).fib4;
        let in_table = match table {
            TableId::MAIN => None,
            table => fib.lookup(&[table], &flow, least).and_then(Result::ok),
        };
        let invalid = |errno| refused(errno, "Nexthop has invalid gateway");
        let (route, way) = match in_table {
            Some(found) => found,
            None => self.lookup4(space, &flow, least).map_err(invalid)?,
        };
        if !matches!(route.kind, RouteKind::Unicast | RouteKind::Local) {
            return Err(invalid(Errno::EINVAL));
        }
        let dev = way.dev.ok_or_else(|| refused(Errno::EINVAL, "No egress device for nexthop gateway"))?;
        if !self.device(dev).up {
            return Err(Errno::ENETDOWN.into());
        }
        Ok((dev, route.scope))
    }

    /// `fib_lookup`
    fn lookup4(&self, space: SpaceId, flow: &Flow, scope: u8) -> Result<(&Route4, &Way4), Errno> {
        let space = self.space(space);
        let answer = |tables: &[TableId]| match space.fib4.lookup(tables, flow, scope) {
            Some(Err(Errno::EAGAIN)) | None => None,
            found => found,
        };
        if !space.rules4.custom() {
            let found = answer(&[TableId::LOCAL, TableId::MAIN]).or_else(|| answer(&[TableId::DEFAULT]));
            return found.unwrap_or(Err(Errno::ENETUNREACH));
        }
        let loopback = space.by_index.values().find(|id| self.device(**id).is_loopback());
        let loopback = loopback.map(|id| self.device(*id).name.clone());
        let oif = flow.oif.map(|id| self.device(id).name.clone());
        let tables = space.rules4.tables(flow.daddr, loopback.as_ref(), oif.as_ref());
        tables.into_iter().find_map(|table| answer(&[table])).unwrap_or(Err(Errno::ENETUNREACH))
    }

    /// `inet_addr_type`: what the local table makes of an address.
    pub(in super::super) fn addr_type4(&self, space: SpaceId, addr: Ipv4Addr) -> RouteKind {
        self.addr_type_in4(space, TableId::LOCAL, addr)
    }

    /// `__inet_dev_addr_type`
    fn addr_type_in4(&self, space: SpaceId, table: TableId, addr: Ipv4Addr) -> RouteKind {
        if addr.is_unspecified() || addr.is_broadcast() {
            return RouteKind::Broadcast;
        }
        if addr.is_multicast() {
            return RouteKind::Multicast;
        }
        let Space { fib4: fib, rules4: rules, .. } = self.space(space);
        if matches!(table, TableId::LOCAL | TableId::MAIN) && !fib.local {
            return RouteKind::Broadcast;
        }
        // The local and the main table are one until somebody adds a rule (fib_unmerge).
        let tables = match table {
            TableId::LOCAL | TableId::MAIN if !rules.custom() => &[TableId::LOCAL, TableId::MAIN][..],
            TableId::MAIN => &[TableId::LOCAL],
            _ => &[table],
        };
        let flow = Flow { daddr: addr.into(), oif: None };
        match fib.lookup(tables, &flow, 0) {
            Some(Ok((route, _))) => route.kind,
            Some(Err(_)) | None => RouteKind::Unicast,
        }
    }

    /// `fib_table_delete`: the first that fits what is given.
    pub(super) fn del_route4(&mut self, space: SpaceId, route: &Route, devices: &[Option<DevId>]) -> Outcome {
        let Route { dst, kind, nexthops, src, metric, table, scope, proto, mtu } = route;
        check_prefix(dst)?;
        let scope = scope.or(match kind {
            RouteKind::Local | RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast => {
                Some(chosen_scope(route))
            }
            RouteKind::Unicast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw => None,
        });
        let fits = |old: &Route4| {
            (*kind == RouteKind::Unicast || old.kind == *kind)
                && scope.is_none_or(|scope| scope == Scope::Nowhere || old.scope == scope)
                && src.is_none_or(|src| old.src.map(IpAddr::V4) == Some(src))
                && proto.is_none_or(|proto| old.proto == proto)
                && metric.is_none_or(|metric| metric == 0 || old.metric == metric)
                && mtu.is_none_or(|mtu| old.mtu == Some(mtu))
                && ways_fit(old, nexthops, devices)
        };
        match self.space_mut(space).fib4.remove_first(*table, *dst, fits) {
            true => Ok(()),
            false => Err(Errno::ESRCH.into()),
        }
    }

    /// `fib_sync_down_dev` and `fib_flush`
    pub(in super::super) fn sync_down4(&mut self, id: DevId, why: Dead) {
        let space = self.space_of(id);
        let fib = &mut self.space_mut(space).fib4;
        for key in fib.by_dev.get(&id).cloned().unwrap_or_default() {
            let Some(routes) = fib.routes.get_mut(&key) else { continue };
            routes.retain_mut(|route| !dies(route, id, why));
            if routes.is_empty() {
                fib.routes.remove(&key);
            }
        }
        if why == Dead::Unregistered {
            self.space_mut(space).fib4.by_dev.remove(&id);
        }
    }

    /// `fib_sync_up`: dead ways over a link that is up live again.
    pub(in super::super) fn sync_up4(&mut self, id: DevId) {
        if !self.device(id).up {
            return;
        }
        let space = self.space_of(id);
        let fib = &mut self.space_mut(space).fib4;
        for key in fib.by_dev.get(&id).cloned().unwrap_or_default() {
            for route in fib.routes.get_mut(&key).into_iter().flatten() {
                for way in route.ways.iter_mut().filter(|way| way.dev == Some(id)) {
                    way.dead = false;
                }
            }
        }
    }
}

/// Whether a route ends with its ways over a link; otherwise those are marked.
fn dies(route: &mut Route4, id: DevId, why: Dead) -> bool {
    if !route.ways.iter().any(|way| way.dev == Some(id)) {
        return false;
    }
    if why == Dead::Unregistered {
        return true;
    }
    for way in &mut route.ways {
        if way.dev == Some(id) && (why == Dead::Forced || way.scope != Scope::Nowhere) {
            way.dead = true;
        }
    }
    route.ways.iter().all(|way| way.dead)
}

/// The one way of a route of host scope.
fn local_way(nexthops: &[Nexthop], devices: &[Option<DevId>]) -> Outcome<Way4> {
    let gateway = "Route with host scope can not have a gateway";
    let dev = match (nexthops, devices) {
        ([], _) => None,
        ([hop], [dev]) if hop.via.is_none() => *dev,
        ([_], _) => return Err(refused(Errno::EINVAL, gateway)),
        _ => return Err(refused(Errno::EINVAL, "Route with host scope can not have multiple nexthops")),
    };
    let dev = dev.ok_or_else(|| Failure::from(Errno::ENODEV))?;
    Ok(Way4 { dev: Some(dev), via: None, weight: 1, onlink: false, scope: Scope::Nowhere, dead: false })
}

/// `fib_nh_match`
fn ways_fit(route: &Route4, nexthops: &[Nexthop], devices: &[Option<DevId>]) -> bool {
    let fits = |way: &Way4, hop: &Nexthop, dev: &Option<DevId>| {
        dev.is_none_or(|dev| way.dev == Some(dev)) && hop.via.is_none_or(|via| way.via == Some(via))
    };
    match (nexthops, devices) {
        ([], _) => true,
        ([hop], [dev]) if dev.is_none() && hop.via.is_none() => true,
        ([hop], [dev]) => route.ways.first().is_some_and(|way| fits(way, hop, dev)),
        _ => {
            route.ways.len() <= nexthops.len()
                && route.ways.iter().zip(nexthops.iter().zip(devices)).all(|(way, (hop, dev))| fits(way, hop, dev))
        }
    }
}
