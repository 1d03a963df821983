//! Names of namespaces, given and taken away as `ip netns` does it.

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

/// Makes the file that a namespace is bound to, exclusively.
fn create_mount_point(name: &NetnsName) -> Outcome<PathBuf> {
    let path = path_of(name);
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o000).open(&path)?;
    Ok(path)
}

/// `/run/netns` as iproute2 makes it: mode 0755, a mount point of its own, shared, so that the
/// mounts in it are seen (and removed) in every mount namespace.
fn share_directory() -> Outcome {
    let dir = Path::new(NETNS_DIR);
    match DirBuilder::new().mode(0o755).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    // Two that made it a mount point at once would mount it twice, one over the other.
    let _lock = Flock::lock(File::open(dir)?, FlockArg::LockExclusive).map_err(|(_, error)| io::Error::from(error))?;
    match propagate(dir, MsFlags::MS_SHARED) {
        // Not a mount point yet.
        Err(nix::Error::EINVAL) => {
            mount(Some(dir), dir, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
                .map_err(io::Error::from)?;
            // Private first, so that it shares with its own copies and not with `/run`.
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

/// The same, in a folder whose mounts are shared with other mount namespaces already: to see to that takes
/// as long as there are namespaces.
pub(super) fn bind_in_folder(name: &NetnsName, netns: &Path) -> Outcome {
    let path = create_mount_point(name)?;
    crash_point::here();
    let bound = bind_mount(netns, &path);
    if bound.is_err() {
        let _ = fs::remove_file(&path);
    }
    bound
}

/// Takes a name away. A symbolic link or a file that is no mount point is removed as well, as
/// `ip netns del` does.
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
