//! Being killed at a certain moment, for tests.

/// A moment at which the process may be killed: before and after each step that others can see.
///
/// In debug builds the variable `NETSCRIPT_KILL_AT=N` makes the process kill itself (SIGKILL) at
/// its N-th such moment, counted from 0. In others this does nothing.
#[cfg(debug_assertions)]
pub(crate) fn point() {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static AT: OnceLock<Option<u64>> = OnceLock::new();
    static MOMENT: AtomicU64 = AtomicU64::new(0);
    let at = AT.get_or_init(|| std::env::var("NETSCRIPT_KILL_AT").ok()?.parse().ok());
    if *at == Some(MOMENT.fetch_add(1, Ordering::Relaxed)) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn point() {}
