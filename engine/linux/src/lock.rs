//! Locks on files, which are gone when the process is (`F_SETLK`, fcntl_locking(2)). Other than with
//! those of flock(2), a program that was just started and not yet become another has no part in them,
//! and somebody who only wants to know can ask without taking the lock.
//!
//! They are the process's: it must not lock a file twice, nor open one that it has locked.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// A lock on a file, which nobody else has as long as this one is there.
#[must_use]
pub(crate) struct Lock {
    file: File,
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
            let options = &mut OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(false).mode(0o644);
            let file = open_regular(path, options)?;
            if !set(&file, wait)? {
                return Ok(None);
            }
            // Who had it before may have removed the file.
            let locked = file.metadata()?.ino();
            if fs::metadata(path).is_ok_and(|now| now.ino() == locked) {
                return Ok(Some(Lock { file }));
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
