//! netscript: builds the network of containers that a script describes.

mod cli;
mod dry_run;
mod helper;
mod output;
mod repl;
mod run;
mod script;
mod test;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};

fn main() -> ExitCode {
    helper::run().unwrap_or_else(|| obey(Cli::parse()))
}

/// Does what the command line says.
fn obey(cli: Cli) -> ExitCode {
    match (cli.command, cli.run) {
        (Some(Command::Test(args)), _) => test::run(&args, cli.color.wanted()),
        (None, args) => run::run(args.unwrap_or_default(), cli.color),
    }
}
