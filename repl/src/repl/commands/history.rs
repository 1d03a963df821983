//! `:history`

use super::command::{Command, Takes};
use crate::repl::state::Flow;
use crate::repl::style::Style;

pub const COMMAND: Command = Command {
    name: ":history",
    takes: Takes::Nothing,
    about: "list the lines of this session, with the numbers that errors show",
    run: |repl, _| {
        let colour = repl.screen().colour;
        for entry in &repl.transcript {
            for (offset, line) in entry.text.lines().enumerate() {
                let number = Style::Dim.paint_if(colour, &format!("{:>4}", entry.line + offset));
                let remark = match entry.status.remark() {
                    remark if remark.is_empty() || offset > 0 => String::new(),
                    remark => Style::Bad.paint_if(colour, &format!("   // {remark}")),
                };
                repl.print(&format!("{number}  {line}{remark}"));
            }
        }
        Ok(Flow::GoOn)
    },
};
