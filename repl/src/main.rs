//! netscript: builds the network of containers that a script describes.

mod down;
mod dry_run;
mod lifetime;
mod output;
mod progress;
mod ps;
mod repl;
mod run;
mod script;
mod test;

use std::process::ExitCode;

use clap::Parser;
use netscript::cli::{self, Cli, Command};
use netscript::helper;

fn main() -> ExitCode {
    netscript_engine::kernel::share_memory();
    helper::run().unwrap_or_else(|| obey(Cli::parse()))
}

/// Does what the command line says.
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
