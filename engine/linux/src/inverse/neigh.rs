//! Inverses of operations on neighbours.

use std::net::{IpAddr, Ipv4Addr};

use super::{guard, step};
use crate::journal::{NamedOp, Undo};
use crate::site::Site;
use crate::{Outcome, link as links, neigh};
use netscript_net::op::{IfName, Mac, NeighOp, Neighbour, NetnsRef, Op};
use netscript_net::state::NeighRecord;

pub(super) fn inverse(site: &mut Site, whole: &Op, netns: &NetnsRef, op: &NeighOp) -> Outcome<Vec<Undo>> {
    let (dst, dev) = match op {
        NeighOp::Add(Neighbour { dst, mac: _, dev })
        | NeighOp::Replace(Neighbour { dst, mac: _, dev })
        | NeighOp::Del(dst, dev) => (*dst, dev),
    };
    if guard::goes_with_link(site, netns, dev) {
        return Ok(Vec::new());
    }
    let dst = match dst {
        // The kernel keeps one entry for all neighbours on `lo` (`arp_constructor`).
        IpAddr::V4(_) if dev.as_str() == "lo" => Ipv4Addr::UNSPECIFIED.into(),
        dst => dst,
    };
    let known = neigh::list(&mut site.network.namespaces, netns)?;
    let found = known.into_iter().find(|record| record.dst == dst && record.dev == *dev);
    let place = site.network.namespaces.place(netns)?;
    match (op, found) {
        (NeighOp::Add(_), Some(_)) | (NeighOp::Del(..), None) => Ok(Vec::new()),
        (NeighOp::Add(_) | NeighOp::Replace(_), None) => {
            step::by_names(site, &place, &[dev], NeighOp::Del(dst, dev.clone()))
        }
        (NeighOp::Replace(_) | NeighOp::Del(..), Some(record)) => match permanent_mac(&record) {
            Some(mac) => {
                let index = links::index(&mut site.network.namespaces, netns, dev).ok();
                let removes = |op: &NamedOp, on: &[(IfName, u32)]| match op {
                    NamedOp::Neigh(NeighOp::Del(made, _)) => *made == dst && step::names_link(on, index),
                    _ => false,
                };
                let what = || format!("the neighbour {dst} on `{dev}` in {netns}");
                guard::check_step(site, whole, Some(dev), what, removes)?;
                // Replace, because the kernel may have learned the address in between.
                step::by_names(site, &place, &[dev], NeighOp::Replace(Neighbour { dst, mac, dev: dev.clone() }))
            }
            // Learned entries are learned again.
            None if matches!(op, NeighOp::Replace(_)) => {
                step::by_names(site, &place, &[dev], NeighOp::Del(dst, dev.clone()))
            }
            None => Ok(Vec::new()),
        },
    }
}

/// The hardware address of a permanent entry.
fn permanent_mac(record: &NeighRecord) -> Option<Mac> {
    record.mac.filter(|_| record.state == "permanent")
}
