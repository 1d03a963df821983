//! `:show`

use netscript_engine::op::NetnsRef;
use netscript_engine::state::{NetState, Netns};

use super::{Command, Takes, existing};
use crate::repl::Flow;
use crate::repl::show::tree;

pub const COMMAND: Command = Command {
    name: ":show",
    takes: Takes::Netns,
    about: "draw a namespace, or all: links, addresses, peers, ports, routes and rules",
    run: |repl, argument| {
        let state = match argument {
            "" => NetState::read(repl.interpreter.borrow().session().lab().world(), &[])?,
            name => {
                let interpreter = repl.interpreter.borrow();
                let netns: NetnsRef = existing(&interpreter, name)?;
                let contents = Netns::read(interpreter.session().lab().world(), &netns, &[])?;
                NetState { netns: [(netns, contents)].into() }
            }
        };
        for (name, netns) in &state.netns {
            repl.print(&tree(name, netns, repl.screen().colour).draw());
        }
        Ok(Flow::GoOn)
    },
};
