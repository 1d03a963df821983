//! Changing IPv4 routes (net/ipv4/fib_semantics.c, fib_frontend.c).

use std::net::{IpAddr, Ipv4Addr};

use super::super::data::fib4::{Dead, Nexthop4, Route4};
use super::super::data::ids::{DevId, NetnsId};
use super::super::data::netns::Netns;
use super::super::data::policy::{Flow, Step, Suppress};
use super::super::{Model, Outcome, Rejection, refused};
use netscript_net::error::Errno;
use netscript_net::op::{Nexthop, Prefix, Route, RouteKind, RouteProto, Scope, TableId};

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

/// `rtm_to_fib_config`
fn check_tos(tos: u8) -> Outcome {
    // INET_ECN_MASK, include/net/inet_ecn.h
    if tos & 3 == 0 {
        return Ok(());
    }
    Err(refused(Errno::EINVAL, "Invalid dsfield (dscp): ECN bits must be 0"))
}

impl Model {
    /// `fib_table_insert`
    pub(super) fn make_route4(
        &mut self,
        netns: NetnsId,
        route: &Route,
        devices: &[Option<DevId>],
        replace: bool,
    ) -> Outcome {
        check_tos(route.tos)?;
        check_prefix(&route.dst)?;
        let new = self.route_info4(netns, route, devices)?;
        self.netns_mut(netns).fib4.insert(route.table, route.dst, new, replace)
    }

    /// `fib_create_info`
    fn route_info4(&self, netns: NetnsId, route: &Route, devices: &[Option<DevId>]) -> Outcome<Route4> {
        let Route { dst, tos, kind, nexthops, src, metric, table, scope, proto, mtu, opaque } = route;
        let scope = scope.unwrap_or_else(|| chosen_scope(route));
        if widest(*kind).number() > scope.number() {
            return Err(refused(Errno::EINVAL, "Invalid scope"));
        }
        let nexthops = if kind.discards() {
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
            vec![local_nexthop(nexthops, devices)?]
        } else if nexthops.is_empty() {
            vec![self.check_nexthop4(
                netns,
                *table,
                scope,
                &Nexthop { via: None, dev: None, weight: 1, onlink: false },
                None,
            )?]
        } else {
            let several = nexthops.iter().zip(devices);
            let nexthops = several.map(|(hop, dev)| self.check_nexthop4(netns, *table, scope, hop, *dev));
            let mut nexthops = nexthops.collect::<Outcome<Vec<Nexthop4>>>()?;
            if let [only] = &mut nexthops[..] {
                only.weight = 1;
            }
            nexthops
        };
        // The source of a route that discards packets is not checked.
        if let Some(src) = ipv4(*src).filter(|_| !kind.discards()) {
            let own = *kind == RouteKind::Local && dst.addr() == IpAddr::V4(src);
            let local = |table| self.addr_type_in4(netns, table, src) == RouteKind::Local;
            if !own && !local(*table) && !local(TableId::LOCAL) {
                return Err(refused(Errno::EINVAL, "Invalid prefsrc address"));
            }
        }
        Ok(Route4 {
            tos: *tos,
            kind: *kind,
            scope,
            metric: metric.unwrap_or(0),
            src: ipv4(*src),
            proto: proto.unwrap_or(RouteProto::BOOT),
            mtu: mtu.filter(|mtu| *mtu != 0),
            opaque: *opaque,
            nexthops,
        })
    }

    /// `fib_check_nh`
    fn check_nexthop4(
        &self,
        netns: NetnsId,
        table: TableId,
        scope: Scope,
        hop: &Nexthop,
        dev: Option<DevId>,
    ) -> Outcome<Nexthop4> {
        let Nexthop { via, dev: _, weight, onlink } = hop;
        let nexthop =
            |dev, scope| Nexthop4 { dev: Some(dev), via: *via, weight: *weight, onlink: *onlink, scope, dead: false };
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
                Ok(nexthop(dev, Scope::Host))
            }
            Some(IpAddr::V6(gateway)) => {
                let wanted = super::v6::Wanted { table, onlink: *onlink, dev };
                Ok(nexthop(self.egress_of_route4(netns, *gateway, &wanted)?, Scope::Link))
            }
            Some(IpAddr::V4(gateway)) if *onlink => {
                if scope.number() >= Scope::Link.number() {
                    return Err(refused(Errno::EINVAL, "Nexthop has invalid scope"));
                }
                let dev = dev.ok_or_else(|| refused(Errno::ENODEV, "Nexthop device required for onlink"))?;
                if !self.device(dev).up {
                    return Err(refused(Errno::ENETDOWN, "Nexthop device is down"));
                }
                let table = self.vrf_table(dev).unwrap_or(TableId::LOCAL);
                if self.addr_type_in4(netns, table, *gateway) != RouteKind::Unicast {
                    return Err(refused(Errno::EINVAL, "Nexthop has invalid gateway"));
                }
                Ok(nexthop(dev, Scope::Link))
            }
            Some(IpAddr::V4(gateway)) => {
                let (dev, scope) = self.check_gateway4(netns, *gateway, table, scope, dev)?;
                Ok(nexthop(dev, scope))
            }
        }
    }

    /// `fib_check_nh_v4_gw`: some route of link scope must lead to the gateway.
    fn check_gateway4(
        &self,
        netns: NetnsId,
        gateway: Ipv4Addr,
        table: TableId,
        scope: Scope,
        dev: Option<DevId>,
    ) -> Outcome<(DevId, Scope)> {
        let flow = Flow { daddr: gateway.into(), oif: dev };
        let least = scope.number().saturating_add(1).max(Scope::Link.number());
        let fib = &self.netns(netns).fib4;
        let in_table = match table {
            // fib_table_lookup: the table `local` is one with `main` until a rule is added.
            TableId::LOCAL if !self.netns(netns).rules4.custom() => None,
            TableId::MAIN => None,
            table => fib.lookup(&[table], &flow, least, Suppress::default()).and_then(Result::ok),
        };
        let invalid = |errno| refused(errno, "Nexthop has invalid gateway");
        let (route, nexthop) = match in_table {
            Some(found) => found,
            None => self.lookup4(netns, &flow, least).map_err(invalid)?,
        };
        if !matches!(route.kind, RouteKind::Unicast | RouteKind::Local) {
            return Err(invalid(Errno::EINVAL));
        }
        let dev = nexthop.dev.ok_or_else(|| refused(Errno::EINVAL, "No egress device for nexthop gateway"))?;
        if !self.device(dev).up {
            return Err(Errno::ENETDOWN.into());
        }
        Ok((dev, route.scope))
    }

    /// `fib_lookup`
    fn lookup4(&self, netns: NetnsId, flow: &Flow, scope: u8) -> Result<(&Route4, &Nexthop4), Errno> {
        let netns = self.netns(netns);
        let answer = |tables: &[TableId], suppress| match netns.fib4.lookup(tables, flow, scope, suppress) {
            Some(Err(Errno::EAGAIN)) | None => None,
            found => found,
        };
        if !netns.rules4.custom() {
            let none = Suppress::default();
            let found = answer(&[TableId::LOCAL, TableId::MAIN], none).or_else(|| answer(&[TableId::DEFAULT], none));
            return found.unwrap_or(Err(Errno::ENETUNREACH));
        }
        let loopback = netns.by_index.values().find(|id| self.device(**id).is_loopback());
        let loopback = loopback.map(|id| self.device(*id).name.clone());
        let oif = flow.oif.map(|id| self.device(id).name.clone());
        let vrf = flow.oif.and_then(|id| self.vrf_table(id));
        let steps = netns.rules4.steps(flow.daddr, loopback.as_ref(), oif.as_ref(), vrf);
        let mut answers = steps.into_iter().filter_map(|step| match step {
            Step::Table(table, suppress) => answer(&[table], suppress),
            Step::Refuse(errno) => Some(Err(errno)),
        });
        answers.next().unwrap_or(Err(Errno::ENETUNREACH))
    }

    /// `inet_addr_type`: the type that an address has in the local table.
    pub(in super::super) fn addr_type4(&self, netns: NetnsId, addr: Ipv4Addr) -> RouteKind {
        self.addr_type_in4(netns, TableId::LOCAL, addr)
    }

    /// `__inet_dev_addr_type`
    pub(in super::super) fn addr_type_in4(&self, netns: NetnsId, table: TableId, addr: Ipv4Addr) -> RouteKind {
        if addr.is_unspecified() || addr.is_broadcast() {
            return RouteKind::Broadcast;
        }
        if addr.is_multicast() {
            return RouteKind::Multicast;
        }
        let Netns { fib4: fib, rules4: rules, .. } = self.netns(netns);
        if matches!(table, TableId::LOCAL | TableId::MAIN) && !fib.has_had_local() {
            return RouteKind::Broadcast;
        }
        // The local and the main table are one until a rule is added (fib_unmerge).
        let tables = match table {
            TableId::LOCAL | TableId::MAIN if !rules.custom() => &[TableId::LOCAL, TableId::MAIN][..],
            TableId::MAIN => &[TableId::LOCAL],
            _ => &[table],
        };
        let flow = Flow { daddr: addr.into(), oif: None };
        match fib.lookup(tables, &flow, 0, Suppress::default()) {
            Some(Ok((route, _))) => route.kind,
            Some(Err(_)) | None => RouteKind::Unicast,
        }
    }

    /// `fib_table_delete`: the first route that matches.
    pub(super) fn del_route4(&mut self, netns: NetnsId, route: &Route, devices: &[Option<DevId>]) -> Outcome {
        let Route { dst, tos, kind, nexthops, src, metric, table, scope, proto, mtu, opaque: _ } = route;
        check_tos(*tos)?;
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
            old.tos == *tos
                && (*kind == RouteKind::Unicast || old.kind == *kind)
                && scope.is_none_or(|scope| scope == Scope::Nowhere || old.scope == scope)
                && src.is_none_or(|src| old.src.map(IpAddr::V4) == Some(src))
                && proto.is_none_or(|proto| old.proto == proto)
                && metric.is_none_or(|metric| metric == 0 || old.metric == metric)
                && mtu.is_none_or(|mtu| old.mtu == Some(mtu))
                && nexthops_fit(old, nexthops, devices)
        };
        match self.netns_mut(netns).fib4.remove_first(*table, *dst, fits) {
            true => Ok(()),
            false => Err(Errno::ESRCH.into()),
        }
    }

    /// Updates the routes over a link that goes down or is removed.
    pub(in super::super) fn sync_down4(&mut self, id: DevId, why: Dead) {
        let netns = self.netns_of(id);
        self.netns_mut(netns).fib4.sync_down(id, why);
    }

    /// Updates the routes over a link that is up.
    pub(in super::super) fn sync_up4(&mut self, id: DevId) {
        if !self.device(id).up {
            return;
        }
        let netns = self.netns_of(id);
        self.netns_mut(netns).fib4.sync_up(id);
    }
}

/// The only nexthop of a route of host scope.
fn local_nexthop(nexthops: &[Nexthop], devices: &[Option<DevId>]) -> Outcome<Nexthop4> {
    let gateway = "Route with host scope can not have a gateway";
    let dev = match (nexthops, devices) {
        ([], _) => None,
        ([hop], [dev]) if hop.via.is_none() => *dev,
        ([_], _) => return Err(refused(Errno::EINVAL, gateway)),
        _ => return Err(refused(Errno::EINVAL, "Route with host scope can not have multiple nexthops")),
    };
    let dev = dev.ok_or_else(|| Rejection::from(Errno::ENODEV))?;
    Ok(Nexthop4 { dev: Some(dev), via: None, weight: 1, onlink: false, scope: Scope::Nowhere, dead: false })
}

/// `fib_nh_match`
fn nexthops_fit(route: &Route4, nexthops: &[Nexthop], devices: &[Option<DevId>]) -> bool {
    let fits = |nexthop: &Nexthop4, hop: &Nexthop, dev: &Option<DevId>| {
        dev.is_none_or(|dev| nexthop.dev == Some(dev)) && hop.via.is_none_or(|via| nexthop.via == Some(via))
    };
    match (nexthops, devices) {
        ([], _) => true,
        ([hop], [dev]) if dev.is_none() && hop.via.is_none() => true,
        ([hop], [dev]) => route.nexthops.first().is_some_and(|nexthop| fits(nexthop, hop, dev)),
        _ => {
            route.nexthops.len() <= nexthops.len()
                && route
                    .nexthops
                    .iter()
                    .zip(nexthops.iter().zip(devices))
                    .all(|(nexthop, (hop, dev))| fits(nexthop, hop, dev))
        }
    }
}
