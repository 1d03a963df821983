//! `:quit`

use super::{Command, Takes};
use crate::repl::Flow;

pub const COMMAND: Command =
    Command { name: ":quit", takes: Takes::Nothing, about: "leave, as Ctrl-D does", run: |_, _| Ok(Flow::Leave(0)) };
