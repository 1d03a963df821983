//! Whose a thing is: what goes with the lab's own needs no inverse, and what is somebody else's is not removed without
//! being told so.

use super::undoes;
use crate::journal::{NamedOp, Undo};
use crate::site::Site;
use crate::{Outcome, Rejection};
use netscript_net::error::Error;
use netscript_net::op::{IfName, NetnsRef, Op};

/// Whether what happens in a namespace goes with it, and nobody asks for single steps back.
pub(super) fn goes_with_netns(site: &Site, netns: &NetnsRef) -> bool {
    !site.store.journal.is_detailed() && site.store.own.has_netns(netns)
}

/// Whether what happens to a link goes with it, and nobody asks for single steps back.
pub(super) fn goes_with_link(site: &Site, netns: &NetnsRef, link: &IfName) -> bool {
    !site.store.journal.is_detailed() && site.store.own.has_link(netns, link)
}

/// On the machine itself, what the lab did not make is not removed without being told so.
pub(super) fn check(site: &Site, op: &Op, what: Vec<String>) -> Outcome {
    if !site.guarded || what.is_empty() {
        return Ok(());
    }
    Err(Rejection::from_error(Error::Foreign { op: op.to_string(), what }))
}

/// The same for what is known by names, on a link perhaps. The lab made it if one of its steps back
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

/// Whether an entry of the lab's journal removes something in a namespace: then the lab made it.
/// `removes` gets a step and the links that it names, with their indexes. A link may have been
/// renamed since; its index stays.
pub(super) fn is_own_step(site: &Site, netns: &NetnsRef, removes: impl Fn(&NamedOp, &[(IfName, u32)]) -> bool) -> bool {
    site.store.journal.entries.iter().any(|entry| {
        entry.undo.iter().enumerate().any(|(at, undo)| {
            let Undo::Do { place, links, op } = undo else { return false };
            // What the same entry puts back was there before.
            let puts_back = |later: &Undo| matches!(later, Undo::Do { op: made, .. } if undoes(op, made));
            place.netns == *netns && removes(op, links) && !entry.undo[at + 1..].iter().any(puts_back)
        })
    })
}
