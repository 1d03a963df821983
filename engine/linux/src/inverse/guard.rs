//! Ownership of objects: changes to the lab's own objects need no inverse, since they vanish with the objects, and
//! objects of others are not removed without `--force`.

use super::undoes;
use crate::journal::{NamedOp, Undo};
use crate::site::Site;
use crate::{Outcome, Rejection};
use netscript_net::error::Error;
use netscript_net::op::{IfName, NetnsRef, Op};

/// Whether changes in a namespace vanish with it. Not if single steps may be undone.
pub(super) fn goes_with_netns(site: &Site, netns: &NetnsRef) -> bool {
    !site.store.journal.is_detailed() && site.store.own.has_netns(netns)
}

/// Whether changes of a link vanish with it. Not if single steps may be undone.
pub(super) fn goes_with_link(site: &Site, netns: &NetnsRef, link: &IfName) -> bool {
    !site.store.journal.is_detailed() && site.store.own.has_link(netns, link)
}

/// Refuses, on the machine itself, to remove objects that the lab did not create.
pub(super) fn check(site: &Site, op: &Op, what: Vec<String>) -> Outcome {
    if !site.guarded || what.is_empty() {
        return Ok(());
    }
    Err(Rejection::from_error(Error::Foreign { op: op.to_string(), what }))
}

/// The same for an object that is identified by names, perhaps on a link. The lab created it if one of its inverses
/// removes it.
pub(super) fn check_step(
    site: &Site,
    op: &Op,
    dev: Option<&IfName>,
    what: impl FnOnce() -> String,
    removes: impl Fn(&NamedOp, &[(IfName, u32)]) -> bool,
) -> Outcome {
    let own = site.store.own.has_netns(&op.netns)
        || dev.is_some_and(|dev| site.store.own.has_link(&op.netns, dev))
        || is_own_step(site, &op.netns, removes);
    if own { Ok(()) } else { check(site, op, vec![what()]) }
}

/// Whether an inverse in the lab's journal removes something in a namespace, which means that the lab created it.
/// `removes` gets an operation and the links that it names, with their indexes. A link's name may have changed since
/// then, but not its index.
pub(super) fn is_own_step(site: &Site, netns: &NetnsRef, removes: impl Fn(&NamedOp, &[(IfName, u32)]) -> bool) -> bool {
    site.store.journal.entries.iter().any(|entry| {
        entry.undo.iter().enumerate().any(|(at, undo)| {
            let Undo::Do { place, links, op, message: _ } = undo else { return false };
            // If the same entry also restores it, it existed before.
            let puts_back = |later: &Undo| matches!(later, Undo::Do { op: made, .. } if undoes(op, made));
            place.netns == *netns && removes(op, links) && !entry.undo[at + 1..].iter().any(puts_back)
        })
    })
}
