//! Removes, restores and moves links back, by their indexes.

use std::collections::BTreeMap;

use crate::journal::{Entry, NetnsKey, Place, UndoEffect};
use crate::site::Site;
use crate::{Outcome, crash_point, link as links};
use netscript_net::error::Errno;
use netscript_net::op::{IfName, LinkSpec, NetnsRef};

/// A link to restore.
pub(super) struct RemadeLink {
    pub(super) place: Place,
    pub(super) index: u32,
    pub(super) name: IfName,
}

/// Removes a link that the lab created.
pub(super) fn remove(site: &mut Site, place: &Place, index: u32) -> Outcome {
    let Some(netns) = site.network.namespaces.find(place)? else { return Ok(()) };
    match links::del_by_index(&mut site.network.namespaces, &netns, index) {
        Err(rejection) if rejection.errno == Errno::ENODEV => Ok(()),
        result => result,
    }
}

/// Removes the links of several entries, with one request for each namespace: then the kernel waits for every processor
/// only once.
pub(super) fn remove_together(site: &mut Site, entries: &[Entry]) {
    let mut by_place: BTreeMap<NetnsRef, Vec<u32>> = BTreeMap::new();
    for undo in entries.iter().flat_map(|entry| &entry.undo) {
        if let Some(UndoEffect::LinkRemoved(link)) = undo.effect()
            && let Ok(Some(netns)) = site.network.namespaces.find(link.place)
        {
            by_place.entry(netns).or_default().push(link.index);
        }
    }
    for (netns, indexes) in by_place {
        // The remaining links are removed one by one.
        let _ = links::del_together(&mut site.network.namespaces, &netns, &indexes);
        crash_point::here();
    }
}

/// Restores a link, with the index that it had.
pub(super) fn make_again(
    site: &mut Site,
    near: RemadeLink,
    kind: &LinkSpec,
    peer: Option<&(Place, u32)>,
    last_try: bool,
) -> Outcome {
    let Some((netns, near)) = home(site, near)? else { return Ok(()) };
    if links::has_index(&mut site.network.namespaces, &netns, near.index)? {
        return Ok(());
    }
    let (mut kind, mut far_index) = (kind.clone(), None);
    if let (LinkSpec::Veth(veth), Some((place, index))) = (&mut kind, peer) {
        let far = RemadeLink { place: place.clone(), index: *index, name: veth.peer.clone() };
        // A pair needs both namespaces.
        let Some((there, far)) = home(site, far)? else { return Ok(()) };
        (veth.netns, veth.peer, far_index) = (Some(there), far.name, Some(far.index));
    }
    match links::add_with_index(&mut site.network.namespaces, &netns, &near.name, &kind, near.index, far_index) {
        // The lower link is gone, with which the link would have ended.
        Err(rejection) if last_try && rejection.missing.is_some() => Ok(()),
        made => made,
    }
}

/// The namespace in which a link is restored: the one it was in, or, if that is gone, the one from which the lab had
/// moved it there.
pub(super) fn home(site: &mut Site, mut end: RemadeLink) -> Outcome<Option<(NetnsRef, RemadeLink)>> {
    let moves = site.store.journal.entries.iter().rev().flat_map(|entry| &entry.undo).filter_map(|undo| {
        let UndoEffect::LinkMoved { from, to, name } = undo.effect()? else { return None };
        Some((from.place.key, from.index, RemadeLink { place: to.place.clone(), index: to.index, name: name.clone() }))
    });
    let moves: Vec<(NetnsKey, u32, RemadeLink)> = moves.collect();
    for (key, index, before) in moves {
        if (key, index) == (end.place.key, end.index) && site.network.namespaces.find(&end.place)?.is_none() {
            end = before;
        }
    }
    Ok(site.network.namespaces.find(&end.place)?.map(|netns| (netns, end)))
}

/// Moves a link back to its former namespace, name and index.
pub(super) fn move_back(site: &mut Site, from: &Place, index: u32, to: &Place, former: u32, name: &IfName) -> Outcome {
    let (Some(from), Some(to)) = (site.network.namespaces.find(from)?, site.network.namespaces.find(to)?) else {
        return Ok(());
    };
    if !links::has_index(&mut site.network.namespaces, &from, index)? {
        return Ok(());
    }
    links::move_by_index(&mut site.network.namespaces, &from, index, &to, former, name)
}
