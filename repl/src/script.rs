//! Reading scripts.

use std::fs::File;
use std::io;
use std::path::Path;

use netscript_lang::diagnostics::{Error, Result};
use netscript_net::files;

/// A script that has been read.
#[derive(Debug)]
pub struct Script {
    /// Its name in errors.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Script {
    /// Reads a file; `-` is standard input.
    pub fn read(path: &Path) -> Result<Script> {
        let name = if is_stdin(path) { "<stdin>".to_owned() } else { path.display().to_string() };
        let unreadable = |why: String| Error::Unreadable { path: name.clone(), why };
        let bytes = bytes(path).map_err(|error| unreadable(reason(&error)))?;
        let text = files::text(bytes).map_err(unreadable)?;
        Ok(Script { name, text })
    }
}

/// Whether a path means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    if is_stdin(path) {
        files::take(io::stdin().lock(), files::LARGEST)
    } else if is_open_already(path) {
        files::take(File::open(path)?, files::LARGEST)
    } else {
        files::read(path)
    }
}

/// Whether a path names a file that is already open in this process, as a shell's `<(…)` does: that may be a pipe.
fn is_open_already(path: &Path) -> bool {
    path == Path::new("/dev/stdin") || path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd")
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is not a folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
