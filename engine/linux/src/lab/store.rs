//! What a lab remembers.

use super::folder::LabFolder;
use super::journal_writer::JournalWriter;
use super::journals::Journals;
use super::ownership::Ownership;
use crate::journal::Undo;
use crate::{Outcome, Rejection};
use netscript_net::op::Op;

/// What a lab remembers, and what it knows of other labs.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) journal: JournalWriter,
    pub(crate) own: Ownership,
    /// Where it is kept, if the lab outlives this process.
    pub(crate) folder: Option<LabFolder>,
    /// The journals of other labs.
    pub(crate) others: Journals,
}

impl Store {
    /// Writes what an operation that is about to be sent needs to be undone.
    pub(crate) fn record(&mut self, op: &Op, undo: Vec<Undo>) -> Outcome<Option<u64>> {
        self.journal.record_one(op, undo).map_err(Rejection::from_error)
    }
}
