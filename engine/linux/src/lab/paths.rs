//! The paths and identifiers of labs.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

use crate::journal::LABS_DIR;
use netscript_net::error::{Error, Result};

/// The name of a lab's journal.
pub(super) const JOURNAL: &str = "journal";

/// The size limit for reading a journal, in bytes: that of a lab with millions of operations.
pub(super) const LARGEST_JOURNAL: u64 = 1 << 30;

/// The name of a lab's lock.
pub(super) const LOCK: &str = "lock";

/// The names of the labs that have folders, sorted.
pub fn lab_names() -> Result<Vec<String>> {
    let entries = match fs::read_dir(LABS_DIR) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot("read", Path::new(LABS_DIR), &error)),
    };
    // A symbolic link is not a lab's folder.
    let names = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    Ok(names)
}

/// The folder of a lab.
pub(super) fn folder(name: &str) -> PathBuf {
    Path::new(LABS_DIR).join(name)
}

/// The journal of a lab.
pub(super) fn journal_path(name: &str) -> PathBuf {
    folder(name).join(JOURNAL)
}

/// The error of a failed action on a file.
pub(crate) fn cannot(doing: &str, path: &Path, error: &io::Error) -> Error {
    Error::File { path: path.display().to_string(), doing: doing.to_owned(), why: error.to_string() }
}

/// A unique word for a lab.
pub(crate) fn token(name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{name}:{:x}", now.as_nanos())
}

/// The identifier of this boot of the machine.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
