//! Compares the time and memory of netscript with other ways to build the same network: `cargo xtask bench`.
//!
//! Each run has a network and a `/run` of its own. The ways take turns, so that other load on the machine affects all
//! of them, and medians are compared. Before each run, the kernel has finished the background work of the run before.

mod contests;
mod quiet;
mod scripts;
mod table;

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use crate::Sandbox;
pub use contests::{Tools, against, contests};
pub use table::{Row, machine, report};

/// One way to do a thing.
#[derive(Clone, Debug)]
pub struct Way {
    /// Its name in the table.
    pub name: String,
    /// Files that it needs, in `/run/bench`: name and text.
    pub files: Vec<(String, String)>,
    /// A shell script that is run before, untimed.
    pub before: String,
    /// The command that is timed.
    pub command: Vec<String>,
    /// The number of rounds in which it takes part: slow ways take part in fewer.
    pub rounds: usize,
}

/// Ways to do the same.
#[derive(Clone, Debug)]
pub struct Contest {
    /// The task.
    pub title: String,
    /// The ways; the others are compared with the first.
    pub ways: Vec<Way>,
    /// Ratios of times that the project has promised.
    pub goals: Vec<Goal>,
}

/// A promise about two medians.
#[derive(Clone, Debug)]
pub struct Goal {
    /// The way whose time is divided …
    pub of: usize,
    /// … by the time of this one.
    pub by: usize,
    /// The limit of the quotient.
    pub bound: Bound,
}

/// The limit of a quotient.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// This much or less.
    AtMost(f64),
    /// This much or more.
    AtLeast(f64),
}

impl Bound {
    /// Whether a quotient is within it.
    pub fn holds(self, quotient: f64) -> bool {
        match self {
            Bound::AtMost(limit) => quotient <= limit,
            Bound::AtLeast(limit) => quotient >= limit,
        }
    }
}

/// A measured run.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// From the start of the command to its end.
    pub time: Duration,
    /// Its largest resident size, in KiB.
    pub memory: i64,
}

/// Runs the ways of a contest in turn, each for `most` rounds at most, and returns the measurements.
pub fn hold(contest: &Contest, most: usize) -> Result<Vec<Vec<Measured>>, String> {
    let mut measured = vec![Vec::new(); contest.ways.len()];
    let rounds = contest.ways.iter().map(|way| way.rounds).max().unwrap_or(0).min(most);
    for round in 0..rounds {
        for (way, results) in contest.ways.iter().zip(&mut measured) {
            if round < way.rounds {
                results.push(run(way).map_err(|why| format!("{}: {}: {why}", contest.title, way.name))?);
            }
        }
    }
    Ok(measured)
}

/// Runs one way in a sandbox of its own.
fn run(way: &Way) -> Result<Measured, String> {
    quiet::wait();
    let sandbox = Sandbox::new();
    let files = way.files.clone();
    sandbox
        .run(move || files.iter().try_for_each(|(name, text)| put(name, text)))
        .map_err(|error| error.to_string())?;
    sandbox.shell(&format!("ip link set lo up\n{}", way.before));
    let (own, command) = (own_program()?, way.command.clone());
    let output = sandbox.run(move || Command::new(own).arg("bench-one").args(command).output());
    let output = output.map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = told.lines().last().unwrap_or("").split(' ').map(str::parse::<i64>);
    match (output.status.success(), numbers.next(), numbers.next()) {
        (true, Some(Ok(nanoseconds)), Some(Ok(memory))) => {
            Ok(Measured { time: Duration::from_nanos(nanoseconds.unsigned_abs()), memory })
        }
        _ => Err(format!("{told}{}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn put(name: &str, text: &str) -> io::Result<()> {
    std::fs::create_dir_all(scripts::DIR)?;
    std::fs::write(format!("{}/{name}", scripts::DIR), text)
}

fn own_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| error.to_string())
}

/// `xtask bench-one COMMAND …`: runs a command and prints its time and memory. It is a process of its own, so that no
/// other memory is counted.
pub fn one(command: &[String]) -> io::Result<bool> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let start = std::time::Instant::now();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    let time = start.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    println!("{} {}", time.as_nanos(), usage.max_rss());
    Ok(output.status.success())
}
