//! A sandbox: a separate network, mounts and processes for a script, of which nothing is left afterwards.
//!
//! Three processes make a sandbox: the outer one (A), which stays where it is and waits; the first process of the new
//! PID namespace (B), which reaps orphans; and the one that continues the program (C). When A ends, even by SIGKILL, B
//! ends too (`PR_SET_PDEATHSIG`), and when B ends, everything inside ends.
//!
//! Root is not bound by file permissions, and a user namespace alone does not change that: `/proc/sys/vm`, `/etc/hosts`
//! and devices stay writable. So the mounts are made first, while B still has its rights: everything read-only and
//! without devices, with a separate `/dev`, `/run` and `/tmp` (`mounts`, `devices`, `proc`). Then B enters a user
//! namespace and copies the mounts into it. The kernel locks mounts that are copied into a less privileged mount
//! namespace (mount_namespaces(7)): nobody inside can unmount them or make them writable. The same holds for a sandbox
//! of an ordinary user, which begins with a further user namespace for the right to mount.

mod calls;
mod devices;
mod etc;
mod folders;
mod identity;
mod mounts;
mod obstacle;
mod proc;
mod supervise;
mod thread;

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;

pub use folders::SandboxFolders;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::ForkResult;
use obstacle::{Obstacle, Step, Switches, explain};
use rtnetlink::LinkUnspec;
use rtnetlink::packet_route::RouteNetlinkMessage;
use supervise::Supervisor;
pub use thread::take_own_network;

use crate::link::LOOPBACK;
use crate::socket::RouteSocket;
use crate::{Outcome, privilege, release, sys};
use netscript_net::error::Result;

/// Moves this process into a sandbox; the program continues inside. Must be called before the first thread is started.
/// The calling process stays outside, waits, and ends with the exit status of the inner one.
pub fn enter_sandbox(folders: &SandboxFolders) -> Result<()> {
    release::check_release()?;
    mounts::check(folders)?;
    let switches = Switches::read();
    make(folders).map_err(|obstacle| explain(&obstacle, &switches))
}

fn make(folders: &SandboxFolders) -> std::result::Result<(), Obstacle> {
    let supervisor = Supervisor::new().map_err(Step::Fork.failed())?;
    if !privilege::may_make_namespaces() {
        identity::become_root()?;
    }
    unshare(CloneFlags::CLONE_NEWPID).map_err(Step::Namespaces.failed())?;
    let (reader, writer) = io::pipe().map_err(Step::Fork.failed())?;
    match sys::fork_alone().map_err(Step::Fork.failed())? {
        ForkResult::Parent { child } => {
            drop(reader);
            supervisor.exit_with(child)
        }
        ForkResult::Child => die_with_parent(&reader, writer)?,
    }
    build(folders)?;
    loopback_is_up()?;
    // Changing credentials has cleared the setting.
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(Step::Fork.failed())?;
    parent_lives(&reader)?;
    sys::new_session_keyring().map_err(Step::Keyring.failed())?;
    // These processes are in the process group of those outside, and may hold their terminal. No program in the sandbox
    // may control them (ptrace(2), "Ptrace access mode checking").
    prctl::set_dumpable(false).map_err(Step::Fork.failed())?;
    match sys::fork_alone().map_err(Step::Fork.failed())? {
        ForkResult::Parent { child } => supervisor.exit_with(child),
        ForkResult::Child => supervisor.retire().map_err(Step::Fork.failed()),
    }
}

/// The work of the first process of the sandbox on its way inside.
fn build(folders: &SandboxFolders) -> std::result::Result<(), Obstacle> {
    let own_process = identity::open_own_process()?;
    unshare(CloneFlags::CLONE_NEWNS).map_err(Step::Namespaces.failed())?;
    let limits = mounts::make(folders)?;
    let namespaces =
        CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC;
    identity::map_all(&own_process, || unshare(namespaces).map_err(Step::Namespaces.failed()))?;
    mounts::mount_sys()?;
    limits.forbid_cgroup_namespaces()
}

/// Called before anything else. If the parent has already ended, the pipe's other end is closed.
fn die_with_parent(pipe: &PipeReader, writer: PipeWriter) -> std::result::Result<(), Obstacle> {
    drop(writer);
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(Step::Fork.failed())?;
    parent_lives(pipe)
}

fn parent_lives(pipe: &PipeReader) -> std::result::Result<(), Obstacle> {
    let mut parent = [PollFd::new(pipe.as_fd(), PollFlags::empty())];
    match poll(&mut parent, PollTimeout::ZERO) {
        Ok(0) => Ok(()),
        _ => Err(Step::Fork.failed()(nix::Error::ESRCH)),
    }
}

fn loopback_is_up() -> std::result::Result<(), Obstacle> {
    loopback_up().map_err(|rejection| Step::Loopback.failed()(io::Error::from_raw_os_error(rejection.errno.0)))
}

/// `ip link set lo up`
fn loopback_up() -> Outcome {
    let message = LinkUnspec::new_with_index(LOOPBACK).up().build();
    RouteSocket::open()?.change(RouteNetlinkMessage::SetLink(message), 0)
}
