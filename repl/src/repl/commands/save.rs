//! `:save`

use std::fs::OpenOptions;
use std::io::{self, Write};

use netscript_lang::diagnostics::{Error, Failure};
use netscript_net::files;

use super::command::{Command, Takes, wrong};
use crate::repl::state::{Flow, Repl};
use crate::repl::transcript;

pub const COMMAND: Command = Command {
    name: ":save",
    takes: Takes::File,
    about: "save the lines that worked as a script, which builds the same network",
    run: |repl, argument| save(repl, argument),
};

fn save(repl: &mut Repl, file: &str) -> Result<Flow, Failure> {
    if file.is_empty() {
        return Err(wrong("a file is missing".into(), "write `:save lab.rhai`".into()));
    }
    let script = transcript::script(&repl.transcript, &repl.lexicon);
    write(file, &script).map_err(|error| Error::File {
        path: file.to_owned(),
        doing: "write".to_owned(),
        why: error.to_string(),
    })?;
    repl.note(&format!("{} lines written to {file}.", script.lines().count()));
    Ok(Flow::GoOn)
}

fn write(file: &str, text: &str) -> io::Result<()> {
    let options = &mut OpenOptions::new();
    files::open_with(options.write(true).create(true).truncate(true), file)?.write_all(text.as_bytes())
}
