//! The command line of `cargo xtask crash`, and each machine's share of the work.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::tried::{Report, failures, interrupts, kills, there_and_back, together};
use super::{random, scripts};
use crate::workspace;

/// Machines for each processor: labs wait most of the time.
const MACHINES: usize = 5;

/// The selected tests.
#[derive(Clone, Debug)]
pub struct Course {
    /// The number of machines that share them.
    pub at_once: u64,
    only: Option<Kind>,
    /// A part of the path of the scripts.
    script: String,
    first: u64,
    stride: u64,
    rounds: u64,
    programs: u64,
    seed: u64,
    /// The workspace of an earlier version: its debug build brings its scripts up, and this version takes them down.
    built_by: Option<PathBuf>,
}

/// The kinds of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Up and down.
    Back,
    /// Killed at every moment.
    Kills,
    /// Interrupted at every moment.
    Interrupts,
    /// Failing at every name.
    Failures,
    /// Random operations.
    Random,
    /// Many at once.
    Together,
}

impl Kind {
    const EACH: [Kind; 6] = [Kind::Back, Kind::Kills, Kind::Interrupts, Kind::Failures, Kind::Random, Kind::Together];

    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Back => "back",
            Kind::Kills => "kills",
            Kind::Interrupts => "interrupts",
            Kind::Failures => "failures",
            Kind::Random => "random",
            Kind::Together => "together",
        }
    }
}

/// One of several machines, each of which runs a part of the tests.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Its number, from 0.
    pub number: u64,
    /// The number of machines.
    pub of: u64,
}

impl Share {
    /// This machine's share of every `stride`-th number from `first` on.
    pub(super) fn numbers(self, first: u64, stride: u64) -> impl Iterator<Item = u64> {
        (0..).map(move |turn| first + (turn * self.of + self.number) * stride)
    }

    /// This machine's share of some things.
    pub(super) fn of<T>(self, things: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        let machines = (0..self.of).cycle();
        things.into_iter().zip(machines).filter(move |(_, number)| *number == self.number).map(|(thing, _)| thing)
    }
}

/// A machine's report on one set of tests.
#[derive(Debug, Serialize, Deserialize)]
pub struct TryReport {
    /// The kind of test.
    pub kind: Kind,
    /// The tested lab, in words.
    pub what: String,
    /// The results.
    pub report: Report,
}

impl Course {
    /// Reads a command line.
    ///
    /// # Errors
    ///
    /// In words, if an argument is unknown.
    pub fn parse(arguments: &[String]) -> Result<Course, String> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = u64::try_from(processors * MACHINES).unwrap_or(1);
        let mut course = Course {
            at_once,
            only: None,
            script: String::new(),
            first: 0,
            stride: 1,
            rounds: 20,
            programs: 200,
            seed: 1,
            built_by: None,
        };
        for pair in arguments.chunks(2) {
            let [key, value] = pair else { return Err(format!("`{}` wants a value", pair[0])) };
            course.set(key, value)?;
        }
        Ok(course)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let number = |least: u64| match value.parse() {
            Ok(number) if number >= least => Ok(number),
            _ => Err(format!("{key}: `{value}` is no number from {least} on")),
        };
        match key {
            "--at-once" => self.at_once = number(1)?,
            "--first" => self.first = number(0)?,
            "--stride" => self.stride = number(1)?,
            "--rounds" => self.rounds = number(1)?,
            "--programs" => self.programs = number(1)?,
            "--seed" => self.seed = number(0)?,
            "--built-by" => self.built_by = Some(PathBuf::from(value)),
            "--script" => value.clone_into(&mut self.script),
            "--only" => {
                let kind = Kind::EACH.into_iter().find(|kind| kind.word() == value);
                self.only = Some(kind.ok_or_else(|| format!("--only: there is no `{value}`"))?);
            }
            _ => return Err(format!("there is no option `{key}`")),
        }
        Ok(())
    }

    /// Runs a machine's share of all tests, and reports each set when it is done.
    pub fn run(&self, program: &Path, share: Share, mut tell: impl FnMut(TryReport)) {
        let builder = self.built_by.as_ref().map(|earlier| earlier.join("target/debug/netscript"));
        let machine = Machine::furnish(program, builder.as_deref().unwrap_or(program));
        let workspace = self.built_by.as_deref().unwrap_or(workspace());
        let mut tell = |kind: Kind, what: String, report: Report| tell(TryReport { kind, what, report });
        for (number, script) in scripts(workspace).iter().filter(|script| self.is_about(script)).enumerate() {
            let name = |how: &str| format!("{}, {how}", script.display());
            if self.wants(Kind::Back) {
                let is_mine = share.of([number]).next().is_some();
                let report = if is_mine { there_and_back(&machine, script) } else { Report::default() };
                tell(Kind::Back, name("there and back"), report);
            }
            if self.wants(Kind::Kills) {
                tell(Kind::Kills, name("killed"), kills(&machine, script, || share.numbers(self.first, self.stride)));
            }
            if self.wants(Kind::Interrupts) {
                let moments = share.numbers(self.first, self.stride);
                tell(Kind::Interrupts, name("interrupted"), interrupts(&machine, script, moments, share));
            }
            if self.wants(Kind::Failures) {
                tell(Kind::Failures, name("names taken"), failures(&machine, script, share));
            }
        }
        if self.wants(Kind::Random) {
            let seeds = share.of(self.seed..self.seed + self.programs);
            tell(Kind::Random, "random programs".to_owned(), random(&machine, seeds));
        }
        if self.wants(Kind::Together) {
            let rounds = share.of(0..self.rounds);
            tell(Kind::Together, "ten labs at once".to_owned(), together(&machine, 10, rounds));
        }
    }

    fn wants(&self, kind: Kind) -> bool {
        self.only.is_none_or(|only| only == kind)
    }

    fn is_about(&self, script: &Path) -> bool {
        script.display().to_string().contains(&self.script)
    }
}
