//! Shrinks a program that differs for as long as it still differs.

use std::time::Duration;

use netscript_net::op::{Action, NetnsOp, Op};

use super::run::{Program, check_within};

/// Long enough for nearly every program to settle.
const LIMIT: Duration = Duration::from_millis(1500);

/// Leaves out operations, first many at a time, then fewer, for as long as something still differs.
pub fn shrink(program: &Program) -> Program {
    let mut smallest = program.clone();
    let mut chunk = smallest.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        while at < smallest.len() {
            let mut candidate = smallest.clone();
            candidate.drain(at..(at + chunk).min(candidate.len()));
            if !ends_its_own(&candidate) || check_within(&candidate, crate::patience(LIMIT)).differences.is_empty() {
                at += chunk;
            } else {
                smallest = candidate;
            }
        }
        chunk /= 2;
    }
    smallest
}

/// Whether the program ends only unnamed namespaces that it made.
fn ends_its_own(program: &Program) -> bool {
    let held = |op: &Op, number: u32| op.action == Action::Netns(NetnsOp::Hold(number));
    program.iter().enumerate().all(|(at, op)| match op.action {
        Action::Netns(NetnsOp::Release(number)) => program[..at].iter().any(|before| held(before, number)),
        _ => true,
    })
}
