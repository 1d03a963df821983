//! Reports of tests: a line for each as it finishes, or one document at the end.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use netscript_lang::diagnostics::{Error, Result, visible_json, visible_line, visible_xml};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

use super::suite::Tested;
use crate::cli::Format;
use crate::output::Printer;

/// A line for each test, in the order of the scripts, a failed one's output in full, and a summary.
pub(super) struct LineReport<'a> {
    printer: &'a Printer,
    wanted: bool,
    /// The width of the longest name.
    width: usize,
}

impl<'a> LineReport<'a> {
    pub(super) fn new(printer: &'a Printer, format: Format, scripts: &[PathBuf]) -> LineReport<'a> {
        let width = scripts.iter().map(|script| script.display().to_string().chars().count()).max();
        LineReport { printer, wanted: format == Format::Lines, width: width.unwrap_or(0) }
    }

    pub(super) fn add(&self, tested: &Tested) {
        if !self.wanted {
            return;
        }
        let verdict = if tested.passed() { "ok    " } else { "FAILED" };
        let seconds = tested.time.as_secs_f64();
        let name = visible_line(&tested.name);
        self.printer.shown(&format!("{verdict}  {name:width$}  {seconds:6.2} s", width = self.width));
        if !tested.passed() {
            if !tested.output.is_empty() {
                self.printer.shown(tested.output.trim_end());
            }
            self.printer.line(&format!("{}\n", ending(tested)));
        }
    }

    pub(super) fn finish(&self, tested: &[Tested]) {
        if self.wanted {
            let (passed, failed) = counts(tested);
            self.printer.line(&format!("{passed} passed, {failed} failed"));
        }
    }
}

fn counts(tested: &[Tested]) -> (usize, usize) {
    let passed = tested.iter().filter(|tested| tested.passed()).count();
    (passed, tested.len() - passed)
}

/// How a failed test ended.
fn ending(tested: &Tested) -> String {
    match (tested.over, tested.status) {
        (Some(limit), _) => format!("[timed out after {} s: see --timeout]", limit.as_secs()),
        (None, Some(status)) => format!("[status {status}]"),
        (None, None) => "[ended by a signal]".to_owned(),
    }
}

/// The document of a format that has one.
pub(super) fn document(format: Format, tested: &[Tested], time: Duration) -> Result<Option<String>> {
    match format {
        Format::Lines => Ok(None),
        Format::Json => Ok(Some(visible_json(&format!("{:#}", as_json(tested, time))).into_owned())),
        Format::Junit => {
            let text = as_junit(tested, time).to_string().map_err(|error| Error::File {
                path: "the report".to_owned(),
                doing: "write".to_owned(),
                why: error.to_string(),
            })?;
            // Jenkins' schema (`junit-10.xsd`) allows `skipped` for a suite, but not for all suites: the first one is
            // removed.
            let text = text.trim_end().replacen(" skipped=\"0\"", "", 1);
            Ok(Some(visible_xml(&text).into_owned()))
        }
    }
}

fn as_json(tested: &[Tested], time: Duration) -> Value {
    let (passed, failed) = counts(tested);
    let one = |tested: &Tested| {
        json!({
            "name": tested.name,
            "passed": tested.passed(),
            "status": tested.status,
            "timed_out": tested.over.is_some(),
            "seconds": tested.time.as_secs_f64(),
            "output": tested.output,
        })
    };
    let tests: Vec<Value> = tested.iter().map(one).collect();
    json!({ "passed": passed, "failed": failed, "seconds": time.as_secs_f64(), "tests": tests })
}

fn as_junit(tested: &[Tested], time: Duration) -> Report {
    let mut suite = TestSuite::new("netscript");
    suite.set_time(time);
    suite.add_test_cases(tested.iter().map(case));
    let mut report = Report::new("netscript");
    report.set_time(time).add_test_suite(suite);
    report
}

/// A script as a test case. Its class is its folder, by which readers of JUnit group. What it printed is the output;
/// its error is only in the failure.
fn case(tested: &Tested) -> TestCase {
    let (printed, error) = apart(&tested.output);
    let mut status = TestCaseStatus::success();
    if !tested.passed() {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(error.as_ref().map_or_else(|| ending(tested), ScriptError::message));
        if let Some(error) = &error {
            status.set_type(error.code).set_description(error.text);
        }
    }
    let path = Path::new(&tested.name);
    let name = path.file_name().map_or(tested.name.as_str().into(), |name| name.to_string_lossy());
    let mut case = TestCase::new(&*name, status);
    case.set_classname(class_of(path)).set_time(tested.time);
    if !printed.is_empty() {
        case.set_system_out(printed);
    }
    case
}

/// `labs/web/nat.rhai` is in the class `labs.web`.
fn class_of(path: &Path) -> String {
    let folders = path.parent().into_iter().flat_map(Path::components).filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
    });
    let class = folders.collect::<Vec<_>>().join(".");
    if class.is_empty() { "netscript".to_owned() } else { class }
}

/// The error at the end of a script's output.
struct ScriptError<'a> {
    code: &'a str,
    text: &'a str,
}

impl ScriptError<'_> {
    /// Its place and message in a line: `labs/nat.rhai:3:1: assertion failed: …`
    fn message(&self) -> String {
        let (says, rest) = self.text.split_once("┌─ ").unwrap_or((self.text, ""));
        let says = says.split_once("]: ").map_or(says, |(_, says)| says);
        let says = says.split_whitespace().collect::<Vec<_>>().join(" ");
        match rest.lines().next() {
            Some(place) => format!("{place}: {says}"),
            None => says,
        }
    }
}

/// Splits a script's output into what it printed, and the error after that.
fn apart(output: &str) -> (&str, Option<ScriptError<'_>>) {
    let starts = output.match_indices("error[").filter(|(at, _)| *at == 0 || output[..*at].ends_with('\n'));
    let Some((at, _)) = starts.last() else { return (output, None) };
    let text = output[at..].trim_end();
    let code = text["error[".len()..].split(']').next().unwrap_or("");
    (&output[..at], Some(ScriptError { code, text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_told_from_what_was_printed() {
        let output = "one\nerror[E0401]: assertion failed: it\n  works\n   ┌─ labs/b.rhai:12:8\n   │\n12 │ x\n";
        let (printed, error) = apart(output);
        assert_eq!(printed, "one\n");
        let error = error.expect("there is one");
        assert_eq!((error.code, error.message()), ("E0401", "labs/b.rhai:12:8: assertion failed: it works".to_owned()));
        assert!(apart("an error[E0401]: x").1.is_none());
        let (_, error) = apart("error[E0101]: nothing can be read");
        assert_eq!(error.expect("there is one").message(), "nothing can be read");
    }

    #[test]
    fn the_folder_is_the_class() {
        for (path, class) in [("a.rhai", "netscript"), ("./labs/a.rhai", "labs"), ("../x/labs/a.rhai", "x.labs")] {
            assert_eq!(class_of(Path::new(path)), class);
        }
    }
}
