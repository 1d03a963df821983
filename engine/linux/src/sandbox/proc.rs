//! The sandbox's `/proc`. By permissions alone, root could write many of its files: settings of the whole machine
//! (`/proc/sys/vm`), `/proc/sysrq-trigger`, the CPU affinity of interrupts. Everything that does not belong to a
//! process is read-only, except `/proc/sys/net`, which shows the settings of the reader's network.

use std::fs::{self, DirEntry, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::libc::O_PATH;
use nix::mount::MsFlags;

use super::calls::{bind, mount_new, quiet, remount};
use super::obstacle::{Obstacle, Step};

/// The settings of the network.
const NET: &str = "/proc/sys/net";

/// A place for a complete read-only `/proc`, in a `/run` that is covered afterwards. A nested sandbox can mount its own
/// `/proc` only if the kernel finds an unobscured one (`mnt_already_visible`, fs/namespace.c), which the one in use is
/// not. The nested one must then be read-only too.
const WHOLE: &str = "/run/proc";

/// The limits of a user namespace: that of the process when it writes them. `None`: this `/proc` is read-only, in a
/// nested sandbox, for which the outer one's limits hold.
pub(super) struct Limits(Option<File>);

impl Limits {
    /// Forbids cgroup namespaces. Without one, nobody inside can mount the cgroups, whose files root could write. This
    /// holds for nested namespaces too.
    pub(super) fn forbid_cgroup_namespaces(self) -> Result<(), Obstacle> {
        let Some(folder) = self.0 else { return Ok(()) };
        let path = format!("/proc/self/fd/{}/max_cgroup_namespaces", folder.as_raw_fd());
        let file = OpenOptions::new().write(true).open(path);
        file.and_then(|mut file| file.write_all(b"0")).map_err(Step::Limit.failed())
    }
}

/// Mounts `/proc`.
pub(super) fn make() -> Result<Limits, Obstacle> {
    // From an outer sandbox, if the new `/proc` must be read-only completely.
    let net_outside = OpenOptions::new().read(true).custom_flags(O_PATH).open(NET);
    let made = match mount_new("proc", "/proc", flags(), None) {
        Ok(()) => protect(),
        Err(nix::Error::EPERM) => net_outside.and_then(|net| make_read_only(&net)),
        Err(error) => Err(error.into()),
    };
    made.map_err(Step::Mount("/proc").failed())
}

/// Makes everything read-only that belongs to the machine.
fn protect() -> io::Result<Limits> {
    fs::create_dir(WHOLE)?;
    bind(Path::new("/proc"), Path::new(WHOLE))?;
    remount(Path::new(WHOLE), flags() | MsFlags::MS_RDONLY)?;
    let limits = OpenOptions::new().read(true).custom_flags(O_PATH).open("/proc/sys/user")?;
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        if is_shared_and_writable(&entry) {
            let path = entry.path();
            bind(&path, &path)?;
            remount(&path, flags() | MsFlags::MS_RDONLY)?;
        }
    }
    bind(Path::new(NET), Path::new(NET))?;
    remount(Path::new(NET), flags())?;
    Ok(Limits(Some(limits)))
}

fn make_read_only(net_outside: &File) -> io::Result<Limits> {
    mount_new("proc", "/proc", flags() | MsFlags::MS_RDONLY, None)?;
    bind(Path::new(&format!("/proc/self/fd/{}", net_outside.as_raw_fd())), Path::new(NET))?;
    remount(Path::new(NET), flags())?;
    Ok(Limits(None))
}

fn flags() -> MsFlags {
    quiet() | MsFlags::MS_NOEXEC
}

/// Whether an entry of `/proc` belongs to the machine, not to a process, and is writable or may contain something
/// writable.
fn is_shared_and_writable(entry: &DirEntry) -> bool {
    let is_process = entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit);
    match entry.metadata() {
        Ok(found) if is_process || found.is_symlink() => false,
        Ok(found) => found.is_dir() || found.permissions().mode() & 0o222 != 0,
        // The process has ended.
        Err(_) => false,
    }
}
