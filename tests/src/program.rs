//! The program under test, as users start it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::netscript;

/// A user without any rights, `nobody` on most systems.
pub const NOBODY: u32 = 65_534;

/// A folder that every user can read, with a copy of the program and an empty folder for PATH.
pub struct Place {
    folder: TempDir,
}

/// The result of a run.
#[derive(Debug)]
pub struct Finished {
    /// The status, as a shell reports it.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Place {
    /// A new place.
    ///
    /// # Panics
    ///
    /// If the disk is full.
    pub fn new() -> Place {
        let folder = tempfile::tempdir().expect("temporary folders can be made");
        let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        open(folder.path());
        let place = Place { folder };
        // By another process: if this one wrote the program, a child of another thread could inherit the open file, and
        // the program could not be started ("Text file busy").
        let copied = Command::new("cp").arg(netscript()).arg(place.program()).status();
        assert!(copied.is_ok_and(|status| status.success()), "the program can be copied");
        fs::create_dir(place.path("empty")).expect("the folder is new");
        open(&place.path("empty"));
        place
    }

    /// A file of this place.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The copy of the program.
    pub fn program(&self) -> PathBuf {
        self.path("netscript")
    }

    /// Writes a file that every user can read, and gives its path.
    ///
    /// # Panics
    ///
    /// If the disk is full.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("the folder is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
        path
    }

    /// The program, in this folder, with these arguments.
    pub fn netscript(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.program());
        command.current_dir(self.folder.path()).args(args).stdin(Stdio::null());
        command
    }

    /// Runs a script without a sandbox, as a lab with a unique name and with `--force`.
    pub fn on_the_machine(&self, script: &str) -> Command {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        self.write("script.rhai", script);
        let name = format!("lab{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.netscript(&["--force", "--name", &name, "script.rhai"])
    }

    /// Runs a script in a sandbox.
    pub fn sandboxed(&self, script: &str) -> Finished {
        self.write("script.rhai", script);
        finish(&mut self.netscript(&["--sandbox", "script.rhai"]))
    }

    /// Runs a script in a sandbox that may write into this folder.
    pub fn writing(&self, script: &str) -> Finished {
        self.write("script.rhai", script);
        finish(&mut self.netscript(&["--sandbox", "--writable", ".", "script.rhai"]))
    }
}

impl Default for Place {
    fn default() -> Place {
        Place::new()
    }
}

/// Lets a command run as a user without rights.
pub fn as_nobody(command: &mut Command) -> &mut Command {
    command.uid(NOBODY).gid(NOBODY)
}

/// Runs a command to its end.
///
/// # Panics
///
/// If it cannot be started.
pub fn finish(command: &mut Command) -> Finished {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Finished {
        status: shell_status(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn shell_status(status: ExitStatus) -> i32 {
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(-1)
}

impl Finished {
    /// Its standard output; the run must have succeeded.
    ///
    /// # Panics
    ///
    /// If it has not.
    pub fn success(self) -> String {
        assert_eq!(self.status, 0, "{self:?}");
        self.stdout
    }
}

/// A running program that has printed its first line.
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    /// Starts a command in a process group of its own, and waits for its first line.
    ///
    /// # Panics
    ///
    /// If it ends without one.
    pub fn start(command: &mut Command) -> Running {
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it prints UTF-8");
        let running = Running { child, stdout };
        if line.is_empty() {
            panic!("{:?}", running.finish());
        }
        running
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// If it has ended and been waited for.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).expect("it is ours");
    }

    /// Sends a signal to it and its group, as a terminal does.
    ///
    /// # Panics
    ///
    /// If it has ended and been waited for.
    pub fn signal_group(&self, signal: Signal) {
        killpg(Pid::from_raw(self.child.id().cast_signed()), signal).expect("it is ours");
    }

    /// Waits for its end, and returns how long that took.
    ///
    /// # Panics
    ///
    /// If it cannot be waited for.
    pub fn finish(mut self) -> (Finished, Duration) {
        let start = Instant::now();
        let status = self.child.wait().expect("it is ours");
        let time = start.elapsed();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        // If it was killed, its children may still hold the output open.
        if status.signal() != Some(Signal::SIGKILL as i32) {
            self.stdout.read_to_string(&mut stdout).expect("it prints UTF-8");
            let mut file = self.child.stderr.take().expect("it is a pipe");
            file.read_to_string(&mut stderr).expect("it prints UTF-8");
        }
        (Finished { status: shell_status(status), stdout, stderr }, time)
    }
}

/// A process as `/proc` shows it; its start time tells it from a later one with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// Its session's.
    pub session: u32,
    /// In clock ticks since boot.
    pub started: u64,
    /// `Z` for one that has ended.
    pub state: char,
}

/// A process that runs, or is a zombie.
pub fn seen(pid: u32) -> Option<Seen> {
    let stat = String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?).into_owned();
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Seen {
        pid,
        state: fields[0].chars().next()?,
        parent: fields[1].parse().ok()?,
        session: fields[3].parse().ok()?,
        started: fields[19].parse().ok()?,
    })
}

/// A process and all that descend from it.
pub fn family(pid: u32) -> Vec<Seen> {
    let everyone: Vec<Seen> = fs::read_dir("/proc")
        .expect("there is a /proc")
        .filter_map(|entry| seen(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .collect();
    let mut family: Vec<Seen> = everyone.iter().filter(|process| process.pid == pid).cloned().collect();
    let mut next = 0;
    while next < family.len() {
        let parent = family[next].pid;
        family.extend(everyone.iter().filter(|process| process.parent == parent).cloned());
        next += 1;
    }
    family
}

/// Those of these processes that are still running, after some time.
pub fn left_of(processes: &[Seen], time: Duration) -> Vec<Seen> {
    let deadline = Instant::now() + crate::patience(time);
    loop {
        let same =
            |process: &&Seen| seen(process.pid).is_some_and(|now| now.started == process.started && now.state != 'Z');
        let left: Vec<Seen> = processes.iter().filter(same).cloned().collect();
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
