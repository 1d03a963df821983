//! The folders of labs that are up: `/run/netscript/LAB`, each with a journal, a lock, and the output of its programs.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::journal_file::{JournalFile, read_from};
use super::paths::{JOURNAL, LOCK, boot_id, cannot, folder, journal_path, lab_names};
use crate::crash_point;
use crate::journal::{Cut, Entry, Header, Journal, LABS_DIR, LEFT_BY_OTHERS, Line, NetnsKey, Undo, VERSION};
use crate::lock::{Lock, Wait, open_regular};
use crate::netns::BLOCK;
use netscript_net::error::{Error, Result};

/// The number of blocks of link indexes.
const BLOCKS: u32 = 999;

/// The folder of a lab. It is locked, so that nobody else builds the lab or takes it down meanwhile.
pub struct LabFolder {
    name: String,
    path: PathBuf,
    lock: Lock,
}

/// Checks that a lab can have this name, which becomes the name of a folder.
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

/// A lab's journal, read without locking the lab.
pub fn read_journal(name: &str) -> Result<Journal> {
    // Never called for a lab that this process has locked: opening its lock would release it.
    let noted = || open_regular(&folder(name).join(LOCK), OpenOptions::new().read(true)).and_then(io::read_to_string);
    parse(&journal_path(name), || noted().unwrap_or_default()).map_err(|flaw| flaw.error(&journal_path(name)))
}

/// Takes the lock of all labs, for choosing a block of indexes and for objects that several labs changed.
pub(crate) fn lock_all() -> Result<Lock> {
    let path = Path::new(LABS_DIR).join(".lock");
    check_folder(Path::new(LABS_DIR))?;
    lock_file(&path, Wait::Until)?.ok_or_else(|| Error::LabBusy { name: "all".to_owned() })
}

fn make_folder(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.map_err(|error| cannot("make", path, &error))
}

/// Takes a lock. Creates the folder of its file, again if somebody removes it meanwhile.
fn lock_file(path: &Path, wait: Wait) -> Result<Option<Lock>> {
    loop {
        make_folder(path.parent().unwrap_or(Path::new("/")))?;
        match Lock::take(path, wait) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            taken => return taken.map_err(|error| cannot("lock", path, &error)),
        }
    }
}

/// Checks that a path, if it exists, is a folder and not a symbolic link.
fn check_folder(path: &Path) -> Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let kind = found.file_type();
    if kind.is_dir() {
        return Ok(());
    }
    let what = if kind.is_symlink() { "a symbolic link" } else { "no folder" };
    Err(Error::NotALab { path: path.display().to_string(), what: what.to_owned() })
}

/// The reason why a journal cannot be used.
enum Flaw {
    /// A later version wrote it, in this format.
    Newer(u32),
    /// Too little of it is left to undo anything; the text says why.
    Useless(String),
    /// The file cannot be read.
    Unreadable(io::Error),
}

impl Flaw {
    fn error(self, path: &Path) -> Error {
        let unusable = |why: String, help: String| Error::Journal { path: path.display().to_string(), why, help };
        match self {
            Flaw::Newer(version) => unusable(
                format!("a later version of netscript wrote it (format {version}, and this one reads {VERSION})"),
                "take the lab down with the netscript that built it".to_owned(),
            ),
            Flaw::Useless(why) => unusable(
                why,
                "remove by hand what the lab made, as far as you know it; `netscript down --force` then removes the journal, \
                 and undoes nothing"
                    .to_owned(),
            ),
            Flaw::Unreadable(error) => cannot("read", path, &error),
        }
    }
}

/// The content of a lab's lock once the lab is up, before the length of the journal at that time.
const NOTED_UP: &str = "up ";

/// The content of a lab's lock once its journal has begun.
const NOTED_BEGUN: &str = "begun";

/// Reads a journal. `noted` is the content of the lab's lock: whether the journal had begun, and its length when the
/// lab came up.
fn parse(path: &Path, noted: impl FnOnce() -> String) -> Result<Journal, Flaw> {
    let useless = |why: &str| Err(Flaw::Useless(why.to_owned()));
    let file = match open_regular(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return if noted().is_empty() { Ok(Journal::default()) } else { useless("it has been removed") };
        }
        Err(error) if error.raw_os_error() == Some(nix::libc::ELOOP) => return useless("it is a symbolic link"),
        Err(error) if error.raw_os_error().is_none() => return useless(&error.to_string()),
        Err(error) => return Err(Flaw::Unreadable(error)),
    };
    let read = || read_from(&file, 0, file.metadata()?.len());
    let bytes = read().map_err(Flaw::Unreadable)?;
    let mut journal = match Journal::parse(&String::from_utf8_lossy(&bytes)) {
        Ok(journal) if journal.header.is_none() => return useless("it has been emptied"),
        Ok(journal) => journal,
        Err(Cut::Newer(version)) => return Err(Flaw::Newer(version)),
        Err(Cut::Headless) => return useless("its first line is damaged"),
    };
    let length = noted().strip_prefix(NOTED_UP).and_then(|length| length.trim().parse::<usize>().ok());
    if length.is_some_and(|length| length > bytes.len()) {
        journal.flaws.push("its end is missing".to_owned());
    }
    Ok(journal)
}

impl LabFolder {
    /// The folder of a lab that is about to be built.
    pub fn claim(name: &str) -> Result<LabFolder> {
        check_lab_name(name)?;
        let folder = LabFolder::lock(name)?;
        match folder.usable_journal() {
            Ok(journal) if journal.header.is_none() => Ok(folder),
            Ok(journal) => {
                let script = journal.header.map(|header| header.script).unwrap_or_default();
                Err(Error::LabUp { name: name.to_owned(), script })
            }
            Err(Flaw::Newer(_) | Flaw::Useless(_)) => {
                Err(Error::LabUp { name: name.to_owned(), script: String::new() })
            }
            Err(flaw @ Flaw::Unreadable(_)) => Err(flaw.error(&folder.path.join(JOURNAL))),
        }
    }

    /// The folder of an existing lab.
    pub fn open(name: &str) -> Result<LabFolder> {
        if check_lab_name(name).is_err() || fs::symlink_metadata(folder(name)).is_err() {
            return Err(Error::NoSuchLab { name: name.to_owned(), known: lab_names()? });
        }
        LabFolder::lock(name)
    }

    fn lock(name: &str) -> Result<LabFolder> {
        let path = folder(name);
        check_folder(Path::new(LABS_DIR))?;
        check_folder(&path)?;
        match lock_file(&path.join(LOCK), Wait::No)? {
            Some(lock) => Ok(LabFolder { name: name.to_owned(), path, lock }),
            None => Err(Error::LabBusy { name: name.to_owned() }),
        }
    }

    /// The lab's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn usable_journal(&self) -> Result<Journal, Flaw> {
        parse(&self.path.join(JOURNAL), || self.lock.noted())
    }

    /// The lab's journal. With `force`, a journal of which too little is left is an `Err` with the reason instead of an
    /// error.
    pub(crate) fn journal(&self, force: bool) -> Result<Result<Journal, String>> {
        match self.usable_journal() {
            Ok(journal) => Ok(Ok(journal)),
            Err(Flaw::Useless(why)) if force => Ok(Err(why)),
            Err(flaw) => Err(flaw.error(&self.path.join(JOURNAL))),
        }
    }

    /// Starts the journal.
    pub(crate) fn begin_journal(&self, first: &Line) -> Result<JournalFile> {
        let journal = JournalFile::begin(self.path.join(JOURNAL), first)?;
        // Without this note, on a full disk, a removed journal is not noticed; the lab itself works.
        let _ = self.lock.note(NOTED_BEGUN);
        Ok(journal)
    }

    /// Notes the length of the journal when the lab is up.
    pub(crate) fn note_up(&self, length: u64) {
        let _ = self.lock.note(&format!("{NOTED_UP}{length}"));
    }

    /// The journal, for adding lines.
    pub(crate) fn journal_file(&self) -> Result<JournalFile> {
        JournalFile::open(self.path.join(JOURNAL))
    }

    /// The first line of a new journal. `taken` says whether a link of the host has an index in a block; `cgroup` is
    /// the control group of the lab's programs.
    pub(crate) fn header(
        &self,
        script: &str,
        host: NetnsKey,
        token: String,
        cgroup: Option<String>,
        taken: impl Fn(u32) -> bool,
    ) -> Result<Header> {
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
            token,
            cgroup,
        })
    }

    /// Removes the folder after everything has been undone. Files are removed relative to the open folder, so that they
    /// are the lab's even if the path changes meanwhile.
    pub fn remove(self) -> Result<()> {
        let failed = |doing: &str, path: &Path, errno: nix::Error| cannot(doing, path, &errno.into());
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let open = |path: &Path| open(path, flags, Mode::empty()).map_err(|errno| failed("open", path, errno));
        let (labs, opened) = (open(Path::new(LABS_DIR))?, open(&self.path)?);
        // Without its journal, the lab has not begun.
        let _ = self.lock.note("");
        let inside = fs::read_dir(format!("/proc/self/fd/{}", opened.as_raw_fd()));
        let inside = inside.map_err(|error| cannot("read", &self.path, &error))?;
        let mut files: Vec<OsString> = inside.flatten().map(|entry| entry.file_name()).collect();
        // The journal is removed after everything else, and the lock last.
        files.sort_by_key(|file| (file == LOCK, file == JOURNAL));
        for file in files {
            match unlinkat(&opened, file.as_os_str(), UnlinkatFlags::NoRemoveDir) {
                // netscript creates no folders here: this one belongs to somebody else and stays.
                Err(nix::Error::EISDIR) => continue,
                removed => removed.map_err(|errno| failed("remove", &self.path.join(&file), errno))?,
            }
            crash_point::here();
        }
        match unlinkat(&labs, self.name.as_str(), UnlinkatFlags::RemoveDir) {
            // After the lock is removed, somebody else may build the lab anew; or the folder contains a folder of
            // somebody else.
            Err(nix::Error::ENOTEMPTY) => Ok(()),
            removed => removed.map_err(|errno| failed("remove", &self.path, errno)),
        }
    }
}

/// The first lines of other labs' journals. Unreadable journals are skipped.
fn other_headers(name: &str) -> Result<Vec<Header>> {
    let others = lab_names()?.into_iter().filter(|other| other != name);
    Ok(others.filter_map(|other| read_journal(&other).ok()?.header).collect())
}

/// Removes the shared files after the last lab. The caller holds [`lock_all`]'s lock, and a waiter creates its file
/// again.
pub(crate) fn remove_shared() {
    if lab_names().is_ok_and(|names| names.is_empty()) {
        crate::resolver::forget_folder();
        let _ = fs::remove_file(Path::new(LABS_DIR).join(".lock"));
        let _ = fs::remove_dir(LABS_DIR);
    }
}

/// Whether a process is building a lab or taking it down.
pub(crate) fn is_busy(name: &str) -> bool {
    Lock::is_taken(&folder(name).join(LOCK))
}

/// Leaves a step of an inverse to another lab, which undoes it when it is taken down. The caller holds [`lock_all`]'s
/// lock.
pub(crate) fn leave_to(successor: &str, entry: &Entry, undo: &Undo) -> Result<()> {
    let journal = read_journal(successor)?;
    // A process that was killed before it noted this as undone leaves it again.
    let is_it = |known: &Entry| known.at == entry.at && known.undo.contains(undo);
    if journal.entries.iter().any(is_it) {
        return Ok(());
    }
    let Entry { n: _, at, op, undo: _ } = entry;
    let n = LEFT_BY_OTHERS + journal.left;
    let left = Entry { n, at: *at, op: op.clone(), undo: vec![undo.clone()] };
    JournalFile::open(journal_path(successor))?.add(&[Line::Entry(left)])
}
