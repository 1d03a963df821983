//! Random scripts, as text: `cargo xtask fuzz`.
//!
//! A script is made from a grammar whose words, options and values come from the registered words and their examples,
//! so that new words are included (`grammar`). It runs dry in another process, which may crash (`worker`), and in a
//! sandbox (`sandbox`). `judge` decides which results are errors, and `shrink` makes a script with an error smaller.

mod grammar;
mod judge;
mod sandbox;
mod shrink;
mod vocabulary;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

pub use judge::{Dry, Excuse, Verdict};
pub use vocabulary::Vocabulary;
pub use worker::{one, work};

use crate::equivalence::Rng;

/// The scripts to run.
#[derive(Clone, Debug)]
pub struct Course {
    /// The program `xtask`, which is the worker.
    pub worker: PathBuf,
    /// The first seed.
    pub seed: u64,
    /// How many scripts run dry.
    pub runs: u64,
    /// How many run dry and in a sandbox.
    pub sandbox: u64,
    /// How many processes run at a time.
    pub at_once: usize,
    /// Whether scripts with errors are made smaller.
    pub shrinking: bool,
}

/// An error that was found.
#[derive(Clone, Debug)]
pub struct Complaint {
    /// The script's seed.
    pub seed: u64,
    /// What happened.
    pub what: String,
    /// The script, made smaller.
    pub script: String,
}

/// The results of a course.
#[derive(Clone, Debug)]
pub struct Report {
    /// The errors that were found.
    pub complaints: Vec<Complaint>,
    /// How many runs in a sandbox had the result of their dry runs.
    pub equal: u64,
    /// The seeds of runs that may differ, by the reason.
    pub excused: BTreeMap<Excuse, Vec<u64>>,
}

impl Report {
    /// Whether a sample passed. An error that does not occur again when the script runs alone depends on timing, and
    /// does not count unless it is a panic.
    pub fn passed(&self) -> bool {
        let counts = |complaint: &Complaint| !complaint.what.starts_with(ONCE) || complaint.what.contains("panic");
        !self.complaints.iter().any(counts)
    }
}

/// The prefix of a complaint that did not occur again.
const ONCE: &str = "once only: ";

/// The script of a seed.
pub fn script(vocabulary: &Vocabulary, seed: u64) -> String {
    grammar::script(vocabulary, &mut Rng::new(seed))
}

/// Runs scripts and reports each complaint when it occurs.
pub fn run(course: &Course, told: impl Fn(&Complaint) + Sync) -> Report {
    let (equal, excused) = (AtomicU64::new(0), Mutex::new(BTreeMap::new()));
    let complaints = Mutex::new(Vec::new());
    let add = |complaint: Complaint| {
        told(&complaint);
        if let Ok(mut complaints) = complaints.lock() {
            complaints.push(complaint);
        }
    };
    let vocabulary = Vocabulary::new();
    in_parts(course, course.runs, BATCH, |first, count| {
        worker::batch(course, first, count, |seed, what| {
            let text = script(&vocabulary, seed);
            let fails = |text: &str| {
                worker::judge(course, text).is_ok_and(|dry| kind(&dry.complaint()) == kind(&Some(what.clone())))
            };
            // What time decides may not come again.
            if !fails(&text) {
                return add(Complaint { seed, what: format!("{ONCE}{what}"), script: text });
            }
            let smaller = if course.shrinking { shrink::shrink(&text, DRY_TRIES, fails) } else { text };
            add(Complaint { seed, what, script: smaller });
        });
    });
    in_parts(course, course.sandbox, 1, |seed, _| {
        let text = script(&vocabulary, seed);
        let what = match sandbox::verdict(course, &text) {
            Verdict::Equal => {
                equal.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Verdict::Excused(why) => {
                if let Ok(mut excused) = excused.lock() {
                    excused.entry(why).or_insert_with(Vec::new).push(seed);
                }
                return;
            }
            Verdict::Wrong(what) => what,
        };
        let fails = |text: &str| match sandbox::verdict(course, text) {
            Verdict::Wrong(other) => kind(&Some(other)) == kind(&Some(what.clone())),
            Verdict::Equal | Verdict::Excused(_) => false,
        };
        // What time decides may not come again.
        if !fails(&text) {
            return add(Complaint { seed, what: format!("{ONCE}{what}"), script: text });
        }
        let smaller = if course.shrinking { shrink::shrink(&text, SANDBOX_TRIES, fails) } else { text };
        add(Complaint { seed, what, script: smaller });
    });
    Report {
        complaints: complaints.into_inner().unwrap_or_default(),
        equal: equal.into_inner(),
        excused: excused.into_inner().unwrap_or_default(),
    }
}

/// How many scripts a worker runs: each leaks some memory.
const BATCH: u64 = 500;

/// How many smaller scripts are tried.
const DRY_TRIES: usize = 400;
const SANDBOX_TRIES: usize = 150;

/// A complaint without the parts that differ from script to script.
fn kind(what: &Option<String>) -> Option<String> {
    what.as_ref().map(|what| what.split(" at ").next().unwrap_or_default().to_owned())
}

/// Distributes the seeds of a course to several threads.
fn in_parts(course: &Course, all: u64, part: u64, work: impl Fn(u64, u64) + Sync) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..course.at_once {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(part, Ordering::Relaxed);
                    if first >= all {
                        return;
                    }
                    work(course.seed + first, part.min(all - first));
                }
            });
        }
    });
}

/// The modules that scripts import, beside them.
const MODULES: &[(&str, &str)] = &[
    ("good.rhai", include_str!("modules/good.rhai")),
    ("outer.rhai", include_str!("modules/outer.rhai")),
    ("circle.rhai", include_str!("modules/circle.rhai")),
    ("broken.rhai", include_str!("modules/broken.rhai")),
    ("failing.rhai", include_str!("modules/failing.rhai")),
];

/// Puts the modules into a folder.
fn write_modules(folder: &std::path::Path) -> std::io::Result<()> {
    MODULES.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
}
