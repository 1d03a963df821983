//! Reading routes from the kernel.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteNextHop, RouteNextHopFlags,
    RoutePreference, RouteType, RouteVia,
};

use crate::Outcome;
use crate::link;
use crate::listed::Listed;
use crate::netns::Namespaces;
use crate::socket::{RouteSocket, address_family, family_of};
use netscript_net::op::{Family, IfName, NetnsRef, Nexthop, Prefix, Route, RouteKind, RouteProto, Scope, TableId};

/// The local IPv6 addresses, by their routes.
pub(crate) fn local6(socket: &mut RouteSocket) -> Outcome<HashSet<IpAddr>> {
    let local = dump(socket, Family::V6)?.into_iter().filter(|message| message.header.kind == RouteType::Local);
    let dst = |message: RouteMessage| {
        message.attributes.into_iter().find_map(|attribute| match attribute {
            RouteAttribute::Destination(RouteAddress::Inet6(addr)) => Some(IpAddr::from(addr)),
            _ => None,
        })
    };
    Ok(local.filter_map(dst).collect())
}

/// `ip route show`
pub(crate) fn list(namespaces: &mut Namespaces, netns: &NetnsRef, family: Family) -> Outcome<Vec<Route>> {
    let socket = namespaces.route_socket(netns)?;
    let routes = dump(socket, family)?;
    let names = link::names(socket)?;
    Ok(routes.into_iter().filter_map(|message| route(message, &names)).collect())
}

/// The same, with the kernel's messages.
pub(crate) fn listed(namespaces: &mut Namespaces, netns: &NetnsRef, family: Family) -> Outcome<Vec<Listed<Route>>> {
    let socket = namespaces.route_socket(netns)?;
    let answers = socket.dump_listed(question(family))?;
    let names = link::names(socket)?;
    let routes = answers.into_iter().filter_map(|Listed { object, message }| {
        Some(Listed { object: route(of_family(object, family)?, &names)?, message })
    });
    Ok(routes.collect())
}

/// Every route of a family, without cached ones (`RTM_F_CLONED`).
pub(super) fn dump(socket: &mut RouteSocket, family: Family) -> Outcome<Vec<RouteMessage>> {
    let answers = socket.dump(question(family))?;
    Ok(answers.into_iter().filter_map(|answer| of_family(answer, family)).collect())
}

fn question(family: Family) -> RouteNetlinkMessage {
    let mut question = RouteMessage::default();
    question.header.address_family = address_family(family);
    RouteNetlinkMessage::GetRoute(question)
}

/// A kernel without IPv6 answers with the routes of the other families.
fn of_family(answer: RouteNetlinkMessage, family: Family) -> Option<RouteMessage> {
    let RouteNetlinkMessage::NewRoute(route) = answer else { return None };
    let wanted = route.header.address_family == address_family(family);
    (wanted && !route.header.flags.contains(RouteFlags::Cloned)).then_some(route)
}

/// The table of a route. An attribute holds numbers that do not fit into the header.
pub(super) fn table(message: &RouteMessage) -> TableId {
    let long = message.attributes.iter().find_map(|a| if let RouteAttribute::Table(n) = a { Some(*n) } else { None });
    TableId(long.unwrap_or(message.header.table.into()))
}

/// Whether this is the null entry of an IPv6 table, which `ip route flush` leaves alone.
pub(super) fn is_null_entry(message: &RouteMessage) -> bool {
    family_of(message.header.address_family) == Some(Family::V6)
        && message.header.destination_prefix_length == 0
        && message.header.kind == RouteType::Unreachable
        && message.attributes.contains(&RouteAttribute::Priority(u32::MAX))
}

/// A route as a [`Route`]. `None` for types that kernels do not use any more (`nat`, `xresolve`).
pub(super) fn route(message: RouteMessage, links: &BTreeMap<u32, IfName>) -> Option<Route> {
    let table = table(&message);
    let RouteMessage { header, attributes, .. } = message;
    let kind = kind(header.kind)?;
    let mut dst = Prefix::all(family_of(header.address_family)?);
    let (mut src, mut metric, mut mtu) = (None, None, None);
    let (mut via, mut dev, mut several) = (None, None, Vec::new());
    let mut opaque = header.source_prefix_length != 0;
    for attribute in attributes {
        match attribute {
            RouteAttribute::Destination(addr) => dst = Prefix::new(ip(addr)?, header.destination_prefix_length)?,
            RouteAttribute::Priority(number) => metric = Some(number),
            RouteAttribute::PrefSource(addr) => src = ip(addr),
            RouteAttribute::Metrics(metrics) => mtu = metrics.into_iter().find_map(mtu_of),
            RouteAttribute::Gateway(addr) => via = ip(addr),
            RouteAttribute::Via(addr) => via = other_ip(addr),
            RouteAttribute::Oif(index) => dev = links.get(&index).cloned(),
            RouteAttribute::MultiPath(hops) => {
                opaque |= hops.iter().flat_map(|hop| &hop.attributes).any(decides);
                several = hops.into_iter().map(|hop| nexthop(hop, links)).collect();
            }
            other => opaque |= decides(&other),
        }
    }
    let nexthops = if kind.discards() {
        Vec::new()
    } else if several.is_empty() && (via.is_some() || dev.is_some()) {
        vec![Nexthop { via, dev, weight: 1, onlink: header.flags.contains(RouteFlags::Onlink) }]
    } else {
        several
    };
    Some(Route {
        dst,
        tos: header.tos,
        kind,
        nexthops,
        src,
        metric,
        table,
        scope: Some(Scope::from_number(header.scope.into())),
        proto: Some(RouteProto(header.protocol.into())),
        mtu,
        opaque,
    })
}

/// Whether an attribute without a field in [`Route`] decides on packets.
fn decides(attribute: &RouteAttribute) -> bool {
    match attribute {
        RouteAttribute::Source(_)
        | RouteAttribute::NewDestination(_)
        | RouteAttribute::NewDestinationAddress(_)
        | RouteAttribute::EncapType(_)
        | RouteAttribute::Encap(_)
        | RouteAttribute::Other(_) => true,
        RouteAttribute::Preference(preference) => *preference != RoutePreference::Medium,
        // `route` reads these, and the others tell about use, not about packets.
        _ => false,
    }
}

fn nexthop(hop: RouteNextHop, links: &BTreeMap<u32, IfName>) -> Nexthop {
    let via = hop.attributes.into_iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(addr) => ip(addr),
        RouteAttribute::Via(addr) => other_ip(addr),
        _ => None,
    });
    Nexthop {
        via,
        dev: links.get(&hop.interface_index).cloned(),
        weight: u16::from(hop.hops) + 1,
        onlink: hop.flags.contains(RouteNextHopFlags::Onlink),
    }
}

fn kind(kind: RouteType) -> Option<RouteKind> {
    Some(match kind {
        RouteType::Unicast => RouteKind::Unicast,
        RouteType::Local => RouteKind::Local,
        RouteType::Broadcast => RouteKind::Broadcast,
        RouteType::Anycast => RouteKind::Anycast,
        RouteType::Multicast => RouteKind::Multicast,
        RouteType::BlackHole => RouteKind::Blackhole,
        RouteType::Unreachable => RouteKind::Unreachable,
        RouteType::Prohibit => RouteKind::Prohibit,
        RouteType::Throw => RouteKind::Throw,
        _ => return None,
    })
}

fn mtu_of(metric: RouteMetric) -> Option<u32> {
    match metric {
        RouteMetric::Mtu(mtu) => Some(mtu),
        _ => None,
    }
}

fn ip(addr: RouteAddress) -> Option<IpAddr> {
    match addr {
        RouteAddress::Inet(addr) => Some(addr.into()),
        RouteAddress::Inet6(addr) => Some(addr.into()),
        _ => None,
    }
}

fn other_ip(via: RouteVia) -> Option<IpAddr> {
    match via {
        RouteVia::Inet(addr) => Some(addr.into()),
        RouteVia::Inet6(addr) => Some(addr.into()),
        _ => None,
    }
}
