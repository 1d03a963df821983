//! The content of a model as a [`NetState`], and in parts.

use std::net::IpAddr;

use super::data::addr::{Addr4, Addr6};
use super::data::device::Device;
use super::data::fib4::Route4;
use super::data::fib6::Route6;
use super::data::ids::{DevId, NetnsId};
use super::kinds::behaviour::{Fdb, OperStateRule};
use super::{Model, Outcome};
use netscript_net::op::netfilter::TableRef;
use netscript_net::op::{Family, IfName, Mac, NetnsName, NetnsRef, Nexthop, PolicyRule, Prefix, Route, Scope, TableId};
use netscript_net::state::{
    Addr, FdbRecord, ForeignRules, Hardware, Link, NeighRecord, NetState, Netns, OperState, Peer, Ruleset,
};

impl Model {
    /// The names under `/run/netns`, sorted.
    pub fn netns_names(&self) -> Vec<NetnsName> {
        let mut names: Vec<NetnsName> = self.names.keys().filter_map(|netns| netns.name().cloned()).collect();
        names.extend(self.leftovers.iter().cloned());
        names.sort();
        names
    }

    /// The whole network, including namespaces without a name.
    pub fn state(&self) -> Outcome<NetState> {
        let mut state = NetState::default();
        for netns in self.names.keys() {
            state.netns.insert(netns.clone(), self.contents(netns)?);
        }
        Ok(state)
    }

    /// What a namespace holds, with the settings that were written.
    pub fn contents(&self, netns: &NetnsRef) -> Outcome<Netns> {
        let mut contents = Netns { links: self.links(netns)?, ..Netns::default() };
        for family in [Family::V4, Family::V6] {
            contents.routes.extend(self.routes(netns, family)?);
            contents.policy.extend(self.policy_rules(netns, family)?);
            contents.ruleset.tables.extend(self.ruleset(netns, family)?.tables);
        }
        contents.neighbours = self.neighbours(netns)?;
        contents.fdb = self.fdb(netns)?;
        contents.foreign = self.foreign_rules(netns)?;
        contents.sysctls = self.netns(self.netns_id(netns)?).sysctls.clone();
        Ok(contents)
    }

    /// Whether a namespace is there.
    pub fn has_netns(&self, netns: &NetnsRef) -> bool {
        self.names.contains_key(netns)
    }

    /// The links of a namespace with their addresses, by index.
    pub fn links(&self, netns: &NetnsRef) -> Outcome<Vec<Link>> {
        let here = self.netns(self.netns_id(netns)?);
        Ok(here.by_index.values().map(|id| self.describe_link(netns, *id)).collect())
    }

    /// One link; `None`: it is not there.
    pub fn link(&self, netns: &NetnsRef, name: &IfName) -> Outcome<Option<Link>> {
        let here = self.netns(self.netns_id(netns)?);
        Ok(here.links.get(name).map(|id| self.describe_link(netns, *id)))
    }

    /// Records that a link's link-local address was restored, although the kernel would not assign it now.
    pub fn keep_link_local(&mut self, netns: &NetnsRef, name: &IfName) {
        let id = self.netns_id(netns).ok().and_then(|netns| self.netns(netns).links.get(name).copied());
        if let Some(id) = id {
            self.device_mut(id).link_local_kept = true;
        }
    }

    /// The links in other namespaces that end with a namespace.
    pub fn far_ends(&self, netns: &NetnsRef) -> Vec<(NetnsRef, IfName)> {
        let Some(netns) = self.names.get(netns).copied() else { return Vec::new() };
        let used = self.netns(netns).names.len() > 1 || self.programs.values().any(|used| *used == netns);
        let peers = self.netns(netns).links.values().filter_map(|id| self.pair_peer(*id));
        let tunnels = self.tunnels_of(netns);
        let elsewhere = peers.chain(tunnels).filter(|id| !used && self.device(*id).netns != netns);
        elsewhere.filter_map(|id| Some((self.name_of(self.netns_of(id))?, self.device(id).name.clone()))).collect()
    }

    fn name_of(&self, netns: NetnsId) -> Option<NetnsRef> {
        self.netns(netns).names.first().cloned()
    }

    /// A link, as a link that leads to it reports it in a namespace.
    pub(crate) fn peer(&self, netns: &NetnsRef, id: DevId) -> Peer {
        let device = self.device(id);
        let here = self.names.get(netns) == Some(&device.netns);
        let place = if here { Some(netns.clone()) } else { self.name_of(device.netns) };
        Peer { netns: place, index: None, name: Some(device.name.clone()) }
    }

    fn describe_link(&self, netns: &NetnsRef, id: DevId) -> Link {
        let device = self.device(id);
        Link {
            name: device.name.clone(),
            index: None,
            kind: device.kind.behaviour().describe(self, netns),
            // A bridge has the address of a port, unless one was set.
            mac: if device.kind.behaviour().facts().mac_borrowed { Hardware::Unknown } else { device.mac },
            mtu: device.mtu,
            up: device.up,
            carrier: device.ready(),
            arp: device.arp,
            promisc: device.promisc,
            state: self.oper_state(id),
            alias: device.alias.clone(),
            master: device.master.map(|master| self.device(master).name.clone()),
            hairpin: device.hairpin,
            addrs: describe_addrs(device),
            unknown_addr: device.link_local_kept || device.addrs6.iter().any(|addr| addr.local.is_none()),
        }
    }

    /// `default_operstate`
    fn oper_state(&self, id: DevId) -> OperState {
        let (device, facts) = (self.device(id), self.facts(id));
        if !device.up {
            return OperState::Down;
        }
        let below = facts.below.stacked().map(|(lower, _)| lower).or(self.pair_peer(id));
        match facts.state {
            OperStateRule::Unknown => OperState::Unknown,
            OperStateRule::Up => OperState::Up,
            OperStateRule::Carrier if device.carrier => OperState::Up,
            OperStateRule::Carrier => match below.map(|below| self.device(below)) {
                Some(below) if below.netns == device.netns && !below.carrier => OperState::LowerLayerDown,
                Some(_) | None => OperState::Down,
            },
        }
    }

    /// The routes of a namespace, in the kernel's order.
    pub fn routes(&self, netns: &NetnsRef, family: Family) -> Outcome<Vec<Route>> {
        let netns = self.netns_id(netns)?;
        let netns = self.netns(netns);
        Ok(match family {
            Family::V4 => {
                netns.fib4.iter().map(|(table, dst, route)| self.describe_route4(table, *dst, route)).collect()
            }
            Family::V6 => {
                netns.fib6.iter().flat_map(|(table, dst, routes)| self.describe_routes6(table, *dst, routes)).collect()
            }
        })
    }

    fn dev_name(&self, dev: Option<DevId>) -> Option<IfName> {
        dev.map(|dev| self.device(dev).name.clone())
    }

    fn describe_route4(&self, table: TableId, dst: Prefix, route: &Route4) -> Route {
        let Route4 { tos, kind, scope, metric, src, proto, mtu, opaque, nexthops } = route;
        let hops = nexthops.iter().map(|nexthop| Nexthop {
            via: nexthop.via,
            dev: self.dev_name(nexthop.dev),
            weight: nexthop.weight,
            onlink: nexthop.onlink,
        });
        Route {
            dst,
            tos: *tos,
            kind: *kind,
            nexthops: hops.collect(),
            src: src.map(IpAddr::V4),
            metric: Some(*metric).filter(|metric| *metric != 0),
            table,
            scope: Some(*scope),
            proto: Some(*proto),
            mtu: *mtu,
            opaque: *opaque,
        }
    }

    /// Siblings are one route with several nexthops.
    fn describe_routes6(&self, table: TableId, dst: Prefix, routes: &[Route6]) -> Vec<Route> {
        let mut described = Vec::new();
        let mut seen = Vec::new();
        for route in routes {
            if let Some(group) = route.group {
                if seen.contains(&group) {
                    continue;
                }
                seen.push(group);
            }
            let together = |other: &&Route6| match route.group {
                Some(group) => other.group == Some(group),
                None => std::ptr::eq(*other, route),
            };
            let hops = routes.iter().filter(together).map(|member| Nexthop {
                via: member.nexthop.via.map(IpAddr::V6),
                dev: self.dev_name(member.nexthop.dev),
                weight: member.nexthop.weight,
                onlink: member.nexthop.onlink,
            });
            let nexthops = if route.kind.discards() { Vec::new() } else { hops.collect() };
            described.push(Route {
                dst,
                tos: 0,
                kind: route.kind,
                nexthops,
                src: route.src.map(IpAddr::V6),
                metric: Some(route.metric).filter(|metric| *metric != 0),
                table,
                scope: Some(Scope::Global),
                proto: Some(route.proto),
                mtu: route.mtu,
                opaque: route.opaque,
            });
        }
        described
    }

    /// The rules that choose a routing table, in order.
    pub fn policy_rules(&self, netns: &NetnsRef, family: Family) -> Outcome<Vec<PolicyRule>> {
        let netns = self.netns_id(netns)?;
        let netns = self.netns(netns);
        let rules = match family {
            Family::V4 => &netns.rules4,
            Family::V6 => &netns.rules6,
        };
        Ok(rules.iter().cloned().collect())
    }

    /// The neighbours of both families.
    pub fn neighbours(&self, netns: &NetnsRef) -> Outcome<Vec<NeighRecord>> {
        let netns = self.netns_id(netns)?;
        let records = self.netns(netns).neighbours.iter().map(|((dev, dst), mac)| NeighRecord {
            dst: *dst,
            mac: Some(*mac).filter(|_| self.device(*dev).mac != Hardware::None),
            dev: self.device(*dev).name.clone(),
            state: "permanent".to_owned(),
        });
        Ok(records.collect())
    }

    /// The entries that were added. The model does not know those of the links' own addresses.
    pub fn fdb(&self, netns: &NetnsRef) -> Outcome<Vec<FdbRecord>> {
        let netns = self.netns_id(netns)?;
        let mut records = Vec::new();
        for id in self.netns(netns).by_index.values() {
            let device = self.device(*id);
            let record = |mac: Mac, dev: &Device, master: Option<&Device>, dst| FdbRecord {
                mac,
                dev: dev.name.clone(),
                master: master.map(|master| master.name.clone()),
                dst,
                // `bridge fdb add … master static`
                state: if master.is_some_and(|master| master.name != dev.name) { "static" } else { "permanent" }
                    .to_owned(),
            };
            records.extend(device.fdb.iter().map(|entry| record(entry.mac, device, None, Some(entry.dst))));
            let lists = match self.facts(*id).fdb {
                // A tunnel lists only its own table.
                Fdb::Tunnel { .. } => false,
                Fdb::Bridge | Fdb::HwAddrs { .. } => true,
            };
            records.extend(device.hw_addrs.iter().filter(|_| lists).map(|mac| record(mac, device, None, None)));
            let bridge = device.bridge().into_iter().flat_map(|bridge| &bridge.fdb);
            records.extend(bridge.map(|(mac, port)| record(*mac, self.device(*port), Some(device), None)));
        }
        Ok(records)
    }

    /// Rules that apply to packets and are not in [`Model::ruleset`].
    pub fn foreign_rules(&self, netns: &NetnsRef) -> Outcome<ForeignRules> {
        Ok(self.netns(self.netns_id(netns)?).tables.foreign().clone())
    }

    /// The chains and rules of iptables of one family.
    pub fn ruleset(&self, netns: &NetnsRef, family: Family) -> Outcome<Ruleset> {
        let netns = self.netns_id(netns)?;
        let of_family = |table: &&TableRef| table.family == family;
        let ruleset = self.netns(netns).tables.ruleset();
        let tables = ruleset.tables.keys().filter(of_family).map(|table| (*table, ruleset.chains(*table).to_vec()));
        Ok(Ruleset { tables: tables.collect() })
    }
}

/// IPv4 comes first. Unknown addresses are left out.
fn describe_addrs(device: &Device) -> Vec<Addr> {
    let v4 = device.addrs4.iter().map(|addr| describe_addr4(device, addr));
    v4.chain(device.addrs6.iter().filter_map(describe_addr6)).collect()
}

fn describe_addr4(device: &Device, addr: &Addr4) -> Addr {
    let Addr4 { local, address, len, broadcast, scope, label, secondary } = addr;
    Addr {
        local: Prefix::new((*local).into(), *len).expect("lengths come from prefixes"),
        peer: (address != local).then(|| (*address).into()),
        broadcast: broadcast.map(IpAddr::V4),
        scope: *scope,
        label: Some(label.clone()).filter(|label| label != device.name.as_str()),
        nodad: false,
        tentative: false,
        deprecated: false,
        permanent: true,
        secondary: *secondary,
        proto: None,
    }
}

fn describe_addr6(addr: &Addr6) -> Option<Addr> {
    let Addr6 { local, peer, len, scope, nodad, tentative, deprecated, prefix_route: _ } = addr;
    Some(Addr {
        local: Prefix::new((*local)?.into(), *len)?,
        peer: peer.map(IpAddr::V6),
        broadcast: None,
        scope: *scope,
        label: None,
        nodad: *nodad,
        tentative: *tentative,
        deprecated: *deprecated,
        permanent: true,
        secondary: false,
        proto: None,
    })
}
