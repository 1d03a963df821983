//! Runs examples.

mod console;
mod lines;
mod machine;
mod normal;
mod process;
mod script;
mod session;
mod terminal;

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

pub use lines::{Wrong, difference};
pub use normal::normal;
pub use script::{Ran, hidden};
pub use session::prompt;

use self::machine::Machine;
use crate::fence::{Fence, Kind, Script};

/// The programs that examples are run with.
#[derive(Debug)]
pub struct Programs {
    /// The program that the book is about.
    pub netscript: PathBuf,
    /// This program.
    pub builder: PathBuf,
    /// The sandbox that plays the reader's machine.
    machine: Machine,
}

impl Programs {
    /// Prepares to run examples with these programs.
    pub fn new(netscript: PathBuf, builder: PathBuf) -> Result<Programs> {
        let machine = Machine::new(&netscript)?;
        Ok(Programs { netscript, builder, machine })
    }
}

/// The result of an example.
#[derive(Debug)]
pub enum Outcome {
    /// A script's output, commands and network.
    Script(Box<Ran>),
    /// The typed lines, with the real answers.
    Transcript(String),
    /// It is not run.
    AsWritten,
}

/// Runs a block of a chapter.
pub fn run(programs: &Programs, fences: &[Fence], index: usize) -> Result<Outcome, Wrong> {
    let parts = chain(fences, index)?;
    let folder = tempfile::tempdir().map_err(anyhow::Error::from)?;
    let before = files(fences, index);
    before
        .iter()
        .try_for_each(|(name, text)| fs::write(folder.path().join(name), text))
        .map_err(anyhow::Error::from)?;
    match &fences[index].kind {
        Kind::Script(script) => Ok(Outcome::Script(Box::new(script::run(programs, folder.path(), script, &parts)?))),
        Kind::Session { .. } => session::run(programs, folder.path(), &parts).map(Outcome::Transcript),
        Kind::Console { fails, .. } => console::run(programs, folder.path(), *fails, &parts).map(Outcome::Transcript),
        Kind::Quoted(_) => Ok(Outcome::AsWritten),
    }
}

/// The block with those that it goes on with, in order.
fn chain(fences: &[Fence], index: usize) -> Result<Vec<&Fence>, Wrong> {
    let mut parts = vec![&fences[index]];
    let mut rest = &fences[..index];
    while continues(parts[0]) {
        let alike = |fence: &Fence| std::mem::discriminant(&fence.kind) == std::mem::discriminant(&parts[0].kind);
        let Some(previous) = rest.iter().rposition(alike) else {
            return Err(Wrong::whole("there is no example before it to continue"));
        };
        parts.insert(0, &rest[previous]);
        rest = &rest[..previous];
    }
    Ok(parts)
}

fn continues(fence: &Fence) -> bool {
    match &fence.kind {
        Kind::Script(Script { continues, .. }) | Kind::Session { continues, .. } | Kind::Console { continues, .. } => {
            *continues
        }
        Kind::Quoted(_) => false,
    }
}

/// All text of scripts and typed lines in some blocks. Values that occur in it are not random.
pub fn said(fences: &[Fence]) -> String {
    let said = fences.iter().map(|fence| match &fence.kind {
        Kind::Script(_) => fence.text.clone(),
        Kind::Session { .. } => session::typed(&fence.text).join("\n"),
        Kind::Console { .. } => console::typed(&fence.text),
        Kind::Quoted(_) => String::new(),
    });
    said.collect::<Vec<_>>().join("\n")
}

/// The files that the scripts up to a block are saved in.
fn files(fences: &[Fence], index: usize) -> Vec<(&str, String)> {
    let mut files = Vec::new();
    for (place, fence) in fences[..=index].iter().enumerate() {
        if let Kind::Script(Script { file: Some(name), .. }) = &fence.kind
            && let Ok(parts) = chain(fences, place)
        {
            files.push((name.as_str(), script::text(&parts)));
        }
    }
    files
}
