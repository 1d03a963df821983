//! Runs scripts.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};

use super::lines::Wrong;
use super::process::{self, Finished};
use super::{Programs, normal};
use crate::fence::{Fence, Script};
use netscript_view::Graph;

/// The result of a script.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ran {
    /// Its output, and its error if it fails.
    pub output: String,
    /// The commands that do the same.
    pub commands: Option<String>,
    /// The network at its end.
    pub graph: Option<Graph>,
}

impl Ran {
    /// All of it as text, without values that differ from run to run.
    pub fn kept(&self, said: &str) -> String {
        let mut parts = vec![normal(&self.output, said)];
        if let Some(commands) = &self.commands {
            parts.push(format!("-- commands\n{}", normal(commands, said)));
        }
        if let Some(graph) = &self.graph {
            parts.push(format!("-- picture\n{}", normal(&graph.to_string(), said)));
        }
        parts.retain(|part| !part.is_empty());
        parts.join("\n")
    }
}

/// A line of output that separates the output of earlier examples of a chain from that of the last.
const MARK: &str = "--8<-- the example begins here";

/// A chain as one script. Lines that begin with `# ` are run, but not shown.
pub fn text(parts: &[&Fence]) -> String {
    parts.iter().map(|part| uncovered(&part.text)).collect::<Vec<_>>().join(";\n")
}

fn marked(parts: &[&Fence]) -> String {
    let Some((last, before)) = parts.split_last() else { return String::new() };
    match before {
        [] => uncovered(&last.text),
        before => format!("{};print({MARK:?});\n{}", text(before), uncovered(&last.text)),
    }
}

/// A text whose hidden lines have no `# `.
fn uncovered(text: &str) -> String {
    text.lines()
        .map(|line| match hidden(line) {
            Some(code) => format!("{code}\n"),
            None => format!("{line}\n"),
        })
        .collect()
}

/// A hidden line without `# `.
pub fn hidden(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if line == "#" { Some("") } else { line.strip_prefix("# ") }
}

/// Runs the last script of a chain.
pub fn run(programs: &Programs, folder: &Path, script: &Script, parts: &[&Fence]) -> Result<Ran, Wrong> {
    let runner = Runner { programs, folder, script };
    fs::write(folder.join(script.file()), marked(parts)).context("cannot write the example")?;
    // Both take the script's time, so they run at once.
    let (ran, graph) = thread::scope(|scope| {
        let graph = scope.spawn(|| script.graph.then(|| runner.graph()).transpose());
        let ran = runner.run();
        (ran, graph.join())
    });
    let output = ran?;
    let graph = graph.map_err(|_| Wrong::whole("its picture cannot be drawn"))??;
    // A model's output is commands already, unless it fails.
    let commands = (script.commands || script.model) && script.fails.is_none();
    let commands = commands.then(|| runner.commands(parts)).transpose()?;
    Ok(Ran { output, commands, graph })
}

fn after_mark(stdout: &str) -> &str {
    stdout.split_once(&format!("{MARK}\n")).map_or(stdout, |(_, own)| own)
}

/// Whether a run ended as it should.
fn judge(script: &Script, finished: &Finished, folder: &Path) -> Result<(), Wrong> {
    let printed = format!("{}{}", finished.stdout, finished.stderr);
    match script.fails {
        None if finished.ok => Ok(()),
        None => Err(failed(script, &finished.stderr, folder)),
        Some(code) if finished.ok => Err(Wrong::whole(format!("it must fail with {code}, and succeeds:\n{printed}"))),
        Some(code) if finished.stderr.contains(&format!("error[{code}]")) => Ok(()),
        Some(code) => Err(Wrong::whole(format!("it must fail with {code}, and fails with\n{printed}"))),
    }
}

/// The problem of a script that failed, with the line of the block.
fn failed(script: &Script, stderr: &str, folder: &Path) -> Wrong {
    let place = || {
        let (_, place) = stderr.split_once(&format!("┌─ {}:", script.file()))?;
        let line: usize = place.split(':').next()?.parse().ok()?;
        let text = fs::read_to_string(folder.join(script.file())).ok()?;
        let before = text.lines().position(|line| line.contains(MARK)).map_or(0, |mark| mark + 1);
        line.checked_sub(before)
    };
    Wrong { line: place().unwrap_or(0), what: format!("it fails:\n{stderr}") }
}

struct Runner<'a> {
    programs: &'a Programs,
    folder: &'a Path,
    script: &'a Script,
}

impl Runner<'_> {
    /// Runs the script, and returns its visible output.
    fn run(&self) -> Result<String, Wrong> {
        let place = if self.script.model { "--dry-run" } else { "--sandbox" };
        let finished = self.netscript(&[place])?;
        judge(self.script, &finished, self.folder)?;
        Ok(match (self.script.model, self.script.fails) {
            (true, None) => String::new(),
            (true | false, _) => format!("{}{}", after_mark(&finished.stdout), finished.stderr),
        })
    }

    fn netscript(&self, options: &[&str]) -> Result<Finished> {
        let mut command = Command::new(&self.programs.netscript);
        command.args(["--color", "never"]).args(options).arg(self.script.file());
        if !self.script.args.is_empty() {
            command.arg("--").args(&self.script.args);
        }
        process::run(&mut command, self.folder)
    }

    /// The commands of the last part: those of the whole chain without those of what is before it.
    fn commands(&self, parts: &[&Fence]) -> Result<String, Wrong> {
        let all = self.dry_run(&text(parts))?;
        let before = match parts {
            [] | [_] => return Ok(all),
            [before @ .., _] => self.dry_run(&text(before))?,
        };
        let own = all.strip_prefix(before.as_str());
        own.map(str::to_owned).ok_or_else(|| Wrong::whole("its commands do not begin with those before it"))
    }

    fn dry_run(&self, text: &str) -> Result<String, Wrong> {
        fs::write(self.folder.join(self.script.file()), text).context("cannot write the example")?;
        let finished = self.netscript(&["--dry-run"])?;
        match finished.ok {
            true => Ok(finished.stdout),
            false => Err(Wrong::whole(format!("its dry run fails:\n{}", finished.stderr))),
        }
    }

    fn graph(&self) -> Result<Graph, Wrong> {
        let mut command = Command::new(&self.programs.builder);
        command.arg("graph").args(self.script.model.then_some("--model")).arg(self.script.file());
        command.args(&self.script.args);
        let finished = process::run(&mut command, self.folder)?;
        if !finished.ok {
            return Err(Wrong::whole(format!("its network cannot be read:\n{}", finished.stderr)));
        }
        Ok(serde_json::from_str(&finished.stdout).context("the network that was read is damaged")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_lines_are_told_from_maps() {
        assert_eq!(hidden("# let x = 1;"), Some("let x = 1;"));
        assert_eq!(hidden("#"), Some(""));
        assert_eq!(hidden("#{ a: 1 }"), None);
        assert_eq!(uncovered("# let a = 1;\na\n"), "let a = 1;\na\n");
    }
}
