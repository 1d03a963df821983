//! Locks on files, which are gone when the process is (`F_SETLK`, fcntl_locking(2)). Other than with
//! those of flock(2), a program that was just started and not yet become another has no part in them,
//! and somebody who only wants to know can ask without taking the lock.
//!
//! They are the process's: to the kernel its threads are one, and when one of them closes a file that another has
//! locked, the lock is gone. So the process keeps a list of its own, and opens no file that is in it.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// A lock on a file, which nobody else has as long as this one is there.
#[must_use]
pub(crate) struct Lock {
    // Closed first, and only then taken from the list.
    file: File,
    _own: Listed,
}

/// The files that this process has locked, or waits for, by device and inode.
static LIST: Mutex<BTreeSet<(u64, u64)>> = Mutex::new(BTreeSet::new());

/// Somebody has left the list.
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

    /// Whether a file is in the list. It is not opened for that.
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

/// What is done while somebody else has the lock.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// The lock is waited for.
    Until,
    /// It is given up.
    No,
}

impl Lock {
    /// Takes a lock. The file is made if it is not there; `Ok(None)`: somebody else has it.
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
            // Who had it before may have removed the file.
            let locked = file.metadata()?.ino();
            if fs::metadata(path).is_ok_and(|now| now.ino() == locked) {
                return Ok(Some(Lock { file, _own: own }));
            }
        }
    }

    /// Writes into the locked file, in place of what stands there. Through this one file alone: to close
    /// another would give the lock up.
    pub(crate) fn note(&self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all_at(text.as_bytes(), 0)
    }

    /// What stands in the locked file.
    pub(crate) fn noted(&self) -> String {
        let mut bytes = [0; 64];
        let read = self.file.read_at(&mut bytes, 0).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    }

    /// Whether somebody has a lock.
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

/// Opens a regular file, and nothing else: a symbolic link could lead anywhere, and a FIFO or a device keep
/// its reader waiting.
pub(crate) fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

fn whole_file() -> libc::flock {
    let kind = |number: i32| i16::try_from(number).expect("the kernel's number is small");
    libc::flock { l_type: kind(libc::F_WRLCK), l_whence: kind(libc::SEEK_SET), l_start: 0, l_len: 0, l_pid: 0 }
}

/// Whether the lock is ours now.
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

    /// The kernel would let them have it at the same time.
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
