//! What is on a link, and goes when it is switched off: put back one by one.

use super::{route, step};
use crate::journal::{Place, Undo};
use crate::site::Site;
use crate::{Outcome, neigh};
use netscript_net::op::{AddrOp, NeighOp, Neighbour, RouteOp};
use netscript_net::state::Link;

/// A link's addresses, the routes over it, and its permanent neighbours.
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
    Ok(undo)
}

/// Its permanent neighbours: the kernel forgets them when its hardware address changes, and when
/// it is to ask for addresses again (`neigh_changeaddr`).
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
