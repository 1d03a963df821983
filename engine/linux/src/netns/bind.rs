//! Adds and removes names of namespaces, as `ip netns` does.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::paths::{NETNS_DIR, path_of};
use crate::{Outcome, Rejection, crash_point};
use netscript_net::op::{NetnsName, NetnsRef};
use netscript_net::world::Missing;

/// Creates the file that a namespace is bound to, exclusively.
fn create_mount_point(name: &NetnsName) -> Outcome<PathBuf> {
    let path = path_of(name);
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o000).open(&path)?;
    Ok(path)
}

/// Prepares `/run/netns` as iproute2 does: mode 0755, a mount point, shared, so that its mounts are visible (and
/// removed) in every mount namespace.
fn share_directory() -> Outcome {
    let dir = Path::new(NETNS_DIR);
    match DirBuilder::new().mode(0o755).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    // Two processes that made it a mount point at the same time would mount it twice.
    let _lock = Flock::lock(File::open(dir)?, FlockArg::LockExclusive).map_err(|(_, error)| io::Error::from(error))?;
    match propagate(dir, MsFlags::MS_SHARED) {
        // It is not a mount point.
        Err(nix::Error::EINVAL) => {
            mount(Some(dir), dir, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
                .map_err(io::Error::from)?;
            // Private first, so that it is shared with its own copies and not with `/run`.
            propagate(dir, MsFlags::MS_PRIVATE).map_err(io::Error::from)?;
            Ok(propagate(dir, MsFlags::MS_SHARED).map_err(io::Error::from)?)
        }
        result => Ok(result.map_err(io::Error::from)?),
    }
}

fn propagate(dir: &Path, how: MsFlags) -> nix::Result<()> {
    mount(None::<&str>, dir, None::<&str>, how | MsFlags::MS_REC, None::<&str>)
}

fn bind_mount(from: &Path, to: &Path) -> Outcome {
    Ok(mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(io::Error::from)?)
}

/// `ip netns attach NAME PID`
pub(crate) fn bind(name: &NetnsName, netns: &Path) -> Outcome {
    share_directory()?;
    bind_in_folder(name, netns)
}

/// The same, in a folder that is shared already: checking that takes time in proportion to the number of namespaces.
pub(super) fn bind_in_folder(name: &NetnsName, netns: &Path) -> Outcome {
    let path = create_mount_point(name)?;
    crash_point::here();
    let bound = bind_mount(netns, &path);
    if bound.is_err() {
        let _ = fs::remove_file(&path);
    }
    bound
}

/// Removes a name. A symbolic link, or a file that is not a mount point, is removed as well, as by `ip netns del`.
pub(crate) fn unbind(name: &NetnsName) -> Outcome {
    let path = path_of(name);
    let link = fs::symlink_metadata(&path)
        .map_err(|error| Rejection::missing(Missing::Netns(NetnsRef::Named(name.clone())), error))?;
    if !link.is_symlink() {
        match umount2(&path, MntFlags::MNT_DETACH) {
            Ok(()) | Err(nix::Error::EINVAL) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    Ok(fs::remove_file(&path)?)
}
