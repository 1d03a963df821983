//! Programs with a time limit.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The longest that an example may take: far more than any does, on a machine that does a lot
/// besides.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Time between two looks at a program that may have ended.
const STEP: Duration = Duration::from_millis(5);

/// What readers may take the folder of an example for.
const HOME: &str = "/home/you";

/// A text in which an example's folder has a name that does not differ from run to run.
pub fn at_home(text: &str, folder: &Path) -> String {
    text.replace(&*folder.to_string_lossy(), HOME)
}

/// What a program left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// It ended with status 0.
    pub ok: bool,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Runs a command to its end, in a folder. What it writes goes into files: what it leaves in the
/// background may hold them open.
pub fn run(command: &mut Command, folder: &Path) -> Result<Finished> {
    let outputs = tempfile::tempdir()?;
    let (stdout, stderr) = (outputs.path().join("stdout"), outputs.path().join("stderr"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(File::create(&stdout)?).stderr(File::create(&stderr)?);
    let program = Path::new(command.get_program()).display().to_string();
    let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("it does not end within {} seconds", LIMIT.as_secs());
        }
        thread::sleep(STEP);
    };
    let text = |path: &Path| fs::read(path).map(|bytes| at_home(&String::from_utf8_lossy(&bytes), folder));
    Ok(Finished { ok: status.success(), stdout: text(&stdout)?, stderr: text(&stderr)? })
}
