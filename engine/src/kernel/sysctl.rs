//! Kernel settings: files under `/proc/sys`, which follow the calling thread's namespace.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::netns::Namespaces;
use super::{Failure, Outcome};
use crate::diagnostics::{Errno, Error, Result};
use crate::op::{NetnsRef, SysctlKey, SysctlOp, raw};

pub(super) fn apply(namespaces: &mut Namespaces, netns: &NetnsRef, op: &SysctlOp) -> Outcome {
    let (key, value) = (op.key(), op.value());
    match (op, namespaces.within(netns, || write(key, value))?) {
        (SysctlOp::WriteIfThere(..), Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        (SysctlOp::Write(..) | SysctlOp::WriteIfThere(..), written) => written.map_err(|error| refused(key, error)),
    }
}

/// The value of a setting, without the line's end.
pub(super) fn read(namespaces: &mut Namespaces, netns: &NetnsRef, key: &SysctlKey) -> Result<String> {
    let question = || format!("read {key} in {netns}");
    let value =
        namespaces.within(netns, || fs::read_to_string(path(key))).map_err(|failure| failure.into_error(question))?;
    match value {
        Ok(value) => Ok(value.trim_end_matches('\n').to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::NoSuchSetting { key: key.to_string(), known: siblings(namespaces, netns, key) })
        }
        Err(error) => Err(Failure::from(error).into_error(question)),
    }
}

/// The file must be there: nothing makes it.
fn write(key: &SysctlKey, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path(key))?.write_all(value.as_bytes())
}

fn path(key: &SysctlKey) -> PathBuf {
    let path = key.relative_path();
    PathBuf::from("/proc/sys").join(OsStr::from_bytes(&raw::to_bytes(&path)))
}

fn refused(key: &SysctlKey, error: io::Error) -> Failure {
    let outside = !key.as_str().starts_with("net.");
    let failure = Failure::from(error);
    match failure.refusal.errno {
        Errno::EACCES | Errno::EPERM | Errno::EROFS if outside => Failure {
            refusal: failure.refusal.missing("in a sandbox only settings under `net.` can be written"),
            absent: None,
        },
        _ => failure,
    }
}

/// The settings in the same folder, for "did you mean".
fn siblings(namespaces: &Namespaces, netns: &NetnsRef, key: &SysctlKey) -> Vec<String> {
    let path = path(key);
    let Some(folder) = path.parent() else { return Vec::new() };
    let prefix = key.as_str().rsplit_once('.').map_or("", |(prefix, _)| prefix);
    let entries =
        namespaces.within(netns, || fs::read_dir(folder).ok().map(|entries| entries.flatten().collect::<Vec<_>>()));
    let entries = entries.ok().flatten().unwrap_or_default();
    entries.iter().filter_map(|entry| Some(format!("{prefix}.{}", entry.file_name().to_str()?))).collect()
}
