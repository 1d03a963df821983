//! Adds, replaces, removes, flushes and lists routes over rtnetlink.

mod get;
mod key;
mod read;
mod watch;

use std::collections::BTreeMap;
use std::net::IpAddr;

use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{
    RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteNextHop, RouteNextHopFlags, RouteType,
};

use crate::netns::Namespaces;
use crate::socket::{RouteSocket, address_family};
use crate::{Outcome, Rejection, link};
use netscript_net::error::Errno;
use netscript_net::op::{Family, IfName, NetnsRef, Nexthop, Route, RouteKind, RouteOp, RouteProto, Scope, TableId};

pub(crate) use get::get;
pub(crate) use key::{has_nexthops, has_same_key, metric};
pub(crate) use read::{list, listed, local6};
pub(crate) use watch::Watch;

/// The table of a route whose table number is in an attribute (`RT_TABLE_UNSPEC`, linux/rtnetlink.h).
const TABLE_IN_ATTRIBUTE: u8 = 0;

/// No protocol (`RTPROT_UNSPEC`, linux/rtnetlink.h); in a deletion, any.
const ANY_PROTO: RouteProto = RouteProto(0);

/// Applies an operation on routes.
pub(crate) fn apply(namespaces: &mut Namespaces, netns: &NetnsRef, op: &RouteOp) -> Outcome {
    match op {
        RouteOp::Add(route) => make(namespaces, netns, route, NLM_F_CREATE | NLM_F_EXCL),
        RouteOp::Replace(route) => make(namespaces, netns, route, NLM_F_CREATE | NLM_F_REPLACE),
        RouteOp::Del(route) => del(namespaces, netns, route),
        RouteOp::Flush(family, table) => flush(namespaces.route_socket(netns)?, *family, *table),
    }
}

/// Restores a removed route beside existing ones to the same destination: an address can have a local and a broadcast
/// route at once, and the local one comes first.
pub(crate) fn put_back(namespaces: &mut Namespaces, netns: &NetnsRef, route: &Route) -> Outcome {
    make(namespaces, netns, route, put_back_flags(route))
}

/// The flags for that.
pub(crate) fn put_back_flags(route: &Route) -> u16 {
    let beside = match route.family() {
        Family::V4 if route.kind == RouteKind::Local => 0,
        Family::V4 => NLM_F_APPEND,
        // Otherwise it would become a nexthop of the existing route.
        Family::V6 => NLM_F_EXCL,
    };
    NLM_F_CREATE | beside
}

/// `ip route add …` or `ip route replace …`
fn make(namespaces: &mut Namespaces, netns: &NetnsRef, route: &Route, flags: u16) -> Outcome {
    let links = NexthopIndexes::of(namespaces, netns, route)?;
    let made = namespaces.route_socket(netns)?.change(made_message(route, &links), flags);
    made.map_err(|rejection| lacking(route, rejection))
}

/// The message that adds a route. `links` are the links of its nexthops, with their indexes.
pub(crate) fn new_message(route: &Route, links: &[(IfName, u32)]) -> RouteNetlinkMessage {
    made_message(route, &NexthopIndexes(links.iter().cloned().collect()))
}

fn made_message(route: &Route, links: &NexthopIndexes) -> RouteNetlinkMessage {
    let mut message = message(route, links);
    message.header.kind = route_type(route.kind);
    message.header.protocol = route.proto.unwrap_or(RouteProto::BOOT).0.into();
    message.header.scope = route.scope.unwrap_or(made_scope(route)).number().into();
    RouteNetlinkMessage::NewRoute(message)
}

/// The default scope of `ip route add` (iproute2's `iproute_modify`).
fn made_scope(route: &Route) -> Scope {
    let reached_directly = route.nexthops.len() < 2 && route.nexthops.iter().all(|hop| hop.via.is_none());
    match route.kind {
        _ if route.family() == Family::V6 => Scope::Global,
        RouteKind::Local => Scope::Host,
        RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast => Scope::Link,
        RouteKind::Unicast if reached_directly => Scope::Link,
        RouteKind::Unicast | RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw => {
            Scope::Global
        }
    }
}

/// `ip route del …`: the first route that matches. Without a type, which is the default `unicast`, it may have any
/// type.
fn del(namespaces: &mut Namespaces, netns: &NetnsRef, route: &Route) -> Outcome {
    let links = NexthopIndexes::of(namespaces, netns, route)?;
    let mut message = message(route, &links);
    message.header.kind = match route.kind {
        RouteKind::Unicast => RouteType::Unspec,
        kind => route_type(kind),
    };
    message.header.protocol = route.proto.unwrap_or(ANY_PROTO).0.into();
    message.header.scope = route.scope.unwrap_or(deleted_scope(route)).number().into();
    namespaces.route_socket(netns)?.change(RouteNetlinkMessage::DelRoute(message), 0)
}

/// The default scope of `ip route del`; `nowhere` matches every route.
fn deleted_scope(route: &Route) -> Scope {
    match route.kind {
        _ if route.family() == Family::V6 => Scope::Global,
        RouteKind::Local => Scope::Host,
        RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast => Scope::Link,
        RouteKind::Unicast | RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw => {
            Scope::Nowhere
        }
    }
}

/// The indexes of the links in a route.
struct NexthopIndexes(BTreeMap<IfName, u32>);

impl NexthopIndexes {
    fn of(namespaces: &mut Namespaces, netns: &NetnsRef, route: &Route) -> Outcome<NexthopIndexes> {
        let mut indexes = BTreeMap::new();
        for dev in route.nexthops.iter().filter_map(|hop| hop.dev.as_ref()) {
            if !indexes.contains_key(dev) {
                indexes.insert(dev.clone(), link::index(namespaces, netns, dev)?);
            }
        }
        Ok(NexthopIndexes(indexes))
    }

    fn get(&self, hop: &Nexthop) -> Option<u32> {
        self.0.get(hop.dev.as_ref()?).copied()
    }
}

/// The message for adding and removing a route.
fn message(route: &Route, links: &NexthopIndexes) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = address_family(route.family());
    message.header.destination_prefix_length = route.dst.len();
    message.header.tos = route.tos;
    set_table(&mut message, route.table);
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Destination(route.dst.addr().into()));
    attributes.extend(route.metric.map(RouteAttribute::Priority));
    attributes.extend(route.src.map(|src| RouteAttribute::PrefSource(src.into())));
    attributes.extend(route.mtu.map(|mtu| RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu)])));
    match route.nexthops.as_slice() {
        [] => {}
        [hop] => set_nexthop(&mut message, route.family(), hop, links),
        hops => {
            let hops = hops.iter().map(|hop| nexthop(route.family(), hop, links)).collect();
            attributes.push(RouteAttribute::MultiPath(hops));
        }
    }
    message
}

fn set_table(message: &mut RouteMessage, TableId(number): TableId) {
    match u8::try_from(number) {
        Ok(number) => message.header.table = number,
        Err(_) => {
            message.header.table = TABLE_IN_ATTRIBUTE;
            message.attributes.push(RouteAttribute::Table(number));
        }
    }
}

/// `via GATEWAY dev LINK onlink`
fn set_nexthop(message: &mut RouteMessage, family: Family, hop: &Nexthop, links: &NexthopIndexes) {
    if hop.onlink {
        message.header.flags |= RouteFlags::Onlink;
    }
    message.attributes.extend(hop.via.map(|via| gateway(family, via)));
    message.attributes.extend(links.get(hop).map(RouteAttribute::Oif));
}

/// `nexthop via GATEWAY dev LINK weight WEIGHT onlink`
fn nexthop(family: Family, hop: &Nexthop, links: &NexthopIndexes) -> RouteNextHop {
    let mut nexthop = RouteNextHop::default();
    // `struct rtnexthop` has the weight minus one (linux/rtnetlink.h).
    nexthop.hops = u8::try_from(hop.weight.saturating_sub(1)).unwrap_or(u8::MAX);
    nexthop.interface_index = links.get(hop).unwrap_or(0);
    nexthop.flags.set(RouteNextHopFlags::Onlink, hop.onlink);
    nexthop.attributes.extend(hop.via.map(|via| gateway(family, via)));
    nexthop
}

/// A gateway of the route's family, or of the other one (RFC 5549).
fn gateway(family: Family, via: IpAddr) -> RouteAttribute {
    if Family::of(via) == family { RouteAttribute::Gateway(via.into()) } else { RouteAttribute::Via(via.into()) }
}

fn route_type(kind: RouteKind) -> RouteType {
    match kind {
        RouteKind::Unicast => RouteType::Unicast,
        RouteKind::Local => RouteType::Local,
        RouteKind::Broadcast => RouteType::Broadcast,
        RouteKind::Anycast => RouteType::Anycast,
        RouteKind::Multicast => RouteType::Multicast,
        RouteKind::Blackhole => RouteType::BlackHole,
        RouteKind::Unreachable => RouteType::Unreachable,
        RouteKind::Prohibit => RouteType::Prohibit,
        RouteKind::Throw => RouteType::Throw,
    }
}

/// Names the kernel feature that is missing if a route was refused.
fn lacking(route: &Route, rejection: Rejection) -> Rejection {
    // `fib_create_info` without CONFIG_IP_ROUTE_MULTIPATH.
    let no_multipath = rejection.text.as_deref() == Some("Multipath support not enabled in kernel");
    if route.nexthops.len() > 1 && no_multipath {
        let unsupported = "this kernel has no routes with several nexthops (CONFIG_IP_ROUTE_MULTIPATH)";
        return rejection.unsupported(unsupported);
    }
    rejection
}

/// `ip route flush table T`: deletes each listed route, until none is left.
fn flush(socket: &mut RouteSocket, family: Family, table: TableId) -> Outcome {
    // Deleting a route may restore others, such as those of another address.
    const ROUNDS: usize = 8;
    for _ in 0..ROUNDS {
        let routes = read::dump(socket, family)?.into_iter().filter(|route| read::table(route) == table);
        let routes: Vec<RouteMessage> = routes.filter(|route| !read::is_null_entry(route)).collect();
        if routes.is_empty() {
            break;
        }
        for route in routes {
            delete_listed(socket, route)?;
        }
    }
    Ok(())
}

fn delete_listed(socket: &mut RouteSocket, route: RouteMessage) -> Outcome {
    match socket.change(RouteNetlinkMessage::DelRoute(route), 0) {
        // An earlier deletion has removed this route too.
        Err(rejection) if rejection.errno == Errno::ESRCH => Ok(()),
        result => result,
    }
}
