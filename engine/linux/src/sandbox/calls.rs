//! Creates and changes mounts.

use std::path::Path;

use nix::mount::{MsFlags, mount};

/// Mount flags without executable privileges.
pub(super) fn quiet() -> MsFlags {
    MsFlags::MS_NOSUID | MsFlags::MS_NODEV
}

/// Mounts a new file system.
pub(super) fn mount_new(kind: &str, target: &str, flags: MsFlags, data: Option<&str>) -> nix::Result<()> {
    mount(Some("netscript"), target, Some(kind), flags, data)
}

/// Binds a file or a folder, with all mounts in it, to another place.
pub(super) fn bind(from: &Path, to: &Path) -> nix::Result<()> {
    match mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>) {
        // Locked mounts in it must be bound too.
        Err(nix::Error::EINVAL) => {
            mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        }
        result => result,
    }
}

/// Changes the flags of a mount.
pub(super) fn remount(path: &Path, flags: MsFlags) -> nix::Result<()> {
    mount(None::<&str>, path, None::<&str>, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags, None::<&str>)
}
