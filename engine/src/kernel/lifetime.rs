//! A lab's life beyond the process that builds it: going on, being taken down, being listed.

use std::time::{SystemTime, UNIX_EPOCH};

use super::book::{Book, LEFT_BY_OTHERS};
use super::labs::{LabFolder, boot_id, lab_names, lock_all, read_journal, remove_shared};
use super::process::{Processes, is_alive};
use super::undo::not_undone;
use super::{Interrupt, Kernel, kill};
use crate::diagnostics::{Error, Result};
use crate::journal::{Journal, Process, Undo, Up};
use crate::op::{NetnsName, NetnsRef};
use crate::world::Summary;

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
    /// Its namespaces that have names.
    pub namespaces: Vec<NetnsName>,
    /// Its processes that are running, and what they are.
    pub processes: Vec<(u32, String)>,
}

/// Every lab that has a folder, by name.
pub fn lab_states() -> Result<Vec<LabState>> {
    let mut states = Vec::new();
    for name in lab_names()? {
        let busy = matches!(LabFolder::open(&name), Err(Error::LabBusy { .. }));
        let journal = match read_journal(&name) {
            Ok(journal) => journal,
            // `down` tells what is wrong with it.
            Err(_) => Journal { damaged: vec![1], ..Journal::default() },
        };
        if journal.header.is_some() || !journal.damaged.is_empty() {
            states.push(state(name, busy, journal));
        }
    }
    Ok(states)
}

fn state(name: String, busy: bool, journal: Journal) -> LabState {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut namespaces: Vec<NetnsName> = Vec::new();
    let mut processes: Vec<(Process, String)> = Vec::new();
    for undo in journal.entries.iter().flat_map(|entry| &entry.undo) {
        match undo {
            Undo::Netns { name, key: _ } => namespaces.push(name.clone()),
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
        namespaces,
        processes: running.map(|(process, what)| (process.pid, what)).collect(),
    }
}

impl Kernel {
    /// Goes on with the journal of a lab that is up, or was left behind, to take it down. `None`:
    /// nothing of it is left, since it was empty or the machine has been started anew. `force`:
    /// what is damaged in the journal is passed over.
    pub fn resume(interrupt: Interrupt, folder: LabFolder, force: bool) -> Result<Option<Kernel>> {
        // Between reading it and cutting off what was never finished, no other lab may add to it.
        let _all = lock_all()?;
        let journal = folder.journal()?;
        let header = journal.header.clone().filter(|header| header.boot == boot_id());
        let Some(header) = header else {
            folder.remove()?;
            remove_shared();
            return Ok(None);
        };
        let path = folder.path().join("journal").display().to_string();
        if let (Some(line), false) = (journal.damaged.first(), force) {
            return Err(Error::Journal {
                path,
                why: format!("line {line} is damaged"),
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
        kernel.processes = Processes::new(folder.path(), &header.token);
        kernel.book = Book::resume(folder.journal_file(journal.length)?, journal);
        kernel.folder = Some(folder);
        Ok(Some(kernel))
    }

    /// Takes the lab down. Unless forced, what others put into it stops it before anything is done.
    pub fn down(&mut self, force: bool) -> Result<()> {
        let strangers = if force { Vec::new() } else { self.strangers() };
        if !strangers.is_empty() {
            let lab = self.folder.as_ref().map(|folder| folder.name().to_owned()).unwrap_or_default();
            return Err(Error::Strangers { lab, what: strangers });
        }
        self.undo_all()
    }

    /// Undoes everything and removes the lab's folder.
    pub(super) fn undo_all(&mut self) -> Result<()> {
        let mut problems = self.undo_from(0);
        if let Some(folder) = self.folder.take() {
            match self.close_folder(folder, &mut problems) {
                Ok(None) => {}
                Ok(Some(folder)) => self.folder = Some(folder),
                Err(error) => problems.push(error.describe().message),
            }
        }
        not_undone(problems)
    }

    /// Removes the folder, unless something is left to undo. What other labs left to this one
    /// meanwhile is undone first.
    fn close_folder(&mut self, folder: LabFolder, problems: &mut Vec<String>) -> Result<Option<LabFolder>> {
        let all = lock_all()?;
        let left: Vec<_> = folder.journal()?.entries;
        let seen = |n: u64| self.book.entries.iter().any(|entry| entry.n == n);
        let new: Vec<_> = left.into_iter().filter(|entry| entry.n >= LEFT_BY_OTHERS && !seen(entry.n)).collect();
        if new.is_empty() {
            kill::point();
            if !problems.is_empty() {
                return Ok(Some(folder));
            }
            folder.remove()?;
            remove_shared();
            return Ok(None);
        }
        drop(all);
        self.book.entries.extend(new);
        self.folder = Some(folder);
        problems.extend(self.undo_from(LEFT_BY_OTHERS));
        match self.folder.take() {
            Some(folder) => self.close_folder(folder, problems),
            None => Ok(None),
        }
    }

    /// The script has succeeded: the lab is up, unless it made nothing.
    pub(super) fn finish(&mut self) -> Result<Option<Summary>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let name = folder.name().to_owned();
        if self.book.entries.is_empty() {
            let mut problems = Vec::new();
            if let Some(folder) = self.folder.take() {
                self.close_folder(folder, &mut problems)?;
            }
            return Ok(None);
        }
        self.learn_handles();
        let made = self.made();
        self.book.up(Up { made: made.clone() })?;
        Ok(Some(Summary { name, made }))
    }

    fn made(&self) -> Vec<(String, usize)> {
        let undos = || self.book.entries.iter().flat_map(|entry| &entry.undo);
        let rules = undos().filter(|undo| matches!(undo, Undo::Rule { .. })).count();
        let counted = [
            ("namespace", self.own.netns_count()),
            ("link", self.own.link_count()),
            ("rule", rules),
            ("process", self.processes.started_count()),
        ];
        counted.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| (what.to_owned(), count)).collect()
    }
}
