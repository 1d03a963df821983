//! netscript: builds the network of containers that a script describes.

mod cli;
mod down;
mod dry_run;
mod helper;
mod lifetime;
mod output;
mod progress;
mod ps;
mod run;
mod script;
mod test;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use cli::{Cli, Command};

fn main() -> ExitCode {
    helper::run().unwrap_or_else(|| obey(Cli::parse()))
}

/// Does what the command line says.
fn obey(cli: Cli) -> ExitCode {
    let colour = cli.color.wanted();
    match (cli.command, cli.run) {
        (Some(Command::Test(args)), _) => test::run(&args, colour),
        (Some(Command::Down(args)), _) => down::run(&args, colour),
        (Some(Command::Ps(args)), _) => ps::run(&args, colour),
        (None, Some(args)) => run::run(args, colour),
        (None, None) => Cli::command().error(ErrorKind::MissingRequiredArgument, "a script is wanted").exit(),
    }
}
