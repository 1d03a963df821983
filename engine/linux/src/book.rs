//! The journal as a running lab writes it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::journal::{Entry, Header, Journal, Key, LEFT_BY_OTHERS, Line, TableHandle, Undo, Up};
use crate::journal_file::JournalFile;
use crate::labs::{LabFolder, lock_all};
use crate::lock::Lock;
use crate::{Failure, Kernel, Outcome, kill};
use netscript_net::error::Result;
use netscript_net::op::netfilter::ChainRef;
use netscript_net::op::{Action, Effect, IfName, LinkAt, NetnsRef, Op, PidRef};
use netscript_net::world::Point;

/// The lab's journal: on disk if the lab outlives this process, and in memory.
#[derive(Default)]
pub(crate) struct Book {
    file: Option<JournalFile>,
    pub(crate) entries: Vec<Entry>,
    /// The handles that rules got, by entry.
    pub(crate) handles: BTreeMap<u64, u64>,
    /// The handles of the tables that they are in.
    pub(crate) tables: Vec<TableHandle>,
    next: u64,
    /// The number of the next entry when each step began, and what was the lab's own.
    steps: Vec<(u64, Own)>,
    /// Inverses are kept of operations on the lab's own things too, which `down` would not need.
    detailed: bool,
    ran: Vec<Key>,
}

impl Book {
    /// A journal that is written on.
    pub(crate) fn resume(file: JournalFile, journal: Journal) -> Book {
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
        Book { file: Some(file), entries, handles, tables, next, steps: Vec::new(), detailed: false, ran }
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
        kill::point();
        self.write_all(&lines)?;
        kill::point();
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
    pub(crate) fn program_runs(&mut self, key: Key) {
        if !self.ran.contains(&key) {
            self.ran.push(key);
            let _ = self.write(&Line::Ran(key));
        }
    }

    /// Whether programs of the lab ran in a namespace.
    pub(crate) fn programs_ran(&self, key: Key) -> bool {
        self.ran.contains(&key)
    }

    /// Notes that the script has succeeded, and what it made.
    pub(crate) fn up(&mut self, made: Vec<(String, usize)>) -> Result<()> {
        self.write(&Line::Up(Up { made, entries: Some(self.next) }))
    }

    /// A new step begins: what one word of the script does. `own` is how things are before it.
    pub(crate) fn step(&mut self, own: &Own) {
        let own = if self.detailed { own.clone() } else { Own::default() };
        self.steps.push((self.next, own));
    }

    pub(crate) fn point(&self) -> Point {
        Point(self.steps.len())
    }

    /// The number of the first entry after a point, which becomes the last, and what was the
    /// lab's own then.
    pub(crate) fn back_to(&mut self, point: Point) -> Option<(u64, Own)> {
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

/// What the lab made itself. What is in its own namespaces and on its own links goes with them.
#[derive(Clone, Default)]
pub(crate) struct Own {
    netns: HashSet<NetnsRef>,
    /// The numbers of namespaces without a name that got one.
    named: HashMap<NetnsRef, NetnsRef>,
    links: HashMap<NetnsRef, HashMap<IfName, u32>>,
    /// Others' links in the lab's namespaces.
    guests: HashMap<NetnsRef, Vec<IfName>>,
    /// The rules that were in a chain when the lab first came there: text and handle.
    pub(crate) rules: HashMap<(NetnsRef, ChainRef), Vec<(String, u64)>>,
    /// The chains that are known to be there.
    pub(crate) chains: HashSet<(NetnsRef, ChainRef)>,
}

impl Own {
    /// Whether a namespace is the lab's own.
    pub(crate) fn has_netns(&self, netns: &NetnsRef) -> bool {
        self.netns.contains(netns)
    }

    /// How many namespaces are the lab's own, however many names each has.
    pub(crate) fn netns_count(&self) -> usize {
        self.netns.iter().map(|netns| self.named.get(netns).unwrap_or(netns)).collect::<HashSet<_>>().len()
    }

    /// How many links the lab made that are there, as far as it knows.
    pub(crate) fn link_count(&self) -> usize {
        self.links.values().map(HashMap::len).sum()
    }

    /// Whether a link is the lab's own.
    pub(crate) fn has_link(&self, netns: &NetnsRef, name: &IfName) -> bool {
        match self.has_netns(netns) {
            true => !self.guests.get(netns).is_some_and(|guests| guests.contains(name)),
            false => self.links.get(netns).is_some_and(|links| links.contains_key(name)),
        }
    }

    /// Others' links in one of the lab's namespaces.
    pub(crate) fn guests(&self, netns: &NetnsRef) -> impl Iterator<Item = &IfName> {
        self.guests.get(netns).into_iter().flatten()
    }

    /// The index of a link that the lab made.
    pub(crate) fn index(&self, netns: &NetnsRef, name: &IfName) -> Option<u32> {
        self.links.get(netns)?.get(name).copied()
    }

    /// Keeps this true before an operation; `index` is what the next link gets.
    pub(crate) fn follow(&mut self, op: &Op, index: u32) {
        match op.effect() {
            Some(Effect::NetnsCreated(netns)) => {
                self.netns.insert(netns);
            }
            Some(Effect::NetnsAttached(netns, PidRef::Held(number))) => {
                self.netns.insert(netns.clone());
                self.named.insert(netns, NetnsRef::Held(*number));
            }
            // The namespace is somebody else's.
            Some(Effect::NetnsAttached(_, PidRef::Number(_) | PidRef::Started(_))) => {}
            Some(Effect::NetnsRemoved(netns) | Effect::NetnsDetached(netns)) => self.forget_netns(&netns),
            Some(Effect::LinkCreated { link, peer }) => {
                self.add(link, index);
                peer.into_iter().for_each(|peer| self.add(peer, index + 1));
            }
            Some(Effect::LinkRemoved(link)) => self.remove(link),
            Some(Effect::LinkMoved { from, to }) => self.relocate(from, to),
            None => {}
        }
    }

    fn forget_netns(&mut self, netns: &NetnsRef) {
        self.netns.remove(netns);
        self.named.remove(netns);
        self.links.remove(netns);
        self.guests.remove(netns);
    }

    fn add(&mut self, link: LinkAt, index: u32) {
        self.links.entry(link.netns.clone()).or_default().insert(link.name.clone(), index);
    }

    fn remove(&mut self, link: LinkAt) {
        if let Some(links) = self.links.get_mut(link.netns) {
            links.remove(link.name);
        }
        if let Some(guests) = self.guests.get_mut(link.netns) {
            guests.retain(|guest| guest != link.name);
        }
    }

    fn relocate(&mut self, from: LinkAt, to: LinkAt) {
        let own = self.has_link(from.netns, from.name);
        let index = self.index(from.netns, from.name);
        self.remove(from);
        match (own, index) {
            (true, Some(index)) => self.add(to, index),
            (true, None) => {}
            (false, _) if self.has_netns(to.netns) => {
                self.guests.entry(to.netns.clone()).or_default().push(to.name.clone());
            }
            (false, _) => {}
        }
    }
}

impl Kernel {
    /// Notes that a program runs in a namespace of the lab's own.
    pub(crate) fn note_program(&mut self, netns: &NetnsRef) {
        if self.own.has_netns(netns)
            && let Ok(key) = self.namespaces.key(netns)
        {
            self.book.program_runs(key);
        }
    }

    /// Locks what several labs may change, from before an inverse is read until its operation has
    /// been sent: no other lab can go down meanwhile and take away what was seen, or overlook that
    /// this one needs it, and what is written later is done later.
    pub(crate) fn lock_shared(&self, op: &Op) -> Result<Option<Lock>> {
        let shared = match &op.action {
            Action::Netfilter(_) | Action::Sysctl(_) => self.folder.is_some() && !self.own.has_netns(&op.netns),
            Action::Netns(_)
            | Action::Link(_)
            | Action::Addr(_)
            | Action::Route(_)
            | Action::Policy(_)
            | Action::Neigh(_)
            | Action::Fdb(_) => false,
        };
        if shared { lock_all().map(Some) } else { Ok(None) }
    }

    /// Reads what an operation's inverse must know, and writes it.
    pub(crate) fn look_and_record(&mut self, op: &Op) -> Outcome<Option<u64>> {
        let undo = self.inverse(op)?;
        self.record(op, undo)
    }

    /// Writes what an operation that is about to be sent needs to be undone.
    pub(crate) fn record(&mut self, op: &Op, undo: Vec<Undo>) -> Outcome<Option<u64>> {
        self.book.record_one(op, undo).map_err(Failure::from_error)
    }

    /// Begins the journal of a lab that goes on when this process has ended.
    pub fn keep_in(mut self, folder: LabFolder, script: &str) -> Result<Kernel> {
        let _all = lock_all()?;
        let question = || "look at this network".to_owned();
        let host = self.namespaces.key(&NetnsRef::Host).map_err(|failure| failure.into_error(question))?;
        let links = crate::link::list(&mut self.namespaces, &NetnsRef::Host);
        let links = links.map_err(|failure| failure.into_error(question))?;
        let taken = |base: u32| {
            let block = base..base + crate::netns::BLOCK;
            links.iter().filter_map(|link| link.index).any(|index| block.contains(&index))
        };
        match folder.header(script, host, taken).and_then(|header| self.begin(&folder, header)) {
            Ok(()) => self.folder = Some(folder),
            Err(error) => {
                // Nothing has been done yet.
                let _ = folder.remove();
                crate::labs::remove_shared();
                return Err(error);
            }
        }
        Ok(self)
    }

    fn begin(&mut self, folder: &LabFolder, header: Header) -> Result<()> {
        self.namespaces.use_block(header.base, header.base);
        let groups = crate::process::Groups::at(header.cgroup.as_deref());
        self.processes = crate::process::Processes::new(folder.path(), &header.token, groups);
        self.book.file = Some(folder.begin_journal(&Line::Lab(header))?);
        Ok(())
    }
}
