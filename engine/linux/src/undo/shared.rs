//! What several labs may have changed: settings, policies, chains and tables. A lab that goes down
//! while another still needs such a thing leaves its entry to that one.

use std::cmp::Reverse;

use crate::journal::{Entry, Place, Undo};
use crate::lab::{boot_id, leave_to};
use crate::site::Site;
use crate::{Outcome, Rejection};
use netscript_net::op::netfilter::{ChainRef, TableRef};
use netscript_net::op::{NetnsRef, SysctlKey};

/// What labs may share, as a step back is about it.
pub(super) enum Shared<'a> {
    /// Settings, and what they were.
    Settings(&'a [(SysctlKey, String)]),
    /// The policy of a chain.
    Policy(&'a ChainRef),
    /// What is in a chain, or was.
    In(&'a ChainRef),
    /// A chain that is removed.
    Chain(&'a ChainRef),
    /// A table that is removed.
    Table(TableRef),
}

impl<'a> Shared<'a> {
    /// What a step back is about, and where that is; nothing that concerns another lab.
    pub(super) fn of(undo: &'a Undo) -> Option<(&'a Place, Shared<'a>)> {
        match undo {
            Undo::Sysctl { place, wrote: _, before } => Some((place, Shared::Settings(before))),
            Undo::Policy { place, chain, before: _, wrote: _ } => Some((place, Shared::Policy(chain))),
            Undo::Rule { place, chain, .. } | Undo::Rules { place, chain, .. } | Undo::NewChain { place, chain } => {
                Some((place, Shared::In(chain)))
            }
            Undo::Chain { place, chain } => Some((place, Shared::Chain(chain))),
            Undo::Table { place, table } => Some((place, Shared::Table(*table))),
            Undo::Netns { .. }
            | Undo::Lost { .. }
            | Undo::Bind { .. }
            | Undo::Resolver { .. }
            | Undo::Process { .. }
            | Undo::Link { .. }
            | Undo::Make { .. }
            | Undo::Move { .. }
            | Undo::Do { .. } => None,
        }
    }

    /// Whether another lab needs this: what its own step back is about is the same, or in it.
    fn is_needed_for(&self, other: &Shared<'_>) -> bool {
        match self {
            Shared::Settings(before) => {
                matches!(other, Shared::Settings(others) if writes(before, others) || writes(others, before))
            }
            Shared::Policy(chain) => matches!(other, Shared::Policy(same) if same == chain),
            Shared::In(_) => false,
            Shared::Chain(chain) => other.chain() == Some(chain),
            Shared::Table(table) => other.table() == Some(*table),
        }
    }

    fn chain(&self) -> Option<&'a ChainRef> {
        match self {
            Shared::Policy(chain) | Shared::In(chain) | Shared::Chain(chain) => Some(chain),
            Shared::Settings(_) | Shared::Table(_) => None,
        }
    }

    fn table(&self) -> Option<TableRef> {
        match self {
            Shared::Policy(chain) | Shared::In(chain) | Shared::Chain(chain) => Some(chain.table),
            Shared::Table(table) => Some(*table),
            Shared::Settings(_) => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Shared::Table(_) => 2,
            Shared::Chain(_) => 1,
            Shared::Settings(_) | Shared::Policy(_) | Shared::In(_) => 0,
        }
    }
}

/// Whether a step back is one that another lab may have to wait with, or to be kept out of.
pub(super) fn is_shared(undo: &Undo) -> bool {
    Shared::of(undo).is_some()
}

/// A table goes after its chains, and a chain after what is in it, though one operation made them.
pub(super) fn rank(undo: &Undo) -> u8 {
    Shared::of(undo).map_or(0, |(_, shared)| shared.rank())
}

/// Whether the setting that one lab wrote, its first, is among those that another changed.
fn writes(one: &[(SysctlKey, String)], another: &[(SysctlKey, String)]) -> bool {
    one.first().is_some_and(|(first, _)| another.iter().any(|(key, _)| key == first))
}

/// Leaves a step back to a lab that has changed the same since, if there is one. To be called with
/// the lock of all labs if the step is shared.
pub(super) fn is_left(site: &mut Site, entry: &Entry, undo: &Undo) -> Outcome<bool> {
    match successor(site, entry, undo)? {
        Some(successor) => leave_to(&successor, entry, undo).map(|()| true).map_err(Rejection::from_error),
        None => Ok(false),
    }
}

/// The lab that changed the same last, if that was after an entry was written. Since what is left
/// to a lab is older than what it has itself, this comes to an end however many go down at once:
/// what is youngest is never left to anybody. To be called with the lock of all labs.
pub(super) fn successor(site: &mut Site, entry: &Entry, undo: &Undo) -> Outcome<Option<String>> {
    let Some((place, shared)) = Shared::of(undo) else { return Ok(None) };
    let Some(own) = site.store.folder.as_ref().map(|folder| folder.name().to_owned()) else { return Ok(None) };
    let host = site.network.namespaces.key(&NetnsRef::Host)?;
    let boot = boot_id();
    let needs =
        |other: &Undo| Shared::of(other).is_some_and(|(at, other)| at.key == place.key && shared.is_needed_for(&other));
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
