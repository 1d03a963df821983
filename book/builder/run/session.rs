//! Runs sessions of the REPL, by typing into a real one.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use netscript_lang::interpreter::{Completeness, Interpreter};
use regex::Regex;

use super::Programs;
use super::lines::Wrong;
use super::process::at_home;
use super::terminal::Terminal;
use crate::fence::Fence;

/// The prompt: the name of a namespace, after `dry:` in a dry run.
static PROMPT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(dry:)?[A-Za-z0-9_.-]+> ?").expect("the pattern is well formed"));

/// How many characters of an echo to wait for: enough to tell it from the text before.
const ECHO: usize = 20;

/// The length of the prompt that a line begins with.
pub fn prompt(line: &str) -> Option<usize> {
    PROMPT.find(line).map(|found| found.end())
}

/// Runs the last block of a chain, and returns it with the real answers.
pub fn run(programs: &Programs, folder: &Path, parts: &[&Fence]) -> Result<String, Wrong> {
    let Some((last, before)) = parts.split_last() else { return Ok(String::new()) };
    let mut session = Session::start(programs, folder)?;
    for part in before {
        session.enter_all(&part.text)?;
    }
    let seen = session.shown();
    session.enter_all(&last.text)?;
    let all = session.shown();
    let own = match before.is_empty() && !begins_with_banner(parts) {
        true => without_banner(&all),
        false if before.is_empty() => &all,
        false => all.strip_prefix(&seen).unwrap_or(&all).trim_start_matches('\n'),
    };
    Ok(format!("{}\n", at_home(own, folder).trim_end()))
}

fn begins_with_banner(parts: &[&Fence]) -> bool {
    parts.first().is_some_and(|part| part.text.starts_with("netscript "))
}

/// The screen from the first prompt on.
fn without_banner(text: &str) -> &str {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if prompt(line).is_some() {
            return &text[start..];
        }
        start += line.len();
    }
    ""
}

/// The typed statements of a block.
pub fn typed(text: &str) -> Vec<String> {
    let interpreter = netscript_lab::wiring::of_words();
    let mut all: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match (prompt(line), all.last_mut()) {
            (_, Some(last)) if open => {
                last.push('\n');
                last.push_str(line);
            }
            (Some(end), _) => all.push(line[end..].to_owned()),
            (None, _) => continue,
        }
        open = all.last().is_some_and(|last| is_open(&interpreter, last));
    }
    all
}

fn is_open(interpreter: &Interpreter, text: &str) -> bool {
    !text.starts_with(':') && interpreter.completeness(text) == Completeness::Incomplete
}

struct Session {
    terminal: Terminal,
    ended: bool,
}

impl Session {
    fn start(programs: &Programs, folder: &Path) -> Result<Session> {
        let state = folder.join("state");
        fs::create_dir_all(state.join("netscript")).context("cannot prepare the session")?;
        let prepare = |command: pty_process::blocking::Command| {
            command.arg("--sandbox").current_dir(folder).env("XDG_STATE_HOME", &state)
        };
        let mut terminal = Terminal::start(prepare, &programs.netscript).context("cannot start the session")?;
        let ended = !terminal.wait(waits)?;
        Ok(Session { terminal, ended })
    }

    fn enter_all(&mut self, text: &str) -> Result<()> {
        typed(text).iter().try_for_each(|statement| self.enter(statement))
    }

    /// Types a statement, and waits until the next can be typed.
    fn enter(&mut self, statement: &str) -> Result<()> {
        let before = self.terminal.row();
        for line in statement.split('\n') {
            anyhow::ensure!(!self.ended, "the session has ended before `{line}` can be typed");
            self.terminal.press(line)?;
            let skipped = line.trim_end().chars().count().saturating_sub(ECHO);
            let echo: String = line.trim_end().chars().skip(skipped).collect();
            self.ended = !self.terminal.wait(|terminal| terminal.text_from(before).contains(&echo))?;
            self.terminal.press("\r")?;
        }
        self.ended = !self.terminal.wait(|terminal| terminal.row() > before && waits(terminal))?;
        Ok(())
    }

    /// The text on the screen, without the last prompt.
    fn shown(&self) -> String {
        let text = self.terminal.text();
        if self.ended {
            return text;
        }
        text.rsplit_once('\n').map_or_else(String::new, |(shown, _)| shown.to_owned())
    }
}

/// Whether the REPL shows a prompt and waits for input.
fn waits(terminal: &Terminal) -> bool {
    let line = terminal.line();
    prompt(&line) == Some(line.len()) && !line.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_told_from_answers() {
        let text = "host> fn f(x) {\n  x + 1\n}\nhost> f(1)\n2\ndry:red> :show\nred\n├─ lo > x\n";
        assert_eq!(typed(text), ["fn f(x) {\n  x + 1\n}", "f(1)", ":show"]);
    }

    #[test]
    fn a_banner_ends_with_the_first_prompt() {
        assert_eq!(without_banner("netscript 0.1.0\nThis is a sandbox\nhost> 1\n1\n"), "host> 1\n1\n");
    }
}
