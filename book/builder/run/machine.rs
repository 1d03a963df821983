//! The sandbox that plays the reader's machine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// What its script does: it runs the shell that runs the commands.
const SCRIPT: &str = "let shell = host.exec([\"sh\", \"commands.sh\"]); print(shell.stdout + shell.stderr);";

/// Folders of which a sandbox has its own: of the machine's it sees only the script's folder in them,
/// and the current one.
const COVERED: [&str; 3] = ["/tmp", "/run", "/dev"];

/// The script, and the program where commands find it.
#[derive(Debug)]
pub struct Machine {
    folder: TempDir,
    /// Where the program lies, for PATH.
    programs: PathBuf,
}

impl Machine {
    /// A program that no sandbox would see is put beside the script, which every sandbox sees.
    pub fn new(netscript: &Path) -> Result<Machine> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("machine.rhai"), SCRIPT).context("cannot write the machine's script")?;
        let found = || format!("cannot find {}", netscript.display());
        let program = fs::canonicalize(netscript).with_context(found)?;
        let programs = if COVERED.iter().any(|covered| program.starts_with(covered)) {
            let copy = folder.path().join("netscript");
            // A link takes no time; on another file system, or to a file of somebody else's, there is none.
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
