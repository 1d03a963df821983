//! The sandbox's `/dev`: standard devices, and `net/tun`.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::calls::{bind, mount_new, remount};
use super::obstacle::{Obstacle, Step};

/// The folder in which it is built, in a `/run` that is covered afterwards.
const WORKSHOP: &str = "/run/dev";

/// The machine's devices that are shown, if they exist.
const DEVICES: [&str; 7] = ["null", "zero", "full", "random", "urandom", "tty", "net/tun"];

/// Symbolic links that programs expect.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Builds and mounts `/dev`.
pub(super) fn make() -> Result<(), Obstacle> {
    put_together().map_err(Step::Mount("/dev").failed())
}

fn put_together() -> io::Result<()> {
    let workshop = Path::new(WORKSHOP);
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    fs::create_dir(workshop)?;
    mount_new("tmpfs", WORKSHOP, quiet, Some("mode=0755"))?;
    for folder in ["net", "pts", "shm"] {
        DirBuilder::new().mode(0o755).create(workshop.join(folder))?;
    }
    mount_new("tmpfs", &format!("{WORKSHOP}/shm"), quiet | MsFlags::MS_NODEV, Some("mode=1777"))?;
    for name in DEVICES {
        let (device, place) = (Path::new("/dev").join(name), workshop.join(name));
        if !fs::exists(&device)? {
            continue;
        }
        File::create_new(&place)?;
        bind(&device, &place)?;
        // All other mounts of the machine have no devices.
        remount(&place, quiet)?;
    }
    mount_new("devpts", &format!("{WORKSHOP}/pts"), quiet, Some("newinstance,ptmxmode=0666,mode=0620"))?;
    for (name, target) in LINKS {
        symlink(target, workshop.join(name))?;
    }
    // Read-only, since `> /dev/kmsg` would otherwise create a missing file.
    remount(workshop, quiet | MsFlags::MS_RDONLY)?;
    Ok(mount(Some(workshop), "/dev", None::<&str>, MsFlags::MS_MOVE, None::<&str>)?)
}
