//! A sample of random scripts; `cargo xtask fuzz` runs as many as one likes.

use netscript_tests::equivalence::fresh_seed;
use netscript_tests::fuzz::{Course, run};

fn sample(seed: u64, runs: u64, sandbox: u64) {
    let worker = env!("CARGO_BIN_EXE_xtask").into();
    let course = Course { worker, seed, runs, sandbox, at_once: 2, shrinking: true };
    let complaints = run(&course, |_| ()).complaints;
    let told: Vec<String> = complaints
        .iter()
        // What comes once only and not when it runs alone is told, and does not count.
        .filter(|complaint| !complaint.what.starts_with("once only"))
        .map(|complaint| format!("seed {}: {}\n{}", complaint.seed, complaint.what, complaint.script))
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n\n"));
}

#[test]
fn scripts_of_fixed_seeds_do_nothing_that_they_must_not() {
    sample(1, 400, 30);
}

#[test]
fn fresh_scripts_do_nothing_that_they_must_not() {
    sample(fresh_seed(), 200, 15);
}
