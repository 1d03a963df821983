//! IPv4 addresses (net/ipv4/devinet.c, fib_frontend.c).

use std::net::{IpAddr, Ipv4Addr};

use super::super::data::addr::{Addr4, prefix};
use super::super::data::device::IPV4_MIN_MTU;
use super::super::data::fib4::{Dead, Nexthop4, Route4};
use super::super::data::ids::DevId;
use super::super::{Model, Outcome, refused};
use netscript_net::error::Errno;
use netscript_net::op::{AddrSpec, IfName, Prefix, RouteKind, RouteProto, Scope, TableId};

fn ipv4(addr: IpAddr) -> Ipv4Addr {
    match addr {
        IpAddr::V4(addr) => addr,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

/// The local and the other end's address of a request.
fn ends(spec: &AddrSpec) -> (Ipv4Addr, Ipv4Addr, u8) {
    let local = ipv4(spec.local.addr());
    match spec.peer {
        Some(peer) => (local, ipv4(peer.addr()), peer.len()),
        None => (local, local, spec.local.len()),
    }
}

impl Model {
    /// Whether IPv4 runs over a link (`__in_dev_get_rtnl`).
    pub(in super::super) fn has_ipv4(&self, id: DevId) -> bool {
        self.device(id).mtu >= IPV4_MIN_MTU
    }

    /// `inet_rtm_newaddr`
    pub(in super::super) fn add4(&mut self, id: DevId, spec: &AddrSpec) -> Outcome {
        let (local, address, len) = ends(spec);
        if !self.has_ipv4(id) {
            return Err(Errno::ENOBUFS.into());
        }
        // __inet_insert_ifa ignores 0.0.0.0.
        if local.is_unspecified() {
            return Ok(());
        }
        let device = self.device(id);
        let new = Addr4 {
            local,
            address,
            len,
            // 0.0.0.0 means that there is none (`inet_fill_ifaddr`).
            broadcast: spec.broadcast_address().filter(|addr| !addr.is_unspecified()),
            scope: spec.effective_scope(),
            label: spec.label.clone().unwrap_or_else(|| device.name.to_string()),
            secondary: false,
        };
        self.insert4(id, new)
    }

    /// `__inet_insert_ifa`
    fn insert4(&mut self, id: DevId, mut new: Addr4) -> Outcome {
        let device = self.device(id);
        for old in &device.addrs4 {
            if old.same_network(&new) && old.local == new.local {
                return Err(refused(Errno::EEXIST, "ipv4: Address already assigned"));
            }
        }
        for old in &device.addrs4 {
            if old.same_network(&new) {
                if old.scope != new.scope {
                    return Err(refused(Errno::EINVAL, "ipv4: Invalid scope value"));
                }
                new.secondary = true;
            }
        }
        // ipvlan_addr4_validator_event
        if self.ipvlan_has(id, new.local.into()) {
            return Err(refused(Errno::EADDRINUSE, "Address already assigned to an ipvlan device"));
        }
        let addrs = &mut self.device_mut(id).addrs4;
        // Primaries stand before those of narrower scope and before all secondaries.
        let at = match new.secondary {
            true => addrs.len(),
            false => addrs
                .iter()
                .rposition(|old| !old.secondary && new.scope.number() <= old.scope.number())
                .map_or(0, |last| last + 1),
        };
        addrs.insert(at, new.clone());
        self.add_routes4(id, &new);
        self.sync_up4(id);
        Ok(())
    }

    /// `inet_rtm_deladdr`, `__inet_del_ifa`
    pub(super) fn del4(&mut self, id: DevId, spec: &AddrSpec) -> Outcome {
        let (local, address, len) = ends(spec);
        if !self.has_ipv4(id) {
            return Err(Errno::ENODEV.into());
        }
        let found = self.device(id).addrs4.iter().position(|old| {
            let probe = Addr4 { address, ..old.clone() };
            old.local == local
                && old.len == len
                && old.same_network(&probe)
                && spec.label.as_ref().is_none_or(|label| *label == old.label)
        });
        let Some(at) = found else {
            return Err(refused(Errno::EADDRNOTAVAIL, "ipv4: Address not found"));
        };
        self.remove4(id, at);
        Ok(())
    }

    /// A primary address takes its secondaries with it.
    fn remove4(&mut self, id: DevId, at: usize) {
        let gone = self.device(id).addrs4[at].clone();
        if !gone.secondary {
            let mut next = at + 1;
            while let Some(other) = self.device(id).addrs4.get(next).cloned() {
                if other.secondary && other.same_network(&gone) {
                    self.device_mut(id).addrs4.remove(next);
                    self.address_gone4(id, &other);
                } else {
                    next += 1;
                }
            }
        }
        self.device_mut(id).addrs4.remove(at);
        self.address_gone4(id, &gone);
    }

    /// `fib_inetaddr_event`: with its last address a link loses all its routes.
    fn address_gone4(&mut self, id: DevId, gone: &Addr4) {
        self.del_routes4(id, gone);
        if self.device(id).addrs4.is_empty() {
            self.sync_down4(id, Dead::Forced);
            // arp_ifdown
            self.flush_neighbours(id, |addr| addr.is_ipv4());
        }
    }

    /// `NETDEV_UP` of devinet and of the FIB
    pub(in super::super) fn up4(&mut self, id: DevId) {
        if !self.has_ipv4(id) {
            return;
        }
        let device = self.device(id);
        if device.is_loopback() {
            let lo = Addr4 {
                local: Ipv4Addr::LOCALHOST,
                address: Ipv4Addr::LOCALHOST,
                len: 8,
                broadcast: None,
                scope: Scope::Host,
                label: device.name.to_string(),
                secondary: false,
            };
            // Another address may have taken its place.
            let _ = self.insert4(id, lo);
        }
        for addr in self.device(id).addrs4.clone() {
            self.add_routes4(id, &addr);
        }
        self.sync_up4(id);
    }

    /// `NETDEV_DOWN`: the addresses stay, and the routes to them.
    pub(in super::super) fn down4(&mut self, id: DevId) {
        self.sync_down4(id, Dead::Down);
    }

    /// `inetdev_destroy`: the routes go with the last address; a link without addresses keeps them.
    pub(in super::super) fn destroy4(&mut self, id: DevId) {
        while !self.device(id).addrs4.is_empty() {
            self.remove4(id, 0);
        }
        self.flush_neighbours(id, |addr| addr.is_ipv4());
    }

    /// `NETDEV_UNREGISTER`
    pub(in super::super) fn unregister4(&mut self, id: DevId) {
        self.destroy4(id);
        self.sync_down4(id, Dead::Unregistered);
    }

    /// `inetdev_changename`: the first address takes the new name for a label, the others what
    /// follows the colon, or a number.
    pub(in super::super) fn rename_labels(&mut self, id: DevId, _from: &IfName) {
        // IFNAMSIZ − 1
        const MAX: usize = 15;
        let device = self.device_mut(id);
        let name = device.name.to_string();
        for (named, addr) in device.addrs4.iter_mut().enumerate() {
            let suffix = match (named, addr.label.find(':')) {
                (0, _) => String::new(),
                (_, Some(colon)) => addr.label[colon..].to_owned(),
                (_, None) => format!(":{}", named + 1),
            };
            let kept = name.len().min(MAX - suffix.len());
            addr.label = format!("{}{suffix}", &name[..kept]);
        }
    }

    /// `inet_ifa_byprefix`
    fn primary4(&self, id: DevId, network: Ipv4Addr, len: u8) -> Option<Addr4> {
        self.device(id).addrs4.iter().find(|addr| addr.len == len && addr.any() == network).cloned()
    }

    /// `fib_add_ifaddr`
    fn add_routes4(&mut self, id: DevId, addr: &Addr4) {
        let primary = match addr.secondary {
            true => self.primary4(id, addr.any(), addr.len),
            false => Some(addr.clone()),
        };
        let Some(primary) = primary else { return };
        let (up, loopback) = (self.device(id).up, self.device(id).is_loopback());
        self.magic_add4(id, RouteKind::Local, prefix(addr.local, 32), &primary);
        if !up {
            return;
        }
        if let Some(broadcast) = addr.broadcast.filter(|addr| !addr.is_broadcast() && !addr.is_unspecified()) {
            self.magic_add4(id, RouteKind::Broadcast, prefix(broadcast, 32), &primary);
        }
        let network = addr.any();
        if !network.is_unspecified() && !addr.secondary && (network != addr.local || addr.len < 32) {
            let kind = if loopback { RouteKind::Local } else { RouteKind::Unicast };
            self.magic_add4(id, kind, addr.network(), &primary);
            if addr.len < 31 {
                self.magic_add4(id, RouteKind::Broadcast, prefix(addr.all(), 32), &primary);
            }
        }
    }

    /// The table and the route of `fib_magic`.
    fn magic4(&self, id: DevId, kind: RouteKind, primary: &Addr4) -> (TableId, Route4) {
        let usual = if kind == RouteKind::Unicast { TableId::MAIN } else { TableId::LOCAL };
        let table = self.vrf_table(id).unwrap_or(usual);
        let (scope, nexthop_scope) = match kind {
            RouteKind::Local => (Scope::Host, Scope::Nowhere),
            _ => (Scope::Link, Scope::Host),
        };
        let nexthop =
            Nexthop4 { dev: Some(id), via: None, weight: 1, onlink: false, scope: nexthop_scope, dead: false };
        let route = Route4 {
            tos: 0,
            opaque: false,
            kind,
            scope,
            metric: 0,
            src: Some(primary.local),
            proto: RouteProto::KERNEL,
            mtu: None,
            nexthops: vec![nexthop],
        };
        (table, route)
    }

    /// `fib_magic` of a new route: it is appended; a duplicate is no error.
    fn magic_add4(&mut self, id: DevId, kind: RouteKind, dst: Prefix, primary: &Addr4) {
        let (table, route) = self.magic4(id, kind, primary);
        let netns = self.netns_of(id);
        let up = self.device(id).up;
        if route.scope != Scope::Host && !up {
            return;
        }
        // fib_valid_prefsrc: the address may be another network's broadcast address.
        let own = kind == RouteKind::Local && dst.addr() == IpAddr::V4(primary.local);
        let in_vrf = self.vrf_table(id).map(|table| self.addr_type_in4(netns, table, primary.local));
        let known =
            in_vrf.into_iter().chain([self.addr_type4(netns, primary.local)]).any(|kind| kind == RouteKind::Local);
        if !own && !known {
            return;
        }
        self.netns_mut(netns).fib4.append(table, dst, route);
    }

    fn magic_del4(&mut self, id: DevId, kind: RouteKind, dst: Prefix, primary: &Addr4) {
        let (table, route) = self.magic4(id, kind, primary);
        let netns = self.netns_of(id);
        self.netns_mut(netns).fib4.remove_first(table, dst, |old| {
            old.kind == route.kind
                && old.scope == route.scope
                && old.src == route.src
                && old.proto == route.proto
                && old.nexthops.first().is_some_and(|nexthop| nexthop.dev == Some(id))
        });
    }

    /// `fib_del_ifaddr`: removes the routes that no other address needs.
    fn del_routes4(&mut self, id: DevId, gone: &Addr4) {
        let (any, all) = (gone.any(), gone.all());
        let mut subnet = false;
        let primary = match gone.secondary {
            true => match self.primary4(id, any, gone.len) {
                Some(primary) => primary,
                None => return,
            },
            false => {
                if !any.is_unspecified() && (any != gone.local || gone.len < 32) {
                    let kind = if self.device(id).is_loopback() { RouteKind::Local } else { RouteKind::Unicast };
                    self.magic_del4(id, kind, prefix(any, gone.len), gone);
                    subnet = true;
                }
                gone.clone()
            }
        };
        let needed = Needed::by(&self.device(id).addrs4, gone, &primary);
        if !needed.broadcast
            && let Some(broadcast) = gone.broadcast
        {
            self.magic_del4(id, RouteKind::Broadcast, prefix(broadcast, 32), &primary);
        }
        if subnet && gone.len < 31 {
            if !needed.all {
                self.magic_del4(id, RouteKind::Broadcast, prefix(all, 32), &primary);
            }
            if !needed.any {
                self.magic_del4(id, RouteKind::Broadcast, prefix(any, 32), &primary);
            }
        }
        if !needed.local {
            self.magic_del4(id, RouteKind::Local, prefix(gone.local, 32), &primary);
            let netns = self.netns_of(id);
            let vrf = self.vrf_table(id);
            if self.addr_type_in4(netns, vrf.unwrap_or(TableId::LOCAL), gone.local) != RouteKind::Local {
                // fib_sync_down_addr: routes that preferred the address go too.
                let (table, local) = (vrf.unwrap_or(TableId::MAIN), gone.local);
                self.netns_mut(netns).fib4.retain(|of, route| of != table || route.src != Some(local));
            }
        }
    }
}

/// The routes of a removed address that other addresses still need.
#[derive(Default)]
struct Needed {
    local: bool,
    broadcast: bool,
    all: bool,
    any: bool,
}

impl Needed {
    fn by(others: &[Addr4], gone: &Addr4, primary: &Addr4) -> Needed {
        let (any, all) = (gone.any(), gone.all());
        let mut needed = Needed::default();
        let mut same_source = false;
        let mut using: Option<&Addr4> = None;
        for other in others {
            if other.secondary {
                if other.same_network(primary) {
                    using = Some(primary);
                } else {
                    if !same_source {
                        continue;
                    }
                    if using.is_none_or(|using| !other.same_network(using)) {
                        using = others.iter().find(|addr| addr.same_network(other));
                    }
                    if using.is_none_or(|using| using.local != primary.local) {
                        continue;
                    }
                }
            } else {
                if primary.local != other.local {
                    continue;
                }
                using = Some(other);
                same_source |= primary != other;
            }
            needed.local |= gone.local == other.local;
            needed.broadcast |= gone.broadcast == other.broadcast;
            needed.all |= Some(all) == other.broadcast;
            needed.any |= Some(any) == other.broadcast;
            let is_primary = using.is_some_and(|using| using == other);
            if is_primary && other.len < 31 && !other.any().is_unspecified() {
                let ends = [other.all(), other.any()];
                needed.broadcast |= gone.broadcast.is_some_and(|broadcast| ends.contains(&broadcast));
                needed.all |= ends.contains(&all);
                needed.any |= ends.contains(&any);
            }
        }
        needed
    }
}
