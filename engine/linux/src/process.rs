//! Programs in namespaces: run to their end, or started in the background; and the processes that hold namespaces
//! without a name.

mod background;
mod entrance;
mod foreground;
mod group;
mod members;
mod shell;
mod surroundings;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use background::Program;
pub use entrance::Entrance;
pub(crate) use group::Groups;
pub(crate) use group::place as group_place;
use members::{FOREGROUND, LAB_VARIABLE, PROGRAM_VARIABLE};
pub(crate) use members::{Whose, own_line, signal};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use surroundings::Surroundings;

use crate::helper::{self, CAPTURE_NAME, NAME_SERVER_NAME, SERVER_NAME};
use crate::interrupt::Interrupt;
use crate::journal::{Process, Undo};
use crate::lab::JournalWriter;
use crate::netns::Namespaces;
use crate::probe::{capture, name_server};
use crate::{Outcome, Rejection};
use netscript_net::error::{Errno, Error, Result};
use netscript_net::op::{NetnsRef, PidRef};
use netscript_net::world::{Capture, Output, ProgramId, ServeDns};

/// The running program.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// The processes of a lab. All of them are children of this process that have not been waited for. Signals are sent
/// only to such processes, since the number of any other may have been reused.
pub(crate) struct Processes {
    folder: PathBuf,
    /// The token in the environment of the lab's programs, by which processes that they leave behind are found.
    token: String,
    /// The lab's control groups.
    groups: Groups,
    started: Vec<Program>,
    holders: BTreeMap<u32, Pid>,
    captures: BTreeMap<ProgramId, Capturing>,
}

/// A capture, with this process's copy of its socket and file while it runs.
struct Capturing {
    path: PathBuf,
    opened: Option<capture::CaptureFile>,
}

impl Processes {
    /// No processes, for a lab that is starting.
    pub(crate) fn new(folder: &Path, token: &str, groups: Groups) -> Processes {
        Processes {
            folder: folder.to_owned(),
            token: token.to_owned(),
            groups,
            started: Vec::new(),
            holders: BTreeMap::new(),
            captures: BTreeMap::new(),
        }
    }

    /// The number of running programs.
    pub(crate) fn started_count(&self) -> usize {
        self.started.iter().filter(|program| program.is_not_over()).count()
    }

    /// The lab's control groups.
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The number of the program whose first process is `pid`, if this process started it.
    pub(crate) fn number_of(&self, pid: u32) -> Option<u32> {
        let index = self.started.iter().rposition(|program| program.leader() == pid)?;
        u32::try_from(index + 1).ok()
    }

    /// Whether a program's first process has not been waited for.
    fn is_not_over(&self, number: u32) -> bool {
        let index = (number as usize).wrapping_sub(1);
        self.started.get(index).is_some_and(Program::is_not_over)
    }

    pub(crate) fn pid(&mut self, pid: PidRef) -> Result<u32> {
        match pid {
            PidRef::Number(number) => Ok(number),
            PidRef::Held(number) => match self.holders.get(&number) {
                Some(pid) => Ok(pid.as_raw().unsigned_abs()),
                None => Err(Error::Gone { what: NetnsRef::Held(number).to_string(), removed: None }),
            },
            PidRef::Started(number) => self.program(ProgramId(number))?.pid(),
        }
    }

    /// `unshare --net sleep infinity &`
    pub(crate) fn add_holder(&mut self, number: u32, pid: Pid) {
        self.holders.insert(number, pid);
    }

    /// Waits for a holder that has been ended, and returns its number.
    pub(crate) fn forget_holder(&mut self, pid: u32) -> Option<u32> {
        let number = self.holders.iter().find(|(_, holder)| holder.as_raw().unsigned_abs() == pid).map(|(n, _)| *n)?;
        let holder = self.holders.remove(&number)?;
        let _ = waitpid(holder, Some(WaitPidFlag::WNOHANG));
        Some(number)
    }

    /// Ends a holder. Its namespace ends too, unless others use it.
    pub(crate) fn release(&mut self, number: u32) -> Outcome {
        let pid = self.holders.remove(&number).ok_or(Errno::ESRCH)?;
        // Somebody may have ended it already. Its number is not reused until it has been waited for.
        if waitpid(pid, Some(WaitPidFlag::WNOHANG)).map_err(io::Error::from)?.pid().is_none() {
            kill(pid, Signal::SIGKILL).map_err(io::Error::from)?;
            waitpid(pid, None).map_err(io::Error::from)?;
        }
        Ok(())
    }

    /// `ip netns exec NETNS ARGV…`
    pub(crate) fn exec(
        &mut self,
        namespaces: &Namespaces,
        interrupt: &Interrupt,
        netns: &NetnsRef,
        own: bool,
        argv: &[String],
    ) -> Result<Output> {
        self.reap();
        let surroundings = Surroundings::of(namespaces, netns)?;
        let mut command = command(netns, argv)?;
        // Processes that it leaves behind in a namespace of the lab belong to the lab. Elsewhere they may be a service
        // of the machine that was told to restart.
        let group = if own { self.mark(&mut command, FOREGROUND) } else { None };
        let failed = not_started(netns, &command);
        let child = foreground::start(command, surroundings, group).map_err(failed)?;
        foreground::finish(child, interrupt)
    }

    /// `ip netns exec NETNS $SHELL`, with the terminal
    pub(crate) fn shell(&mut self, namespaces: &Namespaces, interrupt: &Interrupt, netns: &NetnsRef) -> Result<i32> {
        self.reap();
        let surroundings = Surroundings::of(namespaces, netns)?;
        let terminal = shell::Terminal::take().map_err(foreground::lost)?.ok_or(Error::NoTerminal)?;
        let mut command = shell::command(&self.token, netns);
        // Processes that the user starts do not belong to the lab.
        command.env_remove(LAB_VARIABLE).env_remove(PROGRAM_VARIABLE);
        let failed = not_started(netns, &command);
        let child = terminal.start(command, surroundings).map_err(failed)?;
        terminal.finish(child, interrupt)
    }

    /// `ip netns exec NETNS ARGV… &`
    pub(crate) fn start(
        &mut self,
        namespaces: &Namespaces,
        journal: &mut JournalWriter,
        netns: &NetnsRef,
        argv: &[String],
    ) -> Result<ProgramId> {
        self.launch(namespaces, journal, netns, command(netns, argv)?, None, &argv.join(" "))
    }

    /// Starts this program as a server on a listening socket: it is ready when this returns, and outlives this process.
    pub(crate) fn serve(
        &mut self,
        namespaces: &Namespaces,
        journal: &mut JournalWriter,
        netns: &NetnsRef,
        listener: TcpListener,
        body: &str,
    ) -> Result<ProgramId> {
        let mut command = helper(SERVER_NAME)?;
        command.arg(body).stdin(OwnedFd::from(listener));
        self.launch(namespaces, journal, netns, command, None, SERVER_NAME)
    }

    /// Starts this program as a name server on open sockets.
    pub(crate) fn serve_dns(
        &mut self,
        namespaces: &Namespaces,
        journal: &mut JournalWriter,
        netns: &NetnsRef,
        sockets: name_server::Sockets,
        server: &ServeDns,
    ) -> Result<ProgramId> {
        let mut command = helper(NAME_SERVER_NAME)?;
        command.args(server.records.iter().map(|(name, addrs)| name_server::argument(name, addrs)));
        command.stdin(OwnedFd::from(sockets.udp));
        self.launch(namespaces, journal, netns, command, Some(sockets.tcp.into()), NAME_SERVER_NAME)
    }

    /// Starts this program as a capture on an open socket.
    pub(crate) fn capture(
        &mut self,
        namespaces: &Namespaces,
        journal: &mut JournalWriter,
        netns: &NetnsRef,
        request: &Capture,
    ) -> Result<ProgramId> {
        let path = match &request.file {
            Some(path) => path.clone(),
            None => background::free_place(&self.folder, &format!("{}.pcap", self.next_number()))?,
        };
        let opened = capture::open(namespaces, netns, &request.link, &path)?;
        let (socket, file) = opened.share()?;
        let mut command = helper(CAPTURE_NAME)?;
        command.stdin(socket);
        let program = self.launch(namespaces, journal, netns, command, Some(file), CAPTURE_NAME)?;
        self.captures.insert(program, Capturing { path, opened: Some(opened) });
        Ok(program)
    }

    /// The packets captured so far.
    pub(crate) fn packets(&mut self, program: ProgramId) -> Result<Vec<String>> {
        let capturing = self.captures.get(&program);
        let capturing =
            capturing.ok_or_else(|| Error::NotThere { what: format!("capture {}", program.0), known: Vec::new() })?;
        if let Some(opened) = &capturing.opened {
            opened.drain()?;
        }
        capture::packets(&capturing.path)
    }

    fn launch(
        &mut self,
        namespaces: &Namespaces,
        journal: &mut JournalWriter,
        netns: &NetnsRef,
        mut command: Command,
        stdout: Option<OwnedFd>,
        name: &str,
    ) -> Result<ProgramId> {
        self.reap();
        let surroundings = Surroundings::of(namespaces, netns)?;
        let number = self.next_number();
        let group = self.mark(&mut command, number);
        let log = background::Log::create(&self.folder, number)?;
        let failed = not_started(netns, &command);
        let mut unwritten = None;
        let write = |process: Process| {
            let undo = Undo::Process { process, what: name.to_owned() };
            let entry = journal.record_one(&format_args!("start `{name}` in {netns}"), vec![undo]);
            entry.map_err(|error| unwritten = Some(error)).ok()
        };
        let started = Program::start(command, stdout, (surroundings, group), log, name.to_owned(), write);
        match (started, unwritten) {
            (_, Some(error)) => Err(error),
            (Err((error, entry)), None) => {
                entry.into_iter().for_each(|n| journal.undone(n));
                Err(failed(error))
            }
            (Ok(program), None) => {
                self.started.push(program);
                Ok(ProgramId(number))
            }
        }
    }

    /// Marks a program, so that processes that it starts are found: by its environment, and by a control group that it
    /// enters.
    fn mark(&self, command: &mut Command, number: u32) -> Option<File> {
        command.env(LAB_VARIABLE, &self.token).env(PROGRAM_VARIABLE, number.to_string());
        self.groups.open(number)
    }

    fn next_number(&self) -> u32 {
        u32::try_from(self.started.len() + 1).expect("the machine has fewer processes")
    }

    pub(crate) fn running(&mut self, program: ProgramId) -> Result<bool> {
        Ok(self.program(program)?.running())
    }

    pub(crate) fn output(&mut self, program: ProgramId) -> Result<String> {
        self.program(program)?.output()
    }

    pub(crate) fn stop(&mut self, program: ProgramId, interrupt: &Interrupt) -> Result<()> {
        let stopped = self.stop_tree(program, interrupt);
        // The helper may have ended before it wrote the packets. While a socket is open, it captures.
        let heard = self.captures.get_mut(&program).and_then(|capturing| capturing.opened.take());
        let written = heard.map_or(Ok(()), |opened| opened.drain());
        stopped.and(written)
    }

    /// Ends a program and all processes that it started. A program that has ended may have left some behind.
    fn stop_tree(&mut self, program: ProgramId, interrupt: &Interrupt) -> Result<()> {
        let leader = self.program(program)?.leader();
        let mut waited = Ok(());
        let left = self.end(Whose::Program(program.0, leader), Instant::now(), |step| match interrupt.sleep(step) {
            Ok(()) => true,
            Err(error) => {
                waited = Err(error);
                false
            }
        });
        self.program(program)?.running();
        waited?;
        if left.is_empty() { Ok(()) } else { Err(Error::NotEnded { what: left }) }
    }

    fn program(&mut self, program: ProgramId) -> Result<&mut Program> {
        let index = (program.0 as usize).wrapping_sub(1);
        self.started
            .get_mut(index)
            .ok_or_else(|| Error::NotThere { what: format!("program {}", program.0), known: Vec::new() })
    }

    /// Waits for the programs that have ended by themselves.
    pub(crate) fn reap(&mut self) {
        for program in &mut self.started {
            program.running();
        }
    }
}

fn command(netns: &NetnsRef, argv: &[String]) -> Result<Command> {
    let (program, arguments) = argv.split_first().ok_or_else(|| Error::Program {
        program: String::new(),
        errno: Errno::ENOENT,
        netns: netns.to_string(),
    })?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(std::process::Stdio::null());
    Ok(command)
}

/// This program, started under another name.
fn helper(name: &str) -> Result<Command> {
    if !helper::is_known() {
        return Err(Error::NoHelper { name: name.to_owned() });
    }
    let mut command = Command::new(OWN_PROGRAM);
    command.arg0(name);
    Ok(command)
}

fn not_started(netns: &NetnsRef, command: &Command) -> impl FnOnce(io::Error) -> Error + use<> {
    let (netns, program) = (netns.to_string(), command.get_program().to_string_lossy().into_owned());
    move |error| Error::Program {
        program,
        // An error without a number is Rust's own, for a NUL byte in an argument.
        errno: error.raw_os_error().map_or(Errno::EINVAL, Errno),
        netns,
    }
}

impl Surroundings {
    fn of(namespaces: &Namespaces, netns: &NetnsRef) -> Result<Surroundings> {
        Surroundings::look_up(namespaces, netns)
            .map_err(|rejection: Rejection| rejection.into_error(|| format!("enter {netns}")))
    }
}
