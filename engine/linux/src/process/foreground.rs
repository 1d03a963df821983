//! Programs that are run to their end, with their output.

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

/// The time that an interrupted program has to end.
const GRACE: Duration = Duration::from_millis(300);

/// The number of bytes to read before checking again whether the program has ended or the user interrupts.
const CHUNK: u64 = 64 << 10;

/// The largest content of a pipe (the default of fs.pipe-max-size).
const LARGEST_PIPE: u64 = 1 << 20;

/// Starts a program in a session and process group of its own. So its child processes can be ended with it, and none of
/// them can open the terminal, into which they could push input for the shell that started netscript (`TIOCSTI`,
/// ioctl_tty(2)). The program does not outlive this process.
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

/// Collects a program's output until it ends. Later output of processes that it leaves behind is ignored: they may
/// never end.
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
        // When the program has ended, all its own output is in the pipes.
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

/// One of a program's output streams, until it is closed.
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

    /// Reads the available data, up to a limit, since a program may write forever.
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

/// 128 plus the signal's number, if a signal ended the process.
pub(super) fn shell_status(status: ExitStatus) -> i32 {
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(-1)
}

pub(super) fn lost(error: io::Error) -> Error {
    Error::Unanswered { question: "read the program's output".to_owned(), rejection: error.into() }
}

/// Ends a child and its process group: SIGTERM, and shortly after SIGKILL.
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

/// Whether a child has ended. It is not waited for, so that its number is not reused.
pub(super) fn has_ended(child: Pid) -> bool {
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(waitid(Id::Pid(child), flags), Ok(WaitStatus::StillAlive))
}
