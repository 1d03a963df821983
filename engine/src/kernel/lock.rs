//! Locks on files, which are gone when the process is (`F_SETLK`, fcntl_locking(2)). Other than with
//! those of flock(2), a program that was just started and not yet become another has no part in them,
//! and somebody who only wants to know can ask without taking the lock.
//!
//! They are the process's: it must not lock a file twice, nor open one that it has locked.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// A lock on a file, which nobody else has as long as this one is there.
#[must_use]
pub(super) struct Lock {
    _file: File,
}

/// What is done while somebody else has the lock.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    /// The lock is waited for.
    Until,
    /// It is given up.
    No,
}

impl Lock {
    /// Takes a lock. The file is made if it is not there; `Ok(None)`: somebody else has it.
    pub(super) fn take(path: &Path, wait: Wait) -> io::Result<Option<Lock>> {
        loop {
            let options = &mut OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).mode(0o644).open(path)?;
            if !set(&file, wait)? {
                return Ok(None);
            }
            // Who had it before may have removed the file.
            let locked = file.metadata()?.ino();
            if fs::metadata(path).is_ok_and(|now| now.ino() == locked) {
                return Ok(Some(Lock { _file: file }));
            }
        }
    }

    /// Whether somebody has a lock.
    pub(super) fn is_taken(path: &Path) -> bool {
        let mut asked = whole_file();
        let told = File::open(path).and_then(|file| Ok(fcntl(file, FcntlArg::F_GETLK(&mut asked))?));
        told.is_ok() && i32::from(asked.l_type) != libc::F_UNLCK
    }
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
