//! What several labs may have changed: settings, policies, chains and tables. A lab that goes down
//! while another still needs such a thing leaves its entry to that one.

use std::cmp::Reverse;

use super::super::labs::{boot_id, leave_to};
use super::super::{Failure, Kernel, Outcome};
use crate::journal::{Entry, Place, Undo};
use crate::op::netfilter::{ChainRef, TableRef};
use crate::op::{NetnsRef, SysctlKey};

impl Kernel {
    /// Undoes something that other labs may share, or leaves it to one that changed it since. To be
    /// called with the lock of all labs.
    pub(super) fn undo_shared(&mut self, place: &Place, entry: &Entry, undo: &Undo) -> Outcome {
        match self.heir(place, entry, undo)? {
            Some(heir) => leave_to(&heir, entry, undo).map_err(Failure::from_error),
            None => self.undo_alone(place, undo),
        }
    }

    /// The lab that changed the same last, if that was after an entry was written. Since what is left
    /// to a lab is older than what it has itself, this comes to an end however many go down at once:
    /// what is youngest is never left to anybody.
    fn heir(&mut self, place: &Place, entry: &Entry, undo: &Undo) -> Outcome<Option<String>> {
        let Some(own) = self.folder.as_ref().map(|folder| folder.name().to_owned()) else { return Ok(None) };
        let host = self.namespaces.key(&NetnsRef::Host)?;
        let boot = boot_id();
        let others = self.others.besides(&own).map_err(Failure::from_error)?;
        let changed = others.filter_map(|(name, journal)| {
            let header = journal.header.as_ref()?;
            let is_here = header.boot == boot && (place.netns != NetnsRef::Host || header.host == host);
            let comes_first = |at: u64, other: &Undo| (at, Reverse(rank(other))) > (entry.at, Reverse(rank(undo)));
            let waits_for = |at: u64, other: &Undo| comes_first(at, other) && needs(other, undo);
            let about = journal.entries.iter().filter(|other| other.undo.iter().any(|undo| waits_for(other.at, undo)));
            let last = about.map(|other| other.at).max().filter(|_| is_here)?;
            Some((last, name.clone()))
        });
        Ok(changed.max().map(|(_, name)| name))
    }

    fn undo_alone(&mut self, place: &Place, undo: &Undo) -> Outcome {
        match undo {
            Undo::Sysctl { place: _, wrote, before } => self.undo_sysctl(place, wrote, before),
            Undo::Policy { place: _, chain, before, wrote } => self.undo_policy(place, chain, *before, *wrote),
            Undo::Chain { place: _, chain } => self.undo_chain(place, chain),
            Undo::Table { place: _, table } => self.undo_table(place, *table),
            Undo::Netns { .. }
            | Undo::Lost { .. }
            | Undo::Bind { .. }
            | Undo::Resolver { .. }
            | Undo::Process { .. }
            | Undo::Link { .. }
            | Undo::Make { .. }
            | Undo::Move { .. }
            | Undo::Do { .. }
            | Undo::Rule { .. }
            | Undo::Rules { .. }
            | Undo::NewChain { .. } => Ok(()),
        }
    }
}

/// Whether a step back is one that another lab may have to wait with, or to be kept out of.
pub(super) fn is_shared(undo: &Undo) -> bool {
    match undo {
        Undo::Sysctl { .. } | Undo::Policy { .. } | Undo::Chain { .. } | Undo::Table { .. } | Undo::Rule { .. } => true,
        Undo::Netns { .. }
        | Undo::Lost { .. }
        | Undo::Bind { .. }
        | Undo::Resolver { .. }
        | Undo::Process { .. }
        | Undo::Link { .. }
        | Undo::Make { .. }
        | Undo::Move { .. }
        | Undo::Do { .. }
        | Undo::Rules { .. }
        | Undo::NewChain { .. } => false,
    }
}

/// A table goes after its chains, and a chain after what is in it, though one operation made them.
pub(super) fn rank(undo: &Undo) -> u8 {
    match undo {
        Undo::Table { .. } => 2,
        Undo::Chain { .. } => 1,
        Undo::Netns { .. }
        | Undo::Lost { .. }
        | Undo::Bind { .. }
        | Undo::Resolver { .. }
        | Undo::Process { .. }
        | Undo::Link { .. }
        | Undo::Make { .. }
        | Undo::Move { .. }
        | Undo::Do { .. }
        | Undo::Sysctl { .. }
        | Undo::Rule { .. }
        | Undo::Rules { .. }
        | Undo::Policy { .. }
        | Undo::NewChain { .. } => 0,
    }
}

/// Whether an inverse of another lab is about the same thing, or about what is in it.
fn needs(other: &Undo, undo: &Undo) -> bool {
    match undo {
        Undo::Sysctl { place, wrote: _, before } => match other {
            Undo::Sysctl { place: at, wrote: _, before: others } => {
                at.key == place.key && (writes(before, others) || writes(others, before))
            }
            _ => false,
        },
        Undo::Policy { place, chain, .. } => {
            matches!(other, Undo::Policy { place: at, chain: same, .. } if at.key == place.key && same == chain)
        }
        Undo::Chain { place, chain } => chain_of(other).is_some_and(|(at, same)| at.key == place.key && same == chain),
        Undo::Table { place, table } => table_of(other).is_some_and(|(at, same)| at.key == place.key && same == *table),
        Undo::Netns { .. }
        | Undo::Lost { .. }
        | Undo::Bind { .. }
        | Undo::Resolver { .. }
        | Undo::Process { .. }
        | Undo::Link { .. }
        | Undo::Make { .. }
        | Undo::Move { .. }
        | Undo::Do { .. }
        | Undo::Rule { .. }
        | Undo::Rules { .. }
        | Undo::NewChain { .. } => false,
    }
}

/// Whether the setting that one lab wrote, its first, is among those that another changed.
fn writes(one: &[(SysctlKey, String)], another: &[(SysctlKey, String)]) -> bool {
    one.first().is_some_and(|(first, _)| another.iter().any(|(key, _)| key == first))
}

fn chain_of(undo: &Undo) -> Option<(&Place, &ChainRef)> {
    match undo {
        Undo::Rule { place, chain, .. }
        | Undo::Rules { place, chain, .. }
        | Undo::Policy { place, chain, .. }
        | Undo::Chain { place, chain }
        | Undo::NewChain { place, chain } => Some((place, chain)),
        _ => None,
    }
}

fn table_of(undo: &Undo) -> Option<(&Place, TableRef)> {
    match undo {
        Undo::Table { place, table } => Some((place, *table)),
        other => chain_of(other).map(|(place, chain)| (place, chain.table)),
    }
}
