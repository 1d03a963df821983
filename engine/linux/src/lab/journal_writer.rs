//! Writes the journal of a running lab.

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

/// The lab's journal: in memory, and on disk if the lab outlives this process.
#[derive(Default)]
pub(crate) struct JournalWriter {
    file: Option<JournalFile>,
    pub(crate) entries: Vec<Entry>,
    /// The handles of rules, by entry.
    pub(crate) handles: BTreeMap<u64, u64>,
    /// The handles of their tables.
    pub(crate) tables: Vec<TableHandle>,
    next: u64,
    /// For each step, the number of its first entry, and the ownership before it.
    steps: Vec<(u64, Ownership)>,
    /// Whether inverses of operations on the lab's own objects are kept too, which `down` does not need.
    detailed: bool,
    ran: Vec<NetnsKey>,
}

impl JournalWriter {
    /// Continues an existing journal.
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

    /// Continues a journal that has just been started.
    pub(crate) fn begin(&mut self, file: JournalFile) {
        self.file = Some(file);
    }

    /// Writes a line completely or not at all.
    fn write(&mut self, line: &Line) -> Result<()> {
        self.write_all(std::slice::from_ref(line))
    }

    /// Writes lines with one write: all or none.
    fn write_all(&mut self, lines: &[Line]) -> Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.add(lines))
    }

    /// The length of the journal on disk.
    pub(crate) fn length(&self) -> Option<u64> {
        self.file.as_ref()?.length().ok()
    }

    /// Writes an entry for each operation that is about to be sent, and returns their numbers; `None` for operations
    /// without an inverse.
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

    /// The same for one operation.
    pub(crate) fn record_one(&mut self, op: &dyn Display, undo: Vec<Undo>) -> Result<Option<u64>> {
        Ok(self.record(vec![(op, undo)])?.into_iter().next().flatten())
    }

    /// Notes that an entry has been undone. If this cannot be written, nothing is lost: undoing twice has the same
    /// effect as once.
    pub(crate) fn undone(&mut self, n: u64) {
        self.entries.retain(|entry| entry.n != n);
        let _ = self.write(&Line::Undone(n));
    }

    /// The same for several entries.
    pub(crate) fn all_undone(&mut self, entries: &[u64]) {
        let undone: HashSet<u64> = entries.iter().copied().collect();
        self.entries.retain(|entry| !undone.contains(&entry.n));
        let lines: Vec<Line> = entries.iter().copied().map(Line::Undone).collect();
        let _ = self.write_all(&lines);
    }

    /// Takes over the entries that other labs have left since the last call. The caller holds the lock of all labs.
    pub(crate) fn take_up(&mut self) -> Result<Vec<Entry>> {
        let left = self.file.as_mut().map_or(Ok(Vec::new()), JournalFile::left)?;
        self.entries.extend(left.iter().cloned());
        Ok(left)
    }

    /// Notes the handles of rules.
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

    /// Notes that the script has succeeded, with the objects that it made.
    pub(crate) fn up(&mut self, made: Vec<(String, usize)>) -> Result<()> {
        self.write(&Line::Up(Up { made, entries: Some(self.next) }))
    }

    /// Starts a step, which is one word of the script. `own` is the ownership before it.
    pub(crate) fn step(&mut self, own: &Ownership) {
        let own = if self.detailed { own.clone() } else { Ownership::default() };
        self.steps.push((self.next, own));
    }

    pub(crate) fn point(&self) -> Point {
        Point(self.steps.len())
    }

    /// Truncates the steps to a point. Returns the number of the first entry after the point, and the ownership at that
    /// time.
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

/// Nanoseconds since boot. Under the lock of all labs, later calls return larger numbers.
fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
