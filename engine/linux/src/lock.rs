//! Locks on files that end with the process (`F_SETLK`, fcntl_locking(2)). Unlike flock(2), a child process between
//! fork and exec does not share the lock, and a lock can be tested without taking it.
//!
//! The locks belong to the process: the kernel does not distinguish its threads, and if one of them closes a file that
//! another has locked, the lock is released. So the process keeps its own list of locked files, and opens no file in
//! it.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// A lock on a file. Nobody else has it as long as this value exists.
#[must_use]
pub(crate) struct Lock {
    // Dropped before the list entry.
    file: File,
    _own: Listed,
}

/// The files that this process has locked or is waiting for, by device and inode.
static LIST: Mutex<BTreeSet<(u64, u64)>> = Mutex::new(BTreeSet::new());

/// Notified when a file has left the list.
static LEFT: Condvar = Condvar::new();

/// A file in the list.
struct Listed((u64, u64));

impl Listed {
    fn list() -> MutexGuard<'static, BTreeSet<(u64, u64)>> {
        LIST.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(file: &Metadata) -> (u64, u64) {
        (file.dev(), file.ino())
    }

    /// Whether a file is in the list. Does not open the file.
    fn has(list: &BTreeSet<(u64, u64)>, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|file| list.contains(&Listed::id(&file)))
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        Listed::list().remove(&self.0);
        LEFT.notify_all();
    }
}

/// What to do if somebody else has the lock.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// Wait for it.
    Until,
    /// Give up.
    No,
}

impl Lock {
    /// Takes a lock. Creates the file if it does not exist; `Ok(None)`: somebody else has the lock.
    pub(crate) fn take(path: &Path, wait: Wait) -> io::Result<Option<Lock>> {
        loop {
            let mut list = Listed::list();
            while Listed::has(&list, path) {
                list = match wait {
                    Wait::Until => LEFT.wait(list).unwrap_or_else(PoisonError::into_inner),
                    Wait::No => return Ok(None),
                };
            }
            let options = &mut OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(false).mode(0o644);
            let file = open_regular(path, options)?;
            let id = Listed::id(&file.metadata()?);
            list.insert(id);
            drop(list);
            let own = Listed(id);
            if !set(&file, wait)? {
                return Ok(None);
            }
            // The previous owner may have removed the file.
            let locked = file.metadata()?.ino();
            if fs::metadata(path).is_ok_and(|now| now.ino() == locked) {
                return Ok(Some(Lock { file, _own: own }));
            }
        }
    }

    /// Replaces the content of the locked file. Writes through this file, since closing another one would release the
    /// lock.
    pub(crate) fn note(&self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all_at(text.as_bytes(), 0)
    }

    /// The content of the locked file.
    pub(crate) fn noted(&self) -> String {
        let mut bytes = [0; 64];
        let read = self.file.read_at(&mut bytes, 0).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    }

    /// Whether somebody holds a lock.
    pub(crate) fn is_taken(path: &Path) -> bool {
        let list = Listed::list();
        if Listed::has(&list, path) {
            return true;
        }
        let mut asked = whole_file();
        let told = open_regular(path, OpenOptions::new().read(true))
            .and_then(|file| Ok(fcntl(file, FcntlArg::F_GETLK(&mut asked))?));
        told.is_ok() && i32::from(asked.l_type) != libc::F_UNLCK
    }
}

/// Opens a regular file only: a symbolic link could lead anywhere, and a FIFO or a device could block the reader.
pub(crate) fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

fn whole_file() -> libc::flock {
    let kind = |number: i32| i16::try_from(number).expect("the kernel's number is small");
    libc::flock { l_type: kind(libc::F_WRLCK), l_whence: kind(libc::SEEK_SET), l_start: 0, l_len: 0, l_pid: 0 }
}

/// Whether the lock was taken.
fn set(file: &File, wait: Wait) -> io::Result<bool> {
    loop {
        let wanted = whole_file();
        let set = match wait {
            Wait::Until => fcntl(file, FcntlArg::F_SETLKW(&wanted)),
            Wait::No => fcntl(file, FcntlArg::F_SETLK(&wanted)),
        };
        match set {
            Ok(_) => return Ok(true),
            Err(nix::Error::EAGAIN | nix::Error::EACCES) => return Ok(false),
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// The kernel would give the lock to both at the same time.
    #[test]
    fn threads_of_one_process_lock_a_file_in_turn() {
        let path = std::env::temp_dir().join(format!("netscript-lock-{}", std::process::id()));
        let first = Lock::take(&path, Wait::No).unwrap().unwrap();
        assert!(Lock::take(&path, Wait::No).unwrap().is_none());
        assert!(Lock::is_taken(&path));
        let waited = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let second = Lock::take(&path, Wait::Until).unwrap();
                waited.store(true, Ordering::Relaxed);
                drop(second);
            });
            thread::sleep(Duration::from_millis(20));
            assert!(!waited.load(Ordering::Relaxed));
            drop(first);
        });
        assert!(waited.load(Ordering::Relaxed) && !Lock::is_taken(&path));
        fs::remove_file(&path).unwrap();
    }
}
