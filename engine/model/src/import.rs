//! Models made from a state that was read.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Model;
use super::data::addr::{Addr4, Addr6};
use super::data::device::{Device, Forward};
use super::data::fib4::{Nexthop4, Route4};
use super::data::fib6::{Nexthop6, Route6};
use super::data::ids::{DevId, NetnsId};
use super::data::kinds::DeviceKind;
use super::kinds;
use netscript_net::op::{Family, IfName, Mac, NetnsName, NetnsRef, Prefix, Route, RouteProto, Scope};
use netscript_net::state::{Addr, FdbRecord, Hardware, Link, LinkType, NetState, Netns, Peer};

type Ids = BTreeMap<(NetnsRef, IfName), DevId>;

impl Model {
    /// A model of a network as it was found.
    pub fn of(state: &NetState) -> Model {
        let mut model = Model::empty();
        let mut ids = Ids::new();
        for (netns, contents) in &state.netns {
            let id = match model.names.get(netns).copied() {
                Some(id) => id,
                None => {
                    let id = model.new_netns();
                    model.bind(netns.clone(), id);
                    id
                }
            };
            model.import_links(id, netns, contents, &mut ids);
        }
        for (netns, contents) in &state.netns {
            for link in &contents.links {
                model.connect(netns, link, &ids);
            }
            model.import_tables(netns, contents, &ids);
        }
        for id in ids.values() {
            model.adopt_hw_addrs(*id);
        }
        model
    }

    /// The same for a machine, with the names under `/run/netns`. Some may not be bound to a namespace.
    pub fn of_machine(state: &NetState, names: Vec<NetnsName>) -> Model {
        let mut model = Model::of(state);
        let gone = |name: &NetnsName| !state.netns.contains_key(&NetnsRef::Named(name.clone()));
        model.leftovers = names.into_iter().filter(gone).collect();
        model
    }

    /// The link `eth0`, hardware, up and with an address.
    pub fn add_uplink(&mut self, addr: Prefix) {
        let host = self.names[&NetnsRef::Host];
        let Ok(name) = IfName::parse("eth0") else { return };
        let mut device = Device::new(host, name, DeviceKind::Physical, Hardware::Unknown, 1500);
        device.found = true;
        let id = self.insert_device(device);
        let spec = netscript_net::op::AddrSpec::new(addr);
        // The link is new: nothing conflicts.
        let _ = match addr.family() {
            Family::V4 => self.add4(id, &spec),
            Family::V6 => self.add6(id, &spec),
        };
        let _ = self.bring_up(id);
    }

    fn import_links(&mut self, here: NetnsId, netns: &NetnsRef, contents: &Netns, ids: &mut Ids) {
        for link in &contents.links {
            let id = if link.kind == LinkType::Loopback {
                // Every namespace has a loopback link already, whatever its name.
                self.adopt_loopback(here, &link.name)
            } else {
                // Its kind is set once all links exist.
                let kind = DeviceKind::Physical;
                self.insert_device(Device::new(here, link.name.clone(), kind, link.mac, link.mtu))
            };
            ids.insert((netns.clone(), link.name.clone()), id);
            let device = self.device_mut(id);
            device.found = true;
            device.mac = link.mac;
            device.mtu = link.mtu;
            device.up = link.up;
            device.carrier = link.carrier || !link.up;
            device.ready6 = link.up && link.carrier;
            device.arp = link.arp;
            device.promisc = link.promisc;
            device.alias = link.alias.clone();
            device.hairpin = link.hairpin;
            device.forwarding6 = is_on(contents, &format!("net.ipv6.conf.{}.forwarding", link.name));
            device.disable6 = is_on(contents, &format!("net.ipv6.conf.{}.disable_ipv6", link.name));
            device.addrs4 = link.addrs.iter().filter_map(|addr| addr4(addr, &link.name)).collect();
            device.addrs6 = link.addrs.iter().filter_map(addr6).collect();
        }
    }

    fn adopt_loopback(&mut self, netns: NetnsId, name: &IfName) -> DevId {
        let found = self.netns(netns).by_index.values().copied().find(|id| self.device(*id).is_loopback());
        let id = found.expect("every namespace is made with one");
        let before = self.device(id).name.clone();
        let links = &mut self.netns_mut(netns).links;
        links.remove(&before);
        links.insert(name.clone(), id);
        self.device_mut(id).name = name.clone();
        id
    }

    /// Sets a link's relations to others.
    fn connect(&mut self, netns: &NetnsRef, link: &Link, ids: &Ids) {
        let Some(id) = ids.get(&(netns.clone(), link.name.clone())).copied() else { return };
        let end = |peer: &Peer| ids.get(&(peer.netns.clone()?, peer.name.clone()?)).copied();
        let here = |name: &IfName| ids.get(&(netns.clone(), name.clone())).copied();
        self.device_mut(id).kind = kinds::found(link, end, here);
        if let Some(lower) = self.facts(id).below.link() {
            self.device_mut(lower).uppers.insert(id);
        }
        if let Some(master) = link.master.as_ref().and_then(here) {
            self.link_master(id, master);
        }
    }

    fn import_tables(&mut self, netns: &NetnsRef, contents: &Netns, ids: &Ids) {
        let Some(id) = self.names.get(netns).copied() else { return };
        let dev = |name: &Option<IfName>| ids.get(&(netns.clone(), name.clone()?)).copied();
        let netns = self.netns_mut(id);
        for route in &contents.routes {
            match route.family() {
                Family::V4 => netns.fib4.append(route.table, route.dst, route4(route, dev)),
                Family::V6 => netns.fib6.append(route.table, route.dst, routes6(route, dev)),
            }
        }
        netns.rules4.adopt(contents.policy.iter().filter(|rule| rule.family == Family::V4).cloned().collect());
        netns.rules6.adopt(contents.policy.iter().filter(|rule| rule.family == Family::V6).cloned().collect());
        netns.has_had_vrf = contents.policy.iter().any(|rule| rule.is_vrf());
        netns.tables.adopt(contents.ruleset.clone(), contents.foreign.clone());
        netns.sysctls = contents.sysctls.clone();
        for neighbour in contents.neighbours.iter().filter(|neighbour| neighbour.state == "permanent") {
            if let Some(dev) = dev(&Some(neighbour.dev.clone())) {
                netns.neighbours.insert((dev, neighbour.dst), neighbour.mac.unwrap_or(Mac([0; 6])));
            }
        }
        for record in contents.fdb.iter().filter(|record| record.state == "permanent" || record.state == "static") {
            self.import_forward(record, dev);
        }
    }

    /// An entry of a forwarding table. The links' own addresses and the groups that they are in are added by the model
    /// itself.
    fn import_forward(&mut self, record: &FdbRecord, dev: impl Fn(&Option<IfName>) -> Option<DevId>) {
        let FdbRecord { mac, dev: of, master, dst, state: _ } = record;
        let Some(id) = dev(&Some(of.clone())) else { return };
        let own = self.devices.values().any(|device| device.mac == Hardware::Known(*mac));
        let group = mac.0[0] & 1 == 1;
        match dev(master) {
            Some(master) if !own => {
                if let Some(bridge) = self.device_mut(master).bridge_mut() {
                    bridge.fdb.insert(*mac, id);
                }
            }
            Some(_) => {}
            None => match *dst {
                Some(dst) => self.device_mut(id).fdb.push(Forward { mac: *mac, dst, over: None }),
                None if own || group => {}
                None => drop(self.device_mut(id).hw_addrs.add(*mac)),
            },
        }
    }
}

fn is_on(contents: &Netns, key: &str) -> bool {
    let found = contents.sysctls.iter().find(|(known, _)| known.to_string() == key);
    found.is_some_and(|(_, value)| value != "0")
}

fn addr4(addr: &Addr, link: &IfName) -> Option<Addr4> {
    let (IpAddr::V4(local), v4) = (addr.local.addr(), |addr: IpAddr| match addr {
        IpAddr::V4(addr) => Some(addr),
        IpAddr::V6(_) => None,
    }) else {
        return None;
    };
    Some(Addr4 {
        local,
        address: addr.peer.and_then(v4).unwrap_or(local),
        len: addr.local.len(),
        broadcast: addr.broadcast.and_then(v4),
        scope: addr.scope,
        label: addr.label.clone().unwrap_or_else(|| link.to_string()),
        secondary: addr.secondary,
    })
}

fn addr6(addr: &Addr) -> Option<Addr6> {
    let IpAddr::V6(local) = addr.local.addr() else { return None };
    Some(Addr6 {
        local: Some(local),
        peer: addr.peer.and_then(v6),
        len: addr.local.len(),
        scope: addr.scope,
        nodad: addr.nodad,
        tentative: addr.tentative,
        deprecated: addr.deprecated,
        prefix_route: !local.is_loopback(),
    })
}

fn v6(addr: IpAddr) -> Option<Ipv6Addr> {
    match addr {
        IpAddr::V6(addr) => Some(addr),
        IpAddr::V4(_) => None,
    }
}

fn route4(route: &Route, dev: impl Fn(&Option<IfName>) -> Option<DevId>) -> Route4 {
    let scope = route.scope.unwrap_or(Scope::Global);
    let nexthop_scope = |via: Option<IpAddr>| match (scope, via) {
        (Scope::Host, _) => Scope::Nowhere,
        (_, None) => Scope::Host,
        (_, Some(_)) => Scope::Link,
    };
    let nexthops = route.nexthops.iter().map(|hop| Nexthop4 {
        dev: dev(&hop.dev),
        via: hop.via,
        weight: hop.weight,
        onlink: hop.onlink,
        scope: nexthop_scope(hop.via),
        dead: false,
    });
    let src: Option<Ipv4Addr> = route.src.and_then(|src| match src {
        IpAddr::V4(addr) => Some(addr),
        IpAddr::V6(_) => None,
    });
    Route4 {
        tos: route.tos,
        kind: route.kind,
        scope,
        metric: route.metric.unwrap_or(0),
        src,
        proto: route.proto.unwrap_or(RouteProto::BOOT),
        mtu: route.mtu,
        opaque: route.opaque,
        nexthops: nexthops.collect(),
    }
}

fn routes6(route: &Route, dev: impl Fn(&Option<IfName>) -> Option<DevId>) -> Vec<Route6> {
    let one = |nexthop: Nexthop6| Route6 {
        kind: route.kind,
        metric: route.metric.unwrap_or(0),
        src: route.src.and_then(v6),
        proto: route.proto.unwrap_or(RouteProto::BOOT),
        mtu: route.mtu,
        opaque: route.opaque,
        nexthop,
        group: None,
    };
    if route.nexthops.is_empty() {
        return vec![one(Nexthop6 { dev: None, via: None, weight: 1, onlink: false, dead: false })];
    }
    let nexthops = route.nexthops.iter().map(|hop| Nexthop6 {
        dev: dev(&hop.dev),
        via: hop.via.and_then(v6),
        weight: hop.weight,
        onlink: hop.onlink,
        dead: false,
    });
    nexthops.map(one).collect()
}
