//! Finds links by name and by index.

use netlink_packet_route::link::LinkMessage;
use rtnetlink::LinkUnspec;

use super::message::get;
use crate::netns::Namespaces;
use crate::{Outcome, Rejection};
use netscript_net::error::Errno;
use netscript_net::op::{IfName, NetnsRef};
use netscript_net::world::Missing;

/// The index of a link.
pub(crate) fn index(namespaces: &mut Namespaces, netns: &NetnsRef, name: &IfName) -> Outcome<u32> {
    let known = namespaces.known.iter().find(|(place, known, _)| place == netns && known == name);
    if let Some((_, _, index)) = known {
        return Ok(*index);
    }
    Ok(message_of(namespaces, netns, name)?.header.index)
}

/// `ip link show dev NAME`, without the counters.
pub(super) fn message_of(namespaces: &mut Namespaces, netns: &NetnsRef, name: &IfName) -> Outcome<LinkMessage> {
    let missing = || Rejection::missing(Missing::Link(netns.clone(), name.clone()), Errno::ENODEV);
    match get(namespaces.route_socket(netns)?, LinkUnspec::new_with_name(name.as_str())) {
        Ok(Some(message)) => Ok(message),
        Ok(None) => Err(missing()),
        Err(rejection) if rejection.errno == Errno::ENODEV => Err(missing()),
        Err(rejection) => Err(rejection),
    }
}

/// Whether there is a link with this index.
pub(crate) fn has_index(namespaces: &mut Namespaces, netns: &NetnsRef, index: u32) -> Outcome<bool> {
    match get(namespaces.route_socket(netns)?, LinkUnspec::new_with_index(index)) {
        Ok(found) => Ok(found.is_some()),
        Err(rejection) if rejection.errno == Errno::ENODEV => Ok(false),
        Err(rejection) => Err(rejection),
    }
}
