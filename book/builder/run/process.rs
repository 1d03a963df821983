//! Runs programs with a time limit.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The time limit of an example: far more than any takes, even on a busy machine. `NETSCRIPT_PATIENCE` says how many
/// times longer a slow machine may take, as for the tests.
pub fn limit() -> Duration {
    let read = || std::env::var("NETSCRIPT_PATIENCE").ok()?.parse().ok();
    Duration::from_secs(60) * read().unwrap_or(1)
}

/// The interval at which the end of a program is polled.
const STEP: Duration = Duration::from_millis(5);

/// The name of an example's folder in the book.
const HOME: &str = "/home/you";

/// Replaces the name of an example's folder in a text, since it differs from run to run.
pub fn at_home(text: &str, folder: &Path) -> String {
    text.replace(&*folder.to_string_lossy(), HOME)
}

/// The result of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Whether it ended with status 0.
    pub ok: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a command to its end, in a folder. Its output goes into files, not pipes, which background processes could keep
/// open.
pub fn run(command: &mut Command, folder: &Path) -> Result<Finished> {
    let outputs = tempfile::tempdir()?;
    let (stdout, stderr) = (outputs.path().join("stdout"), outputs.path().join("stderr"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(File::create(&stdout)?).stderr(File::create(&stderr)?);
    let program = Path::new(command.get_program()).display().to_string();
    let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
    let deadline = Instant::now() + limit();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("it does not end within {} seconds", limit().as_secs());
        }
        thread::sleep(STEP);
    };
    let text = |path: &Path| fs::read(path).map(|bytes| at_home(&String::from_utf8_lossy(&bytes), folder));
    Ok(Finished { ok: status.success(), stdout: text(&stdout)?, stderr: text(&stderr)? })
}
