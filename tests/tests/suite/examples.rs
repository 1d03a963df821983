//! Every word of the language is documented with an example, and every example runs.

use std::fs;
use std::process::Command;

use netscript_lab::wiring::of_words;
use netscript_lang::interpreter::functions;
use netscript_tests::netscript;

/// A registered word.
pub struct Word {
    /// As Rhai writes it.
    pub signature: String,
    comments: String,
}

impl Word {
    /// What scripts call it.
    pub fn name(&self) -> &str {
        let name = self.signature.split('(').next().unwrap();
        name.strip_prefix("get$").unwrap_or(name)
    }

    /// Operators and conversions to text are documented as a group elsewhere.
    pub fn needs_no_example(&self) -> bool {
        ["==(", "!=(", "to_string(", "to_debug("].iter().any(|prefix| self.signature.starts_with(prefix))
    }

    /// The fenced blocks of its doc comment, with the word after the fence.
    pub fn examples(&self) -> Vec<(String, String)> {
        examples(&self.comments)
    }
}

/// Every word of netscript's own.
pub fn words() -> Vec<Word> {
    let interpreter = of_words();
    let standard: Vec<u64> = rhai::Engine::new().collect_fn_metadata(None, |info| Some(info.metadata.hash), true);
    let word = |name: &str, params: &[rhai::Identifier], comments: &[rhai::Identifier]| Word {
        signature: format!("{name}({})", params.join(", ")),
        comments: comments.join("\n"),
    };
    functions(interpreter.engine(), false, |info| {
        let metadata = info.metadata;
        // A replacement for a function of Rhai within limits is not a word of netscript.
        let guard = metadata.comments.is_empty() && standard.contains(&metadata.hash);
        // Neither is a function for unknown answers of a dry run.
        let of_unknown = metadata.params_info.iter().any(|param| param.contains("Unknown<"));
        (!guard && !of_unknown).then(|| word(&metadata.name, &metadata.params_info, &metadata.comments))
    })
}

/// The fenced blocks of a doc comment, with the word after the fence.
fn examples(comments: &str) -> Vec<(String, String)> {
    let mut examples = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in comments.lines() {
        let line = line.trim_start_matches("///").strip_prefix(' ').unwrap_or(line.trim_start_matches("///"));
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => examples.extend(open.take()),
            (Some(kind), None) => open = Some((kind.trim().to_owned(), String::new())),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    examples
}

#[test]
fn every_word_has_an_example_that_runs() {
    let words = words();
    assert!(words.len() > 60, "only {} words are registered", words.len());
    let folder = tempfile::tempdir().unwrap();
    let mut failures = Vec::new();
    for word in words.iter().filter(|word| !word.needs_no_example()) {
        let examples = word.examples();
        if examples.is_empty() {
            failures.push(format!("{} has no example", word.signature));
        }
        for (kind, text) in examples {
            let script = folder.path().join("example.rhai");
            fs::write(&script, &text).unwrap();
            let output = Command::new(netscript()).arg("--sandbox").arg(&script).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            // A missing feature of this kernel must be named.
            let lacks = kind.starts_with("needs-") && stderr.contains("error[E0402]");
            if !output.status.success() && !lacks {
                failures.push(format!("{}:\n{text}{stderr}", word.signature));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
