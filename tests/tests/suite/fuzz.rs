//! A sample of random scripts; `cargo xtask fuzz` runs as many as one likes.

use netscript_tests::equivalence::fresh_seed;
use netscript_tests::fuzz::{Course, run};

fn sample(seed: u64, runs: u64, sandbox: u64) {
    let worker = env!("CARGO_BIN_EXE_xtask").into();
    let course = Course { worker, seed, runs, sandbox, at_once: 2, shrinking: true };
    let report = run(&course, |_| ());
    let told: Vec<String> = report
        .complaints
        .iter()
        .map(|complaint| format!("seed {}: {}\n{}", complaint.seed, complaint.what, complaint.script))
        .collect();
    let told = told.join("\n\n");
    assert!(report.passed(), "{told}");
    println!("{told}");
}

#[test]
fn scripts_of_fixed_seeds_do_nothing_that_they_must_not() {
    sample(1, 400, 30);
}

#[test]
fn fresh_scripts_do_nothing_that_they_must_not() {
    sample(fresh_seed(), 200, 15);
}
