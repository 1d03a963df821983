//! The folders of labs that are up: `/run/netscript/LAB`, each with a journal, a lock, and what
//! its programs write.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::{Flock, FlockArg};

use super::netns::BLOCK;
use crate::diagnostics::{Error, Result};
use crate::journal::{Cut, Header, Journal, Key, Line, VERSION};

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
    _lock: Flock<File>,
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
    parse(&folder(name).join(JOURNAL))
}

/// Locks what concerns all labs: choosing a block of indexes, and handing on what two labs changed.
pub(super) fn lock_all() -> Result<Flock<File>> {
    make_folder(Path::new(LABS_DIR))?;
    lock_file(&Path::new(LABS_DIR).join(".lock"), FlockArg::LockExclusive)?
        .ok_or_else(|| Error::LabBusy { name: "all".to_owned() })
}

fn folder(name: &str) -> PathBuf {
    Path::new(LABS_DIR).join(name)
}

fn cannot(doing: &str, path: &Path, error: &io::Error) -> Error {
    Error::File { path: path.display().to_string(), doing: doing.to_owned(), why: error.to_string() }
}

fn make_folder(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.map_err(|error| cannot("make", path, &error))
}

/// A lock that is gone when the process is; `None`: somebody else has it.
fn lock_file(path: &Path, how: FlockArg) -> Result<Option<Flock<File>>> {
    loop {
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = opened.map_err(|error| cannot("make", path, &error))?;
        let inode = file.metadata().map_err(|error| cannot("read", path, &error))?.ino();
        let lock = match Flock::lock(file, how) {
            Ok(lock) => lock,
            Err((_, nix::Error::EWOULDBLOCK)) => return Ok(None),
            Err((_, error)) => return Err(cannot("lock", path, &error.into())),
        };
        // Who had it before may have removed the folder, and this file with it.
        if fs::metadata(path).is_ok_and(|now| now.ino() == inode) {
            return Ok(Some(lock));
        }
        make_folder(path.parent().unwrap_or(Path::new("/")))?;
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
        make_folder(&folder(name))?;
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
        check_lab_name(name)?;
        if !folder(name).is_dir() {
            return Err(Error::NoSuchLab { name: name.to_owned(), known: lab_names()? });
        }
        LabFolder::lock(name)
    }

    fn lock(name: &str) -> Result<LabFolder> {
        let path = folder(name);
        match lock_file(&path.join(LOCK), FlockArg::LockExclusiveNonblock)? {
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

    /// The journal, to be written on; what was never finished of its last line is cut off.
    pub(super) fn journal_file(&self, length: usize) -> Result<(File, PathBuf)> {
        let path = self.path.join(JOURNAL);
        let open = || -> io::Result<File> {
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
            if file.metadata()?.len() > length as u64 {
                file.set_len(length as u64)?;
            }
            Ok(file)
        };
        let file = open().map_err(|error| cannot("write to", &path, &error))?;
        Ok((file, path))
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
        fs::remove_dir(&self.path).map_err(|error| cannot("remove", &self.path, &error))
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

/// Adds a line to another lab's journal, in one write.
pub(super) fn append_to(name: &str, line: &Line) -> Result<()> {
    use std::io::Write as _;
    let path = folder(name).join(JOURNAL);
    let written =
        OpenOptions::new().append(true).open(&path).and_then(|mut file| file.write_all(line.text().as_bytes()));
    written.map_err(|error| cannot("write to", &path, &error))
}
