//! Compares two states of a network. All exceptions from equality are here:
//!
//! - indexes of links and inodes of namespaces (the objects that they refer to are compared);
//! - hardware addresses that nobody set, and values derived from them: bridge ids, fe80 addresses of such links and
//!   routes to those, forwarding entries for a link's own address;
//! - timers, ages and counters, and learned neighbours and forwarding entries, which expire;
//! - lifetimes and `tentative`; on a link without a carrier, also what IPv6 adds while a link has a carrier, since it
//!   may have had one briefly: fe80, and routes to addresses under duplicate address detection;
//! - the rule that the kernel adds with the first VRF and keeps (`l3mdev`);
//! - `lowerlayerdown`, which counts as `down`: the kernel looks the other end's index up in the wrong namespace, and
//!   caches the result.
//!
//! Rules are compared in one form: `! --dport :5` of iptables 1.8.7 is `--dport 6:65535`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Addr, FdbRecord, Hardware, Link, LinkType, NetState, Netns, OperState, Peer, Ruleset};
use crate::op::{Family, IfName, Mac, NetnsRef, Prefix, Route, RouteKind, RouteProto};

/// Compares states of one network. What a model does not know is not compared.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Links whose hardware address nobody set.
    random: BTreeSet<(NetnsRef, IfName)>,
    /// Links with an fe80 address derived from such an address.
    derived: BTreeSet<(NetnsRef, IfName)>,
    /// Links that are up without a carrier. Whether they had a carrier for long enough for the kernel to start IPv6 is
    /// chance.
    carrierless: BTreeSet<(NetnsRef, IfName)>,
    /// IPv6 addresses with duplicate address detection.
    detected: BTreeSet<(NetnsRef, IpAddr)>,
    /// Links without a hardware address: the kernel derives their fe80 address from a secret.
    secret: BTreeSet<(NetnsRef, IfName)>,
    /// IPv6 addresses that are known to exist.
    known: BTreeSet<(NetnsRef, IpAddr)>,
}

impl Comparison {
    /// A comparison that ignores what this model does not know.
    pub fn with(model: &NetState) -> Comparison {
        let links =
            model.netns.iter().flat_map(|(netns, contents)| contents.links.iter().map(move |link| (netns, link)));
        let (mut random, mut derived, mut carrierless) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut detected, mut secret, mut known) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (netns, link) in links {
            let place = (netns.clone(), link.name.clone());
            if link.mac == Hardware::Unknown {
                random.insert(place.clone());
            }
            if link.mac == Hardware::Unknown || link.unknown_addr {
                derived.insert(place.clone());
            }
            for addr in link.addrs.iter().filter(|addr| addr.local.addr().is_ipv6()) {
                known.insert((netns.clone(), addr.local.addr()));
                if !addr.nodad {
                    detected.insert((netns.clone(), addr.local.addr()));
                }
            }
            if link.kind.has_secret_fe80() {
                secret.insert(place.clone());
            }
            if link.up && !link.carrier {
                carrierless.insert(place);
            }
        }
        Comparison { random, derived, carrierless, detected, secret, known }
    }

    /// The differences, a line each with `-` (only in `left`) or `+` (only in `right`); empty if the states are equal.
    pub fn differences(&self, left: &NetState, right: &NetState) -> Vec<String> {
        let (left, right) = (self.lines(left), self.lines(right));
        let only = |these: &[String], those: &[String], sign: char| {
            let missing: Vec<String> =
                these.iter().filter(|line| !those.contains(line)).map(|line| format!("{sign} {line}")).collect();
            missing
        };
        let mut differences = only(&left, &right, '-');
        differences.extend(only(&right, &left, '+'));
        if differences.is_empty() && left != right {
            let swapped = left.iter().zip(&right).find(|(left, right)| left != right);
            differences.extend(swapped.map(|(left, right)| format!("order: {left} where there is {right}")));
            if differences.is_empty() {
                differences.push("one has a line twice".to_owned());
            }
        }
        differences
    }

    /// A state as text, one fact a line, in an order that does not depend on indexes.
    pub fn lines(&self, state: &NetState) -> Vec<String> {
        // A link that was moved away leaves its address on the link that it is stacked on.
        let links = state.netns.values().flat_map(|contents| &contents.links);
        let own: BTreeSet<Mac> = links.filter_map(|link| link.mac.known()).collect();
        state.netns.iter().flat_map(|(netns, contents)| self.netns_lines(netns, contents, &own)).collect()
    }

    fn netns_lines(&self, netns: &NetnsRef, contents: &Netns, own: &BTreeSet<Mac>) -> Vec<String> {
        let Netns { links, routes, policy, neighbours, fdb, ruleset, foreign, sysctls } = contents;
        let mut lines = vec![String::new()];
        let mut links: Vec<&Link> = links.iter().collect();
        links.sort_by(|a, b| a.name.cmp(&b.name));
        for link in &links {
            lines.push(self.link_line(netns, link));
            lines.extend(self.addr_lines(netns, link));
        }
        lines.extend(self.route_lines(netns, routes));
        let chosen = policy.iter().filter(|rule| !rule.is_vrf());
        lines.extend(chosen.map(|rule| format!("rule {rule:?}")));
        let mut kept: Vec<String> = neighbours
            .iter()
            .filter(|neighbour| neighbour.state == "permanent")
            .map(|neighbour| format!("neigh {neighbour:?}"))
            .collect();
        kept.sort();
        lines.extend(kept);
        let mut kept: Vec<String> =
            fdb.iter().filter(|record| counts(record, own)).map(|record| format!("fdb {record:?}")).collect();
        kept.sort();
        lines.extend(kept);
        lines.extend(ruleset_lines(ruleset));
        lines.extend(foreign.lines().into_iter().map(|line| format!("foreign {line}")));
        lines.extend(sysctls.iter().map(|(key, value)| format!("sysctl {key}={value}")));
        lines.into_iter().map(|line| format!("{netns}: {line}")).collect()
    }

    fn is_random(&self, netns: &NetnsRef, name: &IfName) -> bool {
        self.random.contains(&(netns.clone(), name.clone()))
    }

    fn begins_late(&self, netns: &NetnsRef, route: &Route) -> bool {
        let mut devs = route.nexthops.iter().filter_map(|hop| hop.dev.as_ref());
        route.proto == Some(RouteProto::KERNEL)
            && devs.any(|dev| self.carrierless.contains(&(netns.clone(), dev.clone())))
    }

    /// Whether the link's fe80 address is derived from an unknown hardware address, or exists only if IPv6 started.
    fn is_blurred(&self, netns: &NetnsRef, name: &IfName) -> bool {
        let place = (netns.clone(), name.clone());
        self.derived.contains(&place) || self.carrierless.contains(&place)
    }

    /// Whether the kernel derived the address, from a hardware address or a secret.
    fn is_made(&self, netns: &NetnsRef, name: &IfName, addr: IpAddr) -> bool {
        let of_secret = || {
            is_link_local(addr)
                && self.secret.contains(&(netns.clone(), name.clone()))
                && !self.known.contains(&(netns.clone(), addr))
        };
        self.is_blurred(netns, name) && (is_derived(addr) || of_secret())
    }

    /// Whether the route depends on the end of duplicate address detection, which needs a carrier.
    fn waits_for_carrier(&self, netns: &NetnsRef, route: &Route) -> bool {
        self.begins_late(netns, route) && self.detected.contains(&(netns.clone(), route.dst.addr()))
    }

    fn link_line(&self, netns: &NetnsRef, link: &Link) -> String {
        let Link {
            name,
            index: _,
            kind,
            mac,
            mtu,
            up,
            carrier,
            arp,
            promisc,
            state,
            alias,
            master,
            hairpin,
            addrs: _,
            unknown_addr: _,
        } = link;
        let random = self.is_random(netns, name);
        let mac = if random { Hardware::Unknown } else { *mac };
        let state = match state {
            OperState::LowerLayerDown => OperState::Down,
            state => *state,
        };
        let kind = kind_text(kind);
        format!(
            "link {name} {kind} mac {mac:?} mtu {mtu} up {up} carrier {carrier} arp {arp} promisc {promisc} \
             state {state:?} alias {alias:?} master {master:?} hairpin {hairpin}"
        )
    }

    fn addr_lines(&self, netns: &NetnsRef, link: &Link) -> Vec<String> {
        let derived = |addr: &&Addr| self.is_made(netns, &link.name, addr.local.addr());
        let addrs = link.addrs.iter().filter(|addr| !derived(addr));
        addrs
            .map(|addr| {
                let Addr {
                    local,
                    peer,
                    broadcast,
                    scope,
                    label,
                    nodad,
                    permanent,
                    tentative: _,
                    deprecated: _,
                    secondary,
                    proto: _,
                } = addr;
                format!(
                    "addr {} {local} peer {peer:?} broadcast {broadcast:?} scope {scope:?} label {label:?} \
                     nodad {nodad} permanent {permanent} secondary {secondary}",
                    link.name
                )
            })
            .collect()
    }

    /// IPv4 routes to one destination stay in the kernel's order. IPv6 routes with equal metrics have no lasting order.
    fn route_lines(&self, netns: &NetnsRef, routes: &[Route]) -> Vec<String> {
        let mut kept: Vec<&Route> = routes.iter().filter(|route| !self.is_derived_route(netns, route)).collect();
        kept.sort_by_key(|route| (route.family(), route.table, route.dst, route.metric));
        let mut lines: Vec<(Family, String)> =
            kept.into_iter().map(|route| (route.family(), format!("route {}", route_text(route)))).collect();
        let first_v6 = lines.iter().position(|(family, _)| *family == Family::V6).unwrap_or(lines.len());
        lines[first_v6..].sort();
        lines.into_iter().map(|(_, line)| line).collect()
    }

    fn is_derived_route(&self, netns: &NetnsRef, route: &Route) -> bool {
        let over = |found: &dyn Fn(&IfName) -> bool| {
            let mut devs = route.nexthops.iter().filter_map(|hop| hop.dev.as_ref());
            devs.any(found)
        };
        let over_random = || over(&|dev| self.is_blurred(netns, dev));
        let to_made = || over(&|dev| self.is_made(netns, dev, route.dst.addr()));
        match route.kind {
            RouteKind::Local => to_made() || self.waits_for_carrier(netns, route),
            // The subnet-router anycast address appears with its unicast address.
            RouteKind::Anycast => route.dst.addr() == link_local_network().addr() && over_random(),
            RouteKind::Unicast => route.dst == link_local_network() && self.begins_late(netns, route),
            RouteKind::Multicast => self.begins_late(netns, route),
            RouteKind::Broadcast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw => false,
        }
    }
}

fn link_local_network() -> Prefix {
    Prefix::parse("fe80::/64").expect("it is a prefix")
}

fn is_link_local(addr: IpAddr) -> bool {
    matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local())
}

/// Whether an address is derived from a hardware address: `fe80::` and a modified EUI-64.
fn is_derived(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V6(addr) => addr.is_unicast_link_local() && addr.octets()[11..13] == [0xff, 0xfe],
        IpAddr::V4(_) => false,
    }
}

/// A link's kind with all its options, without those that are not compared.
fn kind_text(kind: &LinkType) -> String {
    let mut kind = kind.clone();
    if let Some(peer) = kind.elsewhere_mut() {
        peer.index = None;
        if !matches!(peer.netns, Some(NetnsRef::Host | NetnsRef::Named(_))) {
            // From outside, namespaces without a name cannot be told apart.
            *peer = Peer { netns: None, index: None, name: None };
        }
    }
    if let LinkType::Bridge { options: _, id, root_id } = &mut kind {
        (*id, *root_id) = (None, None);
    }
    if let LinkType::Vxlan(vxlan) = &mut kind {
        vxlan.learning = vxlan.learning.or(Some(true));
    }
    format!("{kind:?}")
}

fn route_text(route: &Route) -> String {
    let Route { dst, tos, kind, nexthops, src, metric, table, scope, proto, mtu, opaque } = route;
    let metric = metric.unwrap_or(0);
    format!(
        "{table} {} {dst} tos {tos} metric {metric} proto {proto:?} scope {scope:?} src {src:?} mtu {mtu:?} opaque {opaque} \
         {nexthops:?}",
        kind.word()
    )
}

/// Whether an entry is compared: those that somebody added are.
fn counts(record: &FdbRecord, own: &BTreeSet<Mac>) -> bool {
    // The kernel adds group addresses to links' tables, but not to a bridge's.
    let group = record.mac.0[0] & 1 == 1 && record.master.is_none();
    // A bridge without ports has the address of all zeros.
    let zero = record.mac.0 == [0; 6];
    let own = (own.contains(&record.mac) && !zero) || ((group || zero) && record.dst.is_none());
    matches!(record.state.as_str(), "permanent" | "static") && !own
}

fn ruleset_lines(ruleset: &Ruleset) -> Vec<String> {
    let mut lines = Vec::new();
    for (table, chains) in &ruleset.tables {
        for chain in chains {
            lines.push(format!("{table} chain {} policy {:?}", chain.name, chain.policy));
            lines.extend(chain.rules.iter().map(|record| format!("{table} {}", record.rule.normal_form().text())));
        }
    }
    lines
}
