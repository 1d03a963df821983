//! The commands of the REPL.

use anyhow::Result;

use super::cell;

/// A table of the commands, with their arguments.
pub fn repl_commands() -> Result<String> {
    let rows =
        netscript::repl_commands().map(|(synopsis, about)| format!("| `{}` | {} |\n", cell(&synopsis), cell(about)));
    Ok(format!("| command | does |\n|---|---|\n{}", rows.collect::<String>()))
}
