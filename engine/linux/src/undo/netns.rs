//! Removes and restores names of namespaces.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::journal::{NetnsKey, Place};
use crate::netns::{bind, path_of, unbind};
use crate::site::Site;
use crate::{Outcome, crash_point};
use netscript_net::op::{NetnsName, NetnsRef};

/// Removes a name if it is bound to the namespace to which the lab gave it. A file that is not bound was left behind by
/// a killed process, and is removed too.
pub(super) fn take_name(site: &mut Site, name: &NetnsName, key: NetnsKey) -> Outcome {
    let netns = NetnsRef::Named(name.clone());
    let path = path_of(name);
    let Ok(file) = fs::symlink_metadata(&path) else {
        site.network.namespaces.close(&netns);
        return Ok(());
    };
    if file.ino() == key.inode && is_named(site, &netns, key) {
        site.network.namespaces.close(&netns);
        unbind(name)?;
        crash_point::here();
        return Ok(());
    }
    site.network.namespaces.close(&netns);
    let never_bound = file.is_file() && file.len() == 0 && file.mode() & 0o777 == 0;
    if never_bound && !is_namespace(&path) {
        fs::remove_file(&path)?;
    }
    Ok(())
}

fn is_named(site: &mut Site, netns: &NetnsRef, key: NetnsKey) -> bool {
    site.network.namespaces.key(netns).is_ok_and(|found| found.is_same(key))
}

/// Restores a name, as long as something keeps the namespace.
pub(super) fn give_name(site: &mut Site, name: &NetnsName, place: &Place) -> Outcome {
    if path_of(name).symlink_metadata().is_ok() {
        return Ok(());
    }
    let Some(netns) = site.network.namespaces.find(place)? else { return Ok(()) };
    let file = site.network.namespaces.file(&netns)?;
    use std::os::fd::AsRawFd;
    bind(name, &PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())))
}

fn is_namespace(path: &std::path::Path) -> bool {
    nix::sys::statfs::statfs(path).is_ok_and(|stat| stat.filesystem_type() == nix::sys::statfs::NSFS_MAGIC)
}
