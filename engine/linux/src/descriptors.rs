//! How many files this process may have open: a namespace in use takes several, and the soft limit of
//! most systems, 1,024, is kept low only for programs that use select(2).

use std::io;
use std::sync::OnceLock;

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// The limits that this process was started with: the soft one and the hard one.
static BEFORE: OnceLock<(rlim_t, rlim_t)> = OnceLock::new();

/// Raises the soft limit to the hard one.
pub fn raise_descriptor_limit() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    // Without it, the limit is met where a file is opened, and told there.
    if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        let _ = BEFORE.set((soft, hard));
    }
}

/// Gives a program that is started the limit that this process was started with. A system call only.
pub(crate) fn restore_descriptor_limit() -> io::Result<()> {
    match BEFORE.get() {
        Some((soft, hard)) => Ok(setrlimit(Resource::RLIMIT_NOFILE, *soft, *hard)?),
        None => Ok(()),
    }
}
