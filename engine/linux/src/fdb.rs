//! Changes and lists the forwarding tables of bridges and vxlan links over rtnetlink.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::listed::Listed;
use crate::netns::Namespaces;
use crate::{Outcome, Rejection, link, privilege};
use netscript_net::error::Errno;
use netscript_net::op::{FdbEntry, FdbOp, IfName, Mac, NetnsRef};
use netscript_net::state::FdbRecord;

/// Applies an operation on a forwarding table.
pub(crate) fn apply(namespaces: &mut Namespaces, netns: &NetnsRef, op: &FdbOp) -> Outcome {
    let (FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Replace(entry) | FdbOp::Del(entry)) = op;
    let index = link::index(namespaces, netns, &entry.dev)?;
    let socket = namespaces.route_socket(netns)?;
    match flags(op) {
        Some(flags) => socket.change(new_message(index, entry), flags),
        None => socket.change(RouteNetlinkMessage::DelNeighbour(message(index, entry)), 0).map_err(lacking),
    }
}

/// The flags for an operation that adds an entry; `None` for a deletion.
pub(crate) fn flags(op: &FdbOp) -> Option<u16> {
    match op {
        FdbOp::Add(_) => Some(NLM_F_CREATE | NLM_F_EXCL),
        FdbOp::Append(_) => Some(NLM_F_CREATE | NLM_F_APPEND),
        FdbOp::Replace(_) => Some(NLM_F_CREATE | NLM_F_REPLACE),
        FdbOp::Del(_) => None,
    }
}

/// The message that adds an entry to the table of the link with this index.
pub(crate) fn new_message(index: u32, entry: &FdbEntry) -> RouteNetlinkMessage {
    RouteNetlinkMessage::NewNeighbour(message(index, entry))
}

/// Older kernels ask for a capability over the whole machine before they remove an entry (`rtnl_fdb_del`), also where
/// the namespace belongs to the one who asks.
fn lacking(rejection: Rejection) -> Rejection {
    if rejection.errno != Errno::EPERM || !privilege::may_change_networks() {
        return rejection;
    }
    let unsupported = "this kernel lets only the machine's root remove forwarding entries; in a sandbox this needs \
                       Linux 6.18, or an older one with its stable updates of October 2025";
    rejection.unsupported(unsupported)
}

/// `bridge fdb add|append|replace|del MAC dev LINK master static`, `… [dst DST] self permanent`
fn message(index: u32, entry: &FdbEntry) -> NeighbourMessage {
    let FdbEntry { mac, dev: _, dst, master } = entry;
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = index;
    message.header.flags = if *master { NeighbourFlags::Controller } else { NeighbourFlags::Own };
    message.header.state = NeighbourState::Other(lasting(*master));
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    message.attributes.extend(dst.map(|dst| NeighbourAttribute::Destination(dst.into())));
    message
}

/// The state of a permanent entry: `static` in a bridge's table, where `permanent` means an address of the bridge
/// itself, and `permanent` in a link's own table.
fn lasting(master: bool) -> u16 {
    let noarp = u16::from(NeighbourState::Noarp);
    if master { noarp } else { noarp | u16::from(NeighbourState::Permanent) }
}

/// `bridge fdb show`
pub(crate) fn list(namespaces: &mut Namespaces, netns: &NetnsRef) -> Outcome<Vec<FdbRecord>> {
    let socket = namespaces.route_socket(netns)?;
    let answers = socket.dump(question())?;
    let names = link::names(socket)?;
    Ok(answers.into_iter().filter_map(|answer| read(answer, &names)).collect())
}

/// The entries that somebody has set, with the kernel's messages: permanent and static ones, and those that a program
/// has learned or that must not move to another port. The kernel learns the others again.
pub(crate) fn listed_set(namespaces: &mut Namespaces, netns: &NetnsRef) -> Outcome<Vec<Listed<FdbRecord>>> {
    let socket = namespaces.route_socket(netns)?;
    let answers = socket.dump_listed(question())?;
    let names = link::names(socket)?;
    let set = answers.into_iter().filter_map(|Listed { object, message }| {
        let RouteNetlinkMessage::NewNeighbour(neighbour) = &object else { return None };
        let NeighbourMessage { header, attributes, .. } = neighbour;
        let lasting = u16::from(NeighbourState::Permanent) | u16::from(NeighbourState::Noarp);
        let is_set = u16::from(header.state) & lasting != 0
            || header.flags.intersects(NeighbourFlags::ExtLearned | NeighbourFlags::Sticky);
        let in_vlan = attributes.iter().any(|attribute| matches!(attribute, NeighbourAttribute::Vlan(_)));
        Some((in_vlan, Listed { object: read(object, &names).filter(|_| is_set)?, message }))
    });
    let mut set: Vec<(bool, Listed<FdbRecord>)> = set.collect();
    // A bridge adds an entry without a VLAN to all VLANs (`__br_fdb_add`), so those with one come later.
    set.sort_by_key(|(in_vlan, _)| *in_vlan);
    Ok(set.into_iter().map(|(_, listed)| listed).collect())
}

fn question() -> RouteNetlinkMessage {
    let mut question = NeighbourMessage::default();
    question.header.family = AddressFamily::Bridge;
    RouteNetlinkMessage::GetNeighbour(question)
}

fn read(message: RouteNetlinkMessage, names: &BTreeMap<u32, IfName>) -> Option<FdbRecord> {
    let RouteNetlinkMessage::NewNeighbour(NeighbourMessage { header, attributes, .. }) = message else { return None };
    let (mut mac, mut dst, mut master) = (None, None, None);
    for attribute in attributes {
        match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.try_into().ok().map(Mac),
            NeighbourAttribute::Destination(addr) => dst = endpoint(addr),
            NeighbourAttribute::Controller(index) => master = names.get(&index).cloned(),
            _ => {}
        }
    }
    let dev = names.get(&header.ifindex)?.clone();
    Some(FdbRecord { mac: mac?, dev, master, dst, state: state(header.state.into()).to_owned() })
}

/// The address in a message. Its family is AF_BRIDGE, so the address is raw bytes.
fn endpoint(addr: NeighbourAddress) -> Option<IpAddr> {
    match addr {
        NeighbourAddress::Inet(addr) => Some(addr.into()),
        NeighbourAddress::Inet6(addr) => Some(addr.into()),
        NeighbourAddress::Other(bytes) => {
            let v4 = <[u8; 4]>::try_from(bytes.as_slice()).map(|octets| Ipv4Addr::from(octets).into());
            v4.or_else(|_| <[u8; 16]>::try_from(bytes.as_slice()).map(|octets| Ipv6Addr::from(octets).into())).ok()
        }
        _ => None,
    }
}

/// The state as in `bridge fdb show`, by the strongest bit.
fn state(bits: u16) -> &'static str {
    let has = |state: NeighbourState| bits & u16::from(state) != 0;
    if has(NeighbourState::Permanent) {
        "permanent"
    } else if has(NeighbourState::Noarp) {
        "static"
    } else if has(NeighbourState::Stale) {
        "stale"
    } else {
        "reachable"
    }
}
