//! A network, mounts and processes of one's own, in which a script does what it likes, and of
//! which nothing is left.
//!
//! Three processes make it: the outer one (A), which stays where it is but for its namespaces and
//! waits; the first process of the new PID namespace (B), which looks after orphans; and the one
//! that goes on with the program (C). A's end, SIGKILL included, is B's end (`PR_SET_PDEATHSIG`),
//! and B's end is the end of everything inside.

mod mounts;
mod obstacle;
mod supervise;

use std::fs;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, getegid, geteuid};
use obstacle::{Obstacle, Step, Switches, explain};
use rtnetlink::LinkUnspec;
use rtnetlink::packet_route::RouteNetlinkMessage;
use supervise::Supervisor;

use super::socket::RouteSocket;
use super::{Outcome, privilege, sys};
use crate::diagnostics::Result;

/// Index of the loopback link in every namespace (`LOOPBACK_IFINDEX`, include/net/net_namespace.h).
const LOOPBACK: u32 = 1;

/// Moves this process into a sandbox: what follows happens there. Must be called before the first
/// thread is started. The calling process stays behind, waits, and ends with the status of the
/// one that goes on.
pub fn enter_sandbox() -> Result<()> {
    super::check_release()?;
    let switches = Switches::read();
    make().map_err(|obstacle| explain(&obstacle, &switches))
}

fn make() -> std::result::Result<(), Obstacle> {
    let supervisor = Supervisor::new().map_err(Step::Fork.failed())?;
    unshare_all()?;
    let (reader, writer) = io::pipe().map_err(Step::Fork.failed())?;
    match sys::fork_alone().map_err(Step::Fork.failed())? {
        ForkResult::Parent { child } => {
            drop(reader);
            supervisor.exit_with(child)
        }
        ForkResult::Child => die_with_parent(&reader, writer)?,
    }
    mounts::make()?;
    loopback_up().map_err(|failure| Step::Loopback.failed()(io::Error::from_raw_os_error(failure.refusal.errno.0)))?;
    match sys::fork_alone().map_err(Step::Fork.failed())? {
        ForkResult::Parent { child } => supervisor.exit_with(child),
        ForkResult::Child => supervisor.retire().map_err(Step::Fork.failed()),
    }
}

/// `unshare --net --mount --pid`, and `--user --map-root-user` where that is needed.
fn unshare_all() -> std::result::Result<(), Obstacle> {
    let (user, group) = (geteuid(), getegid());
    if !privilege::may_make_namespaces() {
        unshare(CloneFlags::CLONE_NEWUSER).map_err(Step::User.failed())?;
        // Without this an ordinary user may not map a group (user_namespaces(7)).
        fs::write("/proc/self/setgroups", "deny").map_err(Step::Map.failed())?;
        fs::write("/proc/self/uid_map", format!("0 {user} 1")).map_err(Step::Map.failed())?;
        fs::write("/proc/self/gid_map", format!("0 {group} 1")).map_err(Step::Map.failed())?;
    }
    let namespaces = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
    unshare(namespaces).map_err(Step::Namespaces.failed())
}

/// Set after the last change of credentials, which would clear it. If the parent has ended before,
/// the pipe's other end is closed.
fn die_with_parent(pipe: &PipeReader, writer: PipeWriter) -> std::result::Result<(), Obstacle> {
    drop(writer);
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(Step::Fork.failed())?;
    let mut parent = [PollFd::new(pipe.as_fd(), PollFlags::empty())];
    match poll(&mut parent, PollTimeout::ZERO) {
        Ok(0) => Ok(()),
        _ => Err(Step::Fork.failed()(nix::Error::ESRCH)),
    }
}

/// `ip link set lo up`
fn loopback_up() -> Outcome {
    let message = LinkUnspec::new_with_index(LOOPBACK).up().build();
    RouteSocket::open()?.change(RouteNetlinkMessage::SetLink(message), 0)
}
