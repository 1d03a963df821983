//! The journal as a running lab writes it.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::journal_file::JournalFile;
use super::ownership::Ownership;
use crate::crash_point;
use crate::journal::{Entry, Journal, LEFT_BY_OTHERS, Line, NetnsKey, TableHandle, Undo, Up};
use netscript_net::error::Result;
use netscript_net::world::Point;

/// The lab's journal: on disk if the lab outlives this process, and in memory.
#[derive(Default)]
pub(crate) struct JournalWriter {
    file: Option<JournalFile>,
    pub(crate) entries: Vec<Entry>,
    /// The handles that rules got, by entry.
    pub(crate) handles: BTreeMap<u64, u64>,
    /// The handles of the tables that they are in.
    pub(crate) tables: Vec<TableHandle>,
    next: u64,
    /// The number of the next entry when each step began, and what was the lab's own.
    steps: Vec<(u64, Ownership)>,
    /// Inverses are kept of operations on the lab's own things too, which `down` would not need.
    detailed: bool,
    ran: Vec<NetnsKey>,
}

impl JournalWriter {
    /// A journal that is written on.
    pub(crate) fn resume(file: JournalFile, journal: Journal) -> JournalWriter {
        let Journal {
            header: _,
            entries,
            own: _,
            left: _,
            handles,
            tables,
            ran,
            up: _,
            lines: _,
            length: _,
            unread: _,
            flaws: _,
        } = journal;
        let own = entries.iter().map(|entry| entry.n).filter(|n| *n < LEFT_BY_OTHERS);
        let next = own.max().map_or(0, |n| n + 1);
        JournalWriter { file: Some(file), entries, handles, tables, next, steps: Vec::new(), detailed: false, ran }
    }

    /// Goes on in a journal that has just been begun.
    pub(crate) fn begin(&mut self, file: JournalFile) {
        self.file = Some(file);
    }

    /// Writes a line, whole or not at all.
    fn write(&mut self, line: &Line) -> Result<()> {
        self.write_all(std::slice::from_ref(line))
    }

    /// Writes lines with one write, all or none.
    fn write_all(&mut self, lines: &[Line]) -> Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.add(lines))
    }

    /// How long the journal is on disk.
    pub(crate) fn length(&self) -> Option<u64> {
        self.file.as_ref()?.length().ok()
    }

    /// Writes an entry for each operation that is about to be sent, with its inverse, and gives their
    /// numbers; one without an inverse has no need of it.
    pub(crate) fn record(&mut self, ops: Vec<(&dyn Display, Vec<Undo>)>) -> Result<Vec<Option<u64>>> {
        let mut numbers = Vec::with_capacity(ops.len());
        let mut lines = Vec::with_capacity(ops.len());
        for (op, undo) in ops {
            let n = self.next + lines.len() as u64;
            numbers.push((!undo.is_empty()).then_some(n));
            if !undo.is_empty() {
                lines.push(Line::Entry(Entry { n, at: now(), op: op.to_string(), undo }));
            }
        }
        if lines.is_empty() {
            return Ok(numbers);
        }
        crash_point::here();
        self.write_all(&lines)?;
        crash_point::here();
        self.next += lines.len() as u64;
        self.entries.extend(lines.into_iter().filter_map(|line| match line {
            Line::Entry(entry) => Some(entry),
            Line::Lab(_) | Line::Undone(_) | Line::Handles(_) | Line::Tables(_) | Line::Ran(_) | Line::Up(_) => None,
        }));
        Ok(numbers)
    }

    /// The same of one operation.
    pub(crate) fn record_one(&mut self, op: &dyn Display, undo: Vec<Undo>) -> Result<Option<u64>> {
        Ok(self.record(vec![(op, undo)])?.into_iter().next().flatten())
    }

    /// Notes that there is nothing to undo of an entry. That this cannot be written does no harm:
    /// undoing twice is the same as once.
    pub(crate) fn undone(&mut self, n: u64) {
        self.entries.retain(|entry| entry.n != n);
        let _ = self.write(&Line::Undone(n));
    }

    /// The same of several.
    pub(crate) fn all_undone(&mut self, entries: &[u64]) {
        let undone: HashSet<u64> = entries.iter().copied().collect();
        self.entries.retain(|entry| !undone.contains(&entry.n));
        let lines: Vec<Line> = entries.iter().copied().map(Line::Undone).collect();
        let _ = self.write_all(&lines);
    }

    /// Takes up what other labs have left since this was asked last. To be called with the lock of all
    /// labs.
    pub(crate) fn take_up(&mut self) -> Result<Vec<Entry>> {
        let left = self.file.as_mut().map_or(Ok(Vec::new()), JournalFile::left)?;
        self.entries.extend(left.iter().cloned());
        Ok(left)
    }

    /// Notes the handles that rules got.
    pub(crate) fn learn_handles(&mut self, handles: Vec<(u64, u64)>) {
        if handles.is_empty() {
            return;
        }
        self.handles.extend(handles.iter().copied());
        let _ = self.write(&Line::Handles(handles));
    }

    /// Notes the handles of tables.
    pub(crate) fn learn_tables(&mut self, tables: Vec<TableHandle>) {
        if tables.is_empty() {
            return;
        }
        self.tables.extend(tables.iter().cloned());
        let _ = self.write(&Line::Tables(tables));
    }

    /// Notes that a program of the lab runs in one of its namespaces.
    pub(crate) fn program_runs(&mut self, key: NetnsKey) {
        if !self.ran.contains(&key) {
            self.ran.push(key);
            let _ = self.write(&Line::Ran(key));
        }
    }

    /// Whether programs of the lab ran in a namespace.
    pub(crate) fn programs_ran(&self, key: NetnsKey) -> bool {
        self.ran.contains(&key)
    }

    /// Notes that the script has succeeded, and what it made.
    pub(crate) fn up(&mut self, made: Vec<(String, usize)>) -> Result<()> {
        self.write(&Line::Up(Up { made, entries: Some(self.next) }))
    }

    /// A new step begins: what one word of the script does. `own` is how things are before it.
    pub(crate) fn step(&mut self, own: &Ownership) {
        let own = if self.detailed { own.clone() } else { Ownership::default() };
        self.steps.push((self.next, own));
    }

    pub(crate) fn point(&self) -> Point {
        Point(self.steps.len())
    }

    /// The number of the first entry after a point, which becomes the last, and what was the
    /// lab's own then.
    pub(crate) fn back_to(&mut self, point: Point) -> Option<(u64, Ownership)> {
        if point.0 >= self.steps.len() {
            return None;
        }
        self.steps.drain(point.0..).next()
    }

    pub(crate) fn detail(&mut self) {
        self.detailed = true;
    }

    pub(crate) fn is_detailed(&self) -> bool {
        self.detailed
    }
}

/// Nanoseconds since boot. Among those who have the lock of all labs, who asks later is told more.
fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
