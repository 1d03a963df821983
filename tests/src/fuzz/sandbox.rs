//! Runs scripts in a sandbox, and compares them with their dry runs.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::judge::{Verdict, real};
use super::worker::{NAME, judge};
use super::{Course, write_modules};
use crate::{Sandbox, netscript};

/// A script may wait for answers that never come.
const LIMIT: Duration = Duration::from_secs(60);

/// After SIGTERM a run ends at once.
const GRACE: Duration = Duration::from_secs(10);

/// Runs a script and compares it with its dry run.
pub(super) fn verdict(course: &Course, text: &str) -> Verdict {
    let dry = match judge(course, text) {
        Ok(dry) => dry,
        Err(error) => return Verdict::Wrong(error.to_string()),
    };
    if let Some(what) = dry.complaint() {
        return Verdict::Wrong(what);
    }
    match run(text) {
        Ok(Run { over: Some(over), .. }) => Verdict::Wrong(over.to_owned()),
        Ok(Run { status, stdout, stderr, over: None }) => real(text, &dry, status, &stdout, &stderr),
        Err(error) => Verdict::Wrong(format!("it does not run: {error}")),
    }
}

/// The result of a run.
struct Run {
    status: i32,
    stdout: String,
    stderr: String,
    /// Set if it did not end by itself.
    over: Option<&'static str>,
}

fn run(text: &str) -> io::Result<Run> {
    let folder = tempfile::tempdir()?;
    write_modules(folder.path())?;
    fs::write(folder.path().join(NAME), text)?;
    let path = folder.path().to_owned();
    // A second sandbox around the tested one, in case it leaks.
    let program = netscript().to_owned();
    let (status, over) = Sandbox::new().run(move || wait(start(&program, &path)?))?;
    let told = |file| Ok::<_, io::Error>(String::from_utf8_lossy(&fs::read(folder.path().join(file))?).into_owned());
    let status = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(-1);
    Ok(Run { status, stdout: told("stdout")?, stderr: told("stderr")?, over })
}

fn start(program: &Path, folder: &Path) -> io::Result<Child> {
    Command::new(program)
        .args(["--sandbox", NAME])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(File::create(folder.join("stdout"))?)
        .stderr(File::create(folder.join("stderr"))?)
        .spawn()
}

fn wait(mut child: Child) -> io::Result<(ExitStatus, Option<&'static str>)> {
    if let Some(status) = wait_for(&mut child, LIMIT)? {
        return Ok((status, None));
    }
    // The process has not been reaped, so the number is still its own.
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM)?;
    if let Some(status) = wait_for(&mut child, GRACE)? {
        return Ok((status, Some("it does not end")));
    }
    child.kill()?;
    Ok((child.wait()?, Some("it does not end, nor stop when it is told to")))
}

fn wait_for(child: &mut Child, time: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(None)
}
