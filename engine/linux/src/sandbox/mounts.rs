//! The machine's files in a sandbox: which are visible, and which are writable.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::{O_DIRECTORY, O_PATH};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statvfs::{FsFlags, fstatvfs, statvfs};

use super::calls::{bind, mount_new, quiet, remount};
use super::folders::SandboxFolders;
use super::obstacle::{Obstacle, Step};
use super::proc::Limits;
use super::{devices, etc, proc};
use crate::sys;
use netscript_net::error::{Error, Result as OurResult};

/// Folders of which the sandbox has its own empty version.
const OWN: [&str; 3] = ["/tmp", "/run", "/dev"];

/// Folders that cannot be made writable.
const NEVER_WRITABLE: [&str; 6] = ["/", "/proc", "/sys", "/dev", "/run", "/etc"];

/// The machine's `/sys`, in a `/run` that is covered afterwards: the kernel permits another one to be mounted inside
/// only if it finds an unobscured one (`mnt_already_visible`, fs/namespace.c), with the same read-only flag.
const SYS: &str = "/run/sys";

/// The temporary mount point of the new `/sys`.
const NEW_SYS: &str = "/run/.sys";

/// A folder of the machine that stays visible.
struct Kept {
    path: PathBuf,
    folder: File,
    /// The flags of its mount, if it is writable.
    writable: Option<MsFlags>,
}

/// Checks that the writable folders exist and may be made writable.
pub(super) fn check(folders: &SandboxFolders) -> OurResult<()> {
    for folder in &folders.writable {
        let wrong = |why: String| Error::File {
            path: folder.display().to_string(),
            doing: "let the sandbox write into".to_owned(),
            why,
        };
        let path = fs::canonicalize(folder).map_err(|error| wrong(error.to_string()))?;
        if !path.is_dir() {
            return Err(wrong("it is not a folder".to_owned()));
        }
        if NEVER_WRITABLE.iter().any(|never| path == Path::new(never)) {
            return Err(wrong("a sandbox has its own, or never changes it".to_owned()));
        }
    }
    Ok(())
}

/// Makes all mounts except `/sys`, which must be mounted in the new network.
pub(super) fn make(folders: &SandboxFolders) -> Result<Limits, Obstacle> {
    let here = current_folder();
    let kept = keep(folders, here.as_deref())?;
    let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).map_err(Step::Mount("/").failed())?;
    lock_files().map_err(Step::ReadOnly.failed())?;
    own_folder("/run", "mode=0755")?;
    hide_sys().map_err(Step::Mount("/sys").failed())?;
    let limits = proc::make()?;
    fs::create_dir("/run/etc").map_err(Step::Mount("/run").failed())?;
    etc::make()?;
    devices::make()?;
    own_folder("/run", "mode=0755")?;
    if Path::new("/tmp").is_dir() && !kept.iter().any(|kept| kept.path == Path::new("/tmp")) {
        own_folder("/tmp", "mode=1777")?;
    }
    etc::make_resolv_conf()?;
    show(&kept)?;
    // The current folder may have been covered.
    let here = here.unwrap_or_else(|| PathBuf::from("/"));
    std::env::set_current_dir(&here).map_err(Obstacle::folder(&here))?;
    Ok(limits)
}

/// The current folder, if this user can reach it by its path. `sudo -u USER` and the like start programs in folders
/// that the user may not read; then the sandbox starts in `/`.
fn current_folder() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    std::env::set_current_dir(&here).ok().map(|()| here)
}

pub(super) fn own_folder(path: &'static str, mode: &str) -> Result<(), Obstacle> {
    mount_new("tmpfs", path, quiet(), Some(mode)).map_err(Step::Mount(path).failed())
}

/// Makes every mount read-only and without devices.
fn lock_files() -> io::Result<()> {
    match sys::lock_mounts(c"/") {
        Ok(()) => Ok(()),
        // Before Linux 5.12, or with a filter that does not know the call.
        Err(error) if matches!(error.raw_os_error(), Some(nix::libc::ENOSYS | nix::libc::EPERM)) => lock_one_by_one(),
        Err(error) => Err(error),
    }
}

fn lock_one_by_one() -> io::Result<()> {
    for (id, path) in mounts(&fs::read("/proc/thread-self/mountinfo")?) {
        // The mount is unreachable: another one covers it, its folder was removed elsewhere, or this user may not
        // enter it.
        if mount_at(&path)? != Some(id) {
            continue;
        }
        let flags = match statvfs(&path) {
            Ok(found) => mount_flags(found.flags()),
            Err(nix::Error::ENOENT | nix::Error::EACCES) => continue,
            Err(error) => return Err(error.into()),
        };
        match remount(&path, flags | MsFlags::MS_RDONLY | MsFlags::MS_NODEV) {
            Err(error) if mount_at(&path)? == Some(id) => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// The id of the mount at a path; `None` if the path does not exist, or this user may not reach it.
fn mount_at(path: &Path) -> io::Result<Option<u64>> {
    let opened = match OpenOptions::new().read(true).custom_flags(O_PATH).open(path) {
        Ok(opened) => opened,
        Err(error) if leads_nowhere(error.kind()) => return Ok(None),
        Err(error) => return Err(error),
    };
    let info = fs::read_to_string(format!("/proc/thread-self/fdinfo/{}", opened.as_raw_fd()))?;
    let id = info.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    id.map(Some).ok_or_else(|| io::Error::other("the kernel does not number its mounts"))
}

fn leads_nowhere(error: io::ErrorKind) -> bool {
    matches!(error, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied)
}

/// The ids and mount points in `/proc/self/mountinfo` (proc_pid_mountinfo(5)), unescaped.
fn mounts(mountinfo: &[u8]) -> Vec<(u64, PathBuf)> {
    let read = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ');
        let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        Some((id, PathBuf::from(std::ffi::OsString::from_vec(unescape(fields.nth(3)?)))))
    };
    mountinfo.split(|byte| *byte == b'\n').filter_map(read).collect()
}

/// Decodes escapes such as `\040` for a space.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match digits {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = &after[3..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// The flags that must be kept when a mount gets other flags.
fn mount_flags(flags: FsFlags) -> MsFlags {
    let known = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
    ];
    let set = known.into_iter().filter(|(found, _)| flags.contains(*found));
    set.fold(MsFlags::empty(), |all, (_, flag)| all | flag)
}

/// Opens the folders that must stay visible although they will be covered, and the writable ones, before anything is
/// changed.
fn keep(folders: &SandboxFolders, here: Option<&Path>) -> Result<Vec<Kept>, Obstacle> {
    let open = |path: &Path| OpenOptions::new().read(true).custom_flags(O_PATH | O_DIRECTORY).open(path);
    let mut kept = Vec::new();
    for path in &folders.writable {
        let path = fs::canonicalize(path).map_err(Obstacle::folder(path))?;
        let folder = open(&path).map_err(Obstacle::folder(&path))?;
        let flags = mount_flags(fstatvfs(&folder).map_err(Obstacle::folder(&path))?.flags());
        kept.push(Kept { path, folder, writable: Some(flags | MsFlags::MS_NODEV) });
    }
    for path in folders.visible.iter().map(PathBuf::as_path).chain(here) {
        // A missing folder cannot be shown.
        let Ok(path) = fs::canonicalize(path) else { continue };
        let seen = kept.iter().any(|other| path.starts_with(&other.path));
        let covered = OWN.iter().any(|own| path.starts_with(own) && (path != Path::new(own) || *own == "/tmp"));
        if let (false, true, Ok(folder)) = (seen, covered, open(&path)) {
            kept.push(Kept { path, folder, writable: None });
        }
    }
    kept.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(kept)
}

/// Mounts the kept folders at their places.
fn show(kept: &[Kept]) -> Result<(), Obstacle> {
    kept.iter().try_for_each(|kept| kept.show().map_err(Obstacle::folder(&kept.path)))
}

impl Kept {
    fn show(&self) -> io::Result<()> {
        let Kept { path, folder, writable } = self;
        if !path.is_dir() {
            DirBuilder::new().recursive(true).mode(0o755).create(path)?;
        }
        bind(Path::new(&format!("/proc/self/fd/{}", folder.as_raw_fd())), path)?;
        Ok(writable.map_or(Ok(()), |flags| remount(path, flags))?)
    }
}

/// Moves the machine's `/sys` out of sight, and mounts a read-only one with the same folders, all empty, in its place.
fn hide_sys() -> io::Result<()> {
    fs::create_dir(SYS)?;
    bind(Path::new("/sys"), Path::new(SYS))?;
    mount_new("tmpfs", "/sys", quiet(), Some("mode=0755"))?;
    for folder in folders_of_sys()? {
        fs::create_dir(Path::new("/sys").join(folder))?;
    }
    Ok(remount(Path::new("/sys"), quiet() | MsFlags::MS_RDONLY)?)
}

fn folders_of_sys() -> io::Result<Vec<std::ffi::OsString>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(SYS)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.file_name());
        }
    }
    Ok(folders)
}

/// Mounts the new network's `/sys`, one folder at a time. A single mount could be unmounted, and `ip netns exec` would
/// try that and then fail to mount a writable one; for a locked read-only `/sys` it mounts a read-only one
/// (`netns_switch`, iproute2's lib/namespace.c). If the kernel does not permit the mount (parts of the machine's `/sys`
/// are covered, as in a container), the folders stay empty.
pub(super) fn mount_sys() -> Result<(), Obstacle> {
    let flags = quiet() | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    let failed = || Step::Mount("/sys").failed::<io::Error>();
    fs::create_dir(NEW_SYS).map_err(failed())?;
    let mounted = match mount_new("sysfs", NEW_SYS, flags, None) {
        Ok(()) => spread_sys(),
        Err(nix::Error::EPERM) => Ok(()),
        Err(error) => Err(error.into()),
    };
    mounted.and_then(|()| fs::remove_dir(NEW_SYS)).map_err(failed())
}

fn spread_sys() -> io::Result<()> {
    for entry in fs::read_dir("/sys")? {
        let name = entry?.file_name();
        let (from, to) = (Path::new(NEW_SYS).join(&name), Path::new("/sys").join(&name));
        if from.is_dir() {
            bind(&from, &to)?;
        }
    }
    Ok(umount2(NEW_SYS, MntFlags::MNT_DETACH)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    /// As on a kernel before 5.12.
    #[test]
    fn mounts_are_locked_one_by_one_as_by_one_call() {
        let locked = |lock: fn() -> io::Result<()>| {
            let in_a_namespace = std::thread::spawn(move || {
                nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
                mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
                // A mount with a flag that must be kept, and a name that is escaped in mountinfo.
                mount_new("tmpfs", "/run", quiet() | MsFlags::MS_NOEXEC, None).unwrap();
                fs::create_dir("/run/a b").unwrap();
                mount_new("tmpfs", "/run/a b", MsFlags::empty(), None).unwrap();
                // A mount under a folder that another one covers, which has a folder of that name as well.
                fs::create_dir_all("/run/c/d").unwrap();
                mount_new("tmpfs", "/run/c/d", MsFlags::empty(), None).unwrap();
                mount_new("tmpfs", "/run/c", MsFlags::empty(), None).unwrap();
                fs::create_dir("/run/c/d").unwrap();
                lock().unwrap();
                assert!(File::create("/run/a b/file").is_err() && File::create("/file-of-the-test").is_err());
                let mounts = mounts(&fs::read("/proc/thread-self/mountinfo").unwrap());
                let reached = mounts.into_iter().filter(|(id, path)| mount_at(path).unwrap() == Some(*id));
                let flags = |path: &PathBuf| mount_flags(statvfs(path).unwrap().flags());
                reached.map(|(_, path)| (path.clone(), flags(&path))).collect::<Vec<_>>()
            });
            in_a_namespace.join().unwrap()
        };
        let one_by_one = locked(lock_one_by_one);
        assert!(one_by_one.len() > 3);
        let both = MsFlags::MS_RDONLY | MsFlags::MS_NODEV;
        assert!(one_by_one.iter().all(|(_, flags)| flags.contains(both)), "{one_by_one:?}");
        assert_eq!(one_by_one, locked(|| sys::lock_mounts(c"/")));
    }

    #[test]
    fn mount_points_are_read_as_the_kernel_writes_them() {
        let mountinfo = b"22 27 0:21 / /proc rw,relatime - proc proc rw\n29 26 0:26 / /a\\040b\\134c rw - x x rw\n";
        assert_eq!(mounts(mountinfo), [(22, PathBuf::from("/proc")), (29, PathBuf::from("/a b\\c"))]);
    }
}
