//! Networks for tests.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use netscript_lab::wiring::Wiring;
use netscript_lang::diagnostics::Description;
use netscript_lang::interpreter::STACK_SIZE;
use netscript_linux::{Interrupt, Kernel};
use netscript_net::world::World;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::groups;
use crate::settled::settle;

type Job = Box<dyn FnOnce() + Send>;

/// A thread in a network namespace and a mount namespace of its own, with an empty `/run`, and the programs that it
/// starts. What they make is not visible outside, and is gone when the sandbox ends.
pub struct Sandbox {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// A sandbox with nothing in it but `lo`.
    ///
    /// # Panics
    ///
    /// Without the privilege to make namespaces: a test that cannot run must not pass.
    pub fn new() -> Sandbox {
        let (jobs, inbox) = channel::<Job>();
        let work = move || {
            enter();
            inbox.into_iter().for_each(|job| job());
        };
        let thread = thread::Builder::new().stack_size(STACK_SIZE).spawn(work).expect("a thread can be started");
        let sandbox = Sandbox { jobs: Some(jobs), thread: Some(thread) };
        sandbox.run(|| ());
        sandbox
    }

    /// Runs a function in the sandbox. A panic in it is passed on to the caller.
    ///
    /// # Panics
    ///
    /// If the function does.
    pub fn run<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> T {
        let (answer, result) = channel();
        let job = move || drop(answer.send(panic::catch_unwind(AssertUnwindSafe(f))));
        let jobs = self.jobs.as_ref().expect("it is taken away by drop alone");
        jobs.send(Box::new(job)).expect("namespaces can be made: run the tests as root, or under `unshare -Ur`");
        match result.recv().expect("namespaces can be made: run the tests as root, or under `unshare -Ur`") {
            Ok(value) => value,
            Err(cause) => panic::resume_unwind(cause),
        }
    }

    /// Runs a netscript script.
    pub fn script(&self, text: &str) -> Result<(), Box<Description>> {
        let text = text.to_owned();
        self.run(move || run_script(&text))
    }

    /// Calls a function with a `Kernel` in the sandbox.
    ///
    /// # Panics
    ///
    /// If the function does.
    pub fn world<T: Send + 'static>(&self, f: impl FnOnce(&mut dyn World) -> T + Send + 'static) -> T {
        self.run(|| f(&mut Kernel::new(interrupt()).expect("the sandbox's own namespace can be opened")))
    }

    /// Runs commands with `sh -e`, which stops at the first that fails.
    ///
    /// # Panics
    ///
    /// If one fails.
    pub fn shell(&self, commands: &str) -> String {
        let output = self.try_shell(commands);
        assert!(output.status.success(), "{commands}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("the commands print UTF-8")
    }

    /// Waits until the kernel has finished delayed changes, before a snapshot is taken.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub fn settle(&self) {
        self.run(settle);
    }

    /// Runs commands with `sh -e`.
    ///
    /// # Panics
    ///
    /// If there is no shell.
    pub fn try_shell(&self, commands: &str) -> Output {
        let commands = commands.to_owned();
        self.run(move || Command::new("sh").args(["-ec", &commands]).output().expect("there is a shell"))
    }
}

impl Default for Sandbox {
    fn default() -> Sandbox {
        Sandbox::new()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(jobs) = &self.jobs {
            // A thread that could not enter its sandbox receives no job.
            let _ = jobs.send(Box::new(remove_groups));
        }
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // Its panics were passed on to the callers.
            let _ = thread.join();
        }
    }
}

/// Ends the programs of labs that are still up, and removes their control groups, which belong to the machine and would
/// stay after the sandbox.
fn remove_groups() {
    for lab in fs::read_dir("/run/netscript").into_iter().flatten().flatten() {
        let journal = lab.path().join("journal");
        // Some tests put a FIFO or a device there; reading it would never end.
        if !fs::symlink_metadata(&journal).is_ok_and(|file| file.is_file()) {
            continue;
        }
        let journal = fs::read_to_string(journal).unwrap_or_default();
        let first = journal.lines().next().unwrap_or_default();
        let header: serde_json::Value = serde_json::from_str(first).unwrap_or_default();
        let Some(group) = header["lab"]["cgroup"].as_str().map(Path::new).filter(|group| group.is_dir()) else {
            continue;
        };
        groups::remove(group);
    }
}

/// Takes the calling thread out of the machine's network and mounts.
fn enter() {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET)
        .expect("namespaces can be made: run the tests as root, or under `unshare -Ur`");
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .expect("mounts can be made private");
    cover_files().expect("an empty /run and an empty /etc/netns can be mounted");
}

/// Mounts an empty `/run` and an empty `/etc/netns`, in the caller's own mount namespace.
pub(crate) fn cover_files() -> std::io::Result<()> {
    let empty_run = || mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>);
    empty_run()?;
    cover_etc_netns()?;
    Ok(empty_run()?)
}

/// Mounts an empty `/etc/netns`. If the machine has none, an overlay of `/etc` adds it; its folders are in a `/run`
/// that another one covers afterwards.
fn cover_etc_netns() -> std::io::Result<()> {
    let folder = Path::new("/etc/netns");
    if !folder.is_dir() {
        fs::create_dir_all("/run/upper")?;
        fs::create_dir_all("/run/work")?;
        let layers = Some("lowerdir=/etc,upperdir=/run/upper,workdir=/run/work");
        mount(Some("overlay"), "/etc", Some("overlay"), MsFlags::empty(), layers)?;
        fs::create_dir(folder)?;
    }
    Ok(mount(Some("tmpfs"), folder, Some("tmpfs"), MsFlags::empty(), None::<&str>)?)
}

fn run_script(text: &str) -> Result<(), Box<Description>> {
    let kernel = Kernel::new(interrupt()).map_err(|error| Box::new(error.describe()))?;
    let interpreter = Wiring::default().interpreter(Box::new(kernel), |_| ());
    let done = interpreter.map_err(|error| Box::new(error.describe()))?.run("test.rhai", text);
    done.map(drop).map_err(|failure| Box::new(failure.error.describe()))
}

/// One for all tests: signals are the whole process's.
pub(crate) fn interrupt() -> Interrupt {
    static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();
    INTERRUPT.get_or_init(|| Interrupt::listen().expect("signals can be heard")).clone()
}
