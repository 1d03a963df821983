//! The table in README.md and in the book.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::report::{Report, Row, table};
use super::{Kernel, Machine, Release};
use crate::workspace;

/// Where the table begins and ends.
const MARKS: [&str; 2] = ["<!-- begin: cargo xtask rig --all --record -->\n", "<!-- end -->"];

/// The files that have it.
pub fn files() -> [PathBuf; 2] {
    ["README.md", "book/src/machines.md"].map(|file| workspace().join(file))
}

/// What the runs of all tests on a machine have shown, test by test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    versions: String,
    seconds: u64,
    passed: BTreeSet<String>,
    failed: BTreeSet<String>,
    skipped: BTreeSet<String>,
}

impl Record {
    /// The record of a machine's last run, which may have been ended before its end.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn load(results: &Path, machine: Machine) -> Result<Record, String> {
        let file = file_of(results, machine);
        let text = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Keeps it for later runs.
    ///
    /// # Errors
    ///
    /// If the disk is full.
    pub fn save(&self, results: &Path, machine: Machine) -> Result<(), String> {
        let file = file_of(results, machine);
        let text = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Whether a test has passed, or was skipped.
    pub fn is_done(&self, name: &str) -> bool {
        self.passed.contains(name) || self.skipped.contains(name)
    }

    /// Adds later results: they replace those of the same tests.
    pub fn add(&mut self, report: &Report) {
        let named = |list: &[(String, String)]| list.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let (failed, skipped) = (named(&report.failed), named(&report.skipped));
        for name in report.passed.iter().chain(&failed).chain(&skipped) {
            self.passed.remove(name);
            self.failed.remove(name);
            self.skipped.remove(name);
        }
        self.passed.extend(report.passed.iter().cloned());
        self.failed.extend(failed);
        self.skipped.extend(skipped);
    }

    /// Adds the time of a run, and the versions of the programs that it found.
    pub fn ended(&mut self, seconds: u64, versions: String) {
        self.seconds += seconds;
        self.versions = versions;
    }

    /// Its row of the table.
    pub fn row(&self, machine: Machine) -> Row {
        Row {
            release: machine.release.title(),
            versions: self.versions.clone(),
            passed: self.passed.len(),
            failed: self.failed.len(),
            skipped: self.skipped.len(),
            seconds: self.seconds,
        }
    }
}

/// The file of a machine's record.
fn file_of(results: &Path, machine: Machine) -> PathBuf {
    results.join(format!("{}.json", machine.name()))
}

/// Puts a machine's line into the tables, in the place of its former one.
///
/// # Errors
///
/// If a file cannot be read or written, or has no table.
pub fn publish(machine: Machine, line: &str) -> Result<(), String> {
    for file in files() {
        let told = |error: std::io::Error| format!("{}: {error}", file.display());
        let text = std::fs::read_to_string(&file).map_err(told)?;
        let fresh = replaced(&text, machine, line);
        let fresh = fresh.ok_or_else(|| format!("{} has no place for the table", file.display()))?;
        std::fs::write(&file, fresh).map_err(told)?;
    }
    Ok(())
}

fn replaced(text: &str, machine: Machine, line: &str) -> Option<String> {
    let (before, rest) = text.split_once(MARKS[0])?;
    let (old, after) = rest.split_once(MARKS[1])?;
    let all = Release::ALL.into_iter().map(Machine::root).chain(Kernel::ALL.into_iter().map(Machine::booted));
    let lines = all.filter_map(|each| match each == machine {
        true => Some(line.to_owned()),
        false => old.lines().find(|line| machine_of(line) == Some(each)).map(|line| format!("{line}\n")),
    });
    Some([before, MARKS[0], &table(lines), MARKS[1], after].concat())
}

/// The machine that a line of the table is about.
fn machine_of(line: &str) -> Option<Machine> {
    let mut columns = line.trim_matches('|').split('|').map(str::trim);
    let title = columns.next()?;
    let release = Release::ALL.into_iter().find(|release| release.title() == title)?;
    let kernel = columns.next()?;
    let own = Kernel::ALL.into_iter().filter(|own| own.release() == release);
    let own = own.into_iter().find(|own| kernel.starts_with(&format!("{}.", own.name())));
    Some(own.map_or(Machine::root(release), Machine::booted))
}

#[cfg(test)]
mod tests {
    use super::super::report::{Report, table};
    use super::super::{Kernel, Machine, Release};
    use super::{MARKS, Record, files, replaced};

    #[test]
    fn a_line_replaces_the_former_one_of_its_machine() {
        let row = |release: &str, kernel: &str, passed: u32| {
            format!("| {release} | {kernel} | 1.8.7 | 5.9.0 | 0.9.8 | {passed} | 0 | 8 | 9:08 |\n")
        };
        let page = |lines: &[String]| {
            format!("a\n{}{}{}\nb\n<!-- end -->\n", MARKS[0], table(lines.iter().cloned()), MARKS[1])
        };
        let (root, other) = (row("Debian 11", "6.18.44", 1), row("Debian 13", "6.18.44", 2));
        let booted = row("Debian 11", "5.10.0-30-amd64", 3);
        let text = page(&[root.clone(), other.clone()]);
        let machine = Machine::booted(Kernel::V5_10);
        let fresh = replaced(&text, machine, &booted).expect("it has marks");
        assert_eq!(fresh, page(&[root.clone(), other.clone(), booted.clone()]));
        let later = row("Debian 11", "6.19.1", 4);
        let fresh = replaced(&fresh, Machine::root(Release::Bullseye), &later).expect("it has marks");
        assert_eq!(fresh, page(&[later, other, booted]));
        assert_eq!(replaced("no marks", machine, "new\n"), None);
    }

    #[test]
    fn later_results_replace_those_of_the_same_tests() {
        let mut record = Record::default();
        let failed = |name: &str| (name.to_owned(), "why".to_owned());
        record.add(&Report { passed: vec!["a".to_owned()], failed: vec![failed("b"), failed("c")], skipped: vec![] });
        record.ended(60, "5.10.0\n".to_owned());
        assert!(record.is_done("a") && !record.is_done("b") && !record.is_done("d"));
        record.add(&Report { passed: vec!["b".to_owned()], failed: vec![], skipped: vec![failed("c")] });
        record.ended(15, "5.10.0\n".to_owned());
        let row = record.row(Machine::booted(Kernel::V5_10));
        assert_eq!((row.passed, row.failed, row.skipped, row.seconds), (2, 0, 1, 75));
    }

    #[test]
    fn readme_and_book_have_the_same_table() {
        let tables = files().map(|file| {
            let text = std::fs::read_to_string(&file).expect("it is there");
            let (_, rest) = text.split_once(MARKS[0]).expect("it has the first mark");
            rest.split_once(MARKS[1]).expect("and the second").0.to_owned()
        });
        assert_eq!(tables[0], tables[1]);
    }
}
