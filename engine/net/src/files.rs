//! Opens files that anybody may have put there, without blocking, and only if they are plain files.
//!
//! Opening a FIFO waits for its other end, and reading a device may never end. So a file's type is checked before the
//! file is opened with `O_NONBLOCK`, and again afterwards, because the file may have been replaced in between.

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// The largest file that is read for a script, in bytes.
pub const LARGEST: u64 = 64 << 20;

/// Opens a plain file for reading.
pub fn open(path: impl AsRef<Path>) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), path)
}

/// Opens a plain file with these options, which may create it.
pub fn open_with(options: &mut OpenOptions, path: impl AsRef<Path>) -> io::Result<File> {
    let path = path.as_ref();
    if let Ok(found) = std::fs::metadata(path) {
        check(found.file_type())?;
    }
    let file = without_waiting(options).open(path)?;
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// The bytes of a plain file that is not too large.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    read_up_to(path, LARGEST)
}

/// The text of a plain file that is not too large.
pub fn read_text(path: impl AsRef<Path>) -> io::Result<String> {
    text(read(path)?).map_err(io::Error::other)
}

/// The bytes of a plain file of at most `limit` bytes.
pub fn read_up_to(path: impl AsRef<Path>, limit: u64) -> io::Result<Vec<u8>> {
    take(open(path)?, limit)
}

/// Everything that a reader returns, if it is at most `limit` bytes.
pub fn take(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

/// The bytes as text; the error says why they are not text.
pub fn text(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes)
        .map_err(|error| format!("it is not text: byte {} is not UTF-8", error.utf8_error().valid_up_to() + 1))?;
    match text.find('\0') {
        Some(place) => Err(format!("it is not text: byte {} is NUL", place + 1)),
        None => Ok(text),
    }
}

#[cfg(unix)]
fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
}

#[cfg(not(unix))]
fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn check(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {}, not a regular file", special(kind))))
}

#[cfg(unix)]
fn special(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_: FileType) -> &'static str {
    "something else"
}
