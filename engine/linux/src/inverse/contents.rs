//! Inverses for everything that a link loses when it goes down.

use super::{route, step};
use crate::journal::{Place, Undo};
use crate::site::Site;
use crate::{Outcome, neigh};
use netscript_net::op::{AddrOp, AddrSpec, Mac, NeighOp, Neighbour, RouteOp};
use netscript_net::state::Link;

/// The link's addresses, the routes over it, and its permanent neighbours.
pub(super) fn of_link(site: &mut Site, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
    let mut undo: Vec<Undo> = Vec::new();
    for addr in &link.addrs {
        undo.push(step::by_index(place, link, AddrOp::Add(link.name.clone(), addr.spec())));
    }
    for route in route::surplus_routes(site, &place.netns, link)? {
        undo.push(step::by_index(place, link, RouteOp::Del(route)));
    }
    for route in route::routes_over(site, &place.netns, &link.name)? {
        undo.push(step::by_index(place, link, RouteOp::Add(route)));
    }
    undo.extend(neighbours(site, place, link)?);
    // When the link comes up again, the kernel derives a link-local address from its current hardware address.
    let mac = link.mac.known().filter(|_| link.up && link.carrier);
    undo.extend(mac.and_then(|mac| made_of(mac, link)).map(|addr| step::by_index(place, link, addr)));
    Ok(undo)
}

/// Removes the link-local address that the kernel may derive from a hardware address while the link has it. `None` if
/// the link has this address already.
pub(super) fn made_of(mac: Mac, link: &Link) -> Option<AddrOp> {
    let addr = link.lacks_link_local(mac)?;
    Some(AddrOp::Del(link.name.clone(), AddrSpec::new(addr)))
}

/// The link's permanent neighbours. The kernel forgets them when the hardware address or the use of ARP changes
/// (`neigh_changeaddr`).
pub(super) fn neighbours(site: &mut Site, place: &Place, link: &Link) -> Outcome<Vec<Undo>> {
    let mut undo = Vec::new();
    for record in neigh::list(&mut site.network.namespaces, &place.netns)? {
        let (true, true, Some(mac)) = (record.dev == link.name, record.state == "permanent", record.mac) else {
            continue;
        };
        let neighbour = Neighbour { dst: record.dst, mac, dev: record.dev };
        undo.push(step::by_index(place, link, NeighOp::Replace(neighbour)));
    }
    Ok(undo)
}
