//! The rig's downloads and built roots, in a folder that is kept between runs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::{Kernel, Machine, Release};
use crate::workspace;

/// The folder with `roots`, `kernels`, and what programs are linked with.
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// A cache in this folder, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn new(folder: &Path) -> Result<Cache, String> {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let folder = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Cache { folder })
    }

    /// The root of a release.
    ///
    /// # Errors
    ///
    /// What could not be downloaded or made.
    pub fn root(&self, release: Release) -> Result<PathBuf, String> {
        let folder = self.folder.join("roots").join(release.name());
        self.made(folder, "make-root", &["debootstrap"], &[OsStr::new(release.name())])
    }

    /// A kernel and its modules.
    ///
    /// # Errors
    ///
    /// What could not be downloaded or made.
    pub fn kernel(&self, kernel: Kernel) -> Result<PathBuf, String> {
        let folder = self.folder.join("kernels").join(kernel.name());
        let needs = ["depmod", "dpkg-deb", "qemu-system-x86_64", "busybox", "xz"];
        self.made(folder, "make-kernel", &needs, &[OsStr::new(kernel.release().name())])
    }

    /// The libraries of glibc 2.31 that programs are linked with.
    ///
    /// # Errors
    ///
    /// What could not be downloaded or made.
    pub fn sysroot(&self) -> Result<PathBuf, String> {
        self.made(self.folder.join("glibc-2.31"), "make-sysroot", &["dpkg-deb", "cc"], &[])
    }

    /// Everything that a machine needs.
    ///
    /// # Errors
    ///
    /// What could not be downloaded or made.
    pub fn machine(&self, machine: Machine) -> Result<(PathBuf, Option<PathBuf>), String> {
        Ok((self.root(machine.release)?, machine.kernel.map(|kernel| self.kernel(kernel)).transpose()?))
    }

    /// A folder that a program of `tests/rig` makes, whole or not at all.
    fn made(&self, folder: PathBuf, maker: &str, needs: &[&str], arguments: &[&OsStr]) -> Result<PathBuf, String> {
        if let Some(missing) = needs.iter().find(|program| !installed(program)) {
            return Err(format!("`{missing}` is not installed: `sh .ci/setup rig` installs what the rig needs"));
        }
        if folder.is_dir() {
            return Ok(folder);
        }
        eprintln!("making {}", folder.display());
        let status = Command::new(workspace().join("tests/rig").join(maker)).args(arguments).arg(&folder).status();
        match status {
            Ok(status) if status.success() => Ok(folder),
            Ok(status) => Err(format!("{maker} {}: {status}", folder.display())),
            Err(error) => Err(format!("{maker}: {error}")),
        }
    }
}

/// Whether a program is installed, in the folders of ordinary users or of root.
fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let root = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(root).any(|folder| folder.join(program).is_file())
}
