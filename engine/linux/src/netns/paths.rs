//! The names of namespaces, and the processes in them.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::{Outcome, proc};
use netscript_net::op::{NetnsName, raw};

/// The folder of namespace names (`NETNS_RUN_DIR`, iproute2's include/namespace.h).
pub(crate) const NETNS_DIR: &str = "/run/netns";

/// The folder with the namespaces' own versions of files in `/etc` (`NETNS_ETC_DIR`, iproute2's include/namespace.h).
pub(crate) const NETNS_ETC_DIR: &str = "/etc/netns";

pub(crate) fn path_of(name: &NetnsName) -> PathBuf {
    Path::new(NETNS_DIR).join(OsStr::from_bytes(&raw::to_bytes(name.as_str())))
}

pub(crate) fn ns_of_pid(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/ns/net"))
}

/// All processes, by the inode of the namespace of their main thread.
pub(crate) fn pids_by_netns() -> HashMap<u64, Vec<u32>> {
    let mut found: HashMap<u64, Vec<u32>> = HashMap::new();
    for pid in proc::pids() {
        if let Ok(netns) = fs::metadata(ns_of_pid(pid)) {
            found.entry(netns.ino()).or_default().push(pid);
        }
    }
    found
}

/// The processes whose main thread is in a namespace, as in `ip netns pids`.
pub(crate) fn pids_in(inode: u64) -> Vec<u32> {
    let is_in = |pid: &u32| fs::metadata(ns_of_pid(*pid)).is_ok_and(|netns| netns.ino() == inode);
    let mut pids: Vec<u32> = proc::pids().filter(is_in).collect();
    pids.sort_unstable();
    pids
}

/// `ip netns list`, sorted.
pub(crate) fn names() -> Outcome<Vec<NetnsName>> {
    let entries = match fs::read_dir(NETNS_DIR) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(NetnsName::parse(&raw::from_bytes(entry?.file_name().as_bytes())).ok());
    }
    names.sort();
    Ok(names)
}
