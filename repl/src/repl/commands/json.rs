//! `:json`

use super::command::{Command, Takes, switched};
use crate::repl::state::Flow;

pub const COMMAND: Command = Command {
    name: ":json",
    takes: Takes::Switch,
    about: "show results as JSON",
    run: |repl, argument| {
        let on = switched(":json", repl.settings.json.get(), argument)?;
        repl.settings.json.set(on);
        repl.note(if on { "Results are shown as JSON." } else { "Results are shown as text." });
        Ok(Flow::GoOn)
    },
};
