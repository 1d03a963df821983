//! The existing labs and their states.

use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use super::folder::{is_busy, read_journal};
use super::paths::lab_names;
use crate::journal::{Journal, NetnsKey, Undo};
use crate::netns::path_of;
use crate::proc::is_alive;
use netscript_net::error::Result;
use netscript_net::op::NetnsName;

/// A lab that has a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabState {
    /// Its name.
    pub name: String,
    /// The script's path; empty for standard input.
    pub script: String,
    /// Seconds since the script was started.
    pub age: u64,
    /// Whether a process is building it or taking it down.
    pub busy: bool,
    /// Whether its script succeeded. If it is neither up nor busy, a killed process left it behind.
    pub up: bool,
    /// Whether its journal is damaged; `down` says how.
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
            // `down` reports the flaw.
            Err(_) => Journal { flaws: vec![String::new()], ..Journal::default() },
        };
        if journal.header.is_some() || !journal.flaws.is_empty() {
            states.push(state(name, busy, journal));
        }
    }
    Ok(states)
}

/// Whether a name is bound to this namespace.
pub(crate) fn is_bound(name: &NetnsName, key: NetnsKey) -> bool {
    std::fs::metadata(path_of(name)).is_ok_and(|found| found.ino() == key.inode)
}

fn state(name: String, busy: bool, journal: Journal) -> LabState {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let undos = || journal.entries.iter().flat_map(|entry| &entry.undo);
    let mut namespaces: Vec<NetnsName> = Vec::new();
    for (name, key) in undos().filter_map(Undo::named) {
        // A script may remove a namespace and create it again.
        if !namespaces.contains(name) && is_bound(name, key) {
            namespaces.push(name.clone());
        }
    }
    let running = undos().filter_map(Undo::process).filter(|(process, _)| is_alive(*process));
    let processes = running.map(|(process, what)| (process.pid, what.to_owned())).collect();
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
        processes,
    }
}
