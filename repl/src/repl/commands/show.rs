//! `:show`

use netscript_stdlib::show;

use super::command::{Command, Takes, existing};
use crate::repl::state::Flow;

pub const COMMAND: Command = Command {
    name: ":show",
    takes: Takes::Netns,
    about: "show a namespace, or all: links, addresses, peers, ports, routes and rules",
    run: |repl, argument| {
        let interpreter = repl.interpreter.borrow();
        let text = match argument {
            "" => show::network(interpreter.session(), repl.screen())?,
            name => show::namespace(interpreter.session(), &existing(&interpreter, name)?, repl.screen())?,
        };
        repl.print(&text);
        Ok(Flow::GoOn)
    },
};
