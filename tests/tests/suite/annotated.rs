//! Runs the scripts in `tests/suite`, whose comments mark the expected errors.
//!
//! A file has several cases, each after a line `//= TITLE`. In a case, a comment below a line marks the place and the
//! code of the expected error:
//!
//! ```text
//! veth("a/b", "c");
//! //   ^^^^^ E0204
//! ```
//!
//! The comment's own `//` counts as part of the mark where carets follow it at once in the first
//! column. A case without such a comment must succeed. The complete output is compared with the file of
//! the same name in `tests/ref`; `cargo xtask bless` rewrites that.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use netscript_tests::{kernel_release, netscript, workspace};

/// A script, with a title.
pub struct Case {
    /// Its title.
    pub title: String,
    /// The script.
    pub text: String,
}

/// Line, column (both from 1), length and code of an error.
#[derive(Debug, PartialEq)]
struct Mark {
    line: usize,
    column: usize,
    length: usize,
    code: String,
}

#[test]
fn every_case_does_what_its_comments_say() {
    let mut failures = String::new();
    let mut files = Vec::new();
    collect(&workspace().join("tests/suite"), &mut files);
    assert!(!files.is_empty(), "there are no cases");
    for file in files {
        check_file(&file, &mut failures);
    }
    assert!(failures.is_empty(), "{failures}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rhai") {
            files.push(path);
        }
    }
}

fn check_file(file: &Path, failures: &mut String) {
    let relative = file.strip_prefix(workspace().join("tests/suite")).unwrap();
    let mut output = String::new();
    for case in cases(&fs::read_to_string(file).unwrap()) {
        let (text, stderr) = run(file, &case);
        write!(output, "== {}\n{text}", case.title).unwrap();
        let expected = marks_in_comments(&case.text);
        let shown = marks_in_output(&stderr);
        if expected != shown {
            writeln!(failures, "{}: {}: expected {expected:?}, got {shown:?}:\n{text}", relative.display(), case.title)
                .unwrap();
        }
    }
    if let Some(difference) = unblessed(relative, &output) {
        failures.push_str(&difference);
    }
}

/// Compares an output with the one in `tests/ref`, which `cargo xtask bless` rewrites.
pub fn assert_blessed(name: &str, output: &str) {
    if let Some(difference) = unblessed(Path::new(name), output) {
        panic!("{difference}");
    }
}

/// How an output differs from the one in `tests/ref`.
fn unblessed(name: &Path, output: &str) -> Option<String> {
    let reference = workspace().join("tests/ref").join(name).with_extension("txt");
    if std::env::var_os("NETSCRIPT_BLESS").is_some() {
        fs::create_dir_all(reference.parent().unwrap()).unwrap();
        fs::write(&reference, output).unwrap();
    }
    let wanted = fs::read_to_string(&reference).unwrap_or_default();
    let (wanted, output) = match kernel_explains() {
        true => (wanted, output.to_owned()),
        false => (without_explanations(&wanted), without_explanations(output)),
    };
    let output = output.as_str();
    let told = || {
        let (name, reference) = (name.display(), reference.display());
        format!("{name} differs from {reference} (`cargo xtask bless` rewrites it):\n{}\n", difference(&wanted, output))
    };
    (wanted != output).then(told)
}

/// Whether this kernel explains all refusals that the references show. Older ones have texts for fewer.
fn kernel_explains() -> bool {
    kernel_release() >= (6, 12)
}

fn without_explanations(output: &str) -> String {
    // The error of rules that jump in a circle was ELOOP, and is EMLINK.
    let output = output.replace("Too many levels of symbolic links", "Too many links");
    let lines = output.lines().filter(|line| !line.trim_start().starts_with("= the kernel says: "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The cases of a file.
pub fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("//= ") {
            cases.push(Case { title: title.to_owned(), text: String::new() });
        } else if let Some(case) = cases.last_mut() {
            case.text.push_str(line);
            case.text.push('\n');
        }
    }
    assert!(!cases.is_empty(), "a file without cases");
    cases
}

/// The output with its status, and standard error alone.
fn run(file: &Path, case: &Case) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let name = file.file_name().unwrap();
    fs::write(folder.path().join(name), &case.text).unwrap();
    let output = Command::new(netscript())
        .current_dir(folder.path())
        .args(["--sandbox", "--color", "never"])
        .arg(name)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    text.push_str(&stderr);
    writeln!(text, "[status {}]", output.status.code().expect("it exits by itself")).unwrap();
    (text, stderr)
}

fn marks_in_comments(text: &str) -> Vec<Mark> {
    let mut line_above = 0;
    let mut marks = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match mark(line, line_above) {
            Some(mark) => marks.push(mark),
            None => line_above = index + 1,
        }
    }
    marks
}

fn mark(line: &str, line_above: usize) -> Option<Mark> {
    let comment = line.trim_start().strip_prefix("//")?;
    let caret = comment.trim_start();
    let length = caret.chars().take_while(|c| *c == '^').count();
    if length == 0 {
        return None;
    }
    let code = caret[length..].trim().to_owned();
    if line.starts_with("//^") {
        return Some(Mark { line: line_above, column: 1, length: length + 2, code });
    }
    let before = line.len() - caret.len();
    Some(Mark { line: line_above, column: line[..before].chars().count() + 1, length, code })
}

/// The shown errors: `error[CODE]`, `┌─ FILE:LINE:COLUMN`, and the carets.
fn marks_in_output(stderr: &str) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    let mut code = String::new();
    for line in stderr.lines() {
        if let Some(rest) = line.strip_prefix("error[") {
            code = rest[..5].to_owned();
        } else if let Some((_, place)) = line.split_once("┌─ ") {
            let mut parts = place.rsplit(':');
            let column = parts.next().unwrap().parse().unwrap();
            let line = parts.next().unwrap().parse().unwrap();
            marks.push(Mark { line, column, length: 0, code: code.clone() });
        } else if let Some(last) = marks.last_mut().filter(|mark| mark.length == 0) {
            last.length = line.split_once('│').map_or(0, |(_, rest)| rest.chars().filter(|c| *c == '^').count());
        }
    }
    marks
}

fn difference(wanted: &str, got: &str) -> String {
    let first = wanted.lines().zip(got.lines()).position(|(a, b)| a != b);
    let line = first.unwrap_or_else(|| wanted.lines().count().min(got.lines().count()));
    let around = |text: &str| text.lines().skip(line).take(6).collect::<Vec<_>>().join("\n");
    format!("line {}:\n--- wanted\n{}\n--- got\n{}\n", line + 1, around(wanted), around(got))
}
