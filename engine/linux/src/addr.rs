//! Adds, removes and lists addresses of links over rtnetlink.

mod read;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};

use crate::netns::Namespaces;
use crate::socket::address_family;
use crate::{Outcome, link};
use netscript_net::op::{AddrOp, AddrSpec, Family, IfName, NetnsRef};

pub(crate) use read::{dump, listed, without_usual_label};

/// Applies an operation on an address.
pub(crate) fn apply(namespaces: &mut Namespaces, netns: &NetnsRef, op: &AddrOp) -> Outcome {
    match op {
        AddrOp::Add(link, spec) => add(namespaces, netns, link, spec),
        AddrOp::Del(link, spec) => del(namespaces, netns, link, spec),
    }
}

/// `ip addr add ADDRESS dev LINK`, with `nodad` for IPv6
fn add(namespaces: &mut Namespaces, netns: &NetnsRef, link: &IfName, spec: &AddrSpec) -> Outcome {
    let message = new_message(link::index(namespaces, netns, link)?, spec);
    namespaces.route_socket(netns)?.change(message, NLM_F_CREATE | NLM_F_EXCL)
}

/// The message that adds an address to the link with this index.
pub(crate) fn new_message(index: u32, spec: &AddrSpec) -> RouteNetlinkMessage {
    let mut message = message(index, spec);
    message.header.scope = spec.effective_scope().number().into();
    if spec.local.family() == Family::V6 && !spec.dad {
        message.header.flags |= AddressHeaderFlags::Nodad;
    }
    message.attributes.extend(spec.broadcast_address().map(AddressAttribute::Broadcast));
    message.attributes.extend(spec.proto.map(|by| AddressAttribute::Protocol(by.into())));
    RouteNetlinkMessage::NewAddress(message)
}

/// `ip addr del ADDRESS dev LINK`: address, length, peer and, if given, label must be equal
fn del(namespaces: &mut Namespaces, netns: &NetnsRef, link: &IfName, spec: &AddrSpec) -> Outcome {
    let message = message(link::index(namespaces, netns, link)?, spec);
    namespaces.route_socket(netns)?.change(RouteNetlinkMessage::DelAddress(message), 0)
}

/// The message for adding and removing an address.
fn message(index: u32, spec: &AddrSpec) -> AddressMessage {
    let network = spec.peer.unwrap_or(spec.local);
    let mut message = AddressMessage::default();
    message.header.family = address_family(spec.local.family());
    message.header.prefix_len = network.len();
    message.header.index = index;
    message.attributes = vec![AddressAttribute::Local(spec.local.addr()), AddressAttribute::Address(network.addr())];
    message.attributes.extend(spec.label.clone().map(AddressAttribute::Label));
    message
}
