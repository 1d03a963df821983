//! The view of a program in a namespace, as set up by `ip netns exec`: the network, a `/sys` for it, and the
//! namespace's own files in `/etc`.

use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use crate::Outcome;
use crate::netns::{NETNS_ETC_DIR, Namespaces, enter};
use netscript_net::op::{NetnsRef, raw};

/// Everything that is needed to enter a namespace, prepared so that the child process only makes system calls. `None`:
/// it stays in the current one.
pub(super) struct Surroundings(Option<Elsewhere>);

struct Elsewhere {
    netns: File,
    /// Files of `/etc/netns/NAME`, and the files that they cover.
    etc: Vec<(CString, CString)>,
}

impl Surroundings {
    pub(super) fn look_up(namespaces: &Namespaces, netns: &NetnsRef) -> Outcome<Surroundings> {
        if *netns == NetnsRef::Host {
            return Ok(Surroundings(None));
        }
        let folder = |name: &str| Path::new(NETNS_ETC_DIR).join(OsStr::from_bytes(&raw::to_bytes(name)));
        let etc = netns.name().map(|name| own_files(&folder(name.as_str())));
        Ok(Surroundings(Some(Elsewhere { netns: namespaces.file(netns)?, etc: etc.unwrap_or_default() })))
    }

    /// Moves the calling process there. Only makes system calls.
    pub(super) fn enter(&self) -> io::Result<()> {
        let Some(elsewhere) = &self.0 else { return Ok(()) };
        enter(&elsewhere.netns).map_err(|rejection| io::Error::from_raw_os_error(rejection.errno.0))?;
        unshare(CloneFlags::CLONE_NEWNS)?;
        // Keeps the following mounts from being visible outside.
        match mount(None::<&str>, c"/", None::<&str>, MsFlags::MS_SLAVE | MsFlags::MS_REC, None::<&str>) {
            Ok(()) => {}
            // In a chroot `/` is not a mount point. The program runs without the mounts.
            Err(nix::Error::EINVAL) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        mount_sys();
        for (file, target) in &elsewhere.etc {
            // As with `ip`, a file that cannot be covered is ignored.
            let _ = mount(Some(file.as_c_str()), target.as_c_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>);
        }
        Ok(())
    }
}

/// Mounts a `/sys` for this network. If `/sys` is locked (in a container), it is covered instead of replaced; if that
/// fails too, the program runs without it, since few programs use it.
fn mount_sys() {
    let _ = umount2(c"/sys", MntFlags::MNT_DETACH);
    let mount_with = |flags| mount(Some(c"netns"), c"/sys", Some(c"sysfs"), flags, None::<&str>);
    if mount_with(MsFlags::empty()).is_err() {
        let _ = mount_with(MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC);
    }
}

fn own_files(folder: &Path) -> Vec<(CString, CString)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let c_string = |path: PathBuf| CString::new(path.as_os_str().as_bytes()).ok();
    entries
        .flatten()
        .filter_map(|entry| Some((c_string(entry.path())?, c_string(Path::new("/etc").join(entry.file_name()))?)))
        .collect()
}
