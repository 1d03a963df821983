//! From where a run may import that trusts its script less: a dry run, and one that starts no programs.

use std::fs;
use std::path::{Path, PathBuf};

use crate::diagnostics::{Error, Result};

/// The folders from which modules may be read, and those below.
#[derive(Clone, Debug)]
pub struct ImportFolders {
    /// As they are called.
    shown: Vec<String>,
    /// Without symbolic links.
    real: Vec<PathBuf>,
}

impl ImportFolders {
    /// A script's own folder, and those that the user allows, which must be there.
    pub fn new(script: &Path, allowed: &[PathBuf]) -> Result<ImportFolders> {
        let mut folders = ImportFolders { shown: Vec::new(), real: Vec::new() };
        for folder in [script].into_iter().chain(allowed.iter().map(PathBuf::as_path)) {
            let cannot =
                |why: String| Error::File { path: folder.display().to_string(), doing: "import from".to_owned(), why };
            let real = fs::canonicalize(folder).map_err(|error| cannot(error.to_string()))?;
            if !real.is_dir() {
                return Err(cannot("it is not a folder".to_owned()));
            }
            folders.shown.push(folder.display().to_string());
            folders.real.push(real);
        }
        Ok(folders)
    }

    /// An error if a module's file is elsewhere: by an absolute path, by `..`, or by a symbolic link. Of
    /// one that is not there, its folder counts, so that nobody learns what is elsewhere.
    pub(super) fn check(&self, file: &Path) -> Result<()> {
        let real = file.ancestors().find_map(|path| {
            let path = if path == Path::new("") { Path::new(".") } else { path };
            fs::canonicalize(path).ok()
        });
        if real.is_some_and(|real| self.real.iter().any(|folder| real.starts_with(folder))) {
            return Ok(());
        }
        Err(Error::ImportOutside { path: file.display().to_string(), folders: self.shown.clone() })
    }
}
