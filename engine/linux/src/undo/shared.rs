//! Objects that several labs may have changed: settings, policies, chains and tables. If another lab needs such an
//! object, a lab that is taken down leaves its entry to that lab.

use std::cmp::Reverse;

use crate::journal::{Entry, Undo};
use crate::lab::{boot_id, leave_to};
use crate::site::Site;
use crate::{Outcome, Rejection};
use netscript_net::op::NetnsRef;

/// A table is removed after its chains, and a chain after its content, even if one operation created them.
pub(super) fn rank(undo: &Undo) -> u8 {
    undo.shared().map_or(0, |(_, shared)| shared.rank())
}

/// Leaves a step to a lab that has changed the same object later, if there is one. For shared objects, the caller holds
/// the lock of all labs.
pub(super) fn is_left(site: &mut Site, entry: &Entry, undo: &Undo) -> Outcome<bool> {
    match successor(site, entry, undo)? {
        Some(successor) => leave_to(&successor, entry, undo).map(|()| true).map_err(Rejection::from_error),
        None => Ok(false),
    }
}

/// The lab that changed the same object last, after this entry was written. An entry that is left to a lab is older
/// than that lab's own, so this always ends, however many labs are taken down at once: the newest entry is never left
/// to anybody. The caller holds the lock of all labs.
pub(super) fn successor(site: &mut Site, entry: &Entry, undo: &Undo) -> Outcome<Option<String>> {
    let Some((place, shared)) = undo.shared() else { return Ok(None) };
    let Some(own) = site.store.folder.as_ref().map(|folder| folder.name().to_owned()) else { return Ok(None) };
    let host = site.network.namespaces.key(&NetnsRef::Host)?;
    let boot = boot_id();
    let needs =
        |other: &Undo| other.shared().is_some_and(|(at, other)| at.key == place.key && shared.is_needed_for(&other));
    let comes_first = |at: u64, other: &Undo| (at, Reverse(rank(other))) > (entry.at, Reverse(shared.rank()));
    let others = site.store.others.besides(&own).map_err(Rejection::from_error)?;
    let changed = others.filter_map(|(name, journal)| {
        let header = journal.header.as_ref()?;
        let is_here = header.boot == boot && (place.netns != NetnsRef::Host || header.host == host);
        let waits_for = |other: &Entry| other.undo.iter().any(|undo| comes_first(other.at, undo) && needs(undo));
        let about = journal.entries.iter().filter(|other| waits_for(other));
        let last = about.map(|other| other.at).max().filter(|_| is_here)?;
        Some((last, name.clone()))
    });
    Ok(changed.max().map(|(_, name)| name))
}
