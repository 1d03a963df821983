//! Finds the scripts that are tests.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use netscript_lang::diagnostics::{Error, Result};

/// The extension of scripts.
const EXTENSION: &str = "rhai";

/// The scripts of some paths, sorted: files, and all scripts in folders and below. Each path must have at least one.
pub(super) fn scripts(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    for path in paths {
        let found = scripts_at(path)?;
        for script in found {
            if !scripts.contains(&script) {
                scripts.push(script);
            }
        }
    }
    Ok(scripts)
}

fn scripts_at(path: &Path) -> Result<Vec<PathBuf>> {
    let none = |why: &str| Error::NoTest { path: path.display().to_string(), why: why.to_owned() };
    if !path.is_dir() {
        return match path.metadata() {
            Ok(found) if found.is_file() => Ok(vec![path.to_owned()]),
            Ok(_) => Err(none("it is neither a file nor a folder")),
            Err(_) => Err(none("there is no such file or folder")),
        };
    }
    let mut found = Vec::new();
    collect(path, &mut found).map_err(|error| none(&error.to_string()))?;
    found.sort();
    if found.is_empty() { Err(none("the folder holds no scripts (`*.rhai`)")) } else { Ok(found) }
}

/// Leaves out hidden files, and symbolic links to folders, which may be circular.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == EXTENSION) && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}
