//! Addresses of links: added, removed and listed over rtnetlink.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage};

use super::netns::Namespaces;
use super::socket::{RouteSocket, address_family, family_of};
use super::{Outcome, link};
use netscript_net::op::{AddrOp, AddrSpec, Family, IfName, NetnsRef, Prefix, Scope};
use netscript_net::state::Addr;

/// Does one operation on an address.
pub(super) fn apply(namespaces: &mut Namespaces, netns: &NetnsRef, op: &AddrOp) -> Outcome {
    match op {
        AddrOp::Add(link, spec) => add(namespaces, netns, link, spec),
        AddrOp::Del(link, spec) => del(namespaces, netns, link, spec),
    }
}

/// `ip addr add ADDRESS dev LINK`, with `nodad` for IPv6
fn add(namespaces: &mut Namespaces, netns: &NetnsRef, link: &IfName, spec: &AddrSpec) -> Outcome {
    let mut message = message(link::index(namespaces, netns, link)?, spec);
    message.header.scope = spec.effective_scope().number().into();
    if spec.local.family() == Family::V6 && !spec.dad {
        message.header.flags |= AddressHeaderFlags::Nodad;
    }
    message.attributes.extend(spec.broadcast_address().map(AddressAttribute::Broadcast));
    message.attributes.extend(spec.proto.map(|by| AddressAttribute::Protocol(by.into())));
    namespaces.route_socket(netns)?.change(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL)
}

/// `ip addr del ADDRESS dev LINK`: address, length, peer and, if given, label must match
fn del(namespaces: &mut Namespaces, netns: &NetnsRef, link: &IfName, spec: &AddrSpec) -> Outcome {
    let message = message(link::index(namespaces, netns, link)?, spec);
    namespaces.route_socket(netns)?.change(RouteNetlinkMessage::DelAddress(message), 0)
}

/// What adding and removing an address have in common.
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

/// `ip addr show`, of all links or of one; IPv4 comes first.
pub(super) fn dump(socket: &mut RouteSocket, index: Option<u32>) -> Outcome<Vec<(u32, Addr)>> {
    let mut question = AddressMessage::default();
    question.header.index = index.unwrap_or(0);
    let answers = socket.dump(RouteNetlinkMessage::GetAddress(question))?;
    Ok(answers.into_iter().filter_map(read).collect())
}

fn read(message: RouteNetlinkMessage) -> Option<(u32, Addr)> {
    let RouteNetlinkMessage::NewAddress(AddressMessage { header, attributes, .. }) = message else { return None };
    let family = family_of(header.family)?;
    let mut flags = AddressFlags::from_bits_retain(header.flags.bits().into());
    let (mut local, mut address, mut broadcast, mut label, mut proto) = (None, None, None, None, None);
    for attribute in attributes {
        match attribute {
            AddressAttribute::Local(addr) => local = Some(addr),
            AddressAttribute::Address(addr) => address = Some(addr),
            AddressAttribute::Broadcast(addr) => broadcast = Some(IpAddr::from(addr)),
            AddressAttribute::Label(text) => label = Some(text),
            AddressAttribute::Flags(all) => flags = all,
            AddressAttribute::Protocol(by) => proto = Some(by.into()).filter(|by| *by != 0),
            _ => {}
        }
    }
    let own = local.or(address)?;
    let addr = Addr {
        local: Prefix::new(own, header.prefix_len)?,
        peer: address.filter(|peer| *peer != own),
        broadcast,
        scope: Scope::from_number(header.scope.into()),
        label,
        nodad: flags.contains(AddressFlags::Nodad),
        tentative: flags.contains(AddressFlags::Tentative),
        permanent: flags.contains(AddressFlags::Permanent),
        // The same bit means a temporary address in IPv6 (`IFA_F_TEMPORARY`).
        secondary: family == Family::V4 && flags.contains(AddressFlags::Secondary),
        proto,
    };
    Some((header.index, addr))
}

/// Forgets the label that every address gets, the link's name.
pub(super) fn without_usual_label(mut addr: Addr, link: &str) -> Addr {
    addr.label = addr.label.filter(|label| label != link);
    addr
}
