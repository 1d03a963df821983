//! The project's own commands: `cargo xtask COMMAND`. CONTRIBUTING.md lists them.

use std::alloc::System;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

use cap::Cap;
use netscript_tests::bench::{self, Tools};
use netscript_tests::crash::{self, Course, Share};
use netscript_tests::docker::{self, Missed};
use netscript_tests::equivalence::{check_seeds, fresh_seed};
use netscript_tests::fuzz::{self, Vocabulary};
use netscript_tests::{bench_dry_run, lines};

/// Random scripts may ask for more memory than the machine has.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

fn taken() -> usize {
    ALLOCATOR.allocated()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("bless") => bless(),
        Some("wasm") => wasm(),
        Some("claims") => claims(),
        Some("lines") => lines(),
        Some("bench-dry-run") => bench_dry_run(),
        Some("bench-repl") => bench_repl(),
        Some("bench") => bench(&arguments[1..]),
        Some("bench-one") => bench_one(&arguments[1..]),
        Some("equivalence") => equivalence(&arguments[1..]),
        Some("crash") => crash(&arguments[1..]),
        Some("rig") => netscript_tests::rig::rig(&arguments[1..]),
        Some("fuzz") => fuzz(&arguments[1..]),
        Some("fuzz-work") => fuzz_work(&arguments[1..]),
        Some("fuzz-one") => told(fuzz::one(taken)),
        Some("crash-inside") => crash_inside(&arguments[1..]),
        Some("rules") => rules(&arguments[1..]),
        Some("docker") => docker(&arguments[1..]),
        Some("docker-inside") => docker_inside(&arguments[1..]),
        other => {
            if let Some(other) = other {
                eprintln!("there is no command `{other}`");
            }
            eprintln!("usage: cargo xtask bless   rewrite the expected output in tests/ref");
            eprintln!("       cargo xtask claims   list what the tutorials say, and the lines that assert it");
            eprintln!("       cargo xtask lines    rewrite the README's table of lines");
            eprintln!("       cargo xtask equivalence [--programs N] [--seed S] [--at-once N] [--no-shrinking]");
            eprintln!("                           run random programs on the kernel, as commands and on the model");
            eprintln!(
                "       cargo xtask crash [--stride N] [--first N] [--script WORD] [--only back|kills|interrupts|failures|random|together]\n                            [--rounds N] [--programs N] [--seed N] [--at-once N] [--built-by DIR]"
            );
            eprintln!("                           kill labs at every moment, let them fail, and take them down");
            eprintln!("       cargo xtask rig --root RELEASE | --kernel VERSION | --all  [FILTER]…");
            eprintln!("                           run the tests on other kernels and releases");
            eprintln!("       cargo xtask rules ROOT…");
            eprintln!(
                "                           judge rules by the iptables in each root, as debootstrap makes them (as root)"
            );
            eprintln!("       cargo xtask docker [--no-skip]   try labs beside a real Docker engine");
            eprintln!(
                "       cargo xtask fuzz [--runs N] [--sandbox N] [--seed S] [--at-once N] [--no-shrinking] [--show]"
            );
            eprintln!("                           run random scripts, dry and in sandboxes");
            eprintln!("       cargo xtask fuzz --sample, cargo xtask crash --sample");
            eprintln!("                           what CI runs of them: fixed seeds and fresh ones, two minutes each");
            eprintln!("       cargo xtask bench [--only WORD] [--rounds N] [--python PATH] [--against PROGRAM]");
            eprintln!(
                "                           time netscript beside other ways to the same networks (use --release)"
            );
            eprintln!(
                "       cargo xtask bench-dry-run   time the dry run of labs of up to 10,000 namespaces (use --release)"
            );
            eprintln!("       cargo xtask bench-repl   time the REPL's start and its completion (use --release)");
            eprintln!("       cargo xtask wasm    build engine and stdlib for WebAssembly, without the kernel part");
            ExitCode::from(2)
        }
    }
}

/// Judges rules by the iptables of other releases, and prints a table.
fn rules(roots: &[String]) -> ExitCode {
    let roots: Vec<std::path::PathBuf> = roots.iter().map(std::path::PathBuf::from).collect();
    let lines = netscript_tests::rules::judge(&roots);
    for line in &lines {
        println!("| {} | {} of {} |", line.what, line.tried.saturating_sub(line.wrong.len()), line.tried);
    }
    let wrong: Vec<&String> = lines.iter().flat_map(|line| &line.wrong).collect();
    wrong.iter().for_each(|wrong| eprintln!("\n{wrong}"));
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Builds what a web page needs with Debian's packages `rustc-web`, `rust-web-src` and `lld-22`, and
/// checks that it pulls in no crate that needs Linux.
fn wasm() -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(&cargo)
        .args([
            "tree",
            "--package",
            "netscript-stdlib",
            "--package",
            "netscript-view",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ])
        .output();
    let Ok(tree) = tree else { return ExitCode::FAILURE };
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    let found: Vec<&str> =
        tree.lines().filter(|line| netscript_tests::NEED_LINUX.iter().any(|name| line.starts_with(name))).collect();
    if !found.is_empty() {
        eprintln!("a web page would need {}", found.join(", "));
        return ExitCode::FAILURE;
    }
    let status = Command::new(&cargo)
        .args(["build", "--release", "--target", "wasm32-unknown-unknown", "-Zbuild-std=std,panic_abort"])
        .args(["--package", "netscript-stdlib", "--package", "netscript-view"])
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-22")
        .env("CONST_RANDOM_SEED", "netscript")
        .status();
    if status.is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lists the claims of the tutorials, and the lines of our scripts that assert them.
fn claims() -> ExitCode {
    let claims = netscript_tests::claims::read();
    claims.listed.iter().for_each(|line| println!("{line}"));
    claims.wrong.iter().for_each(|line| eprintln!("{line}"));
    if claims.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Rewrites the README's table of lines.
fn lines() -> ExitCode {
    match std::fs::write(lines::readme(), lines::fresh_readme()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {}: {error}", lines::readme().display());
            ExitCode::FAILURE
        }
    }
}

/// The tests that compare with `tests/ref`.
const BLESSED: [&str; 2] = ["annotated::", "the_intro_tutorial_typed_line_by_line"];

/// Rewrites the expected output in `tests/ref`.
fn bless() -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["test", "--package", "netscript-tests", "--test", "suite", "--"])
        .args(BLESSED)
        .env("NETSCRIPT_BLESS", "1")
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot start cargo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Kills and interrupts labs on several machines at once.
fn crash(arguments: &[String]) -> ExitCode {
    if arguments == ["--sample"] {
        return crash_sample();
    }
    let course = match Course::parse(arguments) {
        Ok(course) => course,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    if crash::share(&course, arguments) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The sample for CI: some moments of one lab, and random programs, half of them new each time.
fn crash_sample() -> ExitCode {
    let fixed = "--at-once 4 --script intro --stride 40 --programs 6 --rounds 1".to_owned();
    let fresh = format!("--at-once 4 --only random --programs 6 --seed {}", fresh_seed());
    let mut passed = true;
    for line in [fixed, fresh] {
        println!("cargo xtask crash {line}");
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        passed &= crash(&arguments) == ExitCode::SUCCESS;
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs inside one of the machines that `crash` made.
fn crash_inside(arguments: &[String]) -> ExitCode {
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse().ok());
    let (Some(program), Some(number), Some(of), Some(Ok(course))) =
        (arguments.first(), number(1), number(2), arguments.get(3..).map(Course::parse))
    else {
        return ExitCode::from(2);
    };
    course.run(Path::new(program), Share { number, of }, |told| {
        println!("{}", serde_json::to_string(&told).expect("its keys are text"));
    });
    ExitCode::SUCCESS
}

/// Tests labs beside a real Docker engine. With `--no-skip`, it fails without one.
fn docker(arguments: &[String]) -> ExitCode {
    match docker::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Missed::Skipped(why)) => {
            println!("skipped: {why}");
            if arguments.iter().any(|argument| argument == "--no-skip") { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(Missed::Failed) => ExitCode::FAILURE,
    }
}

/// Runs beside the engine that `docker` started.
fn docker_inside(arguments: &[String]) -> ExitCode {
    match arguments.first() {
        Some(program) if docker::inside(Path::new(program)) => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::from(2),
    }
}

/// Times netscript beside other ways to the same networks, and writes `target/bench.md`.
fn bench(arguments: &[String]) -> ExitCode {
    let option = |key: &str| {
        let at = arguments.iter().position(|argument| argument == key)?;
        arguments.get(at + 1).cloned()
    };
    let tools = Tools {
        netscript: netscript_tests::netscript().to_owned(),
        floor: std::env::current_exe().unwrap_or_default().with_file_name("floor"),
        python: option("--python").map(Into::into),
    };
    if !tools.floor.exists() {
        eprintln!("build the floor program first: cargo build --release --package netscript-tests --bin floor");
        return ExitCode::from(2);
    }
    let most = option("--rounds").and_then(|rounds| rounds.parse().ok()).unwrap_or(usize::MAX);
    let mut text = bench::machine();
    print!("{text}");
    let word = option("--only").unwrap_or_default();
    let contests = match option("--against") {
        Some(old) => bench::against(&tools, old.into(), &word),
        None => bench::contests(&tools, &word),
    };
    for contest in contests {
        let told = match bench::hold(&contest, most) {
            Ok(measured) => bench::report(&contest, &measured),
            Err(why) => {
                eprintln!("{why}");
                return ExitCode::FAILURE;
            }
        };
        print!("{told}");
        text.push_str(&told);
    }
    let file = netscript_tests::workspace().join("target/bench.md");
    match std::fs::write(&file, text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}

fn bench_one(command: &[String]) -> ExitCode {
    match bench::one(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Times how long a user of the REPL waits.
fn bench_repl() -> ExitCode {
    let measured = netscript_tests::bench_repl::measure();
    for measured in &measured {
        let milliseconds = measured.time.as_secs_f64() * 1000.0;
        println!("{:<60} {milliseconds:7.2} ms of {} allowed", measured.what, measured.limit.as_millis());
    }
    if measured.iter().all(|measured| measured.time < measured.limit) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs random programs three ways and compares the states.
fn equivalence(arguments: &[String]) -> ExitCode {
    let number = |key: &str, default: u64| -> u64 {
        let at = arguments.iter().position(|argument| argument == key);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let (programs, first) = (number("--programs", 200), number("--seed", fresh_seed()));
    let at_once = usize::try_from(number("--at-once", 16)).unwrap_or(16);
    let shrinking = !arguments.iter().any(|argument| argument == "--no-shrinking");
    println!("seeds {first} to {}", first + programs.saturating_sub(1));
    let seeds: Vec<u64> = (first..first + programs).collect();
    let report = check_seeds(&seeds, at_once, shrinking);
    println!(
        "{} programs of {} operations, {} of these refused; {} programs differ",
        report.programs,
        report.operations,
        report.refused,
        report.differing.len()
    );
    let unknown = &report.routes.unknown;
    println!(
        "{} routes asked for, {} predicted otherwise, {} not predicted",
        report.routes.asked,
        report.routes.differences.len(),
        unknown.len()
    );
    let mut whats: BTreeMap<&str, usize> = BTreeMap::new();
    unknown.iter().for_each(|what| *whats.entry(what.split('`').next().unwrap_or(what)).or_default() += 1);
    whats.into_iter().for_each(|(what, times)| println!("{times:8} {what}"));
    if report.differing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs random scripts, dry and in sandboxes.
fn fuzz(arguments: &[String]) -> ExitCode {
    let number = |key: &str, default: u64| -> u64 {
        let at = arguments.iter().position(|argument| argument == key);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let has = |key: &str| arguments.iter().any(|argument| argument == key);
    let seed = number("--seed", fresh_seed());
    if has("--show") {
        print!("{}", fuzz::script(&Vocabulary::new(), seed));
        return ExitCode::SUCCESS;
    }
    let course = fuzz::Course {
        worker: std::env::current_exe().unwrap_or_default(),
        seed,
        runs: number("--runs", 10_000),
        sandbox: number("--sandbox", 0),
        at_once: usize::try_from(number("--at-once", 4)).unwrap_or(4),
        shrinking: !has("--no-shrinking"),
    };
    let passed = match has("--sample") {
        true => {
            let sample = |seed, runs, sandbox| fuzz::Course { seed, runs, sandbox, at_once: 2, ..course.clone() };
            let (fixed, fresh) = (sample(1, 3000, 100), sample(seed, 2000, 80));
            [fixed, fresh].iter().map(fuzz_course).filter(fuzz::Report::passed).count() == 2
        }
        false => fuzz_course(&course).complaints.is_empty(),
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a course of random scripts, and prints the results.
fn fuzz_course(course: &fuzz::Course) -> fuzz::Report {
    println!("seeds from {}: {} dry runs, {} in sandboxes", course.seed, course.runs, course.sandbox);
    let report = fuzz::run(course, |complaint| {
        println!("seed {}: {}\n{}\n", complaint.seed, complaint.what, complaint.script);
    });
    let fuzz::Report { complaints, equal, excused } = &report;
    println!(
        "in sandboxes: {equal} as in the dry run, {} differ and may:",
        excused.values().map(Vec::len).sum::<usize>()
    );
    for (why, seeds) in excused {
        let some: Vec<String> = seeds.iter().take(8).map(u64::to_string).collect();
        println!("  {}: {} ({}{})", seeds.len(), why.text(), some.join(", "), if seeds.len() > 8 { ", …" } else { "" });
    }
    println!("{} of all do what they must not", complaints.len());
    report
}

fn fuzz_work(arguments: &[String]) -> ExitCode {
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse().ok());
    let (Some(first), Some(count)) = (number(0), number(1)) else { return ExitCode::from(2) };
    told(fuzz::work(first, count, taken))
}

fn told(result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Times the dry run of labs of 100 to 10,000 namespaces, ten operations each: of their operations
/// alone, and of scripts.
fn bench_dry_run() -> ExitCode {
    let measured = bench_dry_run::measure();
    for measured in &measured {
        println!("{measured}");
    }
    println!("peak memory {} MiB", peak_memory() >> 10);
    if measured.iter().all(|measured| measured.ratio() <= 1.3) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `VmHWM` of proc(5), in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
}
