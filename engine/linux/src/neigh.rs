//! Adds, replaces, removes and lists neighbours over rtnetlink.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};

use crate::netns::Namespaces;
use crate::socket::address_family;
use crate::{Outcome, link};
use netscript_net::op::{Family, IfName, Mac, NeighOp, Neighbour, NetnsRef};
use netscript_net::state::NeighRecord;

/// Applies an operation on the neighbour table.
pub(crate) fn apply(namespaces: &mut Namespaces, netns: &NetnsRef, op: &NeighOp) -> Outcome {
    match op {
        NeighOp::Add(neighbour) => set(namespaces, netns, neighbour, NLM_F_CREATE | NLM_F_EXCL),
        NeighOp::Replace(neighbour) => set(namespaces, netns, neighbour, NLM_F_CREATE | NLM_F_REPLACE),
        NeighOp::Del(dst, dev) => del(namespaces, netns, *dst, dev),
    }
}

/// `ip neigh add|replace DST lladdr MAC dev LINK`
fn set(namespaces: &mut Namespaces, netns: &NetnsRef, neighbour: &Neighbour, flags: u16) -> Outcome {
    let Neighbour { dst, mac, dev } = neighbour;
    let mut message = message(*dst, link::index(namespaces, netns, dev)?);
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    namespaces.route_socket(netns)?.change(RouteNetlinkMessage::NewNeighbour(message), flags)
}

/// `ip neigh del DST dev LINK`
fn del(namespaces: &mut Namespaces, netns: &NetnsRef, dst: IpAddr, dev: &IfName) -> Outcome {
    let message = message(dst, link::index(namespaces, netns, dev)?);
    namespaces.route_socket(netns)?.change(RouteNetlinkMessage::DelNeighbour(message), 0)
}

fn message(dst: IpAddr, index: u32) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = address_family(Family::of(dst));
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    message.attributes.push(NeighbourAttribute::Destination(dst.into()));
    message
}

/// `ip neigh show`
pub(crate) fn list(namespaces: &mut Namespaces, netns: &NetnsRef) -> Outcome<Vec<NeighRecord>> {
    let socket = namespaces.route_socket(netns)?;
    let answers = socket.dump(RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default()))?;
    let names = link::names(socket)?;
    Ok(answers.into_iter().filter_map(|answer| read(answer, |index| names.get(&index).cloned())).collect())
}

fn read(message: RouteNetlinkMessage, name: impl Fn(u32) -> Option<IfName>) -> Option<NeighRecord> {
    let RouteNetlinkMessage::NewNeighbour(NeighbourMessage { header, attributes, .. }) = message else { return None };
    let (mut dst, mut mac) = (None, None);
    for attribute in attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(addr)) => dst = Some(IpAddr::from(addr)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(addr)) => dst = Some(IpAddr::from(addr)),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.try_into().ok().map(Mac),
            _ => {}
        }
    }
    Some(NeighRecord { dst: dst?, mac, dev: name(header.ifindex)?, state: state(header.state)? })
}

/// The state's word; `None` for entries that `ip neigh` does not show, because they need no resolution: multicast,
/// loopback.
fn state(state: NeighbourState) -> Option<String> {
    match state {
        NeighbourState::Noarp | NeighbourState::None => None,
        NeighbourState::Other(bits) => Some(format!("{bits:#x}")),
        state => Some(state.to_string()),
    }
}
