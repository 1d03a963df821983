//! What is said of tests: a line each as they finish, or one document at the end.

use std::path::PathBuf;
use std::time::Duration;

use netscript_engine::diagnostics::{Error, Result, visible_json, visible_line, visible_xml};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

use super::suite::Tested;
use crate::cli::Format;
use crate::output::Printer;

/// A line for each test, in the order of the scripts, a failed one's output in full, and a summary.
pub(super) struct Lines<'a> {
    printer: &'a Printer,
    wanted: bool,
    /// The longest name's.
    width: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(printer: &'a Printer, format: Format, scripts: &[PathBuf]) -> Lines<'a> {
        let width = scripts.iter().map(|script| script.display().to_string().chars().count()).max();
        Lines { printer, wanted: format == Format::Lines, width: width.unwrap_or(0) }
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
        (Some(limit), _) => format!("[not done after {} s: see --timeout]", limit.as_secs()),
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
            Ok(Some(visible_xml(text.trim_end()).into_owned()))
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

fn case(tested: &Tested) -> TestCase {
    let mut status = TestCaseStatus::success();
    if !tested.passed() {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(ending(tested)).set_description(tested.output.as_str());
    }
    let mut case = TestCase::new(tested.name.as_str(), status);
    case.set_time(tested.time).set_system_out(tested.output.as_str());
    case
}
