//! The file of a journal. The lab itself adds lines to it, and other labs that leave entries to the lab.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::paths::{LARGEST_JOURNAL, cannot};
use crate::journal::{Entry, LEFT_BY_OTHERS, Line};
use crate::lock::open_regular;
use netscript_net::error::{Errno, Error, Result};

/// An open journal.
pub(crate) struct JournalFile {
    file: File,
    path: PathBuf,
    /// The position up to which entries of other labs have been read.
    looked: u64,
}

impl JournalFile {
    /// Opens a journal.
    pub(crate) fn open(path: PathBuf) -> Result<JournalFile> {
        match open_regular(&path, OpenOptions::new().read(true).append(true)) {
            Ok(file) => Ok(JournalFile { file, path, looked: 0 }),
            Err(error) => Err(cannot_write(&path, &error)),
        }
    }

    /// Starts a journal. The file gets its name with its first line in it, so an empty file must have been emptied
    /// later.
    pub(crate) fn begin(path: PathBuf, first: &Line) -> Result<JournalFile> {
        let unnamed = path.with_extension("new");
        let begin = || {
            let options = &mut OpenOptions::new();
            let file = open_regular(&unnamed, options.read(true).append(true).create(true).mode(0o644))?;
            file.set_len(0)?;
            let mut journal = JournalFile { file, path: unnamed.clone(), looked: 0 };
            Ok(journal.add(std::slice::from_ref(first)).map(|()| journal))
        };
        let mut journal = begin().map_err(|error| cannot_write(&unnamed, &error))??;
        fs::rename(&unnamed, &path).map_err(|error| cannot_write(&path, &error))?;
        journal.path = path;
        Ok(journal)
    }

    /// The length of the file.
    pub(crate) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Cuts off an unfinished last line. Nobody else may add lines meanwhile.
    pub(crate) fn cut(&mut self, length: usize) -> Result<()> {
        self.looked = length as u64;
        let cut = || match self.file.metadata()?.len() > length as u64 {
            true => self.file.set_len(length as u64),
            false => Ok(()),
        };
        cut().map_err(|error| cannot_write(&self.path, &error))
    }

    /// The entries that other labs have left since the last call. The caller holds the lock of all labs.
    pub(crate) fn left(&mut self) -> Result<Vec<Entry>> {
        let read = || read_from(&self.file, self.looked, self.file.metadata()?.len());
        let text = read().map_err(|error| cannot("read", &self.path, &error))?;
        let text = String::from_utf8_lossy(&text);
        self.looked += text.rfind('\n').map_or(0, |end| end as u64 + 1);
        let entries = text.lines().filter_map(|line| match serde_json::from_str(line) {
            Ok(Line::Entry(entry)) if entry.n >= LEFT_BY_OTHERS => Some(entry),
            Ok(_) | Err(_) => None,
        });
        Ok(entries.collect())
    }

    /// Adds lines with one write: all or none.
    pub(crate) fn add(&mut self, lines: &[Line]) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let text: String = lines.iter().map(Line::text).collect();
        let failed = match self.file.write(text.as_bytes()) {
            Ok(written) if written == text.len() => return Ok(()),
            Ok(written) => self.blank(written).err().unwrap_or_else(no_space),
            Err(error) => error,
        };
        Err(cannot_write(&self.path, &failed))
    }

    /// Overwrites partially written lines with blanks, because the next line, perhaps of another lab, follows directly
    /// and must stay readable. A file opened for appending cannot be written at another position, so it is opened
    /// again.
    fn blank(&mut self, written: usize) -> io::Result<()> {
        let end = self.file.stream_position()?;
        let file = open_regular(&self.path, OpenOptions::new().write(true))?;
        file.write_all_at(&vec![b' '; written], end - written as u64)
    }
}

/// The bytes of a file from one position to another.
pub(super) fn read_from(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let length = to.saturating_sub(from);
    if length > LARGEST_JOURNAL {
        return Err(io::Error::other(format!("it is larger than {} MiB", LARGEST_JOURNAL >> 20)));
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

fn no_space() -> io::Error {
    io::Error::from_raw_os_error(Errno::ENOSPC.0)
}

fn cannot_write(path: &Path, error: &io::Error) -> Error {
    cannot("write to", path, error)
}
