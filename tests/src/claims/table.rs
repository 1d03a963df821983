//! Parses the tables of claims, and finds their assertions in scripts.

use std::fmt;

use serde::Deserialize;

/// A statement of a tutorial.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Says {
    /// Output that readers should see.
    Sees(String),
    /// A fact that it does not mention.
    Trap(String),
}

/// A claim of a tutorial, and its proof.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The statement.
    pub says: Says,
    /// The proof.
    pub proof: Proof,
}

/// The proof of a claim.
#[derive(Clone, Debug)]
pub enum Proof {
    /// Lines of a script.
    Asserts {
        /// Its name in `scripts`.
        script: String,
        /// The lines are searched after the first line with this text.
        after: Option<String>,
        /// A part of each line.
        texts: Vec<String>,
        /// A step of the script, without which they fail.
        without: Option<String>,
        /// A setting that the step writes; where the kernel has none, the step does nothing.
        setting: Option<String>,
    },
    /// A test of the suite.
    Test(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    script: Option<String>,
    claim: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sees: Option<String>,
    trap: Option<String>,
    script: Option<String>,
    after: Option<String>,
    #[serde(default)]
    asserts: Vec<String>,
    without: Option<String>,
    setting: Option<String>,
    test: Option<String>,
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Says::Sees(text) => write!(f, "sees: {text}"),
            Says::Trap(text) => write!(f, "trap: {text}"),
        }
    }
}

/// The statements of a tutorial, with the numbers of the lines.
pub fn said(tutorial: &str) -> Vec<(usize, Says)> {
    let numbered = tutorial.lines().enumerate();
    numbered.filter_map(|(i, line)| Some((i + 1, says(line.strip_prefix("# ")?)?))).collect()
}

fn says(comment: &str) -> Option<Says> {
    let sees = comment.strip_prefix("sees: ").map(str::to_owned);
    let doubtful = || Some(comment.strip_prefix("sees (")?.replacen("): ", ") ", 1)).map(|text| format!("({text}"));
    let trap = || comment.strip_prefix("trap: ").map(|text| Says::Trap(text.to_owned()));
    sees.or_else(doubtful).map(Says::Sees).or_else(trap)
}

/// Reads a table.
pub fn claims(text: &str) -> Result<Vec<Claim>, String> {
    let table: Table = toml::from_str(text).map_err(|error| error.to_string())?;
    let default = table.script;
    table.claim.into_iter().map(|entry| claim(entry, default.as_deref())).collect()
}

fn claim(entry: Entry, default: Option<&str>) -> Result<Claim, String> {
    let says = match (entry.sees, entry.trap) {
        (Some(text), None) => Says::Sees(text),
        (None, Some(text)) => Says::Trap(text),
        (Some(text), Some(_)) => return Err(format!("`{text}` is either seen or a trap")),
        (None, None) => return Err("a claim has neither `sees` nor `trap`".to_owned()),
    };
    let script = entry.script.or_else(|| default.map(str::to_owned));
    let proof = match (entry.test, script) {
        (Some(test), _) if entry.asserts.is_empty() => Proof::Test(test),
        (None, Some(script)) if !entry.asserts.is_empty() => Proof::Asserts {
            script,
            after: entry.after,
            texts: entry.asserts,
            without: entry.without,
            setting: entry.setting,
        },
        (Some(_) | None, _) => return Err(format!("{says}: give the `asserts` of a `script`, or a `test`")),
    };
    Ok(Claim { says, proof })
}

/// Whether a line of a script asserts something.
pub fn is_assertion(line: &str) -> bool {
    ["assert(", "wait_until("].iter().any(|start| line.trim_start().starts_with(start))
}

/// The assertions with these parts, with their numbers. Each part must be in only one assertion; otherwise `after` must
/// select the first one after a line with this text.
pub fn find(script: &str, after: Option<&str>, texts: &[String]) -> Result<Vec<(usize, String)>, String> {
    let skipped = match after {
        None => 0,
        Some(after) => {
            1 + script.lines().position(|line| line.contains(after)).ok_or(format!("no line holds {after}"))?
        }
    };
    let lines = || script.lines().enumerate().skip(skipped);
    let find_one = |text: &String| {
        let mut found = lines().filter(|(_, line)| is_assertion(line) && line.contains(text.as_str()));
        match (found.next(), found.next()) {
            (Some((i, line)), other) if other.is_none() || after.is_some() => Ok((i + 1, line.trim().to_owned())),
            (Some((first, _)), Some((second, _))) => {
                Err(format!("lines {} and {} assert {text}: say `after` which line", first + 1, second + 1))
            }
            (Some(_) | None, _) => Err(format!("no line asserts {text}")),
        }
    };
    texts.iter().map(find_one).collect()
}
