//! What several labs may have changed: settings, policies, chains and tables. A lab that goes down
//! while another still needs such a thing leaves its entry to that one.

use super::super::labs::{append_to, lab_names, lock_all, read_journal};
use super::super::{Failure, Kernel, Outcome};
use crate::journal::{Entry, Key, Line, Place, Undo};
use crate::op::SysctlKey;
use crate::op::netfilter::{ChainRef, TableRef};

impl Kernel {
    /// Undoes something that other labs may share, or leaves it to one that does.
    pub(super) fn undo_shared(&mut self, place: &Place, entry: &Entry, undo: &Undo) -> Outcome {
        let Some(own) = self.folder.as_ref().map(|folder| folder.name().to_owned()) else {
            return self.undo_alone(place, undo);
        };
        let _all = lock_all().map_err(Failure::from_error)?;
        match heir(&own, place.key, undo) {
            Some(heir) => {
                let line = Line::Entry(Entry { n: number(), op: entry.op.clone(), undo: vec![undo.clone()] });
                append_to(&heir, &line).map_err(Failure::from_error)
            }
            None => self.undo_alone(place, undo),
        }
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

/// A number that no other entry has.
fn number() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = u64::try_from(now.as_nanos() & 0xff_ffff_ffff).unwrap_or(0);
    super::LEFT_BY_OTHERS | nanos
}

/// Another lab that needs the same.
fn heir(own: &str, host: Key, undo: &Undo) -> Option<String> {
    let names = lab_names().ok()?.into_iter().filter(|name| name != own);
    names.into_iter().find(|name| {
        let Ok(journal) = read_journal(name) else { return false };
        let same_host = journal.header.is_some_and(|header| header.host == host);
        let all = journal.entries.iter().flat_map(|entry| &entry.undo);
        same_host && all.into_iter().any(|other| needs(other, undo))
    })
}

/// Whether an inverse of another lab is about the same thing, or about what is in it.
fn needs(other: &Undo, undo: &Undo) -> bool {
    match undo {
        Undo::Sysctl { place, before, .. } => setting(other)
            .is_some_and(|(at, key)| at.key == place.key && before.first().is_some_and(|(first, _)| first == key)),
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

fn setting(undo: &Undo) -> Option<(&Place, &SysctlKey)> {
    match undo {
        Undo::Sysctl { place, wrote, before } if !wrote.is_empty() => Some((place, &before.first()?.0)),
        _ => None,
    }
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
