//! `:quit`

use super::command::{Command, Takes};
use crate::repl::state::Flow;

pub const COMMAND: Command =
    Command { name: ":quit", takes: Takes::Nothing, about: "leave, as Ctrl-D does", run: |_, _| Ok(Flow::Leave(0)) };
