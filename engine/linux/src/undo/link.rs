//! Links, removed, made again and moved back, by their indexes.

use std::collections::BTreeMap;

use crate::journal::{Entry, Key, Place, Undo};
use crate::{Kernel, Outcome, kill, link as links};
use netscript_net::error::Errno;
use netscript_net::op::{IfName, LinkSpec, NetnsRef};

/// A link that is to be made again.
pub(super) struct End {
    pub(super) place: Place,
    pub(super) index: u32,
    pub(super) name: IfName,
}

impl Kernel {
    /// Removes a link that the lab made.
    pub(super) fn undo_link(&mut self, place: &Place, index: u32) -> Outcome {
        let Some(netns) = self.find(place)? else { return Ok(()) };
        match links::del_by_index(&mut self.namespaces, &netns, index) {
            Err(failure) if failure.refusal.errno == Errno::ENODEV => Ok(()),
            result => result,
        }
    }

    /// Removes the links of several entries in one go for each namespace: the kernel waits for
    /// every processor once for all of them.
    pub(super) fn delete_links_together(&mut self, entries: &[Entry]) {
        let mut by_place: BTreeMap<NetnsRef, Vec<u32>> = BTreeMap::new();
        for undo in entries.iter().flat_map(|entry| &entry.undo) {
            if let Undo::Link { place, index, name: _ } = undo
                && let Ok(Some(netns)) = self.find(place)
            {
                by_place.entry(netns).or_default().push(*index);
            }
        }
        for (netns, indexes) in by_place {
            // What is left is removed one by one.
            let _ = links::del_together(&mut self.namespaces, &netns, &indexes);
            kill::point();
        }
    }

    /// Makes a link again, with the index that it had there.
    pub(super) fn make_again(
        &mut self,
        place: &Place,
        index: u32,
        name: &IfName,
        kind: &LinkSpec,
        peer: Option<&(Place, u32)>,
    ) -> Outcome {
        let near = End { place: place.clone(), index, name: name.clone() };
        let Some((netns, near)) = self.home(near)? else { return Ok(()) };
        if links::has_index(&mut self.namespaces, &netns, near.index)? {
            return Ok(());
        }
        let (mut kind, mut far_index) = (kind.clone(), None);
        if let (LinkSpec::Veth(veth), Some((place, index))) = (&mut kind, peer) {
            let far = End { place: place.clone(), index: *index, name: veth.peer.clone() };
            // This one would be alone.
            let Some((there, far)) = self.home(far)? else { return Ok(()) };
            (veth.netns, veth.peer, far_index) = (Some(there), far.name, Some(far.index));
        }
        match links::add_with_index(&mut self.namespaces, &netns, &near.name, &kind, near.index, far_index) {
            // The link below it is gone, and it would have gone with that.
            Err(failure) if self.last_try && failure.absent.is_some() => Ok(()),
            made => made,
        }
    }

    /// Where a link is made again: where it was, or, if that namespace is gone, where the lab had
    /// moved it there from.
    pub(super) fn home(&mut self, mut end: End) -> Outcome<Option<(NetnsRef, End)>> {
        let moves = self.book.entries.iter().rev().flat_map(|entry| &entry.undo).filter_map(|undo| {
            let Undo::Move { from, index, to, former, name } = undo else { return None };
            Some((from.key, *index, End { place: to.clone(), index: *former, name: name.clone() }))
        });
        let moves: Vec<(Key, u32, End)> = moves.collect();
        for (key, index, before) in moves {
            if (key, index) == (end.place.key, end.index) && self.find(&end.place)?.is_none() {
                end = before;
            }
        }
        Ok(self.find(&end.place)?.map(|netns| (netns, end)))
    }

    /// Moves a link back to where it was, with its name and index there.
    pub(super) fn move_back(&mut self, from: &Place, index: u32, to: &Place, former: u32, name: &IfName) -> Outcome {
        let (Some(from), Some(to)) = (self.find(from)?, self.find(to)?) else { return Ok(()) };
        if !links::has_index(&mut self.namespaces, &from, index)? {
            return Ok(());
        }
        links::move_by_index(&mut self.namespaces, &from, index, &to, former, name)
    }
}
