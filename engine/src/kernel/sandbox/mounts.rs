//! The sandbox's own `/run`, `/sys`, `/proc` and `/etc/netns`. Everything else is the machine's.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::obstacle::{Obstacle, Step};

/// Where the parts of an overlay lie, in a `/run` that another covers afterwards.
const OVERLAY: &str = "/run/etc";

pub(super) fn make() -> Result<(), Obstacle> {
    let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).map_err(Step::Mount("/").failed())?;
    mount_new("tmpfs", "/run", quiet(), Some("mode=0755")).map_err(Step::Mount("/run").failed())?;
    mount_new("proc", "/proc", quiet() | MsFlags::MS_NOEXEC, None).map_err(Step::Mount("/proc").failed())?;
    mount_sys().map_err(Step::Mount("/sys").failed())?;
    // Without these the sandbox lacks name servers of its own, nothing else.
    let _ = mount_etc_netns();
    mount_new("tmpfs", "/run", quiet(), Some("mode=0755")).map_err(Step::Mount("/run").failed())?;
    let _ = make_resolv_conf();
    Ok(())
}

fn quiet() -> MsFlags {
    MsFlags::MS_NOSUID | MsFlags::MS_NODEV
}

fn mount_new(kind: &str, target: &str, flags: MsFlags, data: Option<&str>) -> nix::Result<()> {
    mount(Some("netscript"), target, Some(kind), flags, data)
}

/// The new network's. Where the kernel does not let it be seen (`/sys` is read-only or partly
/// covered, as in a container), an empty folder hides the machine's.
fn mount_sys() -> nix::Result<()> {
    let flags = quiet() | MsFlags::MS_NOEXEC;
    mount_new("sysfs", "/sys", flags, None)
        .or_else(|_| mount_new("sysfs", "/sys", flags | MsFlags::MS_RDONLY, None))
        .or_else(|_| mount_new("tmpfs", "/sys", flags, Some("mode=0755")))
}

/// An empty `/etc/netns` that can be written to. Where the machine has none, none may be made
/// there: `/etc` is covered by a layer that takes what the sandbox writes.
fn mount_etc_netns() -> std::io::Result<()> {
    let folder = Path::new("/etc/netns");
    if !folder.is_dir() {
        let (upper, work) = (Path::new(OVERLAY).join("upper"), Path::new(OVERLAY).join("work"));
        for part in [&upper, &work] {
            DirBuilder::new().recursive(true).mode(0o755).create(part)?;
        }
        let layers = format!("lowerdir=/etc,upperdir={},workdir={}", upper.display(), work.display());
        mount_new("overlay", "/etc", MsFlags::empty(), Some(&layers))?;
        fs::create_dir(folder)?;
    }
    Ok(mount_new("tmpfs", "/etc/netns", quiet(), Some("mode=0755"))?)
}

/// `/etc/resolv.conf` often is a link into `/run` (systemd-resolved, resolvconf), where the sandbox
/// has nothing. An empty file there is what a namespace's own can be mounted on.
fn make_resolv_conf() -> std::io::Result<()> {
    let target = Path::new("/etc").join(fs::read_link("/etc/resolv.conf")?);
    if let Some(folder) = target.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    }
    fs::File::create_new(target).map(drop)
}
