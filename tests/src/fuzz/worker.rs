//! Runs scripts dry, in a process of their own.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use netscript_dialect::Style;
use netscript_lab::wiring::Wiring;
use netscript_lang::DryRun;
use netscript_lang::diagnostics::{Failure, Sources, fault, render};
use netscript_lang::interpreter::STACK_SIZE;
use netscript_model::Model;

use super::judge::{Dry, Event, ShownError, is_caught};
use super::{Course, Vocabulary, script, write_modules};

/// A dry run takes milliseconds.
const LIMIT: Duration = Duration::from_secs(10);

/// After this, a worker hangs: it does not even stop when it is told to.
const PATIENCE: Duration = Duration::from_secs(40);

/// The name of the script in errors.
pub(super) const NAME: &str = "script.rhai";

/// Runs a text dry, in this thread.
fn dry(taken: fn() -> usize, text: &str) -> Dry {
    let deadline = Instant::now() + LIMIT;
    let events = Rc::new(RefCell::new(Vec::new()));
    let remarks = Rc::clone(&events);
    let sink = move |line: &str| {
        if line.contains("a dry run cannot know") {
            remarks.borrow_mut().push(Event::Unknown);
        }
    };
    let world = DryRun::new(Model::new(), Style::Plain, sink).stopped_by(move || Instant::now() > deadline);
    let (asked, caught) = (Rc::clone(&events), Rc::clone(&events));
    let print = move |line: &str| {
        if is_caught(line) {
            caught.borrow_mut().push(Event::Caught(line.to_owned()));
        }
    };
    let wiring = Wiring { print: Box::new(print), memory: Some(taken), ..Wiring::of_dry_run() };
    let interpreter =
        wiring.interpreter(Box::new(world), |lab| lab.on_command(move |_| asked.borrow_mut().push(Event::Asked)));
    let mut interpreter = interpreter.expect("the current folder is there");
    let result = interpreter.run(NAME, text);
    let endless = Instant::now() > deadline;
    let (status, told) = match result {
        Ok(status) => (status, String::new()),
        Err(failure) => (1, shown(&failure, interpreter.sources())),
    };
    let events = events.borrow().clone();
    Dry { status, error: ShownError::of(&told), told, events, endless }
}

fn shown(failure: &Failure, sources: &Sources) -> String {
    render(failure, sources, false)
}

fn on_large_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let thread = thread::Builder::new().stack_size(STACK_SIZE).spawn(work)?;
    thread.join().map_err(|_| io::Error::other("the worker itself panicked"))
}

/// Makes a folder with the modules the current folder.
fn modules() -> io::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    write_modules(folder.path())?;
    std::env::set_current_dir(folder.path())?;
    Ok(folder)
}

/// `fuzz-work FIRST COUNT`: prints each seed before its script runs, and the complaint after it.
pub fn work(first: u64, count: u64, taken: fn() -> usize) -> io::Result<()> {
    fault::keep_quiet();
    on_large_stack(move || {
        let _folder = modules()?;
        let vocabulary = Vocabulary::new();
        let mut out = io::stdout().lock();
        for seed in first..first + count {
            writeln!(out, "begins {seed}")?;
            out.flush()?;
            if let Some(what) = dry(taken, &script(&vocabulary, seed)).complaint() {
                writeln!(out, "complaint {}", serde_json::to_string(&what)?)?;
            }
        }
        Ok(())
    })?
}

/// `fuzz-one`: runs the text that is standard input.
pub fn one(taken: fn() -> usize) -> io::Result<()> {
    fault::keep_quiet();
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    on_large_stack(move || {
        let _folder = modules()?;
        println!("{}", serde_json::to_string(&dry(taken, &text))?);
        Ok(())
    })?
}

/// Runs seeds in a process; if one ends the process, runs the rest in another.
pub(super) fn batch(course: &Course, first: u64, count: u64, mut report: impl FnMut(u64, String)) {
    let end = first + count;
    let mut next = first;
    while next < end {
        match run(course, next, end - next, &mut report) {
            Ok(None) => return,
            Ok(Some((seed, what))) => {
                report(seed, what);
                next = seed + 1;
            }
            Err(error) => return report(next, format!("no worker: {error}")),
        }
    }
}

/// Runs seeds in a process; returns the seed that ended it, and how.
fn run(
    course: &Course,
    first: u64,
    count: u64,
    report: &mut impl FnMut(u64, String),
) -> io::Result<Option<(u64, String)>> {
    let mut command = Command::new(&course.worker);
    command.args(["fuzz-work", &first.to_string(), &count.to_string()]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (lines, told) = channel();
    let Some(stdout) = child.stdout.take() else { return Ok(None) };
    let reader = thread::spawn(move || {
        BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
    });
    let mut seed = first;
    let ended = loop {
        match told.recv_timeout(PATIENCE) {
            Ok(line) => match line.split_once(' ') {
                Some(("begins", number)) => seed = number.parse().unwrap_or(seed),
                Some(("complaint", what)) => report(seed, serde_json::from_str(what)?),
                _ => {}
            },
            Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) => break Some("it does not end, nor stop when it is told to".to_owned()),
        }
    };
    let how = end(&mut child, ended.is_some())?;
    let _ = reader.join();
    Ok(ended.or(how).map(|what| (seed, what)))
}

/// How a process ended, unless with success.
fn end(child: &mut Child, kill: bool) -> io::Result<Option<String>> {
    if kill {
        child.kill()?;
    }
    let status = child.wait()?;
    Ok((!status.success()).then(|| format!("the process ends: {status}")))
}

/// Runs a text dry in a process of its own; a process that fails is a complaint too.
pub(super) fn judge(course: &Course, text: &str) -> io::Result<Dry> {
    let mut child = Command::new(&course.worker)
        .arg("fuzz-one")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("the process ends: {}", output.status)));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
