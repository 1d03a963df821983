//! What this process may do. Being root is neither needed nor enough: capabilities count, in the
//! user namespace that the network belongs to.

use std::fs::{self, File};

use super::sys;

/// Bits of capability sets (include/uapi/linux/capability.h).
const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;

/// Whether this thread may change the network that it is in: it has the capabilities, and they
/// count there, since the network belongs to this thread's user namespace or one below.
pub fn may_change_networks() -> bool {
    may_make_namespaces() && has(CAP_NET_ADMIN) && owns_its_network()
}

/// Whether this thread may make namespaces without a user namespace of its own.
pub(super) fn may_make_namespaces() -> bool {
    has(CAP_SYS_ADMIN)
}

fn has(capability: u32) -> bool {
    status_field("CapEff").is_some_and(|set| set & (1 << capability) != 0)
}

/// The kernel tells a namespace's owner only to who is not below it (ioctl_ns(2)).
fn owns_its_network() -> bool {
    File::open(super::netns::OWN).is_ok_and(|netns| sys::owner_of_namespace(&netns).is_ok())
}

/// A hexadecimal field of this thread's status (proc_pid_status(5)).
pub(super) fn status_field(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    u64::from_str_radix(line.trim(), 16).ok()
}
