//! Mounts, made and changed.

use std::path::Path;

use nix::mount::{MsFlags, mount};

/// The flags of mounts with nothing in them that gives rights.
pub(super) fn quiet() -> MsFlags {
    MsFlags::MS_NOSUID | MsFlags::MS_NODEV
}

/// Mounts a new file system.
pub(super) fn mount_new(kind: &str, target: &str, flags: MsFlags, data: Option<&str>) -> nix::Result<()> {
    mount(Some("netscript"), target, Some(kind), flags, data)
}

/// Shows a file or a folder, with what is mounted in it, at another place too.
pub(super) fn bind(from: &Path, to: &Path) -> nix::Result<()> {
    match mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>) {
        // What is locked in it must come along.
        Err(nix::Error::EINVAL) => {
            mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        }
        result => result,
    }
}

/// Gives a mount other flags.
pub(super) fn remount(path: &Path, flags: MsFlags) -> nix::Result<()> {
    mount(None::<&str>, path, None::<&str>, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags, None::<&str>)
}
