//! `:time`

use super::command::{Command, Takes, switched};
use crate::repl::state::Flow;

pub const COMMAND: Command = Command {
    name: ":time",
    takes: Takes::Switch,
    about: "show the time that each line takes",
    run: |repl, argument| {
        let on = switched(":time", repl.settings.time.get(), argument)?;
        repl.settings.time.set(on);
        repl.note(if on { "The time of each line is shown." } else { "Times are not shown." });
        Ok(Flow::GoOn)
    },
};
