//! `--dry-run`: the script's network as commands on standard output.

use netscript_engine::diagnostics::Result;
use netscript_engine::kernel::{Interrupt, Kernel};
use netscript_engine::model::Model;
use netscript_engine::op::Prefix;
use netscript_engine::state::NetState;
use netscript_engine::{DryRun, World};

use crate::cli::{RunArgs, Style};
use crate::output::{Printer, warn};

/// The world of a dry run: a blank host, one with an uplink, or this machine's as it is now.
pub fn world(args: &RunArgs, style: Style, printer: &Printer) -> Result<DryRun> {
    let mut model = if args.from_host { this_host()? } else { Model::new() };
    if let Some(uplink) = &args.uplink {
        model.add_uplink(Prefix::parse(uplink)?);
    }
    let printer = printer.clone();
    let run = DryRun::new(model, style.into(), move |line| printer.line(line));
    Ok(if args.annotate { run.annotated() } else { run })
}

fn this_host() -> Result<Model> {
    let mut kernel = Kernel::new(Interrupt::listen()?)?.warning(warn);
    let names = kernel.netns_names()?;
    Ok(Model::of_machine(&NetState::read(&mut kernel, &[])?, names))
}
