//! `:dry`

use netscript_dialect::Style;
use netscript_lang::DryRun;
use netscript_lang::diagnostics::{Failure, Result};
use netscript_model::Model;
use netscript_net::op::NetnsRef;
use netscript_net::state::NetState;

use super::command::{Command, Takes, switched};
use crate::repl::state::{Flow, Rehearsal, Repl};
use crate::repl::style;

pub const COMMAND: Command = Command {
    name: ":dry",
    takes: Takes::Switch,
    about: "run lines on a model of the network and print their commands; nothing is changed",
    run: |repl, argument| dry(repl, argument),
};

fn dry(repl: &mut Repl, argument: &str) -> std::result::Result<Flow, Failure> {
    let on = switched(":dry", repl.rehearsal.is_some(), argument)?;
    match (on, repl.rehearsal.take()) {
        (true, None) => {
            repl.rehearsal = Some(begin(repl)?);
            repl.note("Dry run: nothing is changed, and each line shows the equivalent commands.");
        }
        (false, Some(rehearsal)) => {
            end(repl, rehearsal);
            repl.note("The dry run is over: network and variables are as before it.");
        }
        (true, rehearsal @ Some(_)) => repl.rehearsal = rehearsal,
        (false, None) => {}
    }
    repl.settings.dry.set(repl.rehearsal.is_some());
    Ok(Flow::GoOn)
}

/// Replaces the kernel with a model of the present network.
fn begin(repl: &Repl) -> Result<Rehearsal> {
    let interpreter = repl.interpreter.borrow();
    let mut lab = interpreter.session().lab();
    let model = Model::of(&NetState::read(lab.world(), &[])?);
    let (printer, colour) = (repl.printer.clone(), repl.screen().colour);
    // The first line is the head of a script.
    let mut is_head = true;
    let sink = move |line: &str| {
        if !std::mem::take(&mut is_head) {
            printer.shown(&style::Style::Dim.paint_if(colour, line));
        }
    };
    let interrupt = repl.interrupt.clone();
    let world = DryRun::new(model, Style::Plain, sink).stopped_by(move || interrupt.raised());
    Ok(Rehearsal { stage: lab.rehearse(Box::new(world)), mark: interpreter.mark() })
}

fn end(repl: &Repl, rehearsal: Rehearsal) {
    let mut interpreter = repl.interpreter.borrow_mut();
    interpreter.session().lab().end_rehearsal(rehearsal.stage);
    interpreter.go_back(rehearsal.mark);
    let here = interpreter.session().here();
    let gone = |name| interpreter.session().lab().world().netns_names().is_ok_and(|names| !names.contains(name));
    if here.name().is_some_and(gone) {
        interpreter.session().set_here(NetnsRef::Host);
    }
}
