//! Programs that are run to their end, their output collected.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::prctl;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, setsid};

use super::group::enter_group;
use super::surroundings::Surroundings;
use crate::descriptors::restore_descriptor_limit;
use crate::interrupt::Interrupt;
use crate::sys;
use netscript_net::error::{Error, Result};
use netscript_net::files;
use netscript_net::world::Output;

/// How long an interrupted program has to end by itself.
const GRACE: Duration = Duration::from_millis(300);

/// How much is read between two looks at whether the program has ended or the user interrupts.
const CHUNK: u64 = 64 << 10;

/// What may still lie in a pipe (fs.pipe-max-size's default).
const LARGEST_PIPE: u64 = 1 << 20;

/// Starts a program in a session and process group of its own, so that those that it starts can be ended with it, and
/// none of them can open the terminal: the shell that started netscript would run what they push into its input (`TIOCSTI`,
/// ioctl_tty(2)). It does not outlive this process.
pub(super) fn start(mut command: Command, surroundings: Surroundings, group: Option<File>) -> io::Result<Child> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    sys::before_start(&mut command, move || {
        setsid()?;
        enter_group(group.as_ref());
        surroundings.enter()?;
        sys::close_files_on_start(3);
        restore_descriptor_limit()?;
        Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)
    });
    command.spawn()
}

/// Collects a program's output until it ends. What processes that it leaves behind write later is
/// not waited for: they may never end.
pub(super) fn finish(mut child: Child, interrupt: &Interrupt) -> Result<Output> {
    let output = collect(&mut child, interrupt);
    if output.is_err() {
        end_group(&mut child);
    }
    output
}

fn collect(child: &mut Child, interrupt: &Interrupt) -> Result<Output> {
    let ended = sys::open_process(child.id()).map_err(lost)?;
    let mut stdout = Stream::new(child.stdout.take().map(OwnedFd::from)).map_err(lost)?;
    let mut stderr = Stream::new(child.stderr.take().map(OwnedFd::from)).map_err(lost)?;
    loop {
        let mut files = vec![ended.as_fd()];
        files.extend(stdout.file.as_ref().map(AsFd::as_fd));
        files.extend(stderr.file.as_ref().map(AsFd::as_fd));
        let ready = interrupt.wait(&files, None)?;
        // What the program itself wrote is in the pipes by the time it has ended.
        let over = ready[0];
        let most = if over { LARGEST_PIPE } else { CHUNK };
        stdout.read(most).map_err(lost)?;
        stderr.read(most).map_err(lost)?;
        if (stdout.bytes.len() + stderr.bytes.len()) as u64 > files::LARGEST {
            return Err(Error::File {
                path: "the program's output".to_owned(),
                doing: "keep".to_owned(),
                why: format!("it is larger than {} MiB", files::LARGEST >> 20),
            });
        }
        if over {
            let status = child.wait().map_err(lost)?;
            return Ok(Output { status: shell_status(status), stdout: stdout.bytes, stderr: stderr.bytes });
        }
    }
}

/// One of a program's outputs, until it is closed.
struct Stream {
    file: Option<File>,
    bytes: Vec<u8>,
}

impl Stream {
    fn new(file: Option<OwnedFd>) -> io::Result<Stream> {
        let file = file.map(File::from);
        if let Some(file) = &file {
            fcntl(file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Stream { file, bytes: Vec::new() })
    }

    /// Reads what is there, up to a limit: a program may write for ever.
    fn read(&mut self, most: u64) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        match file.take(most).read_to_end(&mut self.bytes) {
            Ok(read) if read as u64 == most => {}
            Ok(_) => self.file = None,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// 128 and the signal's number when a signal ended it.
pub(super) fn shell_status(status: ExitStatus) -> i32 {
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(-1)
}

pub(super) fn lost(error: io::Error) -> Error {
    Error::Unanswered { question: "read the program's output".to_owned(), refusal: error.into() }
}

/// Ends a program of ours and its group: SIGTERM, and soon SIGKILL.
fn end_group(child: &mut Child) {
    let group = Pid::from_raw(child.id().cast_signed());
    let _ = killpg(group, Signal::SIGTERM);
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline && !has_ended(group) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.wait();
}

/// Whether a child has ended; it stays to be waited for, so that its number remains its own.
pub(super) fn has_ended(child: Pid) -> bool {
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(waitid(Id::Pid(child), flags), Ok(WaitStatus::StillAlive))
}
