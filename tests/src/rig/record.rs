//! The table in README.md and in the book.

use std::path::{Path, PathBuf};

use super::{Kernel, Machine, Release};
use crate::workspace;

/// Where the table begins and ends.
const MARKS: [&str; 2] = ["<!-- begin: cargo xtask rig --all --record -->\n", "<!-- end -->"];

/// The files that have it.
pub fn files() -> [PathBuf; 2] {
    ["README.md", "book/src/machines.md"].map(|file| workspace().join(file))
}

/// Keeps a machine's line for later tables.
///
/// # Errors
///
/// If the disk is full.
pub fn keep(results: &Path, machine: Machine, line: &str) -> Result<(), String> {
    let file = line_of(results, machine);
    std::fs::write(&file, line).map_err(|error| format!("{}: {error}", file.display()))
}

/// The lines that were kept: the roots first.
pub fn kept(results: &Path) -> Vec<String> {
    let roots = Release::ALL.into_iter().map(Machine::root);
    let machines = roots.chain(Kernel::ALL.into_iter().map(Machine::booted));
    machines.filter_map(|machine| std::fs::read_to_string(line_of(results, machine)).ok()).collect()
}

fn line_of(results: &Path, machine: Machine) -> PathBuf {
    results.join(format!("{}.md", machine.name()))
}

/// Puts the table between the marks of a file.
///
/// # Errors
///
/// If the file cannot be read or written, or has no marks.
pub fn record(file: &Path, table: &str) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(told)?;
    let fresh = replaced(&text, table).ok_or_else(|| format!("{} has no place for the table", file.display()))?;
    std::fs::write(file, fresh).map_err(told)
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1])?;
    Some([before, MARKS[0], table, MARKS[1], after].concat())
}

#[cfg(test)]
mod tests {
    use super::{MARKS, files, replaced};

    #[test]
    fn what_is_between_the_marks_is_replaced() {
        let text = format!("a\n{}old\n{}\nb\n<!-- end -->\n", MARKS[0], MARKS[1]);
        let fresh = replaced(&text, "new\n").expect("it has marks");
        assert_eq!(fresh, format!("a\n{}new\n{}\nb\n<!-- end -->\n", MARKS[0], MARKS[1]));
        assert_eq!(replaced("no marks", "new\n"), None);
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
