//! netscript: builds the network of containers that a script describes.

mod cli;
mod helper;
mod output;
mod repl;
mod run;
mod script;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    helper::run().unwrap_or_else(|| run::run(cli::Cli::parse()))
}
