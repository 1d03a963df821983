//! `ip route get`: the kernel chooses the route of a packet.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{RouteAttribute, RouteMessage};

use super::read;
use crate::netns::Namespaces;
use crate::socket::address_family;
use crate::{Outcome, link};
use netscript_net::error::Errno;
use netscript_net::op::{Family, NetnsRef, Nexthop};
use netscript_net::world::{ChosenRoute, RouteGet};

/// Asks for the route of a packet. The inner error is the kernel's for such a packet.
pub(crate) fn get(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    request: &RouteGet,
) -> Outcome<Result<ChosenRoute, Errno>> {
    let oif = match &request.oif {
        Some(name) => Some(link::index(namespaces, netns, name)?),
        None => None,
    };
    let socket = namespaces.route_socket(netns)?;
    let answers = match socket.get(RouteNetlinkMessage::GetRoute(question(request, oif))) {
        Ok(answers) => answers,
        Err(rejection) if rejection.missing.is_none() => return Ok(Err(rejection.errno)),
        Err(rejection) => return Err(rejection),
    };
    let names = link::names(socket)?;
    let message = answers.into_iter().find_map(|answer| match answer {
        RouteNetlinkMessage::NewRoute(message) => Some(message),
        _ => None,
    });
    let route = message.and_then(|message| read::route(message, &names)).ok_or(Errno::EIO)?;
    let Some(Nexthop { via, dev: Some(dev), .. }) = route.nexthops.into_iter().next() else {
        return Err(Errno::EIO.into());
    };
    // The kernel leaves a given source address out of its IPv4 answers, and tells another one in those of IPv6.
    let given = request.src.filter(|src| !src.is_unspecified());
    Ok(Ok(ChosenRoute { kind: route.kind, dev, via, src: given.or(route.src) }))
}

fn question(request: &RouteGet, oif: Option<u32>) -> RouteMessage {
    let RouteGet { dst, src, oif: _, mark, tos, ipproto, sport, dport } = request;
    let family = Family::of(*dst);
    let mut message = RouteMessage::default();
    message.header.address_family = address_family(family);
    message.header.destination_prefix_length = family.bits();
    message.header.tos = *tos;
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Destination((*dst).into()));
    if let Some(src) = src {
        message.header.source_prefix_length = family.bits();
        attributes.push(RouteAttribute::Source((*src).into()));
    }
    attributes.extend(oif.map(RouteAttribute::Oif));
    attributes.extend(Some(*mark).filter(|mark| *mark != 0).map(RouteAttribute::Mark));
    attributes.extend(ipproto.map(RouteAttribute::IpProto));
    attributes.extend(sport.map(RouteAttribute::Sport));
    attributes.extend(dport.map(RouteAttribute::Dport));
    message
}
