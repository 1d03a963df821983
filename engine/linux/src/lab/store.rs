//! The records of one lab.

use super::folder::LabFolder;
use super::journal_writer::JournalWriter;
use super::journals::Journals;
use super::ownership::Ownership;
use crate::journal::Undo;
use crate::{Outcome, Rejection};
use netscript_net::op::Op;

/// The records of one lab, and the journals of other labs.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) journal: JournalWriter,
    pub(crate) own: Ownership,
    /// The lab's folder, if the lab outlives this process.
    pub(crate) folder: Option<LabFolder>,
    /// The journals of other labs.
    pub(crate) others: Journals,
}

impl Store {
    /// Writes the entry of an operation that is about to be sent.
    pub(crate) fn record(&mut self, op: &Op, undo: Vec<Undo>) -> Outcome<Option<u64>> {
        self.journal.record_one(op, undo).map_err(Rejection::from_error)
    }
}
