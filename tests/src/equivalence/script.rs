//! Runs one script three ways: `netscript` on the kernel, `sh` over its dry run in both styles, and the model.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::rc::Rc;

use netscript_dialect::Style;
use netscript_lab::wiring::{self, Wiring};
use netscript_lang::DryRun;
use netscript_lang::interpreter::Interpreter;
use netscript_linux::Kernel;
use netscript_model::Model;
use netscript_net::state::{Comparison, NetState};

use super::programs::Programs;
use super::run::{Expected, LIMIT, Look, bring_loopback_up, saved_rules, settings, settled};
use crate::sandbox::interrupt;
use crate::{Sandbox, netscript};

/// The result of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// All three had the same state, or the same error at the same place.
    Equal,
    /// The script asks something that a dry run cannot know, or the run failed for a reason that only a run has: the
    /// error's code.
    OnlyARunKnows(String),
    /// A line for each difference.
    Differ(Vec<String>),
}

/// Errors that a dry run cannot foresee: missing features of the machine (E04), missing settings (E0307), and results
/// of probes and programs (E07).
const UNFORESEEN: [&str; 3] = ["E04", "E0307", "E07"];

/// The error that only a dry run has: something cannot be known.
const UNKNOWABLE: [&str; 1] = ["E0601"];

/// The differences of a script, one per line. That a dry run cannot know something counts as one.
pub fn check_script(path: &Path) -> Vec<String> {
    match compare_script(path) {
        Compared::Equal => Vec::new(),
        Compared::OnlyARunKnows(code) => vec![format!("the dry run cannot know: {code}")],
        Compared::Differ(differences) => differences,
    }
}

/// Runs a script three ways, in both styles of the dry run.
pub fn compare_script(path: &Path) -> Compared {
    let model = match on_model(path) {
        Ok(state) => state,
        Err(why) => return Compared::Differ(vec![why]),
    };
    let comparison = Comparison::with(&model);
    let dry: Vec<(&str, ProgramOutput)> =
        STYLES.iter().map(|style| (*style, netscript_with(path, &[*style]))).collect();
    let foreseen = dry[0].1.error.clone();
    if let Some(ShownError { code, .. }) = foreseen.as_ref().filter(|mark| UNKNOWABLE.contains(&mark.code.as_str())) {
        return Compared::OnlyARunKnows(code.clone());
    }
    let options = ["--keep", "--force"];
    let real = {
        let path = path.to_owned();
        in_sandbox(&model, &comparison, Box::new(move || netscript_with(&path, &options)))
    };
    if let (None, Some(met)) = (&foreseen, &real.told.error)
        && UNFORESEEN.iter().any(|kind| met.code.starts_with(kind))
    {
        return Compared::OnlyARunKnows(met.code.clone());
    }
    let mut differences = Vec::new();
    let one_by_one = in_sandbox(&model, &comparison, run_one_by_one(path, &options));
    differences.extend(one_by_one.against(&model, &comparison, "the run one by one"));
    if one_by_one.told.error != real.told.error {
        differences.push(format!("one by one: {:?}, the run: {:?}", one_by_one.told.error, real.told.error));
    }
    if real.rules != one_by_one.rules {
        differences.push(format!("iptables-save:\n{}\none by one:\n{}", real.rules, one_by_one.rules));
    }
    for (style, told) in dry {
        if told.error != real.told.error {
            differences.push(format!("{style}: {:?}, the run: {:?}\n{}", told.error, real.told.error, real.told.text));
        }
        let commands = in_sandbox(&model, &comparison, shell(told.printed));
        if !commands.told.success {
            differences.push(format!("the commands of {style} fail: {}", commands.told.text));
        }
        differences.extend(commands.against(&model, &comparison, style));
        if real.rules != commands.rules {
            differences.push(format!("iptables-save:\n{}\n{style}:\n{}", real.rules, commands.rules));
        }
    }
    differences.extend(real.against(&model, &comparison, "the run"));
    if differences.is_empty() { Compared::Equal } else { Compared::Differ(differences) }
}

const STYLES: [&str; 2] = ["--dry-run", "--dry-run=tutorial"];

/// An error as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ShownError {
    code: String,
    /// `FILE:LINE:COLUMN`
    place: String,
    /// How many characters are underlined.
    length: usize,
}

impl ShownError {
    fn of(stderr: &str) -> Option<ShownError> {
        let code = stderr.split_once("error[")?.1.split(']').next()?.to_owned();
        let place = stderr.split_once("┌─ ").map_or("", |(_, rest)| rest.lines().next().unwrap_or("")).to_owned();
        let underlined = stderr.lines().find(|line| line.contains('^')).unwrap_or("");
        Some(ShownError { code, place, length: underlined.matches('^').count() })
    }
}

/// The output of a program.
struct ProgramOutput {
    success: bool,
    printed: String,
    error: Option<ShownError>,
    text: String,
}

struct Left {
    told: ProgramOutput,
    state: Result<NetState, String>,
    rules: String,
}

impl Left {
    fn against(&self, model: &NetState, comparison: &Comparison, name: &str) -> Vec<String> {
        let states = match &self.state {
            Ok(state) => comparison.differences(model, state),
            Err(why) => vec![why.clone()],
        };
        states.into_iter().map(|line| format!("model - {name} +: {line}")).collect()
    }
}

/// The state that a script leaves, even if it fails.
fn on_model(path: &Path) -> Result<NetState, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut interpreter = dry(path, Style::Plain, |_| ());
    let _ = interpreter.run("script", &text);
    let session = interpreter.session().clone();
    let mut lab = session.lab();
    NetState::read(lab.world(), &settings()).map_err(|error| format!("{error:?}"))
}

/// The commands that a script's dry run prints, or its error.
pub fn printed(path: &Path, style: Style) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let lines = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&lines);
    let mut interpreter = dry(path, style, move |line| sink.borrow_mut().push(line.to_owned()));
    interpreter.run("script", &text).map_err(|failure| format!("{:?}", failure.error.describe()))?;
    Ok(lines.take())
}

fn dry(path: &Path, style: Style, sink: impl FnMut(&str) + 'static) -> Interpreter {
    let run = DryRun::new(Model::new(), style, sink);
    let wiring = Wiring { folder: wiring::folder(Some(path)).to_owned(), ..Wiring::of_dry_run() };
    wiring.interpreter(Box::new(run), |_| ()).expect("the script's folder is there")
}

type Job = Box<dyn FnOnce() -> ProgramOutput + Send>;

/// `NETSCRIPT_FUSE=0 netscript OPTIONS FILE`
fn run_one_by_one(path: &Path, options: &[&str]) -> Job {
    let mut command = command(path, options);
    command.env("NETSCRIPT_FUSE", "0");
    Box::new(move || told(command.output()))
}

/// `netscript OPTIONS FILE`
fn netscript_with(path: &Path, options: &[&str]) -> ProgramOutput {
    told(command(path, options).output())
}

fn command(path: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(netscript());
    command.args(options).args(["--color", "never"]).arg(path).stdin(Stdio::null());
    command
}

/// `sh` over a printed script
fn shell(script: String) -> Job {
    Box::new(move || {
        fs::write("/run/script.sh", script).expect("the sandbox has a /run");
        // Background programs must not keep the output open. Some commands fail without a message: the trace shows
        // which one, and the status how.
        let run = "sh -x /run/script.sh >/run/out 2>/run/err || { echo \"status $?\"; tail -n 30 /run/err; exit 1; }";
        told(Command::new("sh").args(["-c", run]).stdin(Stdio::null()).output())
    })
}

fn told(output: std::io::Result<Output>) -> ProgramOutput {
    let output = output.expect("the program can be started");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    ProgramOutput {
        success: output.status.success(),
        error: ShownError::of(&stderr),
        text: format!("{printed}{stderr}"),
        printed,
    }
}

fn in_sandbox(model: &NetState, comparison: &Comparison, job: Job) -> Left {
    let expected = Expected {
        state: model.clone(),
        comparison: comparison.clone(),
        look: Look { settings: settings(), ..Look::default() },
        limit: crate::patience(LIMIT),
    };
    Sandbox::new().run(move || {
        let _programs = Programs;
        bring_loopback_up();
        let told = job();
        let mut kernel = Kernel::new(interrupt()).expect("the sandbox has a network");
        let state = settled(&mut kernel, &expected, &[]);
        let rules = saved_rules(&expected.state);
        Left { told, state, rules }
    })
}
