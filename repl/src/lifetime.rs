//! Beginning and ending a lab on the machine: it stays up if its script succeeds, and is taken down if it fails.

use std::time::Duration;

use netscript_lab::machine::{self, Claim};
use netscript_lang::diagnostics::Result;
use netscript_linux::{Interrupt, Kernel};
use netscript_net::world::Summary;
use netscript_net::world::World;

use crate::cli::RunArgs;
use crate::output::{tell, warn};
use crate::script::is_stdin;

/// A kernel whose lab outlives this process.
pub fn begin(args: &RunArgs, name: &str, interrupt: Interrupt) -> Result<Kernel> {
    // An interactive session without `--name`: several may run at a time.
    let is_nameless = args.file.is_none() && args.name.is_none() && !args.replace;
    let claim = Claim {
        name: name.to_owned(),
        script: script_path(args),
        replace: args.replace,
        force: args.force,
        or_next: is_nameless,
    };
    machine::begin(&claim, interrupt, warn, tell)
}

/// Keeps the lab or takes it down, depending on the command line and on whether the script succeeded.
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
        tell("all changes of the script have been undone (`--keep` keeps the lab for inspection)");
    }
    Ok(())
}

fn told(summary: &Summary, success: bool, time: Duration) -> String {
    let Summary { name, made } = summary;
    let counted: Vec<String> = made.iter().map(|(what, count)| counted(what, *count)).collect();
    let what = if counted.is_empty() { "changes to this machine".to_owned() } else { counted.join(", ") };
    let state = if success { "is up" } else { "is kept" };
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

/// The script's path; empty for typed or piped statements.
fn script_path(args: &RunArgs) -> String {
    let Some(file) = args.file.as_deref().filter(|file| !is_stdin(file)) else { return String::new() };
    std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()).display().to_string()
}
