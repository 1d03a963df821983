//! netscript: builds the network of containers that a script describes.

mod cli;
mod output;
mod run;
mod script;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    run::run(cli::Cli::parse())
}
