//! The privileges of this process. Being root is neither necessary nor sufficient: capabilities count, in the user
//! namespace that the network belongs to.

use std::fs::{self, File};

use crate::{Rejection, proc, sys};
use netscript_net::error::{Errno, Error};
use netscript_net::op::{Action, LinkOp, LinkSet, NetnsOp, Op};
use netscript_net::world::Missing;

/// A bit of capability sets (include/uapi/linux/capability.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capability {
    bit: u32,
    name: &'static str,
}

pub(crate) const CAP_NET_ADMIN: Capability = Capability { bit: 12, name: "CAP_NET_ADMIN" };
pub(crate) const CAP_NET_RAW: Capability = Capability { bit: 13, name: "CAP_NET_RAW" };
pub(crate) const CAP_SYS_PTRACE: Capability = Capability { bit: 19, name: "CAP_SYS_PTRACE" };
pub(crate) const CAP_SYS_ADMIN: Capability = Capability { bit: 21, name: "CAP_SYS_ADMIN" };

/// Why this thread may not change networks: it is unprivileged, or it is root without some capabilities. `sandbox` says
/// whether a sandbox would do as well.
pub fn privilege_missing(sandbox: bool) -> Error {
    let missing: Vec<String> = [CAP_SYS_ADMIN, CAP_NET_ADMIN]
        .into_iter()
        .filter(|capability| !has(*capability))
        .map(|capability| capability.name.to_owned())
        .collect();
    if missing.is_empty() || !nix::unistd::geteuid().is_root() {
        return Error::NotRoot { sandbox };
    }
    Error::NoCapability { missing, doing: "change networks".to_owned() }
}

/// The error of an action that was forbidden for lack of a capability.
pub(crate) fn without(capability: Capability, errno: Errno, doing: impl FnOnce() -> String) -> Option<Error> {
    let forbidden = matches!(errno, Errno::EPERM | Errno::EACCES);
    let lacks = forbidden && nix::unistd::geteuid().is_root() && !has(capability);
    lacks.then(|| Error::NoCapability { missing: vec![capability.name.to_owned()], doing: doing() })
}

/// The rejection for a process whose namespace cannot be opened although this thread has the capability: the process
/// belongs to a user namespace above this thread's, or it cannot be inspected at all, such as PID 1 of a sandbox
/// (ptrace(2), "Ptrace access mode checking").
pub(crate) fn out_of_reach(pid: u32, rejection: Rejection) -> Rejection {
    let forbidden = matches!(rejection.errno, Errno::EPERM | Errno::EACCES);
    if !forbidden || !has(CAP_SYS_PTRACE) {
        return rejection;
    }
    Rejection { missing: Some(Missing::Other(Box::new(Error::OutOfReach { pid }))), ..rejection }
}

/// Names the missing capability if an operation was refused for that reason.
pub(crate) fn named(op: &Op, rejection: Rejection) -> Rejection {
    if rejection.missing.is_some() || rejection.unsupported.is_some() {
        return rejection;
    }
    let error = needed(op).and_then(|capability| without(capability, rejection.errno, || op.to_string()));
    match error {
        Some(error) => Rejection { missing: Some(Missing::Other(Box::new(error))), ..rejection },
        None => rejection,
    }
}

/// The capability that an operation needs (capabilities(7)). Writing a setting's file can also be forbidden for other
/// reasons.
fn needed(op: &Op) -> Option<Capability> {
    match &op.action {
        Action::Netns(NetnsOp::Attach(..)) if has(CAP_SYS_ADMIN) => Some(CAP_SYS_PTRACE),
        Action::Netns(_) => Some(CAP_SYS_ADMIN),
        Action::Link(LinkOp::Set(_, LinkSet::Netns(_))) if has(CAP_NET_ADMIN) => Some(CAP_SYS_ADMIN),
        Action::Link(LinkOp::Add(_, spec)) if spec.peer(&op.netns).is_some() && has(CAP_NET_ADMIN) => {
            Some(CAP_SYS_ADMIN)
        }
        Action::Link(_)
        | Action::Addr(_)
        | Action::Route(_)
        | Action::Policy(_)
        | Action::Neigh(_)
        | Action::Fdb(_)
        | Action::Netfilter(_) => Some(CAP_NET_ADMIN),
        Action::Sysctl(_) => None,
    }
}

/// Whether this thread may change its network: it has the capabilities, and they are valid there, since the network
/// belongs to this thread's user namespace or one below.
pub fn may_change_networks() -> bool {
    may_make_namespaces() && has(CAP_NET_ADMIN) && owns_its_network()
}

/// Whether this thread may create namespaces without a user namespace of its own.
pub fn may_make_namespaces() -> bool {
    has(CAP_SYS_ADMIN)
}

fn has(capability: Capability) -> bool {
    status_field("CapEff").is_some_and(|set| set & (1 << capability.bit) != 0)
}

/// The kernel reveals a namespace's owner only to processes that are not below it (ioctl_ns(2)).
fn owns_its_network() -> bool {
    File::open(proc::OWN_NETNS).is_ok_and(|netns| sys::owner_of_namespace(&netns).is_ok())
}

/// A hexadecimal field of this thread's status (proc_pid_status(5)).
pub(crate) fn status_field(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    u64::from_str_radix(line.trim(), 16).ok()
}
