//! Three ways, one state: every script, and random programs.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use netscript_engine::op::NetnsRef;
use netscript_engine::shell::{self, Style};
use netscript_tests::equivalence::{Compared, Rng, check_script, check_seeds, compare_script, fresh_seed};
use netscript_tests::workspace;

use super::annotated::cases;
use super::examples::words;

fn scripts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scripts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rhai") {
            found.push(path);
        }
    }
}

#[test]
fn every_script_comes_to_one_state_three_ways() {
    let mut found = Vec::new();
    scripts(&workspace().join("scripts"), &mut found);
    found.sort();
    let mut failures = String::new();
    for path in &found {
        let differences = check_script(path);
        if !differences.is_empty() {
            failures.push_str(&format!("== {}\n{}\n", path.display(), differences.join("\n")));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Scripts by name, three ways, some at a time: how many came to one state, and those of which only
/// a run knows.
fn compare(scripts: &[(String, String)]) -> (usize, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (next, told) = (AtomicUsize::new(0), Mutex::new((0, Vec::new(), String::new())));
    let work = || {
        while let Some((nth, (name, text))) = {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            scripts.get(nth).map(|script| (nth, script))
        } {
            let path = folder.path().join(format!("{nth}.rhai"));
            fs::write(&path, text).unwrap();
            let compared = compare_script(&path);
            let mut told = told.lock().unwrap();
            match compared {
                Compared::Equal => told.0 += 1,
                Compared::OnlyARunKnows(code) => told.1.push(format!("{code} {name}")),
                Compared::Differ(differences) => {
                    told.2.push_str(&format!("== {name}\n{text}\n{}\n", differences.join("\n")));
                }
            }
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let (equal, unknown, wrong) = told.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong}");
    (equal, unknown)
}

#[test]
fn every_example_comes_to_one_state_three_ways() {
    let mut scripts = Vec::new();
    for word in words().iter().filter(|word| !word.needs_no_example()) {
        scripts.extend(word.examples().into_iter().map(|(_, text)| (word.signature.clone(), text)));
    }
    let (equal, unknown) = compare(&scripts);
    println!("{equal} of {} examples; only a run knows {unknown:#?}", scripts.len());
    assert!(equal * 3 > scripts.len() * 2, "only {equal} of {}: {unknown:#?}", scripts.len());
}

#[test]
fn every_case_of_the_suite_comes_to_one_state_or_error_three_ways() {
    let mut files = Vec::new();
    scripts(&workspace().join("tests/suite"), &mut files);
    let mut scripts = Vec::new();
    for file in files {
        let cases = cases(&fs::read_to_string(&file).unwrap());
        scripts.extend(cases.into_iter().map(|case| (format!("{}: {}", file.display(), case.title), case.text)));
    }
    let (equal, unknown) = compare(&scripts);
    println!("{equal} of {} cases; only a run knows {unknown:#?}", scripts.len());
    assert!(equal * 3 > scripts.len() * 2, "only {equal} of {}: {unknown:#?}", scripts.len());
}

/// Seeds that are the same every time.
const FIXED: std::ops::Range<u64> = 1..151;

/// How many seeds are new each time. `cargo xtask equivalence` takes as many as one likes.
const FRESH: u64 = 50;

/// So many of the fresh ones may differ. About one program in a thousand still meets a rule that the
/// model lacks or the kernel's own time: it is told, and does not hold up work on something else.
const KNOWN_GAPS: usize = 1;

/// As many at once as keep two processors busy: most of a program's time goes into waiting.
const AT_ONCE: usize = 8;

#[test]
fn random_programs_come_to_one_state_three_ways() {
    let fresh = fresh_seed();
    println!("fresh seeds: {fresh} to {}", fresh + FRESH - 1);
    let seeds: Vec<u64> = FIXED.chain(fresh..fresh + FRESH).collect();
    let report = check_seeds(&seeds, AT_ONCE, true);
    let told: Vec<String> = report.differing.iter().map(|(seed, told)| format!("seed {seed}:\n{told}")).collect();
    let told = format!("{} of {} programs differ\n{}", told.len(), report.programs, told.join("\n"));
    let fixed = report.differing.iter().filter(|(seed, _)| FIXED.contains(seed)).count();
    assert_eq!(fixed, 0, "{told}");
    assert!(report.differing.len() <= KNOWN_GAPS, "{told}");
    if !report.differing.is_empty() {
        // Past what a test's output is kept from.
        let _ = writeln!(io::stderr(), "{told}");
    }
    assert_eq!(report.programs, seeds.len());
}

#[test]
fn arguments_survive_the_shell() {
    let alphabet: Vec<char> = " \t\n'\"$`\\;|&<>(){}[]*?!#~=%-+a0é\u{1f}".chars().collect();
    let mut rng = Rng::new(7);
    for _ in 0..40 {
        let arguments: Vec<String> =
            (0..1 + rng.below(6)).map(|_| (0..rng.below(9)).map(|_| *rng.pick(&alphabet)).collect()).collect();
        let mut argv = vec!["printf".to_owned(), r"%s\0".to_owned()];
        argv.extend(arguments.iter().cloned());
        let line = shell::exec(&NetnsRef::Host, &argv).line(Style::Plain);
        let output = Command::new("sh").args(["-c", &line]).output().unwrap();
        let wanted: String = arguments.iter().map(|argument| format!("{argument}\0")).collect();
        assert_eq!(String::from_utf8_lossy(&output.stdout), wanted, "{line}");
    }
}
