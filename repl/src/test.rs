//! `netscript test PATH…`: labs as tests, each in a sandbox of its own.

mod find;
mod report;
mod suite;

use std::process::ExitCode;
use std::time::Instant;

use netscript_lang::diagnostics::{Result, Sources};
use netscript_linux::Interrupt;

use crate::cli::{Format, TestArgs};
use crate::output::{Printer, fail};
use crate::progress;
use report::{LineReport, document};
use suite::Suite;

/// Runs the tests and reports; exit status 1 if any failed.
pub fn run(args: &TestArgs, colour: bool) -> ExitCode {
    match test(args, colour) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => crate::run::exit_code(fail(&error.into(), &Sources::default(), colour)),
    }
}

/// Whether all passed.
fn test(args: &TestArgs, colour: bool) -> Result<bool> {
    let printer = Printer::default();
    let interrupt = Interrupt::listen()?;
    let scripts = find::scripts(&args.paths)?;
    let colour = colour && args.format == Format::Lines;
    let suite = Suite { jobs: args.jobs(), time_limit: args.time_limit(), colour, options: args.options() };
    let lines = LineReport::new(&printer, args.format, &scripts);
    let start = Instant::now();
    let (mut done, all) = (0, scripts.len());
    progress::begin(&format!("0 of {all} tests"));
    let tested = suite.run(scripts, &interrupt, |tested| {
        done += 1;
        progress::tell(|| format!("{done} of {all} tests"));
        lines.add(tested);
    });
    progress::end();
    let tested = tested?;
    lines.finish(&tested);
    if let Some(document) = document(args.format, &tested, start.elapsed())? {
        printer.line(&document);
    }
    printer.finish()?;
    Ok(tested.iter().all(suite::Tested::passed))
}
