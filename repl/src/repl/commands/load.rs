//! `:load`

use std::path::Path;

use netscript_lang::diagnostics::Failure;

use super::command::{Command, Takes, wrong};
use crate::repl::state::{Flow, Repl};
use crate::script::Script;

pub const COMMAND: Command = Command {
    name: ":load",
    takes: Takes::File,
    about: "run a script and keep its definitions, as if it had been typed",
    run: |repl, argument| load(repl, argument),
};

fn load(repl: &mut Repl, file: &str) -> Result<Flow, Failure> {
    if file.is_empty() {
        return Err(wrong("a file is missing".into(), "write `:load lab.rhai`".into()));
    }
    let script = Script::read(Path::new(file))?;
    repl.load(&script)
}
