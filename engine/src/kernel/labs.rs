//! The folders of labs that are up: `/run/netscript/LAB`, each with a journal, a lock, and what
//! its programs write.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::journal_file::JournalFile;
use super::lock::{Lock, Wait};
use super::netns::BLOCK;
use crate::diagnostics::{Error, Result};
use crate::journal::{Cut, Entry, Header, Journal, Key, LEFT_BY_OTHERS, Line, Undo, VERSION};

/// Where labs keep what belongs to them, a folder each.
pub(super) const LABS_DIR: &str = "/run/netscript";

const JOURNAL: &str = "journal";
const LOCK: &str = "lock";

/// How many blocks of link indexes there are for labs to choose from.
const BLOCKS: u32 = 999;

/// The folder of a lab, locked: nobody else builds the lab or takes it down meanwhile.
pub struct LabFolder {
    name: String,
    path: PathBuf,
    _lock: Lock,
}

/// Checks that a lab can have this name: it becomes a folder's.
pub fn check_lab_name(name: &str) -> Result<()> {
    const LONGEST: usize = 100;
    let bad = name.is_empty() || name.len() > LONGEST || name.starts_with('.') || name.contains(['/', '\0', '\n']);
    if !bad {
        return Ok(());
    }
    Err(Error::OptionValue {
        key: "--name".to_owned(),
        given: format!("{name:?}"),
        wanted: format!("a name of 1 to {LONGEST} bytes that can be a folder's and does not begin with `.`"),
    })
}

/// The names of the labs that have folders, sorted.
pub fn lab_names() -> Result<Vec<String>> {
    let entries = match fs::read_dir(LABS_DIR) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot("read", Path::new(LABS_DIR), &error)),
    };
    let names = entries.flatten().filter(|entry| entry.path().is_dir());
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    Ok(names)
}

/// What a lab's journal says, without locking the lab.
pub fn read_journal(name: &str) -> Result<Journal> {
    parse(&journal_path(name))
}

/// Locks what concerns all labs: choosing a block of indexes, and handing on what two labs changed.
pub(super) fn lock_all() -> Result<Lock> {
    let path = Path::new(LABS_DIR).join(".lock");
    lock_file(&path, Wait::Until)?.ok_or_else(|| Error::LabBusy { name: "all".to_owned() })
}

fn folder(name: &str) -> PathBuf {
    Path::new(LABS_DIR).join(name)
}

pub(super) fn journal_path(name: &str) -> PathBuf {
    folder(name).join(JOURNAL)
}

pub(super) fn cannot(doing: &str, path: &Path, error: &io::Error) -> Error {
    Error::File { path: path.display().to_string(), doing: doing.to_owned(), why: error.to_string() }
}

fn make_folder(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.map_err(|error| cannot("make", path, &error))
}

/// Takes a lock, and makes the folder of its file, which somebody else may remove meanwhile.
fn lock_file(path: &Path, wait: Wait) -> Result<Option<Lock>> {
    loop {
        make_folder(path.parent().unwrap_or(Path::new("/")))?;
        match Lock::take(path, wait) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            taken => return taken.map_err(|error| cannot("lock", path, &error)),
        }
    }
}

fn parse(path: &Path) -> Result<Journal> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Journal::default()),
        Err(error) => return Err(cannot("read", path, &error)),
    };
    let unusable =
        |why: String, help: &str| Error::Journal { path: path.display().to_string(), why, help: help.to_owned() };
    Journal::parse(&String::from_utf8_lossy(&bytes)).map_err(|cut| match cut {
        Cut::Newer(version) => unusable(
            format!("a later version of netscript wrote it (format {version}, and this one reads {VERSION})"),
            "take the lab down with the netscript that built it",
        ),
        Cut::Headless => unusable(
            "its first line is damaged".to_owned(),
            "look into it for what the lab made; when that is gone, remove the folder",
        ),
    })
}

impl LabFolder {
    /// The folder of a lab that is to be built.
    pub fn claim(name: &str) -> Result<LabFolder> {
        check_lab_name(name)?;
        let folder = LabFolder::lock(name)?;
        match folder.journal() {
            Ok(journal) if journal.header.is_none() => Ok(folder),
            Ok(journal) => {
                let script = journal.header.map(|header| header.script).unwrap_or_default();
                Err(Error::LabUp { name: name.to_owned(), script })
            }
            Err(Error::Journal { .. }) => Err(Error::LabUp { name: name.to_owned(), script: String::new() }),
            Err(error) => Err(error),
        }
    }

    /// The folder of a lab that is up, or was left behind.
    pub fn open(name: &str) -> Result<LabFolder> {
        if check_lab_name(name).is_err() || !folder(name).is_dir() {
            return Err(Error::NoSuchLab { name: name.to_owned(), known: lab_names()? });
        }
        LabFolder::lock(name)
    }

    fn lock(name: &str) -> Result<LabFolder> {
        let path = folder(name);
        match lock_file(&path.join(LOCK), Wait::No)? {
            Some(lock) => Ok(LabFolder { name: name.to_owned(), path, _lock: lock }),
            None => Err(Error::LabBusy { name: name.to_owned() }),
        }
    }

    /// The lab's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What its journal says.
    pub fn journal(&self) -> Result<Journal> {
        parse(&self.path.join(JOURNAL))
    }

    /// The journal, to be written on.
    pub(super) fn journal_file(&self) -> Result<JournalFile> {
        JournalFile::open(self.path.join(JOURNAL))
    }

    /// The first line of a new journal. `taken` tells whether a link of the host has an index in
    /// a block.
    pub(super) fn header(&self, script: &str, host: Key, taken: impl Fn(u32) -> bool) -> Result<Header> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let others: Vec<u32> = other_headers(&self.name)?.into_iter().map(|header| header.base).collect();
        let first = now.subsec_nanos() % BLOCKS;
        let blocks = (0..BLOCKS).map(|n| ((first + n) % BLOCKS + 1) * BLOCK);
        let base = blocks.into_iter().find(|base| !others.contains(base) && !taken(*base));
        Ok(Header {
            version: VERSION,
            name: self.name.clone(),
            script: script.to_owned(),
            started: now.as_secs(),
            boot: boot_id(),
            host,
            base: base.ok_or_else(|| Error::LabBusy { name: "999 others".to_owned() })?,
            token: format!("{}:{:x}", self.name, now.as_nanos()),
        })
    }

    /// Removes the folder: nothing is left to undo.
    pub fn remove(self) -> Result<()> {
        let entries = fs::read_dir(&self.path).map_err(|error| cannot("read", &self.path, &error))?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        // The journal goes when nothing depends on it, the lock last.
        files.sort_by_key(|file| (file.ends_with(LOCK), file.ends_with(JOURNAL)));
        for file in files {
            fs::remove_file(&file).map_err(|error| cannot("remove", &file, &error))?;
            super::kill::point();
        }
        match fs::remove_dir(&self.path) {
            // Without its lock it is somebody else's already, who builds the lab anew.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => removed.map_err(|error| cannot("remove", &self.path, &error)),
        }
    }
}

/// The first lines of the other labs' journals; what cannot be read counts as none.
fn other_headers(name: &str) -> Result<Vec<Header>> {
    let others = lab_names()?.into_iter().filter(|other| other != name);
    Ok(others.filter_map(|other| read_journal(&other).ok()?.header).collect())
}

/// Removes what the labs share, once the last of them is gone. To be called with [`lock_all`]'s lock:
/// who waits for it makes it anew.
pub(super) fn remove_shared() {
    if lab_names().is_ok_and(|names| names.is_empty()) {
        let _ = fs::remove_file(Path::new(LABS_DIR).join(".lock"));
        let _ = fs::remove_dir(LABS_DIR);
    }
}

/// What tells one run of the machine from another.
pub(super) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Whether a process is building a lab or taking it down.
pub(super) fn is_busy(name: &str) -> bool {
    Lock::is_taken(&folder(name).join(LOCK))
}

/// Leaves a step back to another lab, which takes it when it goes down. To be called with
/// [`lock_all`]'s lock.
pub(super) fn leave_to(heir: &str, entry: &Entry, undo: &Undo) -> Result<()> {
    let journal = read_journal(heir)?;
    // Who was killed before it could note that it had left this does so again.
    let is_it = |known: &Entry| known.at == entry.at && known.undo.contains(undo);
    if journal.entries.iter().any(is_it) {
        return Ok(());
    }
    let Entry { n: _, at, op, undo: _ } = entry;
    let n = LEFT_BY_OTHERS + journal.left;
    let left = Entry { n, at: *at, op: op.clone(), undo: vec![undo.clone()] };
    JournalFile::open(journal_path(heir))?.add(&[Line::Entry(left)])
}
