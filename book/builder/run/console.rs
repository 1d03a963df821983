//! Runs shell commands in a sandbox that plays the reader's machine. There they may do all that root may, and leave
//! nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::lines::Wrong;
use super::{Programs, process};
use crate::fence::Fence;

/// A command.
#[derive(Debug, PartialEq, Eq)]
struct Typed {
    /// Its line in the block, from 1.
    line: usize,
    text: String,
}

/// Programs with which a command may begin: others could change the machine's files.
const PROGRAMS: &[&str] = &[
    "brctl",
    "bridge",
    "cat",
    "echo",
    "grep",
    "head",
    "ip",
    "ip6tables",
    "iptables",
    "iptables-save",
    "ls",
    "netscript",
    "nft",
    "nsenter",
    "ping",
    "sh",
    "sysctl",
    "tail",
    "tcpdump",
    "timeout",
    "unshare",
    "wc",
];

/// Examples run as root, so `sudo` only runs its command.
const PRELUDE: &str = "exec 2>&1\nsudo() { \"$@\"; }\n";

/// Separates the output of commands.
const MARK: &str = "--8<-- status";

/// Runs the last block of a chain, and returns it with the real output of its commands.
pub fn run(programs: &Programs, folder: &Path, fails: bool, parts: &[&Fence]) -> Result<String, Wrong> {
    let typed: Vec<Vec<Typed>> = parts.iter().map(|part| read(&part.text)).collect::<Result<_, _>>()?;
    let answers = answers(programs, folder, &typed.iter().flatten().collect::<Vec<_>>())?;
    let own = typed.last().map_or(&[][..], Vec::as_slice);
    let before = typed.iter().map(Vec::len).sum::<usize>() - own.len();
    let mut text = String::new();
    let mut failed = false;
    for (index, typed) in own.iter().enumerate() {
        let Some((printed, ok)) = answers.get(before + index) else {
            return Err(Wrong { line: typed.line, what: "it is not reached: the shell has ended".to_owned() });
        };
        failed |= !ok;
        if !ok && !fails {
            let what = format!("it fails, but the block has no `fails`:\n{printed}");
            return Err(Wrong { line: typed.line, what });
        }
        text.push_str(&format!("$ {}\n{printed}", typed.text));
    }
    if fails && !failed {
        return Err(Wrong::whole("no command fails, but the block has `fails`"));
    }
    Ok(text)
}

/// The typed lines of a block.
pub fn typed(text: &str) -> String {
    read(text).unwrap_or_default().into_iter().map(|typed| typed.text + "\n").collect()
}

/// The commands of a block.
fn read(text: &str) -> Result<Vec<Typed>, Wrong> {
    let mut all: Vec<Typed> = Vec::new();
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("$ "), all.last_mut()) {
            (_, Some(last)) if goes_on => {
                last.text.push('\n');
                last.text.push_str(line);
            }
            (Some(command), _) => {
                check(command).map_err(|what| Wrong { line: index + 1, what })?;
                all.push(Typed { line: index + 1, text: command.to_owned() });
            }
            // A line of output.
            (None, Some(_)) => continue,
            (None, None) => return Err(Wrong { line: 1, what: "it does not begin with `$ COMMAND`".to_owned() }),
        }
        goes_on = line.ends_with('\\');
    }
    if all.is_empty() { Err(Wrong::whole("it has no command")) } else { Ok(all) }
}

fn check(command: &str) -> Result<(), String> {
    for part in command.split(['|', ';', '&']) {
        let mut words = part.split_whitespace().skip_while(|word| *word == "sudo");
        if let Some(program) = words.next().filter(|program| !PROGRAMS.contains(program)) {
            return Err(format!("`{program}` is not among the programs that a book may run: {}", PROGRAMS.join(", ")));
        }
    }
    Ok(())
}

/// What each command printed, and whether it succeeded.
fn answers(programs: &Programs, folder: &Path, typed: &[&Typed]) -> Result<Vec<(String, bool)>> {
    let mut shell = PRELUDE.to_owned();
    for Typed { text: command, .. } in typed {
        shell.push_str(&format!("{command}\necho \"{MARK} $?\"\n"));
    }
    fs::write(folder.join("commands.sh"), shell).context("cannot write the example")?;
    let mut command = Command::new(&programs.netscript);
    command
        .args(["--sandbox", "--writable", ".", "--color", "never"])
        .arg(programs.machine.script())
        .env("PATH", programs.machine.path());
    let finished = process::run(&mut command, folder)?;
    anyhow::ensure!(finished.ok, "the sandbox fails:\n{}", finished.stderr);
    let mut answers = Vec::new();
    let mut printed = String::new();
    for line in finished.stdout.lines() {
        match line.strip_prefix(MARK) {
            Some(status) => answers.push((std::mem::take(&mut printed), status.trim() == "0")),
            // Output without a final line end is directly before the mark.
            None => match line.split_once(MARK) {
                Some((rest, status)) => {
                    answers.push((std::mem::take(&mut printed) + rest + "\n", status.trim() == "0"));
                }
                None => {
                    printed.push_str(line);
                    printed.push('\n');
                }
            },
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_what_they_print() {
        let read = read("$ ip netns list\nred\n$ netscript \\\n    lab.rhai\n").expect("these are commands");
        let typed = |line, text: &str| Typed { line, text: text.to_owned() };
        assert_eq!(read, [typed(1, "ip netns list"), typed(3, "netscript \\\n    lab.rhai")]);
    }

    #[test]
    fn only_known_programs_are_run() {
        assert!(check("sudo ip netns list | grep red").is_ok());
        assert!(check("ip link; rm -r /").expect_err("rm is not known").contains("`rm`"));
        assert!(check("sudo apt-get install x").is_err());
    }
}
