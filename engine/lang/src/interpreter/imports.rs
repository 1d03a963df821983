//! The folders from which untrusted scripts may import: those of dry runs and of `--no-exec`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::diagnostics::{Error, Result};

/// Folders from which modules may be read, with all below them.
#[derive(Clone, Debug)]
pub struct ImportFolders {
    /// Their names as given.
    shown: Vec<String>,
    /// Without symbolic links.
    real: Vec<PathBuf>,
}

impl ImportFolders {
    /// The script's own folder and those that the user allows, which must exist.
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

    /// Refuses a module whose file is elsewhere: by an absolute path, by `..`, or by a symbolic link. For a missing
    /// file its folder is checked, so that a script cannot find out which files exist elsewhere.
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
