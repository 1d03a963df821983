//! Takes down labs of random operations, which also change things that are not the lab's.

use netscript_dialect::Style;
use netscript_linux::{Kernel, LabFolder};
use netscript_model::Model;
use netscript_net::op::{Action, LinkOp, LinkSet, Op};
use netscript_net::state::NetState;
use netscript_net::world::Summary;
use netscript_net::world::{Apply, History};

use super::machine::Machine;
use super::tried::Report;
use crate::equivalence::{Rng, program_on};
use crate::sandbox::interrupt;

/// The lab's name.
const LAB: &str = "random";

/// Runs the program of each seed as a lab, and takes it down, by `netscript down` or by failing.
///
/// # Panics
///
/// If the machine's network cannot be read.
pub(super) fn random(machine: &Machine, seeds: impl Iterator<Item = u64>) -> Report {
    let mut report = Report::default();
    let mut before = machine.look();
    for seed in seeds {
        let mut looking = Kernel::new(interrupt()).expect("the machine has a network");
        let state = NetState::read(&mut looking, &[]).expect("it can be read");
        drop(looking);
        let program = program_on(&mut Rng::new(seed), Model::of(&state));
        let fails = seed % 2 == 1;
        let kept = run(&program, fails);
        let told = match kept {
            Ok(Some(_)) => machine.netscript(&["down", "--force", LAB], None).stderr,
            Ok(None) => Vec::new(),
            Err(why) => why.into_bytes(),
        };
        let commands =
            program.iter().flat_map(|op| netscript_dialect::lines(op, Style::Plain)).collect::<Vec<_>>().join("\n  ");
        let what = format!("seed {seed}:\n  {commands}");
        report.add(machine, &what, &mut before, &told);
    }
    report
}

/// Whether an operation may be impossible to take back: removing a namespace may remove links that are not the lab's,
/// and a loopback link, even renamed, may lose its hardware address. Without `--force` netscript refuses this.
fn is_final(op: &Op) -> bool {
    op.removed_netns().is_some() || matches!(op.action, Action::Link(LinkOp::Set(_, LinkSet::Mac(_))))
}

/// Applies operations one by one; refused ones change nothing.
fn run(program: &[Op], fails: bool) -> Result<Option<Summary>, String> {
    let told = |error: netscript_lang::diagnostics::Error| format!("{:?}", error.describe());
    let folder = LabFolder::claim(LAB).map_err(told)?;
    let mut kernel = Kernel::new(interrupt()).and_then(|kernel| kernel.keep_in(folder, "")).map_err(told)?;
    for op in program {
        kernel = kernel.guarded(is_final(op));
        let _ = kernel.apply(std::slice::from_ref(op));
    }
    if fails { kernel.take_down().map(|_| None).map_err(told) } else { kernel.keep().map_err(told) }
}
