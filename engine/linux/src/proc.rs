//! Facts about processes from `/proc`.

use std::fs;

use crate::journal::Process;

/// The calling thread's own network namespace; `/proc/self` would be the main thread's.
pub(crate) const OWN_NETNS: &str = "/proc/thread-self/ns/net";

/// The numbers of all processes.
pub(crate) fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The identity of a process for a journal, if it exists.
pub(crate) fn identify(pid: u32) -> Option<Process> {
    Some(Process { pid, start: start_of(pid)? })
}

/// The start time of a process, in clock ticks since boot.
pub(crate) fn start_of(pid: u32) -> Option<u64> {
    stat_field(pid, 22)?.parse().ok()
}

/// The name of a process; empty if it has ended.
pub(crate) fn name_of(pid: u32) -> String {
    let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_ascii_end().escape_ascii().to_string()
}

/// The session of a process.
pub(crate) fn session_of(pid: u32) -> Option<u32> {
    stat_field(pid, 6)?.parse().ok()
}

/// Whether exactly this process exists and has not ended.
pub(crate) fn is_alive(process: Process) -> bool {
    start_of(process.pid) == Some(process.start) && stat_field(process.pid, 3).is_some_and(|state| state != "Z")
}

/// A field of `/proc/PID/stat`, counted from 1 as in proc_pid_stat(5), behind the name.
pub(crate) fn stat_field(pid: u32, number: usize) -> Option<String> {
    // The name need not be UTF-8.
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    let behind = stat.rsplit_once(')')?.1;
    behind.split_whitespace().nth(number - 3).map(str::to_owned)
}
