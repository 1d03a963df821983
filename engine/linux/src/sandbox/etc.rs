//! The sandbox's `/etc/netns`, with the namespaces' own files.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::calls::{bind, mount_new, quiet, remount};
use super::obstacle::{Obstacle, Step};

const NETNS: &str = "/etc/netns";

/// The folder in which other mounts are prepared, in a `/run` that is covered afterwards.
const WORKSHOP: &str = "/run/etc";

const COPY: &str = "/run/etc/copy";

/// Mounts an empty writable folder. If the machine has no such folder, `/etc` is covered by a copy with the folder,
/// since none may be created there.
pub(super) fn make() -> Result<(), Obstacle> {
    if !Path::new(NETNS).is_dir() {
        // Before Linux 5.11, only the machine's root may mount an overlay.
        overlay().or_else(|_| copy()).map_err(Step::Mount("/etc").failed())?;
    }
    mount_new("tmpfs", NETNS, quiet(), Some("mode=0755")).map_err(Step::Mount(NETNS).failed())
}

fn overlay() -> io::Result<()> {
    let (upper, work) = (format!("{WORKSHOP}/upper"), format!("{WORKSHOP}/work"));
    for part in [&upper, &work] {
        DirBuilder::new().recursive(true).mode(0o755).create(part)?;
    }
    fs::create_dir(format!("{upper}/netns"))?;
    let layers = format!("lowerdir=/etc,upperdir={upper},workdir={work}");
    mount_new("overlay", "/etc", quiet(), Some(&layers))?;
    Ok(remount(Path::new("/etc"), quiet() | MsFlags::MS_RDONLY)?)
}

/// A folder with all entries of `/etc`.
fn copy() -> io::Result<()> {
    let workshop = Path::new(COPY);
    fs::create_dir(workshop)?;
    mount_new("tmpfs", COPY, quiet(), Some("mode=0755"))?;
    fs::create_dir(workshop.join("netns"))?;
    for entry in fs::read_dir("/etc")? {
        let entry = entry?;
        let (from, to) = (entry.path(), workshop.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
            continue;
        }
        if kind.is_dir() {
            fs::create_dir(&to)?;
        } else {
            File::create_new(&to)?;
        }
        bind(&from, &to)?;
    }
    mount(Some(workshop), "/etc", None::<&str>, MsFlags::MS_MOVE, None::<&str>)?;
    Ok(remount(Path::new("/etc"), quiet() | MsFlags::MS_RDONLY)?)
}

/// `/etc/resolv.conf` is often a symbolic link into `/run` (systemd-resolved, resolvconf), which is empty in the
/// sandbox. Creates an empty file there, on which a namespace's own file can be mounted.
pub(super) fn make_resolv_conf() -> Result<(), Obstacle> {
    let Ok(link) = fs::read_link("/etc/resolv.conf") else { return Ok(()) };
    let target = Path::new("/etc").join(link);
    let made = match target.parent() {
        Some(folder) if leads_into_run(&target) => DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(folder)
            .and_then(|()| File::create_new(&target).map(drop)),
        Some(_) | None => Ok(()),
    };
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Step::Mount("/run").failed()(error)),
        _ => Ok(()),
    }
}

/// `/etc/../run/…`, `/run/…` or `/var/run/…`
fn leads_into_run(path: &Path) -> bool {
    ["/run", "/etc/../run", "/var/run", "/etc/../var/run"].iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;
    use nix::sched::{CloneFlags, unshare};

    /// As if an ordinary user could not mount an overlay.
    #[test]
    fn etc_can_be_copied_without_an_overlay() {
        let in_a_namespace = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNS).unwrap();
            mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
            let list = || {
                let names = fs::read_dir("/etc").unwrap().map(|entry| entry.unwrap().file_name());
                let mut names: Vec<_> = names.filter(|name| name != "netns").collect();
                names.sort();
                names
            };
            let (before, passwd) = (list(), fs::read("/etc/passwd").unwrap());
            mount_new("tmpfs", "/run", quiet(), None).unwrap();
            fs::create_dir(WORKSHOP).unwrap();
            copy().unwrap();
            assert_eq!(list(), before);
            assert_eq!(fs::read("/etc/passwd").unwrap(), passwd);
            assert!(fs::exists("/etc/netns").unwrap());
            let written = fs::write("/etc/new", "").unwrap_err();
            assert_eq!(written.raw_os_error(), Some(nix::libc::EROFS));
        });
        in_a_namespace.join().unwrap();
    }
}
