//! `:echo`

use super::command::{Command, Takes, switched};
use crate::repl::state::Flow;

pub const COMMAND: Command = Command {
    name: ":echo",
    takes: Takes::Switch,
    about: "show the equivalent commands of each line",
    run: |repl, argument| {
        let on = switched(":echo", repl.settings.echo.get(), argument)?;
        repl.settings.echo.set(on);
        repl.note(if on { "Each line shows the equivalent commands." } else { "Commands are not shown." });
        Ok(Flow::GoOn)
    },
};
