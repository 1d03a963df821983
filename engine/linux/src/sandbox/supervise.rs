//! Waits for the process inside: passes signals on to it, reaps orphans, and ends with its status.

use nix::errno::Errno;
use nix::libc::SI_KERNEL;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Signals that ask a program to end. They are passed on to the process inside.
const HANDED_ON: [Signal; 6] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];

/// A process that waits with blocked signals, so that no signal is lost, and the first process of a PID namespace gets
/// them too.
pub(super) struct Supervisor {
    signals: SignalFd,
    before: SigSet,
}

impl Supervisor {
    pub(super) fn new() -> nix::Result<Supervisor> {
        let signals: SigSet = HANDED_ON.into_iter().chain([Signal::SIGCHLD]).collect();
        let before = signals.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK)?;
        Ok(Supervisor { signals: SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC)?, before })
    }

    /// Unblocks the signals, in the process that does not supervise.
    pub(super) fn retire(self) -> nix::Result<()> {
        self.before.thread_set_mask()
    }

    /// Waits for a child and ends with its status; 128 plus the signal's number if a signal ended it.
    pub(super) fn exit_with(self, child: Pid) -> ! {
        std::process::exit(self.wait_for(child))
    }

    fn wait_for(&self, child: Pid) -> i32 {
        loop {
            if let Some(status) = reap(child) {
                return status;
            }
            if let Some(signal) = self.next_to_hand_on() {
                // It may have ended meanwhile, but its number is not reused.
                let _ = kill(child, signal);
            }
        }
    }
}

impl Supervisor {
    /// Waits for a signal for the child; `None`: it was a signal for this process.
    fn next_to_hand_on(&self) -> Option<Signal> {
        let info = self.signals.read_signal().ok().flatten()?;
        let signal = Signal::try_from(i32::try_from(info.ssi_signo).ok()?).ok()?;
        // The terminal's keys signal the child too, which is in the same process group. A second signal would interrupt
        // what it runs next.
        let by_key = info.ssi_code == SI_KERNEL && matches!(signal, Signal::SIGINT | Signal::SIGQUIT);
        (signal != Signal::SIGCHLD && !by_key).then_some(signal)
    }
}

/// Reaps all children that have ended, and returns the status of `child` if it is among them.
fn reap(child: Pid) -> Option<i32> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, status)) if pid == child => return Some(status),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => return Some(128 + signal as i32),
            Ok(WaitStatus::StillAlive) => return None,
            // `child` was waited for elsewhere, which does not happen.
            Err(Errno::ECHILD) => return Some(1),
            Ok(_) | Err(_) => {}
        }
    }
}
