//! The script's text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use netscript_engine::diagnostics::{Error, Result};

/// The most that is read, in bytes: far more than a script, far less than the memory.
const LIMIT: u64 = 64 << 20;

/// A script that has been read.
#[derive(Debug)]
pub struct Script {
    /// What errors call it.
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
        if bytes.len() as u64 > LIMIT {
            return Err(unreadable(format!("it is larger than {} MiB", LIMIT >> 20)));
        }
        let text = text(bytes).map_err(unreadable)?;
        Ok(Script { name, text })
    }
}

/// Whether standard input is meant.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if is_stdin(path) {
        io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is no folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes)
        .map_err(|error| format!("it is not text: byte {} is not UTF-8", error.utf8_error().valid_up_to() + 1))?;
    match text.find('\0') {
        Some(place) => Err(format!("it is not text: byte {} is NUL", place + 1)),
        None => Ok(text),
    }
}
