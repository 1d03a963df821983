//! Counts the lines of scripts and the commands of their tutorials, for the README's table.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::claims::is_assertion;
use crate::workspace;

/// Where the README's table begins and ends.
const MARKS: [&str; 2] = ["<!-- begin: cargo xtask lines -->\n", "<!-- end -->"];

/// The line that divides the fourth tutorial.
const EXERCISE: &str = "# exercise: three tiers";

/// A tutorial, or a part of one, and our scripts for it.
struct Row {
    what: &'static str,
    tutorial: &'static str,
    part: Part,
    scripts: &'static [&'static str],
    short: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Part {
    Whole,
    BeforeTheExercise,
    Exercise,
}

const ROWS: [Row; 6] = [
    Row {
        what: "A single container",
        tutorial: "1-single-container",
        part: Part::Whole,
        scripts: &["single-container"],
        short: None,
    },
    Row {
        what: "Docker's namespaces",
        tutorial: "2-docker-namespaces",
        part: Part::Whole,
        scripts: &["docker-namespaces"],
        short: None,
    },
    Row { what: "An introduction", tutorial: "3-intro", part: Part::Whole, scripts: &["intro"], short: None },
    Row {
        what: "Demystified, six parts",
        tutorial: "4-demystified",
        part: Part::BeforeTheExercise,
        scripts: &[
            "demystified/1-isolation",
            "demystified/2-cable",
            "demystified/3-bridge",
            "demystified/4-out",
            "demystified/5-in",
            "demystified/6-rules",
        ],
        short: None,
    },
    Row {
        what: "Its exercise: three tiers",
        tutorial: "4-demystified",
        part: Part::Exercise,
        scripts: &["demystified/three-tier"],
        short: Some("short/three-tier"),
    },
    Row {
        what: "Docker's model",
        tutorial: "5-docker-model",
        part: Part::Whole,
        scripts: &["docker-model"],
        short: Some("short/docker-model"),
    },
];

/// The table.
///
/// # Panics
///
/// If a file cannot be read.
pub fn table() -> String {
    let mut table = "| tutorial | its commands | lines | with `lab::` |\n|---|---|---|---|\n".to_owned();
    for row in &ROWS {
        let scripts = row.scripts.iter().map(|name| count(name)).fold(Lines::default(), Lines::and);
        let short = row.short.map(|name| count(name).to_string()).unwrap_or_default();
        writeln!(table, "| {} | {} | {scripts} | {short} |", row.what, commands(&row.text()))
            .expect("strings take all");
    }
    table
}

/// The README with a fresh table.
///
/// # Panics
///
/// If there is no README, or no place for the table in it.
pub fn fresh_readme() -> String {
    let readme = fs::read_to_string(readme()).expect("there is a README");
    let (before, rest) = readme.split_once(MARKS[0]).expect("the README has a place for the table");
    let (_, after) = rest.split_once(MARKS[1]).expect("the place for the table ends");
    [before, MARKS[0], &table(), MARKS[1], after].concat()
}

/// The README's path.
pub fn readme() -> PathBuf {
    workspace().join("README.md")
}

impl Row {
    fn text(&self) -> String {
        let path = workspace().join("tests/tutorials").join(self.tutorial).with_extension("txt");
        let text = fs::read_to_string(path).expect("the tutorial is there");
        let exercise = text.find(EXERCISE).unwrap_or(text.len());
        match self.part {
            Part::Whole => text,
            Part::BeforeTheExercise => text[..exercise].to_owned(),
            Part::Exercise => text[exercise..].to_owned(),
        }
    }
}

/// How many commands a reader runs; those of a loop count once for each round.
fn commands(tutorial: &str) -> usize {
    let mut rounds = 1;
    let mut count = 0;
    for line in tutorial.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("for ").and_then(|rest| rest.split_once(" in ")) {
            Some((_, items)) => rounds = shlex::split(items.trim_end_matches("; do")).map_or(1, |items| items.len()),
            None if line == "done" => rounds = 1,
            // The line of the loop itself.
            None if line.starts_with("set --") => {}
            None => count += rounds,
        }
    }
    count
}

#[derive(Default)]
struct Lines {
    build: usize,
    assert: usize,
}

impl Lines {
    fn and(self, other: Lines) -> Lines {
        Lines { build: self.build + other.build, assert: self.assert + other.assert }
    }
}

impl std::fmt::Display for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} + {}", self.build, self.assert)
    }
}

/// Lines of a script that are neither empty nor comments.
fn count(script: &str) -> Lines {
    let path = workspace().join("scripts").join(script).with_extension("rhai");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let code = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    let (assert, build): (Vec<&str>, Vec<&str>) = code.partition(|line| is_assertion(line));
    Lines { build: build.len(), assert: assert.len() }
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn loops_count_as_often_as_they_go_round() {
        let tutorial =
            "# part\nip a\nfor t in \"a 1\" \"b 2\" c; do\n  set -- $t\n  ip b\n  ip c\ndone\n\nip d   # why\n";
        assert_eq!(commands(tutorial), 8);
    }
}
