//! `netscript down`

use std::process::ExitCode;

use netscript_lab::machine::take_down;
use netscript_lang::diagnostics::{Result, Sources};
use netscript_linux::{
    Interrupt, Kernel, LabFolder, Resume, Resumed, lab_names, may_change_networks, privilege_missing,
};

use crate::cli::DownArgs;
use crate::output::{Printer, fail, tell, warn};
use crate::run::exit_code;

/// Takes labs down, one after the other; it goes on after an error.
pub fn run(args: &DownArgs, colour: bool) -> ExitCode {
    let prepared = prepare(args);
    let (labs, interrupt) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return exit_code(fail(&error.into(), &Sources::default(), colour)),
    };
    if labs.is_empty() {
        tell("no lab is up");
    }
    let mut status = 0;
    for lab in labs {
        let done = if args.dry_run { show(&lab, args.force, &interrupt) } else { down(&lab, args.force, &interrupt) };
        if let Err(error) = done {
            status = fail(&error.into(), &Sources::default(), colour);
        }
    }
    exit_code(status)
}

fn prepare(args: &DownArgs) -> Result<(Vec<String>, Interrupt)> {
    if !may_change_networks() {
        return Err(privilege_missing(false));
    }
    let labs = if args.all { lab_names()? } else { args.labs.clone() };
    // Ctrl-C does not stop taking a lab down; a second `down` can do the rest.
    Ok((labs, Interrupt::listen()?))
}

fn down(lab: &str, force: bool, interrupt: &Interrupt) -> Result<()> {
    match take_down(lab, force, interrupt.clone(), warn)?.as_slice() {
        [] => tell(&format!("the lab `{lab}` is down")),
        flaws => flaws.iter().for_each(|flaw| tell(flaw)),
    }
    Ok(())
}

/// Prints the commands that would take a lab down.
fn show(lab: &str, force: bool, interrupt: &Interrupt) -> Result<()> {
    let printer = Printer::default();
    let how = Resume { force, dry_run: true };
    if let Resumed::Lab(mut kernel, _) = Kernel::resume(interrupt.clone(), LabFolder::open(lab)?, how)? {
        kernel.down_commands()?.iter().for_each(|line| printer.line(line));
    }
    printer.finish()
}
