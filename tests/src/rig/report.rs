//! Reads the results of tests from libtest's output.

use std::collections::BTreeSet;
use std::path::Path;

use super::jobs::TestJob;
use crate::pace::SKIPPED;

/// The results of some tests.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Their names.
    pub passed: Vec<String>,
    /// Their names, and what they printed.
    pub failed: Vec<(String, String)>,
    /// The skipped tests, and why.
    pub skipped: Vec<(String, String)>,
}

/// The results of a job, from its files.
pub fn of_job(out: &Path, number: usize, job: &TestJob) -> Report {
    let text = std::fs::read(out.join(format!("{number}.txt"))).unwrap_or_default();
    let status = std::fs::read_to_string(out.join(format!("{number}.status"))).unwrap_or_default();
    read(job, &String::from_utf8_lossy(&text), status.trim())
}

/// The results of a job, from its output and its status.
fn read(job: &TestJob, text: &str, status: &str) -> Report {
    let sections = sections(text);
    let printed = |name: &str| {
        let of_it = sections.iter().filter(|(of, _)| *of == name);
        of_it.map(|(_, text)| *text).collect::<Vec<&str>>().join("\n")
    };
    let mut failed: BTreeSet<&str> = BTreeSet::new();
    let ended = text.lines().any(|line| line.starts_with("test result: "));
    let listed = text.rsplit_once("\nfailures:\n").map_or("", |(_, listed)| listed);
    failed.extend(listed.lines().take_while(|line| !line.starts_with("test result")).map(str::trim));
    failed.remove("");
    if !ended {
        // The process was ended or crashed: tests without a result have failed.
        let told =
            |name: &str| text.lines().any(|line| line.starts_with(&format!("test {name} ")) && line.ends_with("ok"));
        failed.extend(job.names.iter().map(String::as_str).filter(|name| !told(name)));
    }
    let mut report = Report::default();
    for name in &job.names {
        let full = format!("{}::{name}", job.tests.name);
        let text = printed(name);
        let skipped: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(SKIPPED)).collect();
        if failed.contains(name.as_str()) {
            let why = if ended { text } else { format!("{text}\nits process ended with status {status:?}") };
            report.failed.push((full, why));
        } else if skipped.is_empty() {
            report.passed.push(full);
        } else {
            report.skipped.push((full, skipped.join("; ")));
        }
    }
    report
}

/// The output of each test, which comes after `---- NAME stdout ----`.
fn sections(text: &str) -> Vec<(&str, &str)> {
    let mut sections = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("\n---- ") {
        let Some((head, after)) = after.split_once(" ----\n") else { break };
        let end = ["\n---- ", "\nsuccesses:\n", "\nfailures:\n"].iter().filter_map(|end| after.find(end)).min();
        let (body, next) = after.split_at(end.unwrap_or(after.len()));
        if let Some(name) = head.strip_suffix(" stdout") {
            sections.push((name, body));
        }
        rest = next;
    }
    sections
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The user space's name.
    pub release: &'static str,
    /// The lines of `/out/versions`.
    pub versions: String,
    /// How many tests have passed.
    pub passed: usize,
    /// How many have failed.
    pub failed: usize,
    /// How many were skipped.
    pub skipped: usize,
    /// How long they took.
    pub seconds: u64,
}

impl Row {
    /// Its line of the table.
    pub fn line(&self) -> String {
        let mut lines = self.versions.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (kernel, iptables, ip, nft) = (next(), next(), next(), next());
        format!(
            "| {} | {kernel} | {} | {} | {} | {} | {} | {} | {}:{:02} |\n",
            self.release,
            number(&iptables),
            number(ip.split("iproute2-").last().unwrap_or_default()),
            number(&nft),
            self.passed,
            self.failed,
            self.skipped,
            self.seconds / 60,
            self.seconds % 60
        )
    }
}

/// The table of these lines, as Markdown.
pub fn table(lines: impl IntoIterator<Item = String>) -> String {
    let head = "| release | kernel | iptables | iproute2 | nft | passed | failed | skipped | time |\n|---|---|---|---|---|---|---|---|---|\n";
    std::iter::once(head.to_owned()).chain(lines).collect()
}

/// The first word that is a version: `1.8.9` of `iptables v1.8.9 (nf_tables)`.
fn number(text: &str) -> &str {
    let words = text.split([' ', ',']).map(|word| word.trim_start_matches('v'));
    words.into_iter().find(|word| word.starts_with(|first: char| first.is_ascii_digit())).unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::{Row, read, table};
    use crate::rig::build::Tests;
    use crate::rig::jobs::TestJob;

    fn job(names: &[&str]) -> TestJob {
        TestJob {
            name: "suite::a".to_owned(),
            tests: Tests { name: "suite".to_owned(), program: "suite".into(), folder: ".".into() },
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// The output of libtest of Rust 1.95 with `--show-output`.
    const PRINTED: &str = "
running 3 tests
test a::one ... ok
test a::three ... FAILED
test a::two ... ok

successes:

---- a::two stdout ----
skipped: dummy links: this kernel has none


successes:
    a::one
    a::two

failures:

---- a::three stdout ----

thread 'a::three' (7) panicked at src/lib.rs:1:1:
no
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    a::three

test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

";

    #[test]
    fn libtest_output_is_parsed() {
        let report = read(&job(&["a::one", "a::two", "a::three"]), PRINTED, "101");
        assert_eq!(report.passed, ["suite::a::one"]);
        assert_eq!(report.skipped, [("suite::a::two".to_owned(), "dummy links: this kernel has none".to_owned())]);
        let [(name, why)] = &report.failed[..] else { panic!("{report:?}") };
        assert_eq!(name, "suite::a::three");
        assert!(why.contains("panicked at src/lib.rs:1:1:\nno\n"), "{why}");
    }

    #[test]
    fn tests_that_a_process_did_not_reach_have_failed() {
        let report = read(&job(&["a::one", "a::two"]), "\nrunning 2 tests\ntest a::one ... ok\n", "124");
        assert_eq!(report.passed, ["suite::a::one"]);
        assert_eq!(report.failed.len(), 1);
        assert_eq!(report.failed[0].0, "suite::a::two");
        let nothing = read(&job(&["a::one"]), "", "");
        assert_eq!(nothing.failed.len(), 1, "a machine that died has passed nothing");
    }

    #[test]
    fn a_table_has_the_versions() {
        let versions = "6.1.0-50-amd64\niptables v1.8.9 (nf_tables)\nip utility, iproute2-6.1.0, libbpf 1.1.2\nnftables v1.0.6 (Lester Gooch #5)\n";
        let (release, versions) = ("Debian 12", versions.to_owned());
        let row = Row { release, versions, passed: 3, failed: 0, skipped: 0, seconds: 75 };
        let text = table([row.line()]);
        assert!(
            text.ends_with("| Debian 12 | 6.1.0-50-amd64 | 1.8.9 | 6.1.0 | 1.0.6 | 3 | 0 | 0 | 1:15 |\n"),
            "{text}"
        );
    }
}
