//! A lab's life on the machine: it stays up when its script has succeeded, and goes when it fails.

use std::time::Duration;

use netscript_lang::diagnostics::{Error, Result};
use netscript_linux::{Interrupt, Kernel, LabFolder, Resume, Resumed};
use netscript_net::world::Summary;
use netscript_net::world::World;

use crate::cli::RunArgs;
use crate::output::{tell, warn};
use crate::script::is_stdin;

/// A kernel whose lab outlives this process.
pub fn begin(args: &RunArgs, name: &str, interrupt: Interrupt) -> Result<Kernel> {
    let folder = match LabFolder::claim(name) {
        Err(Error::LabUp { .. } | Error::LabBusy { .. }) if is_nameless(args) => claim_next(name)?,
        Err(Error::LabUp { .. }) if args.replace => {
            take_down(name, args.force, interrupt.clone())?.iter().for_each(|line| tell(line));
            LabFolder::claim(name)?
        }
        folder => folder?,
    };
    Kernel::new(interrupt)?.guarded(!args.force).keep_in(folder, &script_path(args))
}

/// Statements are asked for, and nobody said a name: there may be several such sessions at a time.
fn is_nameless(args: &RunArgs) -> bool {
    args.file.is_none() && args.name.is_none() && !args.replace
}

/// The first of `repl-2`, `repl-3`, … that is free.
fn claim_next(name: &str) -> Result<LabFolder> {
    let mut number = 2_u32;
    loop {
        match LabFolder::claim(&format!("{name}-{number}")) {
            Err(Error::LabUp { .. } | Error::LabBusy { .. }) => number += 1,
            claimed => return claimed,
        }
    }
}

/// Takes a lab down that is up, or was left behind. Gives what else is to be told: what was wrong with its
/// journal and, with `force`, was passed over.
pub fn take_down(name: &str, force: bool, interrupt: Interrupt) -> Result<Vec<String>> {
    let how = Resume { force, dry_run: false };
    let told = |flaw: &str| format!("the journal of `{name}` was not whole: {flaw}; look for what the lab left");
    match Kernel::resume(interrupt, LabFolder::open(name)?, how)? {
        Resumed::Lab(kernel, flaws) => {
            kernel.warning(warn).down(force)?;
            Ok(flaws.iter().map(|flaw| told(flaw)).collect())
        }
        Resumed::Gone(None) => Ok(Vec::new()),
        Resumed::Gone(Some(why)) => Ok(vec![format!(
            "nothing of the lab `{name}` was undone, since its journal is of no use: {why}; look for what it left"
        )]),
    }
}

/// The lab stays, or goes, as the command line and the script's end have it.
pub fn end(args: &RunArgs, world: &mut dyn World, success: bool, time: Duration) -> Result<()> {
    if args.sandbox || args.dry_run.is_some() {
        return Ok(());
    }
    if success && !args.rm || args.keep {
        if let Some(summary) = world.keep()? {
            tell(&told(&summary, success, time));
        }
        return Ok(());
    }
    if world.take_down()? && !success {
        tell("everything that the script did has been undone (`--keep` leaves it for a look)");
    }
    Ok(())
}

fn told(summary: &Summary, success: bool, time: Duration) -> String {
    let Summary { name, made } = summary;
    let counted: Vec<String> = made.iter().map(|(what, count)| counted(what, *count)).collect();
    let what = if counted.is_empty() { "changes to this machine".to_owned() } else { counted.join(", ") };
    let state = if success { "is up" } else { "is kept as it is" };
    let ms = time.as_millis();
    let quoted = netscript_dialect::quote(name);
    format!("the lab `{name}` {state}: {what}, in {ms} ms; `netscript down {quoted}` takes it down")
}

fn counted(what: &str, count: usize) -> String {
    match (count, what) {
        (1, what) => format!("1 {what}"),
        (count, "process") => format!("{count} processes"),
        (count, what) => format!("{count} {what}s"),
    }
}

/// Where the script is; nothing for one that was typed or piped in.
fn script_path(args: &RunArgs) -> String {
    let Some(file) = args.file.as_deref().filter(|file| !is_stdin(file)) else { return String::new() };
    std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()).display().to_string()
}
