//! The lifetime of a lab that outlives its process: starting its journal, resuming it, taking it down.

use crate::journal::{Entry, Header, Journal, Line, Undo};
use crate::lab::{self, JournalWriter, LabFolder, boot_id, lock_all, remove_shared};
use crate::netns::BLOCK;
use crate::process::{Groups, Processes, group_place};
use crate::site::Site;
use crate::{crash_point, link, undo};
use netscript_net::error::{Error, Result};
use netscript_net::op::NetnsRef;
use netscript_net::world::Summary;

/// How to resume a lab.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resume {
    /// Ignore damaged entries of its journal.
    pub force: bool,
    /// Change nothing: only the commands are wanted.
    pub dry_run: bool,
}

/// The result of looking for a lab that is to be taken down.
pub(crate) enum LabOnDisk {
    /// The lab, and the flaws of its journal that were ignored.
    Lab(Box<Site>, Vec<String>),
    /// There is nothing to undo: the lab was never begun, or the machine has been rebooted. With a text, too little of
    /// the journal is left to undo anything; the text says why.
    Nothing(Option<String>),
}

/// The state of a lab's folder after undoing.
enum Closed {
    /// Removed.
    Removed,
    /// Kept, because something could not be undone.
    Kept(LabFolder),
    /// Kept, because other labs have left these entries to the lab.
    Left(LabFolder, Vec<Entry>),
}

/// Starts the journal of a lab that outlives this process.
pub(crate) fn keep_in(site: &mut Site, folder: LabFolder, script: &str) -> Result<()> {
    let _all = lock_all()?;
    let question = || "look at this network".to_owned();
    let host = site.network.namespaces.key(&NetnsRef::Host).map_err(|rejection| rejection.into_error(question))?;
    let links = link::list(&mut site.network.namespaces, &NetnsRef::Host);
    let links = links.map_err(|rejection| rejection.into_error(question))?;
    let taken = |base: u32| {
        let block = base..base + BLOCK;
        links.iter().filter_map(|link| link.index).any(|index| block.contains(&index))
    };
    let token = lab::token(folder.name());
    let cgroup = group_place(&token);
    match folder.header(script, host, token, cgroup, taken).and_then(|header| begin(site, &folder, header)) {
        Ok(()) => site.store.folder = Some(folder),
        Err(error) => {
            // The folder is empty, since nothing has been done.
            let _ = folder.remove();
            remove_shared();
            return Err(error);
        }
    }
    Ok(())
}

fn begin(site: &mut Site, folder: &LabFolder, header: Header) -> Result<()> {
    site.network.namespaces.use_block(header.base, header.base);
    let groups = Groups::at(header.cgroup.as_deref());
    site.processes = Processes::new(folder.path(), &header.token, groups);
    site.store.journal.begin(folder.begin_journal(&Line::Lab(header))?);
    Ok(())
}

/// Resumes an existing lab from its journal, in order to take it down.
pub(crate) fn resume(folder: LabFolder, how: Resume) -> Result<LabOnDisk> {
    // Other labs may not add entries between reading the journal and cutting off its unfinished end.
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
        return Ok(LabOnDisk::Nothing(useless));
    };
    let path = folder.path().join("journal").display().to_string();
    if let (Some(flaw), false) = (journal.flaws.first(), how.force) {
        return Err(Error::Journal {
            path,
            why: flaw.clone(),
            help: "undo the readable entries with `--force`, and check what is left".to_owned(),
        });
    }
    let mut site = Site::new()?;
    let host = site.network.namespaces.key(&NetnsRef::Host);
    if host.is_ok_and(|host| host != header.host) {
        return Err(Error::Journal {
            path,
            why: "the lab was built in another network namespace than this one".to_owned(),
            help: "run netscript where the lab was built".to_owned(),
        });
    }
    // Links that are created again get their old indexes. No new links are created.
    site.network.namespaces.use_block(header.base, header.base);
    let groups = Groups::at(header.cgroup.as_deref());
    site.processes = Processes::new(folder.path(), &header.token, groups);
    let mut file = folder.journal_file()?;
    file.cut(journal.length)?;
    let flaws = journal.flaws.clone();
    site.store.journal = JournalWriter::resume(file, journal);
    site.store.folder = Some(folder);
    Ok(LabOnDisk::Lab(Box::new(site), flaws))
}

/// Takes the lab down. Without `force`, fails before any change if others put objects into the lab.
pub(crate) fn down(site: &mut Site, force: bool) -> Result<()> {
    let foreign = if force { Vec::new() } else { undo::foreign(site)? };
    if !foreign.is_empty() {
        let lab = site.store.folder.as_ref().map(|folder| folder.name().to_owned()).unwrap_or_default();
        return Err(Error::ForeignContents { lab, what: foreign });
    }
    undo_all(site)
}

/// Undoes everything, including entries that other labs leave to this one meanwhile, and removes the lab's folder if
/// nothing is left.
pub(crate) fn undo_all(site: &mut Site) -> Result<()> {
    let mut problems = undo::from(site, 0);
    while let Some(folder) = site.store.folder.take() {
        match close(site, folder, problems.is_empty()) {
            Ok(Closed::Removed) => {}
            Ok(Closed::Kept(folder)) => {
                site.store.folder = Some(folder);
                break;
            }
            Ok(Closed::Left(folder, entries)) => {
                site.store.folder = Some(folder);
                problems.extend(undo::entries(site, entries));
            }
            Err(error) => problems.push(error.describe().message),
        }
    }
    undo::not_undone(problems)
}

fn close(site: &mut Site, folder: LabFolder, clean: bool) -> Result<Closed> {
    let _all = lock_all()?;
    let left = site.store.journal.take_up()?;
    if !left.is_empty() {
        return Ok(Closed::Left(folder, left));
    }
    crash_point::here();
    if !clean {
        return Ok(Closed::Kept(folder));
    }
    let removed = site.processes.groups().remove();
    removed.map_err(|error| lab::cannot("remove the control group in", folder.path(), &error))?;
    folder.remove()?;
    remove_shared();
    Ok(Closed::Removed)
}

/// Marks the lab as up after the script has succeeded. A lab without entries is removed.
pub(crate) fn finish(site: &mut Site) -> Result<Option<Summary>> {
    let Some(folder) = &site.store.folder else { return Ok(None) };
    let name = folder.name().to_owned();
    if site.store.journal.entries.is_empty() {
        return undo_all(site).map(|()| None);
    }
    undo::learn_handles(site);
    let made = made(site);
    site.store.journal.up(made.clone())?;
    if let (Some(folder), Some(length)) = (&site.store.folder, site.store.journal.length()) {
        folder.note_up(length);
    }
    Ok(Some(Summary { name, made }))
}

fn made(site: &Site) -> Vec<(String, usize)> {
    // Rules without a handle have been removed again.
    let is_rule = |entry: &&Entry| entry.undo.iter().any(|undo| matches!(undo, Undo::Rule { .. }));
    let rules = site
        .store
        .journal
        .entries
        .iter()
        .filter(is_rule)
        .filter(|entry| site.store.journal.handles.contains_key(&entry.n));
    let rules = rules.count();
    let counted = [
        ("namespace", site.store.own.netns_count()),
        ("link", site.store.own.link_count()),
        ("rule", rules),
        ("process", site.processes.started_count()),
    ];
    counted.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| (what.to_owned(), count)).collect()
}
