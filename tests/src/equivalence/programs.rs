//! Programs in the background of a sandbox.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The programs started in this sandbox, and no others: those in its network namespaces, and those in its mount
/// namespace, as the holders of unnamed namespaces are. They are ended on drop, also by a panic.
pub(super) struct Programs;

impl Drop for Programs {
    fn drop(&mut self) {
        let named = fs::read_dir("/run/netns").into_iter().flatten().flatten().map(|entry| entry.path());
        let own = ["/proc/thread-self/ns/net", "/proc/thread-self/ns/mnt"].map(PathBuf::from);
        let inodes: BTreeSet<u64> = named.chain(own).filter_map(|path| inode(&path)).collect();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let places = ["ns/net", "ns/mnt"].map(|place| inode(&entry.path().join(place)));
            if pid != std::process::id() && places.into_iter().flatten().any(|inode| inodes.contains(&inode)) {
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
            }
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    Some(fs::metadata(path).ok()?.ino())
}
