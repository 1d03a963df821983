//! `netscript-book graph FILE`: runs a script as `netscript` does, and prints the network at its end.

use std::path::Path;

use anyhow::{Context, Result};
use netscript_lab::Lab;
use netscript_linux::SandboxFolders;
use netscript_view::Graph;

/// Prints the network at a script's end, as JSON.
pub fn print(file: &Path, model: bool, args: &[String]) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let builder = Lab::builder().args(args);
    let lab = if model {
        builder.dry_run()?
    } else {
        // As root too: examples must not change the machine's files.
        netscript_linux::enter_sandbox(&SandboxFolders::default()).map_err(netscript_lab::Error::from)?;
        builder.sandbox()?
    };
    lab.run_as(&file.display().to_string(), &text)?;
    println!("{}", serde_json::to_string(&Graph::of(&lab.state()?))?);
    Ok(())
}
