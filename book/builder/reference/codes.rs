//! The codes of errors, from their registry, each with a message as somebody saw it.

use std::collections::BTreeMap;

use anyhow::Result;
use netscript_engine::diagnostics::REGISTRY;

/// Messages that the tests of errors bring about; the tests compare them with what comes.
const SEEN: &[&str] = &[
    include_str!("../../../tests/ref/errors/addresses.txt"),
    include_str!("../../../tests/ref/errors/links.txt"),
    include_str!("../../../tests/ref/errors/names.txt"),
    include_str!("../../../tests/ref/errors/options.txt"),
    include_str!("../../../tests/ref/errors/probes.txt"),
    include_str!("../../../tests/ref/errors/programs.txt"),
    include_str!("../../../tests/ref/errors/routes.txt"),
    include_str!("../../../tests/ref/errors/rules.txt"),
    include_str!("../../../tests/ref/errors/script.txt"),
];

/// What the first digits of a code mean.
const KINDS: &[(&str, &str)] = &[
    ("E01", "What the script says"),
    ("E02", "Values"),
    ("E03", "What the kernel refuses"),
    ("E04", "The machine"),
    ("E05", "Labs"),
    ("E06", "The dry run"),
    ("E07", "Probes and assertions"),
];

/// Every code with its cause and remedy.
pub fn codes() -> Result<String> {
    let seen = seen();
    let mut text = String::new();
    let mut kind = "";
    for entry in REGISTRY {
        let code = entry.code.to_string();
        if let Some((prefix, title)) = KINDS.iter().find(|(prefix, _)| code.starts_with(prefix) && *prefix != kind) {
            kind = prefix;
            text.push_str(&format!("## {title}\n\n"));
        }
        text.push_str(&format!("### {code}: {}\n\n", entry.title));
        text.push_str(&format!("**Why:** {}\n\n**What to do:** {}\n\n", entry.cause, entry.remedy));
        if let Some(message) = seen.get(&code) {
            text.push_str(&format!("```error,quoted\n{message}\n```\n\n"));
        }
    }
    Ok(text)
}

/// The first message of each code.
fn seen() -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let mut open: Option<(String, Vec<&str>)> = None;
    for line in SEEN.iter().flat_map(|text| text.lines()) {
        if let Some(rest) = line.strip_prefix("error[") {
            open = Some((rest.chars().take_while(|c| *c != ']').collect(), Vec::new()));
        } else if line.starts_with("[status") || line.starts_with("== ") {
            if let Some((code, lines)) = open.take() {
                all.entry(code).or_insert_with(|| lines.join("\n").trim_end().to_owned());
            }
        }
        if let Some((_, lines)) = &mut open {
            lines.push(line);
        }
    }
    all
}
