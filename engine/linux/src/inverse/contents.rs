//! Inverses for everything that a link loses when it goes down.

use super::{route, step};
use crate::journal::{Place, Undo};
use crate::listed::Listed;
use crate::neigh::{self, SetNeighbour};
use crate::site::Site;
use crate::{Outcome, addr};
use netscript_net::op::{AddrOp, AddrSpec, Family, Mac, NeighOp, Neighbour, RouteOp};
use netscript_net::state::{Addr, Link};

/// The link's addresses, the routes over it, and the neighbours that somebody has set.
pub(super) fn of_link(site: &mut Site, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
    let mut undo: Vec<Undo> = Vec::new();
    for Listed { object, message } in addrs(site, place, link)? {
        let addr = addr::without_usual_label(object, link.name.as_str());
        let add = AddrOp::Add(link.name.clone(), addr.spec());
        undo.push(step::restoring_by_index(site, place, link, add, &message)?);
    }
    for route in route::surplus_routes(site, &place.netns, link)? {
        undo.push(step::by_index(place, link, RouteOp::Del(route)));
    }
    for Listed { object, message } in route::routes_over(site, &place.netns, &link.name)? {
        undo.push(step::restoring_by_index(site, place, link, RouteOp::Add(object), &message)?);
    }
    undo.extend(neighbours(site, place, link)?);
    // When the link comes up again, the kernel derives a link-local address from its current hardware address.
    let mac = link.mac.known().filter(|_| link.up && link.carrier);
    undo.extend(mac.and_then(|mac| made_of(mac, link)).map(|addr| step::by_index(place, link, addr)));
    Ok(undo)
}

/// The link's addresses, in the order in which they must be added to be listed in their present order: the kernel puts
/// an IPv4 address behind the others, and an IPv6 address before those of its scope (`ipv6_link_dev_addr`).
fn addrs(site: &mut Site, place: &Place, link: &Link) -> Outcome<Vec<Listed<Addr>>> {
    let Some(index) = link.index else { return Ok(Vec::new()) };
    let all = addr::listed(site.network.namespaces.route_socket(&place.netns)?, index)?;
    let (mut addrs, v6): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|listed| listed.object.local.family() == Family::V4);
    addrs.extend(v6.into_iter().rev());
    Ok(addrs)
}

/// Removes the link-local address that the kernel may derive from a hardware address while the link has it. `None` if
/// the link has this address already.
pub(super) fn made_of(mac: Mac, link: &Link) -> Option<AddrOp> {
    let addr = link.lacks_link_local(mac)?;
    Some(AddrOp::Del(link.name.clone(), AddrSpec::new(addr)))
}

/// The link's neighbours that somebody has set. The kernel forgets them when the hardware address or the use of ARP changes
/// (`neigh_changeaddr`).
pub(super) fn neighbours(site: &mut Site, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
    let mut undo = Vec::new();
    for Listed { object: SetNeighbour { neighbour, noarp }, message } in
        neigh::listed_set(&mut site.network.namespaces, &place.netns)?
    {
        if neighbour.dev == link.name && !(noarp && is_made_by_kernel(link, &neighbour)) {
            undo.push(step::restoring_by_index(site, place, link, NeighOp::Replace(neighbour), &message)?);
        }
    }
    Ok(undo)
}

/// Whether the kernel makes a neighbour without ARP by itself when it is needed (`arp_constructor`,
/// `ndisc_constructor`).
pub(super) fn is_made_by_kernel(link: &Link, Neighbour { dst, mac, dev: _ }: &Neighbour) -> bool {
    !link.arp || dst.is_multicast() || dst.is_loopback() || dst.is_unspecified() || mac.0[0] & 1 == 1
}
