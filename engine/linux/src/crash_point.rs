//! Kills or interrupts the process at a chosen point, for tests.

/// A point at which the process may be killed: before and after each step that others can see.
///
/// In debug builds, `NETSCRIPT_KILL_AT=N` makes the process kill itself (SIGKILL) at the N-th such point, counted from
/// 0, and `NETSCRIPT_INTERRUPT_AT=N` interrupt itself (SIGINT). In other builds this does nothing.
#[cfg(debug_assertions)]
pub(crate) fn here() {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use nix::sys::signal::{Signal, kill};

    static AT: OnceLock<Option<(u64, Signal)>> = OnceLock::new();
    static MOMENT: AtomicU64 = AtomicU64::new(0);
    let number = |variable: &str| std::env::var(variable).ok()?.parse::<u64>().ok();
    let at = AT.get_or_init(|| {
        let killed = number("NETSCRIPT_KILL_AT").map(|at| (at, Signal::SIGKILL));
        killed.or_else(|| number("NETSCRIPT_INTERRUPT_AT").map(|at| (at, Signal::SIGINT)))
    });
    let moment = MOMENT.fetch_add(1, Ordering::Relaxed);
    if let Some((_, signal)) = at.filter(|(at, _)| *at == moment) {
        let _ = kill(nix::unistd::Pid::this(), signal);
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn here() {}
