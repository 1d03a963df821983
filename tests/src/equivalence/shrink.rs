//! Makes a program that differs as small as it can be while it still differs.

use std::time::Duration;

use super::run::{Program, check_within};

/// Long enough for what takes its time, as nearly every program shows.
const LIMIT: Duration = Duration::from_millis(1500);

/// Leaves operations out, many at a time, then fewer, as long as something still differs.
pub fn shrink(program: &Program) -> Program {
    let mut smallest = program.clone();
    let mut chunk = smallest.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        while at < smallest.len() {
            let mut candidate = smallest.clone();
            candidate.drain(at..(at + chunk).min(candidate.len()));
            if check_within(&candidate, LIMIT).differences.is_empty() {
                at += chunk;
            } else {
                smallest = candidate;
            }
        }
        chunk /= 2;
    }
    smallest
}
