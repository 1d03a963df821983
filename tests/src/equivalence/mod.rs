//! Runs programs of operations three ways: on the kernel, as shell commands, and on the model. All three must come to
//! the same state, and refuse the same operations.

mod generate;
mod programs;
mod rng;
mod routes;
mod run;
mod script;
mod shrink;

use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

pub use generate::{program, program_on};
pub use rng::Rng;
pub use routes::RoutesCompared;
pub use run::{Program, accepted, check};
pub use script::{Compared, check_script, compare_script, printed};
pub use shrink::shrink;

/// The result of many programs.
#[derive(Debug, Default)]
pub struct Report {
    /// How many ran.
    pub programs: usize,
    /// How many operations they had.
    pub operations: usize,
    /// How many of these were refused, by all three alike.
    pub refused: usize,
    /// The routes that the kernel chose, compared with those that the trace predicts.
    pub routes: RoutesCompared,
    /// Seeds of programs that differed, with the differences after shrinking.
    pub differing: Vec<(u64, String)>,
}

/// A seed that no earlier run had.
pub fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()) * 1_000_000
}

/// Runs the programs of some seeds, several at a time, and shrinks those that differ.
pub fn check_seeds(seeds: &[u64], at_once: usize, shrinking: bool) -> Report {
    let next = AtomicUsize::new(0);
    let report = Mutex::new(Report::default());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let checked = panic::catch_unwind(AssertUnwindSafe(|| check_seed(*seed, shrinking, &report)));
                    if let (Err(_), Ok(mut report)) = (checked, report.lock()) {
                        report.differing.push((*seed, "it panics, see above".to_owned()));
                        println!("seed {seed} panics");
                    }
                }
            });
        }
    });
    report.into_inner().unwrap_or_default()
}

fn check_seed(seed: u64, shrinking: bool, report: &Mutex<Report>) {
    let mut program = program(&mut Rng::new(seed));
    if seed % 2 == 1 {
        // A refused operation ends a batch.
        program = accepted(&program);
    }
    let outcome = check(&program);
    let told = match &outcome.differences[..] {
        [] => None,
        _ if !shrinking => Some(outcome.tell(&program)),
        _ => {
            let smaller = shrink(&program);
            let told = check(&smaller);
            // Differences caused by timing may not occur again.
            let lasting = !told.differences.is_empty();
            let first = outcome.differences.join("\n  => ");
            Some(if lasting {
                format!("{}\n  at first:\n  => {first}", told.tell(&smaller))
            } else {
                outcome.tell(&program)
            })
        }
    };
    let Ok(mut report) = report.lock() else { return };
    report.programs += 1;
    report.operations += program.len();
    report.refused += outcome.refused;
    report.routes.add(outcome.routes);
    if let Some(told) = told {
        println!("seed {seed}:\n{told}");
        report.differing.push((seed, told));
    }
}
