//! Requests for links, and the attributes of link messages.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkInfo, LinkMessage};
use rtnetlink::{LinkMessageBuilder, LinkUnspec};

use crate::Outcome;
use crate::socket::RouteSocket;
use netscript_net::op::IfName;

/// The index of `lo` in every namespace (`LOOPBACK_IFINDEX`, include/net/net_namespace.h).
pub(crate) const LOOPBACK: u32 = 1;

/// Reads the link that a message identifies.
pub(super) fn get(socket: &mut RouteSocket, link: LinkMessageBuilder<LinkUnspec>) -> Outcome<Option<LinkMessage>> {
    let answers = socket.get(RouteNetlinkMessage::GetLink(without_counters(link)))?;
    Ok(answers.into_iter().find_map(link_message))
}

pub(super) fn without_counters(link: LinkMessageBuilder<LinkUnspec>) -> LinkMessage {
    link.append_extra_attribute(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])).build()
}

pub(super) fn link_message(message: RouteNetlinkMessage) -> Option<LinkMessage> {
    match message {
        RouteNetlinkMessage::NewLink(message) => Some(message),
        _ => None,
    }
}

/// A link's name.
pub(super) fn name(message: &LinkMessage) -> Option<IfName> {
    attribute(message, |a| if let LinkAttribute::IfName(name) = a { Some(IfName::read(name)) } else { None })
}

/// A value from a link's attributes.
pub(super) fn attribute<'a, T>(
    message: &'a LinkMessage,
    pick: impl FnMut(&'a LinkAttribute) -> Option<T>,
) -> Option<T> {
    message.attributes.iter().find_map(pick)
}

/// A value from a link's kind information.
pub(super) fn info<'a, T>(message: &'a LinkMessage, pick: impl FnMut(&'a LinkInfo) -> Option<T>) -> Option<T> {
    attribute(message, |a| if let LinkAttribute::LinkInfo(info) = a { Some(info) } else { None })?.iter().find_map(pick)
}
