//! Compares the claims of the tutorials with the assertions of our scripts.
//!
//! `tests/tutorials` has the tutorials, `tests/claims` a table for each. In the tutorial's order, it has each output
//! that readers should see and each trap, with the assertion that says the same (a part of its line is enough) and, for
//! many, a step that the assertion depends on.

mod table;
mod without;

use std::fs;
use std::path::PathBuf;

use crate::workspace;
pub use table::{Claim, Proof, Says, is_assertion};
pub use without::take_out_steps;

/// A claim that has its assertion.
#[derive(Clone, Debug)]
pub struct Asserted {
    /// The claim.
    pub claim: Claim,
    /// The script.
    pub script: PathBuf,
    /// The numbers of its lines that assert the claim, from 1.
    pub lines: Vec<usize>,
}

/// The claims of all tutorials.
#[derive(Debug, Default)]
pub struct Claims {
    /// The claims, in order, as lines to read.
    pub listed: Vec<String>,
    /// The claims that scripts assert.
    pub asserted: Vec<Asserted>,
    /// The errors of the tables.
    pub wrong: Vec<String>,
}

/// Reads the tutorials, the tables and the scripts.
///
/// # Panics
///
/// If a file cannot be read.
pub fn read() -> Claims {
    let mut claims = Claims::default();
    for tutorial in tutorials() {
        let name = tutorial.file_stem().and_then(|name| name.to_str()).expect("we named it").to_owned();
        let said = table::said(&fs::read_to_string(&tutorial).expect("it was listed"));
        let path = workspace().join("tests/claims").join(&name).with_extension("toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        match table::claims(&text) {
            Ok(table) => claims.compare(&name, &said, table),
            Err(error) => claims.wrong.push(format!("{}: {error}", path.display())),
        }
    }
    claims
}

/// The tutorials' files, in order.
///
/// # Panics
///
/// If there are none.
pub fn tutorials() -> Vec<PathBuf> {
    let files = fs::read_dir(workspace().join("tests/tutorials")).expect("there are tutorials");
    let paths = files.map(|file| file.expect("it can be listed").path());
    let mut tutorials: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "txt")).collect();
    tutorials.sort();
    tutorials
}

impl Claims {
    /// Compares a table with its tutorial.
    fn compare(&mut self, tutorial: &str, said: &[(usize, Says)], table: Vec<Claim>) {
        let mut table = table.into_iter();
        for (line, says) in said {
            let place = format!("{tutorial}.txt:{line}: {says}");
            match table.next() {
                Some(claim) if claim.says == *says => self.add(&place, claim),
                Some(claim) => return self.wrong.push(format!("{place}\n    the table has instead: {}", claim.says)),
                None => self.wrong.push(format!("{place}\n    has no assertion")),
            }
        }
        self.wrong.extend(table.map(|claim| format!("{tutorial} does not say: {}", claim.says)));
    }

    fn add(&mut self, place: &str, claim: Claim) {
        self.listed.push(place.to_owned());
        match &claim.proof {
            Proof::Test(test) if is_test(test) => self.listed.push(format!("    test {test}")),
            Proof::Test(test) => self.wrong.push(format!("{place}\n    there is no test {test}")),
            Proof::Asserts { script, after, texts, .. } => {
                let path = workspace().join("scripts").join(script).with_extension("rhai");
                let found = fs::read_to_string(&path)
                    .map_err(|error| error.to_string())
                    .and_then(|text| table::find(&text, after.as_deref(), texts));
                match found {
                    Ok(lines) => {
                        self.listed.extend(
                            lines.iter().map(|(line, text)| format!("    scripts/{script}.rhai:{line}: {text}")),
                        );
                        let lines = lines.into_iter().map(|(line, _)| line).collect();
                        self.asserted.push(Asserted { claim, script: path, lines });
                    }
                    Err(error) => self.wrong.push(format!("{place}\n    scripts/{script}.rhai: {error}")),
                }
            }
        }
    }
}

/// Whether the suite has a test of this name, `file::function`.
fn is_test(name: &str) -> bool {
    let Some((file, function)) = name.split_once("::") else { return false };
    let text = fs::read_to_string(workspace().join("tests/tests/suite").join(file).with_extension("rs"));
    text.is_ok_and(|text| text.contains(&format!("#[test]\nfn {function}()")))
}
