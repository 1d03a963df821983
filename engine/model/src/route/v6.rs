//! Changing IPv6 routes (net/ipv6/route.c).

use std::net::{IpAddr, Ipv6Addr};

use super::super::data::fib6::{Nexthop6, Route6, RouteKey};
use super::super::data::ids::{DevId, NetnsId};
use super::super::data::policy::{Flow, Step, Suppress};
use super::super::{Model, Outcome, Rejection, refused};
use netscript_net::error::Errno;
use netscript_net::op::{Nexthop, Route, RouteKind, RouteProto, TableId};

/// Metric of a route for which none is given (`IP6_RT_PRIO_USER`, linux/ipv6_route.h).
const METRIC_USER: u32 = 1024;

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

fn unreachable(text: &str) -> Rejection {
    refused(Errno::EHOSTUNREACH, text)
}

impl Model {
    /// `ip6_route_add`, `ip6_route_multipath_add`
    pub(super) fn make_route6(
        &mut self,
        netns: NetnsId,
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
            let mut new = self.route_info6(netns, route, hop, *dev)?;
            if hops.len() == 1 {
                new.nexthop.weight = 1;
            }
            if made.iter().any(|other| other.nexthop.dev == new.nexthop.dev && other.nexthop.via == new.nexthop.via) {
                return Err(Errno::EEXIST.into());
            }
            made.push(new);
        }
        let fib = &mut self.netns_mut(netns).fib6;
        for (nth, new) in made.into_iter().enumerate() {
            let first = nth == 0;
            fib.insert(key, new, first && !replace, first && replace)?;
        }
        Ok(())
    }

    /// `ip6_route_info_create`
    fn route_info6(&self, netns: NetnsId, route: &Route, hop: &Nexthop, dev: Option<DevId>) -> Outcome<Route6> {
        let Route { dst: _, tos, kind, nexthops: _, src, metric, table, scope: _, proto, mtu, opaque } = route;
        // rtm_to_fib6_config
        if *tos != 0 {
            return Err(refused(Errno::EINVAL, "Invalid dsfield (dscp): option not available for IPv6"));
        }
        let src = ipv6(*src);
        let wanted = Wanted { table: *table, onlink: hop.onlink, dev };
        self.check_device6(&wanted)?;
        let nexthop = self.nexthop6(netns, *kind, hop, wanted)?;
        let fits = |src: Ipv6Addr| match src.is_unicast_link_local() || src.is_loopback() {
            // ipv6_chk_addr
            true => nexthop.dev.is_some_and(|dev| self.device(dev).addrs6.iter().any(|addr| addr.local == Some(src))),
            false => self.has_address6(netns, src),
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
            opaque: *opaque,
            nexthop,
            group: None,
        })
    }

    /// `fib6_nh_init`
    fn nexthop6(&self, netns: NetnsId, kind: RouteKind, hop: &Nexthop, wanted: Wanted) -> Outcome<Nexthop6> {
        let nexthop = |dev, via| Nexthop6 { dev, via, weight: hop.weight, onlink: hop.onlink, dead: false };
        if kind.discards() {
            let loopback = self.netns(netns).by_index.values().copied().find(|id| self.device(*id).is_loopback());
            return Ok(nexthop(loopback, None));
        }
        let (dev, via) = match ipv6(hop.via) {
            Some(via) => (Some(self.check_gateway6(netns, via, &wanted)?), Some(via)),
            None => (wanted.dev, None),
        };
        let dev = dev.ok_or(Errno::ENODEV)?;
        self.check_egress6(dev)?;
        Ok(nexthop(Some(dev), via))
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
    pub(super) fn egress_of_route4(&self, netns: NetnsId, gateway: Ipv6Addr, wanted: &Wanted) -> Outcome<DevId> {
        self.check_device6(wanted)?;
        let dev = self.check_gateway6(netns, gateway, wanted)?;
        self.check_egress6(dev)?;
        Ok(dev)
    }

    /// `ip6_validate_gw`
    fn check_gateway6(&self, netns: NetnsId, gateway: Ipv6Addr, wanted: &Wanted) -> Outcome<DevId> {
        let link_local = gateway.is_unicast_link_local();
        let own = |dev: Option<DevId>| match (link_local, dev) {
            (false, _) => self.has_address6(netns, gateway),
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
                self.check_onlink6(netns, gateway, wanted)?;
            } else {
                dev = Some(self.egress6(netns, gateway, wanted)?);
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
    fn egress6(&self, netns: NetnsId, gateway: Ipv6Addr, wanted: &Wanted) -> Outcome<DevId> {
        let flow = Flow { daddr: gateway.into(), oif: wanted.dev };
        let leads = |route: &&Route6| !self.rejects6(route) && route.nexthop.via.is_none();
        let in_table = self.netns(netns).fib6.lookup(wanted.table, &flow, Suppress::default()).filter(leads);
        let found = match in_table {
            Some(route) => Some(route),
            None => self.lookup6(netns, &flow).filter(leads),
        };
        found.and_then(|route| route.nexthop.dev).ok_or_else(|| unreachable("No route to host"))
    }

    /// `fib6_is_reject`: a route over the loopback device discards packets, except those to local addresses.
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
        let over_loopback = route.nexthop.dev.is_some_and(|dev| self.device(dev).is_loopback());
        route.kind.discards() || (over_loopback && !own)
    }

    /// `ip6_route_check_nh_onlink`: the main table, or the VRF's, must not have a conflicting route to the gateway.
    fn check_onlink6(&self, netns: NetnsId, gateway: Ipv6Addr, wanted: &Wanted) -> Outcome {
        let table = wanted.dev.and_then(|dev| self.vrf_table(dev)).unwrap_or(TableId::MAIN);
        let Some((dst, found)) = self.netns(netns).fib6.lookup_near(table, gateway, wanted.dev) else {
            return Ok(());
        };
        let default = dst.addr().is_unspecified();
        let leads_there = found.kind == RouteKind::Unicast && found.nexthop.dev == wanted.dev;
        if default || leads_there || self.rejects6(found) {
            return Ok(());
        }
        Err(refused(Errno::EINVAL, "Nexthop has invalid gateway or device mismatch"))
    }

    /// `fib6_lookup`
    fn lookup6(&self, netns: NetnsId, flow: &Flow) -> Option<&Route6> {
        let netns = self.netns(netns);
        if !netns.rules6.custom() {
            return [TableId::LOCAL, TableId::MAIN]
                .into_iter()
                .find_map(|table| netns.fib6.lookup(table, flow, Suppress::default()));
        }
        let oif = flow.oif.map(|id| self.device(id).name.clone());
        let vrf = flow.oif.and_then(|id| self.vrf_table(id));
        for step in netns.rules6.steps(flow.daddr, None, oif.as_ref(), vrf) {
            match step {
                Step::Table(table, suppress) => match netns.fib6.lookup(table, flow, suppress) {
                    Some(route) => return Some(route),
                    None => continue,
                },
                Step::Refuse(_) => return None,
            }
        }
        None
    }

    /// `ip6_route_del`
    pub(super) fn del_route6(&mut self, netns: NetnsId, route: &Route, devices: &[Option<DevId>]) -> Outcome {
        let key = (route.table, route.dst.network());
        if route.nexthops.len() < 2 {
            let hop = route.nexthops.first();
            return self.del_hop6(netns, key, route, hop, devices.first().copied().flatten(), true);
        }
        // ip6_route_multipath_del deletes one by one, and returns the last error.
        let mut outcome = Ok(());
        for (hop, dev) in route.nexthops.iter().zip(devices) {
            if let Err(rejection) = self.del_hop6(netns, key, route, Some(hop), *dev, false) {
                outcome = Err(rejection);
            }
        }
        outcome
    }

    fn del_hop6(
        &mut self,
        netns: NetnsId,
        key: RouteKey,
        route: &Route,
        hop: Option<&Nexthop>,
        dev: Option<DevId>,
        all: bool,
    ) -> Outcome {
        let via = hop.and_then(|hop| ipv6(hop.via));
        let fits = |old: &Route6| {
            dev.is_none_or(|dev| old.nexthop.dev == Some(dev))
                && via.is_none_or(|via| old.nexthop.via == Some(via))
                && route.metric.is_none_or(|metric| metric == 0 || old.metric == metric)
                && route.proto.is_none_or(|proto| old.proto == proto)
        };
        let fib = &mut self.netns_mut(netns).fib6;
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

    /// Updates the routes over a link that goes down or is removed.
    pub(in super::super) fn sync_down6(&mut self, id: DevId, unregistered: bool) {
        let netns = self.netns_of(id);
        self.netns_mut(netns).fib6.sync_down(id, unregistered);
    }

    /// Updates the routes over a link whose MTU changes.
    pub(in super::super) fn route_mtus_follow(&mut self, id: DevId, before: u32, now: u32) {
        let netns = self.netns_of(id);
        self.netns_mut(netns).fib6.mtus_follow(id, before, now);
    }

    /// Updates the routes over a link that is up.
    pub(in super::super) fn sync_up6(&mut self, id: DevId) {
        let netns = self.netns_of(id);
        self.netns_mut(netns).fib6.sync_up(id);
    }
}
