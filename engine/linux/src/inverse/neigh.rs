//! Inverses of operations on neighbours.

use std::net::{IpAddr, Ipv4Addr};

use super::{contents, guard, step};
use crate::journal::{NamedOp, Undo};
use crate::listed::Listed;
use crate::neigh::{self, SetNeighbour};
use crate::site::Site;
use crate::{Outcome, link as links};
use netscript_net::op::{IfName, NeighOp, Neighbour, NetnsRef, Op};

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
    let found = known(site, netns, dst, dev)?;
    let place = site.network.namespaces.place(netns)?;
    match (op, found) {
        (NeighOp::Add(_), Some(_)) | (NeighOp::Del(..), None) => Ok(Vec::new()),
        (NeighOp::Add(_) | NeighOp::Replace(_), None) => {
            step::by_names(site, &place, &[dev], NeighOp::Del(dst, dev.clone()))
        }
        (NeighOp::Replace(_) | NeighOp::Del(..), Some(Known::Set(Listed { object, message }))) => {
            let index = links::index(&mut site.network.namespaces, netns, dev).ok();
            let removes = |op: &NamedOp, on: &[(IfName, u32)]| match op {
                NamedOp::Neigh(NeighOp::Del(made, _)) => *made == dst && step::names_link(on, index),
                _ => false,
            };
            let what = || format!("the neighbour {dst} on `{dev}` in {netns}");
            guard::check_step(site, whole, Some(dev), what, removes)?;
            // Replace, because the kernel may have learned the address in between.
            step::restoring_by_names(site, &place, &[dev], NeighOp::Replace(object.neighbour), &message)
        }
        // Learned entries are learned again.
        (NeighOp::Replace(_), Some(Known::Learned)) => {
            step::by_names(site, &place, &[dev], NeighOp::Del(dst, dev.clone()))
        }
        (NeighOp::Del(..), Some(Known::Learned)) => Ok(Vec::new()),
    }
}

/// An existing neighbour.
enum Known {
    /// Somebody has set it.
    Set(Listed<SetNeighbour>),
    /// The kernel has learned it, or makes it by itself.
    Learned,
}

fn known(site: &mut Site, netns: &NetnsRef, dst: IpAddr, dev: &IfName) -> Outcome<Option<Known>> {
    let set = neigh::listed_set(&mut site.network.namespaces, netns)?;
    let is_it = |listed: &Listed<SetNeighbour>| {
        let Neighbour { dst: to, mac: _, dev: on } = &listed.object.neighbour;
        *to == dst && on == dev
    };
    if let Some(set) = set.into_iter().find(is_it) {
        let SetNeighbour { neighbour, noarp } = &set.object;
        let link = if *noarp { links::find(&mut site.network.namespaces, netns, dev)? } else { None };
        let learned = link.is_some_and(|link| contents::is_made_by_kernel(&link, neighbour));
        return Ok(Some(if learned { Known::Learned } else { Known::Set(set) }));
    }
    let all = neigh::list(&mut site.network.namespaces, netns)?;
    Ok(all.iter().any(|record| record.dst == dst && record.dev == *dev).then_some(Known::Learned))
}
