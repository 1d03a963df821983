//! Links, removed, made again and moved back, by their indexes.

use std::collections::BTreeMap;

use super::super::{Kernel, Outcome, kill, link as links};
use crate::diagnostics::Errno;
use crate::journal::{Entry, Place, Undo};
use crate::op::{IfName, LinkKind, NetnsRef};

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

    /// Makes a link again, with the index that it had.
    pub(super) fn make_again(
        &mut self,
        place: &Place,
        index: u32,
        name: &IfName,
        kind: &LinkKind,
        peer: Option<&(Place, u32)>,
    ) -> Outcome {
        let Some(netns) = self.find(place)? else { return Ok(()) };
        if links::has_index(&mut self.namespaces, &netns, index)? {
            return Ok(());
        }
        let mut kind = kind.clone();
        if let (LinkKind::Veth(veth), Some((there, _))) = (&mut kind, peer) {
            // Where the other end was is gone: this one would be alone.
            let Some(there) = self.find(there)? else { return Ok(()) };
            veth.netns = Some(there);
        }
        links::add_with_index(&mut self.namespaces, &netns, name, &kind, index, peer.map(|(_, index)| *index))
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
