//! Namespace ids: the kernel's numbers for other namespaces, as seen from one.
//!
//! Each namespace has its own numbers for the namespaces that its links lead to (`IFLA_LINK_NETNSID`).

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsRawFd;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};

use crate::Outcome;
use crate::netns::Namespaces;
use netscript_net::op::NetnsRef;

/// `NETNSA_NSID_NOT_ASSIGNED` (linux/net_namespace.h); also the id of a namespace that is ending.
const NOT_ASSIGNED: i32 = -1;

/// The namespaces of some ids in `netns`, as far as they can be found: `ip netns list-id`
pub(crate) fn places(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    mut wanted: BTreeSet<i32>,
) -> Outcome<BTreeMap<i32, NetnsRef>> {
    wanted.remove(&NOT_ASSIGNED);
    let mut places = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(places);
    }
    for candidate in namespaces.candidates()? {
        if let Some(id) = id_of(namespaces, netns, &candidate)?.filter(|id| wanted.remove(id)) {
            places.insert(id, candidate);
        }
        if wanted.is_empty() {
            break;
        }
    }
    Ok(places)
}

/// The id of another namespace in `netns`, if it has one and still exists.
pub(crate) fn id_of(namespaces: &mut Namespaces, netns: &NetnsRef, other: &NetnsRef) -> Outcome<Option<i32>> {
    let Ok(file) = namespaces.file(other) else { return Ok(None) };
    let mut question = NsidMessage::default();
    question.attributes.push(NsidAttribute::Fd(file.as_raw_fd() as u32));
    let answers = namespaces.route_socket(netns)?.get(RouteNetlinkMessage::GetNsId(question))?;
    Ok(answers.into_iter().find_map(id).filter(|id| *id != NOT_ASSIGNED))
}

fn id(message: RouteNetlinkMessage) -> Option<i32> {
    match message {
        RouteNetlinkMessage::NewNsId(message) => message.attributes.iter().find_map(|attribute| match attribute {
            NsidAttribute::Id(id) => Some(*id),
            _ => None,
        }),
        _ => None,
    }
}
