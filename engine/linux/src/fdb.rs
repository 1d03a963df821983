//! Changes and lists the forwarding tables of bridges and vxlan links over rtnetlink.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::netns::Namespaces;
use crate::{Outcome, Rejection, link, privilege};
use netscript_net::error::Errno;
use netscript_net::op::{FdbEntry, FdbOp, IfName, Mac, NetnsRef};
use netscript_net::state::FdbRecord;

/// Applies an operation on a forwarding table.
pub(crate) fn apply(namespaces: &mut Namespaces, netns: &NetnsRef, op: &FdbOp) -> Outcome {
    let (request, flags) = match op {
        FdbOp::Add(entry) => {
            (RouteNetlinkMessage::NewNeighbour(message(namespaces, netns, entry)?), NLM_F_CREATE | NLM_F_EXCL)
        }
        FdbOp::Append(entry) => {
            (RouteNetlinkMessage::NewNeighbour(message(namespaces, netns, entry)?), NLM_F_CREATE | NLM_F_APPEND)
        }
        FdbOp::Replace(entry) => {
            (RouteNetlinkMessage::NewNeighbour(message(namespaces, netns, entry)?), NLM_F_CREATE | NLM_F_REPLACE)
        }
        FdbOp::Del(entry) => (RouteNetlinkMessage::DelNeighbour(message(namespaces, netns, entry)?), 0),
    };
    let done = namespaces.route_socket(netns)?.change(request, flags);
    done.map_err(|rejection| if matches!(op, FdbOp::Del(_)) { lacking(rejection) } else { rejection })
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
fn message(namespaces: &mut Namespaces, netns: &NetnsRef, entry: &FdbEntry) -> Outcome<NeighbourMessage> {
    let FdbEntry { mac, dev, dst, master } = entry;
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = link::index(namespaces, netns, dev)?;
    message.header.flags = if *master { NeighbourFlags::Controller } else { NeighbourFlags::Own };
    message.header.state = NeighbourState::Other(lasting(*master));
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    message.attributes.extend(dst.map(|dst| NeighbourAttribute::Destination(dst.into())));
    Ok(message)
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
    let mut question = NeighbourMessage::default();
    question.header.family = AddressFamily::Bridge;
    let answers = socket.dump(RouteNetlinkMessage::GetNeighbour(question))?;
    let names = link::names(socket)?;
    Ok(answers.into_iter().filter_map(|answer| read(answer, &names)).collect())
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
