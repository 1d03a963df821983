//! `:undo`

use netscript_lang::diagnostics::Failure;

use super::command::{Command, Takes, wrong};
use crate::repl::state::{Flow, Repl};
use crate::repl::transcript;

pub const COMMAND: Command = Command {
    name: ":undo",
    takes: Takes::Count,
    about: "undo the last line that changed the network, or the last N, with their definitions",
    run: |repl, argument| undo(repl, argument),
};

fn undo(repl: &mut Repl, argument: &str) -> Result<Flow, Failure> {
    let not_a_count = || wrong(format!("`{argument}` is not a number of lines"), "write `:undo 3`".into());
    let count = match argument {
        "" => 1,
        number => number.parse::<usize>().map_err(|_| not_a_count())?,
    };
    if repl.rehearsal.is_some() {
        return Err(wrong("`:undo` does not work in a dry run".into(), "`:dry off` discards the dry run".into()));
    }
    let Some(first) = repl.changes.len().checked_sub(count).filter(|_| count > 0) else {
        let message = format!("{} lines changed the network", repl.changes.len());
        return Err(wrong(message, "`:history` lists the lines".into()));
    };
    let (lines, result) = repl.take_back(first);
    for entry in lines.iter().map(|line| repl.transcript[*line].clone()) {
        repl.printer.shown(&format!("undone: {}", entry.text.trim_end()));
    }
    transcript::undo(&mut repl.transcript, &lines);
    Ok(result.map(|()| Flow::GoOn)?)
}
