//! `:time`

use super::command::{Command, Takes, switched};
use crate::repl::state::Flow;

pub const COMMAND: Command = Command {
    name: ":time",
    takes: Takes::Switch,
    about: "tell how long each line takes",
    run: |repl, argument| {
        let on = switched(":time", repl.settings.time.get(), argument)?;
        repl.settings.time.set(on);
        repl.note(if on { "Each line tells how long it takes." } else { "Times are not told." });
        Ok(Flow::GoOn)
    },
};
