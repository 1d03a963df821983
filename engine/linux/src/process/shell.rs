//! A shell in a namespace, on the terminal: its process group is in the foreground, and everything is restored after it
//! has ended.

use std::io::{self, IsTerminal, Stdin};
use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, killpg};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{Pid, geteuid, getpgrp, getpid, setpgid, tcsetpgrp};

use super::foreground::{has_ended, lost, shell_status};
use super::surroundings::Surroundings;
use crate::descriptors::restore_descriptor_limit;
use crate::interrupt::Interrupt;
use crate::sys;
use netscript_net::error::Result;
use netscript_net::op::NetnsRef;

/// The time that a shell has to end when its terminal hangs up.
const GRACE: Duration = Duration::from_millis(500);

/// The user's shell (environ(7)).
fn program() -> String {
    std::env::var("SHELL").ok().filter(|shell| !shell.is_empty()).unwrap_or_else(|| "sh".to_owned())
}

/// A shell whose prompt shows the lab and the namespace.
///
/// Shells without a configuration file use `PS1` (POSIX, sh). bash sets another prompt in `~/.bashrc`; before its first
/// prompt, it runs `PROMPT_COMMAND`.
pub(super) fn command(lab: &str, netns: &NetnsRef) -> Command {
    let mark = if geteuid().is_root() { '#' } else { '$' };
    // The token of a lab is its name and a number for this run.
    let lab = lab.rsplit_once(':').map_or(lab, |(name, _)| name);
    let place = format!("[{}: {}]", plain(lab), plain(&netns.to_string()));
    let mut command = Command::new(program());
    command.env("PS1", format!("{place} {mark} "));
    command.env("PROMPT_COMMAND", format!("PS1='{place} \\w \\$ '; unset PROMPT_COMMAND"));
    command
}

/// A name without characters that a shell would expand in a prompt.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || "-_.: ".contains(c) { c } else { '?' }).collect()
}

/// The terminal on standard input, with its original state.
pub(super) struct Terminal {
    file: Stdin,
    group: Pid,
    mode: Termios,
}

impl Terminal {
    /// The controlling terminal of this process; `None`: there is none.
    pub(super) fn take() -> io::Result<Option<Terminal>> {
        let file = io::stdin();
        if !file.is_terminal() || !io::stdout().is_terminal() {
            return Ok(None);
        }
        Ok(Some(Terminal { group: own_group()?, mode: tcgetattr(&file)?, file }))
    }

    /// Starts a program in the foreground of the terminal.
    pub(super) fn start(&self, mut command: Command, surroundings: Surroundings) -> io::Result<Child> {
        sys::before_start(&mut command, move || {
            setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
            to_foreground(io::stdin(), getpid())?;
            surroundings.enter()?;
            sys::close_files_on_start(3);
            restore_descriptor_limit()?;
            Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)
        });
        command.spawn()
    }

    /// Waits for a program, and returns its status. If the user interrupts from elsewhere, the program gets a hangup of
    /// its terminal.
    pub(super) fn finish(&self, mut child: Child, interrupt: &Interrupt) -> Result<i32> {
        let ended = sys::open_process(child.id()).map_err(lost)?;
        let waited = interrupt.wait(&[ended.as_fd()], None);
        if waited.is_err() {
            hang_up(Pid::from_raw(child.id().cast_signed()));
        }
        let status = child.wait().map_err(lost)?;
        waited.map(|_| shell_status(status))
    }
}

impl Drop for Terminal {
    /// An error is ignored: the terminal is gone, so it could not be shown.
    fn drop(&mut self) {
        let _ = to_foreground(&self.file, self.group);
        let _ = tcsetattr(&self.file, SetArg::TCSADRAIN, &self.mode);
    }
}

/// This process's group. In a sandbox its leader is outside and has no number here; then this process becomes the
/// leader of a new group.
fn own_group() -> io::Result<Pid> {
    if getpgrp().as_raw() == 0 {
        setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    }
    Ok(getpgrp())
}

/// A background process that takes the terminal is stopped unless it blocks the signal.
fn to_foreground(terminal: impl AsFd, group: Pid) -> io::Result<()> {
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGTTOU);
    let before = stop.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let result = tcsetpgrp(terminal, group);
    before.thread_set_mask()?;
    Ok(result?)
}

fn hang_up(group: Pid) {
    let _ = killpg(group, Signal::SIGHUP);
    let _ = killpg(group, Signal::SIGCONT);
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline && !has_ended(group) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = killpg(group, Signal::SIGKILL);
}
