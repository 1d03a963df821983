//! Waits until the kernel has finished its background work.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// The interval of polling.
const STEP: Duration = Duration::from_millis(10);

/// A limit, because namespaces of other programs may keep the kernel busy.
const LIMIT: Duration = Duration::from_secs(20);

/// How often in a row the kernel must be found idle.
const LOOKS: usize = 5;

/// Waits until no namespace is being removed: a busy worker's name has a `+` before its work queue (`wq_worker_comm`,
/// kernel/workqueue.c).
pub(super) fn wait() {
    let start = Instant::now();
    let mut quiet = 0;
    while quiet < LOOKS && start.elapsed() < LIMIT {
        quiet = if removes_namespaces() { 0 } else { quiet + 1 };
        thread::sleep(STEP);
    }
}

fn removes_namespaces() -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut names = processes.filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
    names.any(|name| name.starts_with("kworker/") && name.contains("+netns"))
}
