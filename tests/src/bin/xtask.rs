//! The project's own commands: `cargo xtask COMMAND`. CONTRIBUTING.md lists them.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("bless") => bless(),
        other => {
            if let Some(other) = other {
                eprintln!("there is no command `{other}`");
            }
            eprintln!("usage: cargo xtask bless   rewrite the expected output in tests/ref");
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
