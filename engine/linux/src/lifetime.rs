//! A lab's life beyond the process that builds it: going on, being taken down, being listed.

use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::journal::{Entry, Journal, Key, Process, Undo};
use crate::lab::{self, Book, LabFolder, boot_id, is_busy, lab_names, lock_all, read_journal, remove_shared};
use crate::proc::is_alive;
use crate::process::{Groups, Processes};
use crate::undo::not_undone;
use crate::{Interrupt, Kernel, kill};
use netscript_net::error::{Error, Result};
use netscript_net::op::{NetnsName, NetnsRef};
use netscript_net::world::Summary;

/// A lab that has a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabState {
    /// Its name.
    pub name: String,
    /// The script's path; empty for one from standard input.
    pub script: String,
    /// Seconds since the script was started.
    pub age: u64,
    /// Whether a process is building it or taking it down.
    pub busy: bool,
    /// Whether its script succeeded. Neither this nor busy: it was left behind by a process that
    /// was killed.
    pub up: bool,
    /// Whether its journal cannot be worked off whole: `down` says why.
    pub damaged: bool,
    /// Its namespaces that have names.
    pub namespaces: Vec<NetnsName>,
    /// Its processes that are running, and what they are.
    pub processes: Vec<(u32, String)>,
}

/// Every lab that has a folder, by name.
pub fn lab_states() -> Result<Vec<LabState>> {
    let mut states = Vec::new();
    for name in lab_names()? {
        let busy = is_busy(&name);
        let journal = match read_journal(&name) {
            Ok(journal) => journal,
            // `down` tells what is wrong with it.
            Err(_) => Journal { flaws: vec![String::new()], ..Journal::default() },
        };
        if journal.header.is_some() || !journal.flaws.is_empty() {
            states.push(state(name, busy, journal));
        }
    }
    Ok(states)
}

/// How a lab is to be taken up again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resume {
    /// What is damaged in its journal is passed over.
    pub force: bool,
    /// Nothing is changed: its steps back are only told.
    pub dry_run: bool,
}

/// A lab that is to be taken down.
pub enum Resumed {
    /// The lab, and what is wrong with its journal, which was passed over.
    Lab(Box<Kernel>, Vec<String>),
    /// Nothing is left to undo: it was never begun, or the machine has been started anew. Or else too
    /// little was left of its journal to undo anything: why, in words.
    Gone(Option<String>),
}

/// Whether a name is that of the very namespace.
pub(crate) fn is_bound(name: &NetnsName, key: Key) -> bool {
    std::fs::metadata(crate::netns::path_of(name)).is_ok_and(|found| found.ino() == key.inode)
}

/// What became of the folder of a lab that has been undone.
enum Closed {
    /// It is gone.
    Removed,
    /// Something could not be undone.
    Kept(LabFolder),
    /// Other labs have left these to the lab.
    Left(LabFolder, Vec<Entry>),
}

fn state(name: String, busy: bool, journal: Journal) -> LabState {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut namespaces: Vec<NetnsName> = Vec::new();
    let mut processes: Vec<(Process, String)> = Vec::new();
    for undo in journal.entries.iter().flat_map(|entry| &entry.undo) {
        match undo {
            // A script may delete a namespace and make it again.
            Undo::Netns { name, key, attached: _ } => {
                if !namespaces.contains(name) && is_bound(name, *key) {
                    namespaces.push(name.clone());
                }
            }
            Undo::Process { process, what } => processes.push((*process, what.clone())),
            Undo::Bind { .. }
            | Undo::Lost { .. }
            | Undo::Resolver { .. }
            | Undo::Link { .. }
            | Undo::Make { .. }
            | Undo::Move { .. }
            | Undo::Do { .. }
            | Undo::Sysctl { .. }
            | Undo::Rule { .. }
            | Undo::Rules { .. }
            | Undo::Policy { .. }
            | Undo::Chain { .. }
            | Undo::NewChain { .. }
            | Undo::Table { .. } => {}
        }
    }
    let running = processes.into_iter().filter(|(process, _)| is_alive(*process));
    let (script, age) = match journal.header {
        Some(header) => (header.script, now.saturating_sub(header.started)),
        None => (String::new(), 0),
    };
    LabState {
        name,
        script,
        age,
        busy,
        up: journal.up.is_some(),
        damaged: !journal.flaws.is_empty(),
        namespaces,
        processes: running.map(|(process, what)| (process.pid, what)).collect(),
    }
}

impl Kernel {
    /// Goes on with the journal of a lab that is up, or was left behind, to take it down.
    pub fn resume(interrupt: Interrupt, folder: LabFolder, how: Resume) -> Result<Resumed> {
        // Between reading it and cutting off what was never finished, no other lab may add to it.
        let _all = lock_all()?;
        let (journal, useless) = match folder.journal(how.force)? {
            Ok(journal) => (journal, None),
            Err(why) => (Journal::default(), Some(why)),
        };
        let header = journal.header.clone().filter(|header| header.boot == boot_id());
        let Some(header) = header else {
            if !how.dry_run {
                folder.remove()?;
                remove_shared();
            }
            return Ok(Resumed::Gone(useless));
        };
        let path = folder.path().join("journal").display().to_string();
        if let (Some(flaw), false) = (journal.flaws.first(), how.force) {
            return Err(Error::Journal {
                path,
                why: flaw.clone(),
                help: "undo what the other lines tell with `--force`, and look for what is left".to_owned(),
            });
        }
        let mut kernel = Kernel::new(interrupt)?;
        let host = kernel.namespaces.key(&NetnsRef::Host);
        if host.is_ok_and(|host| host != header.host) {
            return Err(Error::Journal {
                path,
                why: "the lab was built in another network namespace than this one".to_owned(),
                help: "run netscript where the lab was built".to_owned(),
            });
        }
        // What is made again keeps its index; nothing new is made.
        kernel.namespaces.use_block(header.base, header.base);
        let groups = Groups::at(header.cgroup.as_deref());
        kernel.processes = Processes::new(folder.path(), &header.token, groups);
        let mut file = folder.journal_file()?;
        file.cut(journal.length)?;
        let flaws = journal.flaws.clone();
        kernel.book = Book::resume(file, journal);
        kernel.folder = Some(folder);
        Ok(Resumed::Lab(Box::new(kernel), flaws))
    }

    /// Takes the lab down. Unless forced, what others put into it stops it before anything is done.
    pub fn down(&mut self, force: bool) -> Result<()> {
        let strangers = if force { Vec::new() } else { self.strangers()? };
        if !strangers.is_empty() {
            let lab = self.folder.as_ref().map(|folder| folder.name().to_owned()).unwrap_or_default();
            return Err(Error::Strangers { lab, what: strangers });
        }
        self.undo_all()
    }

    /// Undoes everything and removes the lab's folder, unless something is left to undo. What other
    /// labs leave to this one meanwhile is undone as well.
    pub(crate) fn undo_all(&mut self) -> Result<()> {
        let mut problems = self.undo_from(0);
        while let Some(folder) = self.folder.take() {
            match self.close(folder, problems.is_empty()) {
                Ok(Closed::Removed) => {}
                Ok(Closed::Kept(folder)) => {
                    self.folder = Some(folder);
                    break;
                }
                Ok(Closed::Left(folder, entries)) => {
                    self.folder = Some(folder);
                    problems.extend(self.undo_entries(entries));
                }
                Err(error) => problems.push(error.describe().message),
            }
        }
        not_undone(problems)
    }

    fn close(&mut self, folder: LabFolder, clean: bool) -> Result<Closed> {
        let _all = lock_all()?;
        let left = self.book.take_up()?;
        if !left.is_empty() {
            return Ok(Closed::Left(folder, left));
        }
        kill::point();
        if !clean {
            return Ok(Closed::Kept(folder));
        }
        let removed = self.processes.groups().remove();
        removed.map_err(|error| lab::cannot("remove the control group in", folder.path(), &error))?;
        folder.remove()?;
        remove_shared();
        Ok(Closed::Removed)
    }

    /// The script has succeeded: the lab is up, unless it made nothing.
    pub(crate) fn finish(&mut self) -> Result<Option<Summary>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let name = folder.name().to_owned();
        if self.book.entries.is_empty() {
            return self.undo_all().map(|()| None);
        }
        self.learn_handles();
        let made = self.made();
        self.book.up(made.clone())?;
        if let (Some(folder), Some(length)) = (&self.folder, self.book.length()) {
            folder.note_up(length);
        }
        Ok(Some(Summary { name, made }))
    }

    fn made(&self) -> Vec<(String, usize)> {
        // A rule that was removed again has been looked for in vain.
        let is_rule = |entry: &&Entry| entry.undo.iter().any(|undo| matches!(undo, Undo::Rule { .. }));
        let rules = self.book.entries.iter().filter(is_rule).filter(|entry| self.book.handles.contains_key(&entry.n));
        let rules = rules.count();
        let counted = [
            ("namespace", self.own.netns_count()),
            ("link", self.own.link_count()),
            ("rule", rules),
            ("process", self.processes.started_count()),
        ];
        counted.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| (what.to_owned(), count)).collect()
    }
}
