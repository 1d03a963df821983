//! Splits the tests into jobs. Each is a process of its own, so that a test that hangs or crashes does not affect other
//! jobs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::build::{Built, Tests};

/// Some tests of one program.
#[derive(Clone, Debug)]
pub struct TestJob {
    /// Its name: the program, and the module if there are several.
    pub name: String,
    /// Its program.
    pub tests: Tests,
    /// Their full names.
    pub names: Vec<String>,
}

impl TestJob {
    /// The job without some tests, named with their program in front; nothing if none remains.
    pub fn without(&self, done: impl Fn(&str) -> bool) -> Option<TestJob> {
        let names = self.names.iter().filter(|name| !done(&format!("{}::{name}", self.tests.name)));
        let names: Vec<String> = names.cloned().collect();
        (!names.is_empty()).then(|| TestJob { names, ..self.clone() })
    }
}

/// A selection of tests.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Words of which a test's name, with its program's in front (`suite::journal::`), must have one; none for all.
    pub only: Vec<String>,
    /// Words of which it must have none.
    pub skip: Vec<String>,
}

impl Choice {
    fn takes(&self, name: &str) -> bool {
        let has = |word: &String| name.contains(word.as_str());
        (self.only.is_empty() || self.only.iter().any(has)) && !self.skip.iter().any(has)
    }
}

/// The selected tests, grouped by module.
///
/// # Errors
///
/// If a program cannot list its tests.
pub fn jobs(built: &Built, choice: &Choice) -> Result<Vec<TestJob>, String> {
    let mut jobs = Vec::new();
    for tests in &built.tests {
        let mut modules: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in list(tests)? {
            let full = format!("{}::{name}", tests.name);
            if choice.takes(&full) {
                let module = full.rsplit_once("::").map_or(full.as_str(), |(module, _)| module).to_owned();
                // One process a module of the suite; the small tests of a crate share theirs.
                let key = if tests.name == "suite" { module } else { tests.name.clone() };
                modules.entry(key).or_default().push(name);
            }
        }
        jobs.extend(modules.into_iter().map(|(name, names)| TestJob { name, tests: tests.clone(), names }));
    }
    Ok(jobs)
}

/// The names of a program's tests, without benchmarks and ignored tests.
fn list(tests: &Tests) -> Result<Vec<String>, String> {
    let listed = |arguments: &[&str]| {
        let output = Command::new(&tests.program).current_dir(&tests.folder).args(arguments).output();
        let output = output.map_err(|error| format!("{}: {error}", tests.program.display()))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok::<_, String>(text.lines().filter_map(|line| Some(line.strip_suffix(": test")?.to_owned())).collect())
    };
    let all: Vec<String> = listed(&["--list", "--format", "terse"])?;
    let ignored: Vec<String> = listed(&["--list", "--format", "terse", "--ignored"])?;
    Ok(all.into_iter().filter(|name| !ignored.contains(name)).collect())
}

/// How jobs are run.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How many tests of a process run at a time.
    pub threads: usize,
    /// How many times longer than on a real machine a test may wait.
    pub patience: u32,
    /// After how many seconds a process is ended.
    pub timeout: u64,
    /// Whether tests may load modules: the kernel is theirs alone.
    pub own_kernel: bool,
}

/// The shell script that runs them: `/out/N.txt` has what job N prints, `/out/N.status` its status.
pub fn script(netscript: &Path, jobs: &[TestJob], pace: Pace) -> String {
    let quote = |text: &str| shlex::try_quote(text).map_or_else(|_| String::new(), |text| text.into_owned());
    let path = |path: &Path| quote(&path.to_string_lossy());
    let mut text = format!(
        "export RUST_BACKTRACE=0 NETSCRIPT_PROGRAM={} NETSCRIPT_PATIENCE={}{}\n\
         {{ uname -r; iptables -V; ip -V; nft -v; }} >/out/versions 2>&1\n",
        path(netscript),
        pace.patience,
        if pace.own_kernel { " NETSCRIPT_OWN_KERNEL=1" } else { "" }
    );
    for (number, job) in jobs.iter().enumerate() {
        let names: Vec<String> = job.names.iter().map(|name| quote(name)).collect();
        text.push_str(&format!(
            "cd {}; timeout -k 5 {} {} --show-output --test-threads {} --exact {} >/out/{number}.txt 2>&1; \
             echo $? >/out/{number}.status\n",
            path(&job.tests.folder),
            pace.timeout,
            path(&job.tests.program),
            pace.threads,
            names.join(" ")
        ));
    }
    text
}
