//! Adds, replaces, removes and lists neighbours over rtnetlink.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};

use crate::listed::Listed;
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
    let message = new_message(link::index(namespaces, netns, &neighbour.dev)?, neighbour);
    namespaces.route_socket(netns)?.change(message, flags)
}

/// The message that adds a neighbour on the link with this index.
pub(crate) fn new_message(index: u32, neighbour: &Neighbour) -> RouteNetlinkMessage {
    let Neighbour { dst, mac, dev: _ } = neighbour;
    let mut message = message(*dst, index);
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    RouteNetlinkMessage::NewNeighbour(message)
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

/// A neighbour that the kernel would not learn again.
#[derive(Clone, Debug)]
pub(crate) struct SetNeighbour {
    /// The neighbour.
    pub(crate) neighbour: Neighbour,
    /// Whether the kernel makes such entries by itself too (`NUD_NOARP`): for groups, broadcasts, and on links without
    /// ARP.
    pub(crate) noarp: bool,
}

/// The neighbours that somebody has set, with the kernel's messages: permanent ones, those without ARP, and those that
/// a program has learned or that have an origin. The kernel learns the others again.
pub(crate) fn listed_set(namespaces: &mut Namespaces, netns: &NetnsRef) -> Outcome<Vec<Listed<SetNeighbour>>> {
    let socket = namespaces.route_socket(netns)?;
    let answers = socket.dump_listed(RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default()))?;
    let names = link::names(socket)?;
    let set = answers.into_iter().filter_map(|Listed { object, message }| {
        let RouteNetlinkMessage::NewNeighbour(NeighbourMessage { header, attributes, .. }) = object else {
            return None;
        };
        let has = |state: NeighbourState| u16::from(header.state) & u16::from(state) != 0;
        let by_program = header.flags.contains(NeighbourFlags::ExtLearned)
            || attributes.iter().any(|attribute| match attribute {
                NeighbourAttribute::Protocol(_) => true,
                NeighbourAttribute::ExtFlags(flags) => !flags.is_empty(),
                _ => false,
            });
        if !by_program && !has(NeighbourState::Permanent) && !has(NeighbourState::Noarp) {
            return None;
        }
        let (dst, mac) = ends(attributes);
        let neighbour = Neighbour { dst: dst?, mac: mac?, dev: names.get(&header.ifindex)?.clone() };
        Some(Listed { object: SetNeighbour { neighbour, noarp: has(NeighbourState::Noarp) }, message })
    });
    Ok(set.collect())
}

fn read(message: RouteNetlinkMessage, name: impl Fn(u32) -> Option<IfName>) -> Option<NeighRecord> {
    let RouteNetlinkMessage::NewNeighbour(NeighbourMessage { header, attributes, .. }) = message else { return None };
    let (dst, mac) = ends(attributes);
    Some(NeighRecord { dst: dst?, mac, dev: name(header.ifindex)?, state: state(header.state)? })
}

/// The IP address and the hardware address.
fn ends(attributes: Vec<NeighbourAttribute>) -> (Option<IpAddr>, Option<Mac>) {
    let (mut dst, mut mac) = (None, None);
    for attribute in attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(addr)) => dst = Some(IpAddr::from(addr)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(addr)) => dst = Some(IpAddr::from(addr)),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.try_into().ok().map(Mac),
            _ => {}
        }
    }
    (dst, mac)
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
