//! IPv6 addresses (net/ipv6/addrconf.c, anycast.c).

use std::net::{IpAddr, Ipv6Addr};

use super::super::data::addr::Addr6;
use super::super::data::device::IPV6_MIN_MTU;
use super::super::data::fib6::{Nexthop6, Route6};
use super::super::data::ids::{DevId, NetnsId};
use super::super::kinds::behaviour::Ipv6;
use super::super::{Model, Outcome, refused};
use netscript_net::error::Errno;
use netscript_net::op::{AddrSpec, Mac, Prefix, RouteKind, RouteProto, Scope, TableId};
use netscript_net::state::Hardware;

/// Metric of the routes that come with addresses (`IP6_RT_PRIO_ADDRCONF`).
const METRIC_ADDRCONF: u32 = 256;

fn ipv6(addr: IpAddr) -> Ipv6Addr {
    match addr {
        IpAddr::V6(addr) => addr,
        IpAddr::V4(_) => Ipv6Addr::UNSPECIFIED,
    }
}

/// `ipv6_addr_scope` as `rtnl_scope` reports it.
fn scope_of(addr: Ipv6Addr) -> Scope {
    if addr.is_loopback() {
        Scope::Host
    } else if addr.is_unicast_link_local() {
        Scope::Link
    } else if addr.segments()[0] & 0xffc0 == 0xfec0 {
        Scope::Site
    } else {
        Scope::Global
    }
}

/// `ipv6_addr_src_scope`: the order of a link's addresses.
fn rank(scope: Scope) -> u8 {
    match scope {
        Scope::Host | Scope::Link => 2,
        Scope::Site => 5,
        Scope::Global | Scope::Nowhere | Scope::Other(_) => 14,
    }
}

/// `fe80::/64`, the network of the addresses that the kernel makes from hardware addresses.
fn link_local_network() -> Option<Prefix> {
    Prefix::new(Mac([0; 6]).link_local().into(), 64).map(|prefix| prefix.network())
}

impl Model {
    /// Whether IPv6 runs over a link (`__in6_dev_get`).
    pub(in super::super) fn has_ipv6(&self, id: DevId) -> bool {
        let device = self.device(id);
        device.mtu >= IPV6_MIN_MTU || device.is_loopback()
    }

    /// `inet6_addr_add`
    pub(in super::super) fn add6(&mut self, id: DevId, spec: &AddrSpec) -> Outcome {
        let local = ipv6(spec.local.addr());
        let device = self.device(id);
        if !self.has_ipv6(id) {
            return Err(refused(Errno::EINVAL, "IPv6 is disabled on this device"));
        }
        if device.disable6 {
            return Err(refused(Errno::EACCES, "ipv6: IPv6 is disabled on this device"));
        }
        if self.device(id).up {
            self.add_multicast_route(id);
        }
        let device = self.device(id);
        let wrong = local.is_unspecified() || local.is_multicast() || (local.is_loopback() && !device.is_loopback());
        if wrong {
            return Err(refused(Errno::EADDRNOTAVAIL, "ipv6: Invalid address"));
        }
        if device.addrs6.iter().any(|addr| addr.local == Some(local)) {
            return Err(refused(Errno::EEXIST, "ipv6: address already assigned"));
        }
        // ipvlan_addr6_validator_event
        if self.ipvlan_has(id, local.into()) {
            return Err(refused(Errno::EADDRINUSE, "Address already assigned to an ipvlan device"));
        }
        let peer = spec.peer.map(|peer| ipv6(peer.addr())).filter(|peer| *peer != local);
        let addr = Addr6 {
            local: Some(local),
            peer,
            len: spec.peer.map_or(spec.local.len(), |peer| peer.len()),
            scope: scope_of(local),
            nodad: !spec.dad,
            tentative: spec.dad && !device.is_loopback(),
            deprecated: false,
            prefix_route: true,
        };
        self.insert6(id, addr.clone());
        self.add_prefix_route(id, &addr);
        if !addr.tentative || self.device(id).ready6 || !self.device(id).arp {
            self.complete6(id, local);
        }
        Ok(())
    }

    /// `ipv6_link_dev_addr`: wide scopes first, and the newest first among equals.
    fn insert6(&mut self, id: DevId, addr: Addr6) {
        let addrs = &mut self.device_mut(id).addrs6;
        let at = addrs.iter().position(|old| rank(old.scope) <= rank(addr.scope)).unwrap_or(addrs.len());
        addrs.insert(at, addr);
    }

    /// Duplicate address detection is over, or was not needed (`addrconf_dad_completed`).
    fn complete6(&mut self, id: DevId, local: Ipv6Addr) {
        let Some(addr) = self.device_mut(id).addrs6.iter_mut().find(|addr| addr.local == Some(local)) else { return };
        addr.tentative = false;
        let addr = addr.clone();
        self.add_host_route(id, RouteKind::Local, local);
        if let Some(peer) = addr.peer.filter(|_| self.device(id).up) {
            self.insert_route6(id, TableId::MAIN, Prefix::host(peer.into()), RouteKind::Unicast, METRIC_ADDRCONF);
        }
        if self.device(id).forwarding6 {
            self.join_anycast(id, &addr);
        }
    }

    /// `inet6_addr_del`
    pub(super) fn del6(&mut self, id: DevId, spec: &AddrSpec) -> Outcome {
        let local = ipv6(spec.local.addr());
        if !self.has_ipv6(id) {
            return Err(Errno::ENXIO.into());
        }
        let found = self.device(id).addrs6.iter().position(|addr| {
            addr.local == Some(local) && addr.len == spec.peer.map_or(spec.local.len(), |peer| peer.len())
        });
        let Some(at) = found else {
            return Err(refused(Errno::EADDRNOTAVAIL, "ipv6: address not found"));
        };
        let gone = self.device_mut(id).addrs6.remove(at);
        self.address_gone6(id, &gone);
        Ok(())
    }

    /// `ipv6_del_addr`, `__ipv6_ifa_notify`
    fn address_gone6(&mut self, id: DevId, gone: &Addr6) {
        let Some(local) = gone.local else { return };
        let netns = self.netns_of(id);
        let (local_table, main_table) = (self.table6(id, TableId::LOCAL), self.table6(id, TableId::MAIN));
        let network = |addr: &Addr6| addr.network().or_else(link_local_network);
        let shared = self.device(id).addrs6.iter().any(|addr| addr.len == gone.len && network(addr) == network(gone));
        if self.device(id).forwarding6 && !gone.tentative {
            self.leave_anycast(id, gone);
        }
        let fib = &mut self.netns_mut(netns).fib6;
        fib.remove_first(local_table, Prefix::host(local.into()), |route| {
            route.kind == RouteKind::Local && route.nexthop.dev == Some(id)
        });
        if let Some(peer) = gone.peer {
            fib.remove_first(main_table, Prefix::host(peer.into()), |route| {
                route.nexthop.dev == Some(id) && route.nexthop.via.is_none()
            });
        }
        if gone.prefix_route
            && !shared
            && let Some(network) = gone.network()
        {
            // addrconf_get_prefix_route
            fib.remove_first(main_table, network, |route| route.nexthop.dev == Some(id) && route.nexthop.via.is_none());
        }
        let elsewhere = self.has_address6(netns, local);
        if !elsewhere {
            self.netns_mut(netns).fib6.forget_source(local);
        }
    }

    /// `ipv6_chk_addr`
    pub(in super::super) fn has_address6(&self, netns: NetnsId, addr: Ipv6Addr) -> bool {
        // Nearly every address has a local route; only tentative ones must be searched for link by link.
        self.netns(netns).links.values().any(|id| self.device(*id).addrs6.iter().any(|a| a.local == Some(addr)))
    }

    /// `NETDEV_UP`: addresses that were added while the link was down get their routes.
    pub(in super::super) fn up6(&mut self, id: DevId) {
        if self.device(id).disable6 || !self.has_ipv6(id) {
            return;
        }
        if self.device(id).mtu < IPV6_MIN_MTU {
            self.destroy6(id);
            return;
        }
        for addr in self.device(id).addrs6.clone() {
            self.add_prefix_route(id, &addr);
            if let (false, Some(local)) = (addr.tentative, addr.local) {
                self.add_host_route(id, RouteKind::Local, local);
            }
        }
        self.sync_up6(id);
        if self.device(id).ready() {
            self.configure6(id);
        }
    }

    /// `NETDEV_DOWN`: the addresses go, and all routes over the link.
    pub(in super::super) fn down6(&mut self, id: DevId) {
        self.sync_down6(id, false);
        self.forget_addresses6(id);
    }

    /// `addrconf_ifdown` of a link that is removed
    pub(in super::super) fn destroy6(&mut self, id: DevId) {
        self.sync_down6(id, true);
        self.flush_neighbours(id, |addr| addr.is_ipv6());
        self.forget_addresses6(id);
    }

    /// Routes over other links keep the addresses as their sources (`addrconf_ifdown`).
    fn forget_addresses6(&mut self, id: DevId) {
        let device = self.device_mut(id);
        device.ready6 = false;
        device.anycast6.clear();
        device.addrs6.clear();
        device.link_local_kept = false;
    }

    /// The link is up and has a carrier: `addrconf_init_auto_addrs`, `addrconf_dad_run`.
    pub(in super::super) fn configure6(&mut self, id: DevId) {
        if self.device(id).disable6 || self.device(id).mtu < IPV6_MIN_MTU {
            return;
        }
        self.device_mut(id).ready6 = true;
        match self.facts(id).ipv6 {
            Ipv6::Loopback => self.add_loopback6(id),
            Ipv6::None => {}
            Ipv6::LinkLocal => self.add_link_local(id, false),
            Ipv6::Numbered => self.add_link_local(id, true),
        }
        let waiting = self.device(id).addrs6.iter().filter(|addr| addr.tentative).filter_map(|addr| addr.local);
        for local in waiting.collect::<Vec<_>>() {
            self.complete6(id, local);
        }
    }

    /// `init_loopback`
    fn add_loopback6(&mut self, id: DevId) {
        let local = Ipv6Addr::LOCALHOST;
        if self.device(id).addrs6.iter().any(|addr| addr.local == Some(local)) {
            return;
        }
        let addr = Addr6 {
            local: Some(local),
            peer: None,
            len: 128,
            scope: Scope::Host,
            nodad: false,
            tentative: false,
            deprecated: false,
            prefix_route: false,
        };
        self.insert6(id, addr);
        self.complete6(id, local);
    }

    /// `addrconf_dev_config`
    fn add_link_local(&mut self, id: DevId, numbered: bool) {
        self.add_multicast_route(id);
        let device = self.device(id);
        let set = !numbered && !self.facts(id).mac_borrowed;
        let local = match device.mac {
            Hardware::Known(mac) if set => Some(mac.link_local()),
            Hardware::Known(_) | Hardware::Unknown => None,
            Hardware::None => return,
        };
        if device.addrs6.iter().any(|addr| addr.local == local && addr.scope == Scope::Link) {
            return;
        }
        let addr = Addr6 {
            local,
            peer: None,
            len: 64,
            scope: Scope::Link,
            nodad: false,
            tentative: local.is_some(),
            deprecated: false,
            prefix_route: true,
        };
        self.insert6(id, addr.clone());
        self.add_prefix_route(id, &addr);
    }

    fn add_prefix_route(&mut self, id: DevId, addr: &Addr6) {
        if !addr.prefix_route || !self.device(id).up {
            return;
        }
        if let Some(network) = addr.network().or_else(link_local_network) {
            self.insert_route6(id, TableId::MAIN, network, RouteKind::Unicast, METRIC_ADDRCONF);
        }
    }

    /// `addrconf_add_mroute`: `ff00::/8`
    fn add_multicast_route(&mut self, id: DevId) {
        if !self.facts(id).multicast6 {
            return;
        }
        let all = Prefix::new(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0).into(), 8).expect("8 is a length");
        self.insert_route6(id, TableId::LOCAL, all, RouteKind::Multicast, METRIC_ADDRCONF);
    }

    fn add_host_route(&mut self, id: DevId, kind: RouteKind, addr: Ipv6Addr) {
        self.insert_route6(id, TableId::LOCAL, Prefix::host(addr.into()), kind, 0);
    }

    fn insert_route6(&mut self, id: DevId, table: TableId, dst: Prefix, kind: RouteKind, metric: u32) {
        let nexthop = Nexthop6 { dev: Some(id), via: None, weight: 1, onlink: false, dead: false };
        let route = Route6 {
            kind,
            metric,
            src: None,
            proto: RouteProto::KERNEL,
            mtu: None,
            opaque: false,
            nexthop,
            group: None,
        };
        let (netns, table) = (self.netns_of(id), self.table6(id, table));
        self.netns_mut(netns).fib6.insert_by_kernel(table, dst, route);
    }

    /// The table of the kernel's own routes over a link: `usual`, or the VRF's.
    fn table6(&self, id: DevId, usual: TableId) -> TableId {
        self.vrf_table(id).unwrap_or(usual)
    }

    /// The subnet-router anycast address (RFC 4291, section 2.6.1) of a link that forwards.
    fn join_anycast(&mut self, id: DevId, addr: &Addr6) {
        let Some(anycast) = anycast(addr) else { return };
        let uses = self.device_mut(id).anycast6.entry(anycast.into()).or_default();
        *uses += 1;
        if *uses == 1 {
            self.add_host_route(id, RouteKind::Anycast, anycast);
        }
    }

    fn leave_anycast(&mut self, id: DevId, addr: &Addr6) {
        let Some(anycast) = anycast(addr) else { return };
        let joined = &mut self.device_mut(id).anycast6;
        let Some(uses) = joined.get_mut(&anycast.into()) else { return };
        *uses -= 1;
        if *uses == 0 {
            joined.remove(&anycast.into());
            let (netns, table) = (self.netns_of(id), self.table6(id, TableId::LOCAL));
            self.netns_mut(netns).fib6.remove_first(table, Prefix::host(anycast.into()), |route| {
                route.kind == RouteKind::Anycast && route.nexthop.dev == Some(id)
            });
        }
    }

    /// The hardware address changes. The kernel makes the fe80 address of the old one or, if it gets to it late, of the
    /// new one, so the address becomes unknown.
    pub(in super::super) fn blur_link_local(&mut self, id: DevId) {
        let Hardware::Known(mac) = self.device(id).mac else { return };
        let made = mac.link_local();
        let (netns, table) = (self.netns_of(id), self.table6(id, TableId::LOCAL));
        for addr in self.device_mut(id).addrs6.iter_mut().filter(|addr| addr.local == Some(made) && !addr.nodad) {
            addr.local = None;
        }
        self.netns_mut(netns).fib6.remove_first(table, Prefix::host(made.into()), |route| {
            route.kind == RouteKind::Local && route.nexthop.dev == Some(id)
        });
    }

    /// `dev_forward_change`
    pub(in super::super) fn set_forwarding6(&mut self, id: DevId, on: bool) {
        if self.device(id).forwarding6 == on {
            return;
        }
        self.device_mut(id).forwarding6 = on;
        for addr in self.device(id).addrs6.clone() {
            if !addr.tentative {
                if on { self.join_anycast(id, &addr) } else { self.leave_anycast(id, &addr) }
            }
        }
    }

    /// `dev_disable_change`
    pub(in super::super) fn set_disable6(&mut self, id: DevId, on: bool) {
        if self.device(id).disable6 == on {
            return;
        }
        self.device_mut(id).disable6 = on;
        if on {
            self.destroy6(id);
        } else if self.device(id).up {
            self.up6(id);
        }
    }
}

/// `addrconf_join_anycast`: networks of 127 bits and more have none (RFC 6164).
fn anycast(addr: &Addr6) -> Option<Ipv6Addr> {
    let network = ipv6(addr.network()?.addr());
    (addr.len < 127 && !network.is_unspecified()).then_some(network)
}
