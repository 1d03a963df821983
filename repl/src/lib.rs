//! The program `netscript`. The binary calls [`main`]; the book's builder reads the command line and the REPL's commands.

pub mod cli;
mod down;
mod dry_run;
mod lifetime;
mod memory;
mod output;
mod progress;
mod ps;
mod repl;
mod run;
mod script;
mod test;

use std::process::ExitCode;

use cli::{Cli, Command};
use netscript_lang::diagnostics::{Sources, fault};

pub use repl::commands as repl_commands;

/// Runs the command line of the process, and returns its exit status.
pub fn main() -> ExitCode {
    netscript_linux::share_memory();
    netscript_linux::raise_descriptor_limit();
    netscript_lab::init();
    fault::keep_quiet();
    let cli = cli::parse();
    let colour = cli.color.wanted();
    match fault::catch(|| obey(cli)) {
        Ok(ended) => ended,
        Err(error) => run::exit_code(output::fail(&error.into(), &Sources::default(), colour)),
    }
}

/// Runs the command of the command line.
fn obey(cli: Cli) -> ExitCode {
    let color = cli.color;
    let colour = color.wanted();
    match (cli.command, cli.run) {
        (Some(Command::Test(args)), _) => test::run(&args, colour),
        (Some(Command::Down(args)), _) => down::run(&args, colour),
        (Some(Command::Ps(args)), _) => ps::run(&args, colour),
        (None, args) => run::run(args.unwrap_or_default(), color),
    }
}
