//! Runs several tests at a time, each as a process of this program in a sandbox.

use std::ffi::OsString;
use std::io::{self, PipeReader};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use netscript_lang::diagnostics::{Error, Result};
use netscript_linux::Interrupt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The program that is running.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// How tests are run.
pub(super) struct Suite {
    /// How many run at a time.
    pub(super) jobs: usize,
    /// How long each may take.
    pub(super) time_limit: Duration,
    /// Whether errors are coloured.
    pub(super) colour: bool,
    /// Options of each run.
    pub(super) options: Vec<OsString>,
}

/// A test that has been run.
#[derive(Debug)]
pub(super) struct Tested {
    /// The script's path, as it was given.
    pub(super) name: String,
    /// Exit status; `None`: a signal ended it.
    pub(super) status: Option<i32>,
    /// The time limit that it ran into.
    pub(super) over: Option<Duration>,
    /// How long it took.
    pub(super) time: Duration,
    /// What it wrote, standard output and standard error together.
    pub(super) output: String,
}

impl Tested {
    /// Whether the script succeeded. A lab that it leaves is no failure: it ends with the sandbox.
    pub(super) fn passed(&self) -> bool {
        self.status == Some(0) && self.over.is_none()
    }
}

impl Suite {
    /// Runs scripts and calls `done` with each, in their order. When the user interrupts, those
    /// that are running are ended, and their sandboxes with them.
    pub(super) fn run(
        &self,
        scripts: Vec<PathBuf>,
        interrupt: &Interrupt,
        mut done: impl FnMut(&Tested),
    ) -> Result<Vec<Tested>> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(cannot_run)?;
        runtime.block_on(async {
            let mut all = Vec::new();
            for task in self.start(scripts) {
                let tested = tokio::select! {
                    tested = task => tested.map_err(io::Error::from).and_then(|tested| tested).map_err(cannot_run)?,
                    () = interrupt.until_raised() => return Err(Error::Interrupted),
                };
                done(&tested);
                all.push(tested);
            }
            Ok(all)
        })
    }

    /// Starts a task for each script. Only `jobs` of them have a permit to run at a time.
    fn start(&self, scripts: Vec<PathBuf>) -> Vec<JoinHandle<io::Result<Tested>>> {
        let permits = Arc::new(Semaphore::new(self.jobs));
        let colour = if self.colour { "always" } else { "never" };
        let time_limit = self.time_limit;
        let run = |script| {
            let (permits, options) = (Arc::clone(&permits), self.options.clone());
            tokio::spawn(async move {
                let _permit = permits.acquire_owned().await.map_err(io::Error::other)?;
                run(script, colour, &options, time_limit).await
            })
        };
        scripts.into_iter().map(run).collect()
    }
}

fn cannot_run(error: io::Error) -> Error {
    Error::Unanswered { question: "run the tests".to_owned(), rejection: error.into() }
}

async fn run(script: PathBuf, colour: &str, options: &[OsString], time_limit: Duration) -> io::Result<Tested> {
    let start = Instant::now();
    let (reader, writer) = io::pipe()?;
    let mut command = Command::new(OWN_PROGRAM);
    command.args(["--sandbox", "--color", colour]).args(options).arg(as_operand(&script));
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).kill_on_drop(true);
    let mut child = command.spawn()?;
    // It holds the other end of the pipe, which must be closed when the test ends.
    drop(command);
    let (ended, output) = tokio::join!(end(&mut child, time_limit), collect(reader));
    let (status, over) = ended?;
    Ok(Tested {
        name: script.display().to_string(),
        status: ExitStatus::code(&status),
        over,
        time: start.elapsed(),
        output: output?,
    })
}

/// Waits for a test's end. One that takes too long is interrupted, so that it reports its place, and killed if that
/// does not help.
async fn end(child: &mut Child, time_limit: Duration) -> io::Result<(ExitStatus, Option<Duration>)> {
    if let Ok(status) = timeout(time_limit, child.wait()).await {
        return Ok((status?, None));
    }
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        // The process has not been reaped, so the number is still its own.
        kill(Pid::from_raw(pid), Signal::SIGINT)?;
    }
    let status = match timeout(GRACE, child.wait()).await {
        Ok(status) => status?,
        Err(_) => {
            child.start_kill()?;
            child.wait().await?
        }
    };
    Ok((status, Some(time_limit)))
}

/// How long a test that was interrupted may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// Reads all output of a test. The sandbox ends every process in it, so the output ends.
async fn collect(reader: PipeReader) -> io::Result<String> {
    let mut bytes = Vec::new();
    Receiver::from_owned_fd(reader.into())?.read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A path that cannot be mistaken for an option. After an option, words such as `test` are files.
fn as_operand(script: &Path) -> PathBuf {
    let like_option = script.as_os_str().as_encoded_bytes().starts_with(b"-");
    if like_option { Path::new(".").join(script) } else { script.to_owned() }
}
