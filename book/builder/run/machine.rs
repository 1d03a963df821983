//! The sandbox that plays the reader's machine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// The script of its sandbox, which runs a shell with the commands.
const SCRIPT: &str = "let shell = host.exec([\"sh\", \"commands.sh\"]); print(shell.stdout + shell.stderr);";

/// Folders that a sandbox covers with its own. Of the machine's, it sees only the script's folder and the current one.
const COVERED: [&str; 3] = ["/tmp", "/run", "/dev"];

/// The script, and the folder in which commands find the program.
#[derive(Debug)]
pub struct Machine {
    folder: TempDir,
    /// Where the program lies, for PATH.
    programs: PathBuf,
}

impl Machine {
    /// Copies the program beside the script if a sandbox would not see it otherwise.
    pub fn new(netscript: &Path) -> Result<Machine> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("machine.rhai"), SCRIPT).context("cannot write the machine's script")?;
        let found = || format!("cannot find {}", netscript.display());
        let program = fs::canonicalize(netscript).with_context(found)?;
        let programs = if COVERED.iter().any(|covered| program.starts_with(covered)) {
            let copy = folder.path().join("netscript");
            // A hard link is fast, but is impossible to another file system, or to another user's file.
            let linked = fs::hard_link(&program, &copy).or_else(|_| fs::copy(&program, &copy).map(drop));
            linked.with_context(|| format!("cannot copy {}", program.display()))?;
            folder.path().to_owned()
        } else {
            netscript.parent().unwrap_or(Path::new(".")).to_owned()
        };
        Ok(Machine { folder, programs })
    }

    /// Its script.
    pub fn script(&self) -> PathBuf {
        self.folder.path().join("machine.rhai")
    }

    /// PATH in it.
    pub fn path(&self) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        format!("{}:{path}:/usr/sbin:/sbin", self.programs.display())
    }
}
