//! The journals of other labs. Each line is read once.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::journal_file::read_from;
use super::paths::{journal_path, lab_names};
use crate::journal::Journal;
use crate::lock::open_regular;
use netscript_net::error::Result;

/// The journals of other labs read so far.
#[derive(Default)]
pub(crate) struct Journals {
    known: BTreeMap<String, CachedJournal>,
}

/// A journal, and the file that it was read from.
struct CachedJournal {
    inode: u64,
    journal: Journal,
}

impl Journals {
    /// The current journals of all labs except one. Unreadable journals are skipped. The caller holds the lock of all
    /// labs.
    pub(crate) fn besides(&mut self, own: &str) -> Result<impl Iterator<Item = (&String, &Journal)>> {
        let names = lab_names()?;
        self.known.retain(|name, _| names.contains(name));
        for name in names.into_iter().filter(|name| name != own) {
            let known = self.known.remove(&name);
            if let Ok(Some(known)) = look(&journal_path(&name), known) {
                self.known.insert(name, known);
            }
        }
        Ok(self.known.iter().map(|(name, known)| (name, &known.journal)))
    }
}

/// Reads the lines added since the last time; `None`: the journal cannot be used.
fn look(path: &Path, known: Option<CachedJournal>) -> io::Result<Option<CachedJournal>> {
    let file = open_regular(path, OpenOptions::new().read(true))?;
    let meta = file.metadata()?;
    let known = known.filter(|known| known.inode == meta.ino() && known.journal.length as u64 <= meta.len());
    let CachedJournal { inode, mut journal } =
        known.unwrap_or_else(|| CachedJournal { inode: meta.ino(), journal: Journal::default() });
    let text = read_from(&file, journal.length as u64, meta.len())?;
    let read = journal.read_on(&String::from_utf8_lossy(&text));
    Ok(read.is_ok().then_some(CachedJournal { inode, journal }))
}
