//! `--dry-run`: the script's network as commands on standard output.

use netscript_lang::DryRun;
use netscript_lang::diagnostics::Result;
use netscript_linux::{Interrupt, Kernel};
use netscript_model::Model;
use netscript_net::op::Prefix;
use netscript_net::state::NetState;
use netscript_net::world::Query;

use crate::cli::{RunArgs, Style};
use crate::output::{Printer, warn};

/// The World of a dry run. It begins with a blank host, one with an uplink, or this machine's current network.
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
