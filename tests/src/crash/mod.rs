//! Kills and interrupts labs at every crash point: `netscript down` must restore the machine each time.
//!
//! The machine is made by the test: it has its own network, mounts and processes, with namespaces, links, rules and a
//! program that are not the lab's.

mod course;
mod equal;
mod machine;
mod machines;
mod random;
mod tried;

use std::path::{Path, PathBuf};

pub use course::{Course, Kind, Share, TryReport};
pub use machines::share;
pub use tried::Report;

use random::random;

/// The tested labs of a workspace: those in `scripts`, and one with every kind of operation.
fn scripts(workspace: &Path) -> Vec<PathBuf> {
    let mut found = vec![workspace.join("tests/journal/everything.rhai")];
    collect(&workspace.join("scripts"), &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "rhai") {
            found.push(entry);
        }
    }
}
