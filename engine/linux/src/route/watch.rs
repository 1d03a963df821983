//! A cache of the host's routes by destination, updated by the kernel's notifications. Listing a long table for each
//! route of a script would take longer than everything else.
//!
//! Only notifications that say exactly which routes exist are applied; after any other, the routes are listed again.
//! Other namespaces are not watched, because the socket would keep them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;

use netlink_packet_core::{NLM_F_REPLACE, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::RouteFlags;
use netlink_sys::{Socket, protocols::NETLINK_ROUTE};
use nix::libc::{self, MSG_DONTWAIT};

use super::key::has_same_key;
use super::read;
use crate::listed::Listed;
use crate::netns::Namespaces;
use crate::socket::family_of;
use crate::{Outcome, link};
use netscript_net::op::{Family, IfName, NetnsRef, Prefix, Route, TableId};

/// Changes in these groups may change routes. The kernel sends no notification of its own for IPv4 routes that are
/// removed with a link, an address or a nexthop.
const GROUPS: [u32; 6] = [
    libc::RTNLGRP_LINK,
    libc::RTNLGRP_IPV4_IFADDR,
    libc::RTNLGRP_IPV4_ROUTE,
    libc::RTNLGRP_IPV6_IFADDR,
    libc::RTNLGRP_IPV6_ROUTE,
    libc::RTNLGRP_NEXTHOP,
];

/// The length of a message's header (`struct nlmsghdr`).
const HEADER: usize = 16;

/// The buffer size: larger than any notification.
const MESSAGE: usize = 64 << 10;

/// The known routes, and the socket for notifications.
#[derive(Default)]
pub(crate) struct Watch {
    socket: Option<Socket>,
    known: HashMap<Family, FamilyRoutes>,
}

/// The routes of a family.
struct FamilyRoutes {
    routes: HashMap<(Prefix, TableId), Vec<Listed<Route>>>,
    links: BTreeMap<u32, IfName>,
}

impl Watch {
    /// The routes of a table to a destination.
    pub(crate) fn routes_to(
        &mut self,
        namespaces: &mut Namespaces,
        dst: Prefix,
        table: TableId,
    ) -> Outcome<Vec<Listed<Route>>> {
        self.listen()?;
        let family = Family::of(dst.addr());
        let known = match self.known.entry(family) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(FamilyRoutes::list(namespaces, family)?),
        };
        Ok(known.routes.get(&(dst, table)).cloned().unwrap_or_default())
    }

    /// Applies the notifications since the last call.
    fn listen(&mut self) -> Outcome {
        let Some(socket) = &self.socket else {
            self.socket = Some(open()?);
            return Ok(());
        };
        let mut buffer = Vec::with_capacity(MESSAGE);
        loop {
            buffer.clear();
            match socket.recv(&mut buffer, MSG_DONTWAIT) {
                Ok(_) if hear(&mut self.known, &buffer).is_some() => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // Something else has changed, or the socket has overflowed.
                Ok(_) | Err(_) => self.known.clear(),
            }
        }
    }
}

/// A socket for notifications. Kernels before 5.3 have no nexthop objects, and no group for them.
fn open() -> Outcome<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    for group in GROUPS {
        match socket.add_membership(group) {
            Err(_) if group == libc::RTNLGRP_NEXTHOP => {}
            joined => joined?,
        }
    }
    Ok(socket)
}

/// Applies a notification; `None`: it does not say which routes exist.
fn hear(known: &mut HashMap<Family, FamilyRoutes>, bytes: &[u8]) -> Option<()> {
    let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes).ok()?;
    if (message.header.length as usize) < bytes.len() {
        return None;
    }
    let replaces = message.header.flags & NLM_F_REPLACE != 0;
    let (route, made) = match message.payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) => (route, true),
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelRoute(route)) => (route, false),
        _ => return None,
    };
    let Some(known) = family_of(route.header.address_family).and_then(|family| known.get_mut(&family)) else {
        return Some(());
    };
    if route.header.flags.contains(RouteFlags::Cloned) {
        return Some(());
    }
    let object = read::route(route, &known.links)?;
    if !made {
        return known.remove(&object);
    }
    known.add(Listed { object, message: bytes.get(HEADER..)?.to_vec() }, replaces)
}

impl FamilyRoutes {
    fn list(namespaces: &mut Namespaces, family: Family) -> Outcome<FamilyRoutes> {
        let listed = read::listed(namespaces, &NetnsRef::Host, family)?;
        let links = link::names(namespaces.route_socket(&NetnsRef::Host)?)?;
        let mut routes: HashMap<_, Vec<Listed<Route>>> = HashMap::new();
        for route in listed {
            routes.entry((route.object.dst.network(), route.object.table)).or_default().push(route);
        }
        Ok(FamilyRoutes { routes, links })
    }

    fn add(&mut self, listed: Listed<Route>, replaces: bool) -> Option<()> {
        let route = &listed.object;
        let there = self.routes.entry((route.dst.network(), route.table)).or_default();
        let same: Vec<usize> = (0..there.len()).filter(|index| has_same_key(&there[*index].object, route)).collect();
        match same[..] {
            // The order of routes with different metrics does not matter.
            [] => there.push(listed),
            [index] if replaces && route.family() == Family::V4 => there[index] = listed,
            // It may be a further nexthop of an IPv6 route, or a separate route.
            _ => return None,
        }
        Some(())
    }

    fn remove(&mut self, route: &Route) -> Option<()> {
        let Some(there) = self.routes.get_mut(&(route.dst.network(), route.table)) else { return Some(()) };
        let equal: Vec<usize> = (0..there.len()).filter(|index| there[*index].object == *route).collect();
        let [index] = equal[..] else { return None };
        there.remove(index);
        Some(())
    }
}
