//! Tests on other kernels and releases: `cargo xtask rig`.
//!
//! `cache` downloads and makes the machines with the shell programs of `tests/rig`, `build` links the tests so that
//! they start on all of them, `jobs` splits them into processes, and `report` reads the results.

mod build;
mod cache;
mod jobs;
mod machine;
mod record;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;

pub use machine::{Kernel, Machine, Release};

use build::{BuildOptions, Built};
use cache::Cache;
use jobs::{Choice, Pace, TestJob};
use record::Record;
use report::Report;

use crate::workspace;

/// Run the tests on other kernels and releases.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "cargo xtask rig",
    bin_name = "cargo xtask rig",
    after_help = "\
Examples:
  cargo xtask rig --root trixie suite::netfilter         tests of rules with Debian 13's programs, on this kernel
  cargo xtask rig --kernel 5.10 tutorials::              the scripts on Debian 11 and its kernel
  cargo xtask rig --kernel 6.12 -- sh -c 'modprobe gre; \"$NETSCRIPT_PROGRAM\" test scripts'"
)]
struct Arguments {
    /// In the user space of this release, on the running kernel
    #[arg(long, value_name = "RELEASE")]
    root: Vec<Release>,
    /// On this kernel, with the user space of its release
    #[arg(long, value_name = "VERSION")]
    kernel: Vec<Kernel>,
    /// In each root and on each kernel
    #[arg(long)]
    all: bool,
    /// Run all tests, and put the results into the table of README.md and the book
    #[arg(long, conflicts_with_all = ["only", "skip", "command"])]
    record: bool,
    /// With --record: run the tests that have not passed in the last recorded run, and add their results to it
    #[arg(long, requires = "record")]
    again: bool,
    /// Words of which a test's name must have one: a part of `suite::journal::…`, `netscript_linux::…`
    #[arg(value_name = "FILTER")]
    only: Vec<String>,
    /// A word that a test's name must not have
    #[arg(long, value_name = "WORD")]
    skip: Vec<String>,
    /// Where roots and kernels are kept [default: target/rig, or $NETSCRIPT_RIG_CACHE]
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// cargo's profile for the tests
    #[arg(long, default_value = "rig")]
    profile: String,
    /// cargo's target directory for the tests [default: target/rig/build]
    #[arg(long, value_name = "FOLDER")]
    target_dir: Option<PathBuf>,
    /// Download and make what is needed, print the folder of the libraries to link with, and run nothing
    #[arg(long)]
    prepare: bool,
    /// Run what was built the last time
    #[arg(long)]
    no_build: bool,
    /// After how many seconds a module's tests are ended [default: 900, and 7200 on a kernel of its own]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Run this command instead of the tests; `NETSCRIPT_PROGRAM` names the program, the workspace is the folder
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs `cargo xtask rig ARGUMENTS`.
pub fn rig(arguments: &[String]) -> ExitCode {
    let arguments = match Arguments::try_parse_from([&["rig".to_owned()], arguments].concat()) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match Rig::new(&arguments).and_then(|rig| rig.run(&arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

impl Arguments {
    fn machines(&self) -> Vec<Machine> {
        let roots = if self.all { &Release::ALL[..] } else { &self.root };
        let kernels = if self.all { &Kernel::ALL[..] } else { &self.kernel };
        let roots = roots.iter().copied().map(Machine::root);
        roots.chain(kernels.iter().copied().map(Machine::booted)).collect()
    }

    fn cache(&self) -> PathBuf {
        let named = self.cache.clone().or_else(|| std::env::var_os("NETSCRIPT_RIG_CACHE").map(PathBuf::from));
        named.unwrap_or_else(|| workspace().join("target/rig"))
    }
}

/// The machines, and where the rig keeps things.
struct Rig {
    machines: Vec<Machine>,
    cache: Cache,
    /// The results of runs, in a folder for each machine.
    results: PathBuf,
    how: BuildOptions,
}

impl Rig {
    fn new(arguments: &Arguments) -> Result<Rig, String> {
        if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
            return Err("the rig has roots and kernels for x86-64 only".to_owned());
        }
        if !nix::unistd::geteuid().is_root() {
            return Err("run the rig as root: it mounts the roots".to_owned());
        }
        let machines = arguments.machines();
        if machines.is_empty() {
            return Err("say where: --root bullseye|bookworm|trixie, --kernel 5.10|6.1|6.12 or --all".to_owned());
        }
        let cache = Cache::new(&arguments.cache())?;
        let sysroot = cache.sysroot()?;
        let target = arguments.target_dir.clone().unwrap_or_else(|| workspace().join("target/rig/build"));
        let how = BuildOptions { sysroot, profile: arguments.profile.clone(), target };
        Ok(Rig { machines, cache, results: workspace().join("target/rig/results"), how })
    }

    fn run(&self, arguments: &Arguments) -> Result<bool, String> {
        self.prepare()?;
        if arguments.prepare {
            println!("{}", self.how.sysroot.display());
            return Ok(true);
        }
        let built = if arguments.no_build { build::last(&self.how) } else { build::build(&self.how) }?;
        if !arguments.command.is_empty() {
            return self.command(&built, &arguments.command);
        }
        let choice = Choice { only: arguments.only.clone(), skip: arguments.skip.clone() };
        let jobs = jobs::jobs(&built, &choice)?;
        if jobs.is_empty() {
            return Err("no test has such a name".to_owned());
        }
        self.tests(&built, &jobs, arguments)
    }

    /// Makes the missing machines, all at once: this mostly waits for the network and the disk.
    fn prepare(&self) -> Result<(), String> {
        let mut roots: Vec<Release> = self.machines.iter().map(|machine| machine.release).collect();
        roots.sort_by_key(|release| release.name());
        roots.dedup();
        let kernels = self.machines.iter().filter_map(|machine| machine.kernel);
        let problems: Vec<String> = std::thread::scope(|scope| {
            let roots = roots.iter().map(|release| scope.spawn(|| self.cache.root(*release)));
            let kernels = kernels.map(|kernel| scope.spawn(move || self.cache.kernel(kernel)));
            let all: Vec<_> = roots.chain(kernels).collect();
            all.into_iter()
                .filter_map(|made| made.join().unwrap_or_else(|_| Err("it panicked".to_owned())).err())
                .collect()
        });
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }

    /// Runs a command on each machine.
    fn command(&self, built: &Built, command: &[String]) -> Result<bool, String> {
        let mut fine = true;
        for machine in &self.machines {
            let out = self.empty_folder(*machine)?;
            let words = ["sh", "-c", "cd \"$1\"; export NETSCRIPT_PROGRAM=\"$2\"; shift 2; exec \"$@\"", "-"];
            let mut words: Vec<String> = words.map(str::to_owned).to_vec();
            words.extend([workspace().display().to_string(), built.netscript.display().to_string()]);
            words.extend(command.iter().cloned());
            let mut child = self.start(*machine, &out, &words)?;
            let status = child.wait().map_err(|error| error.to_string())?;
            fine &= status.success();
        }
        Ok(fine)
    }

    /// Runs tests on each machine, and prints the table.
    fn tests(&self, built: &Built, jobs: &[TestJob], arguments: &Arguments) -> Result<bool, String> {
        let (mut rows, mut fine) = (Vec::new(), true);
        for machine in &self.machines {
            let mut record = if arguments.again { Record::load(&self.results, *machine)? } else { Record::default() };
            let jobs: Vec<TestJob> = jobs.iter().filter_map(|job| job.without(|name| record.is_done(name))).collect();
            let out = self.empty_folder(*machine)?;
            let pace = pace(*machine, arguments.timeout);
            let script = jobs::script(&built.netscript, &jobs, pace);
            fs::write(out.join("jobs"), script).map_err(|error| format!("{}: {error}", out.display()))?;
            println!("== {}: {} tests", machine.name(), jobs.iter().map(|job| job.names.len()).sum::<usize>());
            let start = Instant::now();
            let mut child = self.start(*machine, &out, &["sh".to_owned(), "/out/jobs".to_owned()])?;
            for (number, job) in jobs.iter().enumerate() {
                let report = follow(&mut child, &out, number, job);
                fine &= report.failed.is_empty();
                record.add(&report);
                // After each job: a run that is ended early can be continued with --again.
                if arguments.record {
                    record.save(&self.results, *machine)?;
                }
            }
            let _ = child.wait();
            let versions = fs::read_to_string(out.join("versions")).unwrap_or_default();
            record.ended(start.elapsed().as_secs(), versions);
            let line = record.row(*machine).line();
            if arguments.record {
                record.save(&self.results, *machine)?;
                record::publish(*machine, &line)?;
            }
            rows.push(line);
        }
        println!("\n{}", report::table(rows));
        Ok(fine)
    }

    /// An empty folder for the files of a machine's run.
    fn empty_folder(&self, machine: Machine) -> Result<PathBuf, String> {
        let folder = self.results.join(machine.name());
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }

    fn start(&self, machine: Machine, out: &Path, words: &[String]) -> Result<Child, String> {
        let (root, kernel) = self.cache.machine(machine)?;
        let programs = workspace().join("tests/rig");
        let mut command = match kernel {
            Some(kernel) => {
                let mut command = Command::new(programs.join("vm"));
                command.arg(kernel).env("VM_MEM", "6144").env("VM_TIMEOUT", "14400");
                command
            }
            None => Command::new(programs.join("enter")),
        };
        command.arg(root).arg(workspace()).arg(out).args(words);
        command.spawn().map_err(|error| format!("{command:?}: {error}"))
    }
}

/// An emulated machine is some ten times slower, and slower still beside another one.
fn pace(machine: Machine, timeout: Option<u64>) -> Pace {
    match machine.kernel {
        Some(_) => Pace { threads: 4, patience: 30, timeout: timeout.unwrap_or(7200), own_kernel: true },
        None => Pace { threads: 4, patience: 2, timeout: timeout.unwrap_or(900), own_kernel: false },
    }
}

/// Waits for a job, and prints its results.
fn follow(child: &mut Child, out: &Path, number: usize, job: &TestJob) -> Report {
    let ended = || out.join(format!("{number}.status")).exists();
    while !ended() && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(200));
    }
    let report = report::of_job(out, number, job);
    println!(
        "{}: {} passed, {} failed, {} skipped",
        job.name,
        report.passed.len(),
        report.failed.len(),
        report.skipped.len()
    );
    for (name, what) in &report.skipped {
        println!("  skipped {name}: {what}");
    }
    for (name, why) in &report.failed {
        println!("  FAILED {name}\n{}", indented(why));
    }
    report
}

/// The last lines of a text, set in.
fn indented(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    let first = lines.len().saturating_sub(40);
    let shortened = |line: &str| line.chars().take(400).collect::<String>();
    lines[first..].iter().map(|line| format!("    {}\n", shortened(line))).collect()
}
