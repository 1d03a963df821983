//! The objects of other labs.

use std::os::unix::fs::MetadataExt;

use super::folder::lock_all;
use super::paths::boot_id;
use super::store::Store;
use crate::journal::{NetnsKey, Process, Undo};
use crate::netns::{BLOCK, path_of};
use crate::proc::{identify, session_of};
use netscript_net::error::Result;
use netscript_net::op::NetnsName;

/// The objects in other labs' journals.
pub(crate) struct OtherLabs(Vec<OtherLab>);

struct OtherLab {
    name: String,
    /// The first index of its links.
    base: u32,
    namespaces: Vec<(NetnsName, NetnsKey)>,
    processes: Vec<Process>,
}

impl OtherLabs {
    /// The objects of the other labs that are up.
    pub(crate) fn of(store: &mut Store) -> Result<OtherLabs> {
        let Some(own) = store.folder.as_ref().map(|folder| folder.name().to_owned()) else {
            return Ok(OtherLabs(Vec::new()));
        };
        let _all = lock_all()?;
        let boot = boot_id();
        let labs = store.others.besides(&own)?.filter_map(|(name, journal)| {
            let header = journal.header.as_ref().filter(|header| header.boot == boot)?;
            let undos = || journal.entries.iter().flat_map(|entry| &entry.undo);
            Some(OtherLab {
                name: name.clone(),
                base: header.base,
                namespaces: undos().filter_map(Undo::named).map(|(name, key)| (name.clone(), key)).collect(),
                processes: undos().filter_map(Undo::process).map(|(process, _)| process).collect(),
            })
        });
        Ok(OtherLabs(labs.collect()))
    }

    /// The lab that made a link, by the link's index.
    pub(crate) fn of_link(&self, index: u32) -> Option<&str> {
        self.find(|lab| (lab.base..lab.base.saturating_add(BLOCK)).contains(&index))
    }

    /// The lab that started a process, or its session leader.
    pub(crate) fn of_process(&self, pid: u32) -> Option<&str> {
        let (own, leader) = (identify(pid), session_of(pid).and_then(identify));
        self.find(|lab| lab.processes.iter().any(|process| Some(*process) == own || Some(*process) == leader))
    }

    /// The lab that gave a namespace the name that it has.
    pub(crate) fn of_netns(&self, name: &NetnsName) -> Option<&str> {
        let inode = std::fs::metadata(path_of(name)).ok()?.ino();
        self.find(|lab| lab.namespaces.iter().any(|(given, key)| given == name && key.inode == inode))
    }

    fn find(&self, made: impl Fn(&OtherLab) -> bool) -> Option<&str> {
        self.0.iter().find(|lab| made(lab)).map(|lab| lab.name.as_str())
    }
}
