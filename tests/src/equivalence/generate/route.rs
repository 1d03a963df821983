//! Generates operations on routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netscript_net::op::{Family, NetnsRef, Nexthop, Op, Prefix, Route, RouteKind, RouteOp, RouteProto, Scope, TableId};

use super::Generator;

fn is_link_local(addr: IpAddr) -> bool {
    matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local())
}

impl Generator {
    pub(super) fn route(&mut self) -> Op {
        let netns = self.place();
        // The kernel adds the routes to an IPv6 address and to its peer with a delay.
        let lasting = |route: &&Route| {
            let late = route.table == TableId::LOCAL
                || is_link_local(route.dst.addr())
                || (route.dst.is_host() && route.proto == Some(RouteProto::KERNEL));
            route.family() == Family::V4 || !late
        };
        let routes = self.state.netns.get(&netns).into_iter().flat_map(|contents| &contents.routes);
        let there: Vec<Route> = routes.filter(lasting).cloned().collect();
        let family = self.family();
        match self.rng.below(100) {
            0..15 if !there.is_empty() => {
                let mut route = self.rng.pick(&there).clone();
                if self.rng.percent(60) {
                    let Route { dst, tos, table, metric, .. } = route;
                    route = Route { tos, table, metric, ..Route::new(dst) };
                }
                Op::new(netns, RouteOp::Del(route))
            }
            0..20 => Op::new(netns, RouteOp::Del(Route::new(self.prefix(family).network()))),
            20..22 => {
                // The kernel adds the fe80 networks of links with a delay.
                let tables = [TableId(100), TableId(200), TableId::DEFAULT, TableId::MAIN, TableId::LOCAL];
                let many = if family == Family::V4 { 5 } else { 3 };
                Op::new(netns, RouteOp::Flush(family, *self.rng.pick(&tables[..many])))
            }
            22..38 => Op::new(netns.clone(), RouteOp::Replace(self.new_route(&netns, family))),
            _ => Op::new(netns.clone(), RouteOp::Add(self.new_route(&netns, family))),
        }
    }

    fn new_route(&mut self, netns: &NetnsRef, family: Family) -> Route {
        let dst = match self.rng.below(10) {
            0..3 => Prefix::all(family),
            3..9 => self.prefix(family).network(),
            _ => self.prefix(family),
        };
        let mut route = Route::new(dst);
        route.metric = *self.rng.pick(&[None, None, None, None, None, None, Some(10), Some(10), Some(20), Some(0)]);
        let main = [TableId::MAIN; 6];
        let others = [TableId(100), TableId(100), TableId(200), TableId(300), TableId::DEFAULT, TableId::LOCAL];
        route.table = *self.rng.pick(&[main, others].concat());
        if family == Family::V4 {
            route.tos = *self.rng.pick(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 16, 16, 252, 1]);
        }
        route.mtu = self.rng.percent(8).then_some(1400);
        route.proto = self.rng.percent(8).then(|| *self.rng.pick(&[RouteProto::STATIC, RouteProto(42)]));
        if self.rng.percent(12) {
            let kinds = [RouteKind::Blackhole, RouteKind::Unreachable, RouteKind::Prohibit, RouteKind::Throw];
            route.kind = *self.rng.pick(&kinds);
            return route;
        }
        let hops = *self.rng.pick(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 0]);
        route.nexthops = (0..hops).map(|_| self.nexthop(netns, family)).collect();
        route.src = self.rng.percent(10).then(|| self.own_address(netns, family)).flatten();
        if self.rng.percent(2) {
            route.src = Some(self.host(family)).filter(|src| src.is_ipv4() || !self.is_own(netns, *src));
        }
        if family == Family::V4 {
            route.scope = self.rng.percent(6).then(|| *self.rng.pick(&[Scope::Link, Scope::Global, Scope::Host]));
        }
        self.vary_kind(&mut route);
        route
    }

    /// Makes a route one of another kind: local, blackhole and others.
    fn vary_kind(&mut self, route: &mut Route) {
        if self.rng.percent(5) {
            let kinds =
                [RouteKind::Local, RouteKind::Local, RouteKind::Broadcast, RouteKind::Multicast, RouteKind::Anycast];
            route.kind = *self.rng.pick(&kinds);
            route.table = if self.rng.percent(70) { TableId::LOCAL } else { route.table };
        }
    }

    fn nexthop(&mut self, netns: &NetnsRef, family: Family) -> Nexthop {
        // An IPv6 gateway of an IPv4 route (RFC 5549).
        let gateways = if family == Family::V4 && self.rng.percent(6) { Family::V6 } else { family };
        let via = self.rng.percent(65).then(|| self.gateway(netns, gateways));
        // The route to a local IPv6 address comes with a delay.
        let via = via.filter(|via| via.is_ipv4() || !self.is_own(netns, *via));
        let dev = (via.is_none() || self.rng.percent(40)).then(|| self.link(netns));
        let onlink = via.is_some() && self.rng.percent(12);
        Nexthop { via, dev, weight: *self.rng.pick(&[1, 1, 1, 1, 3, 256]), onlink }
    }

    /// A gateway, mostly in the network of an existing address.
    fn gateway(&mut self, netns: &NetnsRef, family: Family) -> IpAddr {
        let own = self.own_address(netns, family).filter(|_| self.rng.percent(85));
        match own {
            Some(IpAddr::V4(addr)) => {
                let [a, b, c, _] = addr.octets();
                Ipv4Addr::new(a, b, c, 1 + self.rng.below(5) as u8).into()
            }
            Some(IpAddr::V6(addr)) => {
                let mut segments = addr.segments();
                segments[7] = 1 + self.rng.below(5) as u16;
                Ipv6Addr::from(segments).into()
            }
            None => self.host(family),
        }
    }
}
