//! The visible users of a namespace: processes in it, names, and open files.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::paths::pids_in;
use crate::proc::OWN_NETNS;

/// Whether a namespace has visible users. A socket that was opened in it and passed to a process elsewhere is not
/// visible.
pub(super) fn is_kept(inode: u64) -> bool {
    !pids_in(inode).is_empty() || is_mounted(inode) || is_open(inode)
}

/// Whether the namespace has a name, or a bind mount elsewhere (proc(5), `mountinfo`: the fourth word is the root).
fn is_mounted(inode: u64) -> bool {
    let mounts = fs::read("/proc/thread-self/mountinfo").unwrap_or_default();
    let mounts = String::from_utf8_lossy(&mounts);
    let word = format!("net:[{inode}]");
    mounts.lines().any(|line| line.split(' ').nth(3) == Some(&word))
}

fn is_open(inode: u64) -> bool {
    let Ok(own) = fs::metadata(OWN_NETNS) else { return false };
    let stands_for = |file: fs::DirEntry| {
        fs::metadata(file.path()).is_ok_and(|found| (found.dev(), found.ino()) == (own.dev(), inode))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut files = processes.filter_map(|process| fs::read_dir(process.path().join("fd")).ok());
    files.any(|files| files.flatten().any(stands_for))
}
