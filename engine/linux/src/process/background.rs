//! Programs in the background, which outlive netscript.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;

use nix::unistd::{close, getpid, read as nix_read, setsid, write as nix_write};

use super::group::enter_group;
use super::surroundings::Surroundings;
use crate::descriptors::restore_descriptor_limit;
use crate::journal::Process;
use crate::proc::identify;
use crate::sys;
use netscript_net::error::{Error, Result};
use netscript_net::files;

/// A started program, in a session of its own.
pub(super) struct Program {
    child: Child,
    /// Whether it has been waited for, after which its number may be reused.
    over: bool,
    name: String,
    log: PathBuf,
}

/// The file for a program's output.
pub(super) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// `N.out` in the lab's folder.
    pub(super) fn create(folder: &Path, number: u32) -> Result<Log> {
        let path = free_place(folder, &format!("{number}.out"))?;
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path);
        Ok(Log { file: file.map_err(cannot_make(&path))?, path })
    }
}

/// A path for a file of the lab. A file of an earlier run is renamed, not overwritten: its program may still be
/// running.
pub(super) fn free_place(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(cannot_make(&path))?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot_make(&path)(error)),
        _ => Ok(path),
    }
}

fn cannot_make(path: &Path) -> impl Fn(io::Error) -> Error {
    move |error| Error::File { path: path.display().to_string(), doing: "make".to_owned(), why: error.to_string() }
}

impl Program {
    /// Starts the program. Its output goes to the log, unless its standard output is a given file.
    pub(super) fn start(
        command: Command,
        stdout: Option<OwnedFd>,
        place: (Surroundings, Option<File>),
        log: Log,
        name: String,
        write: impl FnOnce(Process) -> Option<Option<u64>>,
    ) -> Result<Program, (io::Error, Option<u64>)> {
        let path = log.path.clone();
        match launch(command, stdout, place, log, write) {
            Ok(child) => Ok(Program { child, over: false, name, log: path }),
            Err(error) => {
                // The log of a program that did not start is removed.
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Its process number, until it has been waited for.
    pub(super) fn pid(&mut self) -> Result<u32> {
        if self.running() {
            Ok(self.child.id())
        } else {
            Err(Error::Gone { what: format!("the process of `{}`", self.name), removed: None })
        }
    }

    /// Whether it has not been waited for.
    pub(super) fn is_not_over(&self) -> bool {
        !self.over
    }

    pub(super) fn running(&mut self) -> bool {
        self.over = self.over || !matches!(self.child.try_wait(), Ok(None));
        !self.over
    }

    pub(super) fn output(&self) -> Result<String> {
        let bytes = files::read(&self.log).map_err(|error| Error::File {
            path: self.log.display().to_string(),
            doing: "read".to_owned(),
            why: error.to_string(),
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The number of its first process, even if that has ended.
    pub(super) fn leader(&self) -> u32 {
        self.child.id()
    }
}

/// Starts a process that waits, before exec, until `write` has put it into the journal. If that fails, or this process
/// ends, it ends too. The error comes with the number of the entry in the journal, if there is one.
fn launch(
    mut command: Command,
    stdout: Option<OwnedFd>,
    (surroundings, group): (Surroundings, Option<File>),
    log: Log,
    write: impl FnOnce(Process) -> Option<Option<u64>>,
) -> Result<Child, (io::Error, Option<u64>)> {
    let early = |error: io::Error| (error, None);
    let (mut number, tell) = io::pipe().map_err(early)?;
    let (may_go, mut go) = io::pipe().map_err(early)?;
    let go_here = go.as_raw_fd();
    let stdout = stdout.map_or_else(|| log.file.try_clone().map(OwnedFd::from), Ok).map_err(early)?;
    command.stdout(stdout).stderr(log.file);
    sys::before_start(&mut command, move || {
        // Only the parent keeps the pipe open.
        close(go_here)?;
        setsid()?;
        enter_group(group.as_ref());
        nix_write(&tell, &getpid().as_raw().to_ne_bytes())?;
        match nix_read(&may_go, &mut [0; 1])? {
            1 => {}
            _ => return Err(io::Error::from_raw_os_error(nix::libc::ECANCELED)),
        }
        surroundings.enter()?;
        sys::close_files_on_start(3);
        restore_descriptor_limit()?;
        Ok(())
    });
    thread::scope(|scope| {
        // `spawn` waits until exec, and the pipes end with the command.
        let started = scope.spawn(move || command.spawn());
        let mut pid = [0; 4];
        let mut entry = None;
        if number.read_exact(&mut pid).is_ok()
            && let Some(process) = identify(u32::from_ne_bytes(pid))
            && let Some(written) = write(process)
        {
            entry = written;
            let _ = go.write_all(b"!");
        }
        drop(go);
        let started = started.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")));
        started.map_err(|error| (error, entry))
    })
}
