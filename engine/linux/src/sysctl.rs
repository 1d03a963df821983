//! Kernel settings: files under `/proc/sys`, which depend on the calling thread's namespace.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::netns::Namespaces;
use crate::{Outcome, Rejection};
use netscript_net::error::{Errno, Error, Result};
use netscript_net::op::{NetnsRef, SysctlKey, SysctlOp, raw};
use netscript_net::world::Missing;

pub(crate) fn apply(namespaces: &mut Namespaces, netns: &NetnsRef, op: &SysctlOp) -> Outcome {
    let (key, value) = (op.key(), op.value());
    match (op, namespaces.within(netns, || write(key, value))?) {
        (SysctlOp::WriteIfThere(..), Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        (SysctlOp::Write(..) | SysctlOp::WriteIfThere(..), written) => written.map_err(|error| refused(key, error)),
    }
}

/// The value of a setting, without its line end.
pub(crate) fn read(namespaces: &mut Namespaces, netns: &NetnsRef, key: &SysctlKey) -> Result<String> {
    let question = || format!("read {key} in {netns}");
    let value = namespaces
        .within(netns, || fs::read_to_string(path(key)))
        .map_err(|rejection| rejection.into_error(question))?;
    match value {
        Ok(value) => Ok(value.trim_end_matches('\n').to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_hidden(key) => {
            Err(Error::HiddenSetting { key: key.to_string() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::NoSuchSetting { key: key.to_string(), known: siblings(namespaces, netns, key) })
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && is_write_only(namespaces, netns, key) => {
            Err(Error::WriteOnly { key: key.to_string() })
        }
        Err(error) => Err(Rejection::from(error).into_error(question)),
    }
}

/// Whether a setting cannot be read, by its file's mode.
fn is_write_only(namespaces: &Namespaces, netns: &NetnsRef, key: &SysctlKey) -> bool {
    let mode = namespaces.within(netns, || fs::metadata(path(key)).map(|file| file.mode()));
    matches!(mode, Ok(Ok(mode)) if mode & 0o444 == 0)
}

/// Writes to an existing file, never creating it. Like sysctl(8), writes a line end, without which an empty value would
/// be no write at all.
fn write(key: &SysctlKey, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path(key))?.write_all(format!("{value}\n").as_bytes())
}

fn path(key: &SysctlKey) -> PathBuf {
    let path = key.relative_path();
    PathBuf::from("/proc/sys").join(OsStr::from_bytes(&raw::to_bytes(&path)))
}

fn refused(key: &SysctlKey, error: io::Error) -> Rejection {
    let outside = !key.as_str().starts_with("net.");
    if error.kind() == io::ErrorKind::NotFound && is_hidden(key) {
        return Rejection::missing(Missing::Other(Box::new(Error::HiddenSetting { key: key.to_string() })), error);
    }
    let rejection = Rejection::from(error);
    match rejection.errno {
        Errno::EACCES | Errno::EPERM | Errno::EROFS if outside => {
            rejection.unsupported("in a sandbox only settings under `net.` can be written")
        }
        _ => rejection,
    }
}

/// Settings that the kernel hides from networks whose user namespace is not the machine's ("Don't export sysctls to
/// unprivileged users" in net/): on every kernel, or only on older ones.
const HIDDEN: [&str; 14] = [
    "net.ipv6.route.",
    "net.core.xfrm_",
    "net.ieee802154.",
    // Partly visible since Linux 5.4.
    "net.ipv4.route.",
    // Hidden up to about Linux 5.13.
    "net.ipv4.neigh.",
    "net.ipv6.neigh.",
    "net.core.somaxconn",
    "net.unix.max_dgram_qlen",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_acct",
    "net.netfilter.nf_conntrack_helper",
    "net.netfilter.nf_conntrack_events",
    "net.netfilter.nf_conntrack_timestamp",
    // Hidden up to Linux 6.6.
    "net.ipv4.vs.",
];

/// Whether a missing setting may exist outside of the sandbox.
fn is_hidden(key: &SysctlKey) -> bool {
    HIDDEN.iter().any(|hidden| key.as_str().starts_with(hidden)) && in_user_namespace()
}

/// Whether this process is in another user namespace than the machine's initial one, whose inode is fixed
/// (`PROC_USER_INIT_INO`, include/linux/proc_ns.h).
fn in_user_namespace() -> bool {
    const PROC_USER_INIT_INO: u64 = 0xEFFF_FFFD;
    fs::metadata("/proc/self/ns/user").is_ok_and(|found| found.ino() != PROC_USER_INIT_INO)
}

/// The settings in the same folder, for suggestions.
fn siblings(namespaces: &Namespaces, netns: &NetnsRef, key: &SysctlKey) -> Vec<String> {
    let path = path(key);
    let Some(folder) = path.parent() else { return Vec::new() };
    let prefix = key.as_str().rsplit_once('.').map_or("", |(prefix, _)| prefix);
    let entries =
        namespaces.within(netns, || fs::read_dir(folder).ok().map(|entries| entries.flatten().collect::<Vec<_>>()));
    let entries = entries.ok().flatten().unwrap_or_default();
    entries.iter().filter_map(|entry| Some(format!("{prefix}.{}", entry.file_name().to_str()?))).collect()
}
