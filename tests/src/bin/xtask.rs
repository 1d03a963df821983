//! The project's own commands: `cargo xtask COMMAND`. CONTRIBUTING.md lists them.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};

use netscript_tests::crash::{self, Machine, Report};
use netscript_tests::equivalence::check_seeds;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("bless") => bless(),
        Some("equivalence") => equivalence(&arguments[1..]),
        Some("crash") => crash_outside(&arguments[1..]),
        Some("crash-inside") => crash_inside(&arguments[1..]),
        other => {
            if let Some(other) = other {
                eprintln!("there is no command `{other}`");
            }
            eprintln!("usage: cargo xtask bless   rewrite the expected output in tests/ref");
            eprintln!("       cargo xtask equivalence [--programs N] [--seed S] [--at-once N] [--no-shrinking]");
            eprintln!("                           run random programs on the kernel, as commands and on the model");
            eprintln!(
                "       cargo xtask crash [--stride N] [--first N] [--script WORD] [--only back|kills|failures|together]"
            );
            eprintln!("                           kill labs at every moment, let them fail, and take them down");
            ExitCode::from(2)
        }
    }
}

/// Rewrites the expected output in `tests/ref`.
fn bless() -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["test", "--package", "netscript-tests", "--test", "suite", "annotated"])
        .env("NETSCRIPT_BLESS", "1")
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot start cargo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tries the labs on a machine of their own.
fn crash_outside(arguments: &[String]) -> ExitCode {
    let own = std::env::current_exe().unwrap_or_default();
    let status = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"])
        .arg(own)
        .arg("crash-inside")
        .arg(netscript_tests::netscript())
        .args(arguments)
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot start unshare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn crash_inside(arguments: &[String]) -> ExitCode {
    let option = |key: &str| {
        let at = arguments.iter().position(|argument| argument == key)?;
        arguments.get(at + 1).cloned()
    };
    let number = |key: &str, default: u64| option(key).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (stride, first) = (number("--stride", 1), number("--first", 0));
    let wanted = |what: &str| option("--only").is_none_or(|only| only == what);
    let machine = Machine::furnish(Path::new(&arguments[0]));
    let mut all_came_back = true;
    let mut tell = |what: &str, report: Report| {
        println!("{what}: {} of {} came back", report.came_back, report.tried);
        report.wrong.iter().for_each(|wrong| println!("{wrong}"));
        all_came_back &= report.wrong.is_empty();
    };
    let word = option("--script").unwrap_or_default();
    for script in crash::scripts().iter().filter(|script| script.display().to_string().contains(&word)) {
        let name = script.display();
        if wanted("back") {
            tell(&format!("{name}, there and back"), crash::there_and_back(&machine, script));
        }
        if wanted("kills") {
            tell(&format!("{name}, killed"), crash::kills(&machine, script, first, stride));
        }
        if wanted("failures") {
            tell(&format!("{name}, names taken"), crash::failures(&machine, script));
        }
    }
    if wanted("together") {
        tell("ten labs at once", crash::together(&machine, 10));
    }
    if all_came_back { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs random programs three ways and compares the states.
fn equivalence(arguments: &[String]) -> ExitCode {
    let number = |key: &str, default: u64| -> u64 {
        let at = arguments.iter().position(|argument| argument == key);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()) * 1_000_000;
    let (programs, first) = (number("--programs", 200), number("--seed", fresh));
    let at_once = usize::try_from(number("--at-once", 16)).unwrap_or(16);
    let shrinking = !arguments.iter().any(|argument| argument == "--no-shrinking");
    println!("seeds {first} to {}", first + programs.saturating_sub(1));
    let seeds: Vec<u64> = (first..first + programs).collect();
    let report = check_seeds(&seeds, at_once, shrinking);
    println!(
        "{} programs of {} operations, {} of these refused; {} programs differ",
        report.programs,
        report.operations,
        report.refused,
        report.differing.len()
    );
    if report.differing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
