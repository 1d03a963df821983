//! `:ns`

use netscript_net::op::NetnsRef;

use super::command::{Command, Takes, existing};
use crate::repl::state::Flow;

pub const COMMAND: Command = Command {
    name: ":ns",
    takes: Takes::Netns,
    about: "make words without a receiver act in a namespace; without one, on the host",
    run: |repl, argument| {
        let netns = match argument {
            "" => NetnsRef::Host,
            name => existing(&repl.interpreter.borrow(), name)?,
        };
        repl.interpreter.borrow().session().set_here(netns);
        Ok(Flow::GoOn)
    },
};
