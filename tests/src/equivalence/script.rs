//! One script, three ways: `netscript` on the kernel, `sh` over its dry run in both styles, and the
//! model.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::rc::Rc;

use netscript_engine::interpreter::Interpreter;
use netscript_engine::kernel::Kernel;
use netscript_engine::model::Model;
use netscript_engine::shell::Style;
use netscript_engine::state::{Comparison, NetState};
use netscript_engine::{DryRun, Lab};
use netscript_stdlib::Environment;

use super::run::{Expected, LIMIT, Look, bring_loopback_up, saved_rules, settings, settled};
use crate::sandbox::interrupt;
use crate::{Sandbox, netscript};

/// Everything in which the three differ, a line each.
pub fn check_script(path: &Path) -> Vec<String> {
    let model = match on_model(path) {
        Ok(state) => state,
        Err(why) => return vec![format!("the dry run fails: {why}")],
    };
    let comparison = Comparison::with(&model);
    let mut differences = Vec::new();
    let real = in_sandbox(&model, &comparison, run(path, &[]));
    let one_by_one = in_sandbox(&model, &comparison, run_one_by_one(path));
    differences.extend(one_by_one.against(&model, &comparison, "the run one by one"));
    if real.rules != one_by_one.rules {
        differences.push(format!("iptables-save:\n{}\none by one:\n{}", real.rules, one_by_one.rules));
    }
    for style in ["--dry-run", "--dry-run=tutorial"] {
        let printed = match run(path, &[style])() {
            Ok(printed) => printed,
            Err(why) => return vec![format!("{style}: {why}")],
        };
        let commands = in_sandbox(&model, &comparison, shell(printed));
        differences.extend(commands.against(&model, &comparison, style));
        if real.rules != commands.rules {
            differences.push(format!("iptables-save:\n{}\n{style}:\n{}", real.rules, commands.rules));
        }
    }
    differences.extend(real.against(&model, &comparison, "the run"));
    differences
}

struct Left {
    outcome: Result<String, String>,
    state: Result<NetState, String>,
    rules: String,
}

impl Left {
    fn against(&self, model: &NetState, comparison: &Comparison, name: &str) -> Vec<String> {
        let failed = self.outcome.as_ref().err().map(|why| format!("{name} fails: {why}"));
        let states = match &self.state {
            Ok(state) => comparison.differences(model, state),
            Err(why) => vec![why.clone()],
        };
        failed.into_iter().chain(states.into_iter().map(|line| format!("model - {name} +: {line}"))).collect()
    }
}

fn on_model(path: &Path) -> Result<NetState, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut interpreter = dry(path, Style::Plain, |_| ());
    interpreter.run("script", &text).map_err(|failure| format!("{:?}", failure.error.describe()))?;
    let session = interpreter.session().clone();
    let mut lab = session.lab();
    NetState::read(lab.world(), &settings()).map_err(|error| format!("{error:?}"))
}

/// What a script's dry run prints, a command at a time, or why it fails.
pub fn printed(path: &Path, style: Style) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let lines = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&lines);
    let mut interpreter = dry(path, style, move |line| sink.borrow_mut().push(line.to_owned()));
    interpreter.run("script", &text).map_err(|failure| format!("{:?}", failure.error.describe()))?;
    Ok(lines.take())
}

fn dry(path: &Path, style: Style, sink: impl FnMut(&str) + 'static) -> Interpreter {
    let lab = Lab::new(Box::new(DryRun::new(Model::new(), style, sink)));
    let environment = Environment { dry_run: true, ..Environment::default() };
    let mut interpreter = Interpreter::new(lab, |engine| {
        netscript_stdlib::register(engine, &environment);
        engine.on_print(|_| ());
    });
    interpreter.import_from(netscript_stdlib::MODULES, path.parent().unwrap_or(Path::new(".")));
    interpreter
}

type Job = Box<dyn FnOnce() -> Result<String, String> + Send>;

/// `NETSCRIPT_FUSE=0 netscript FILE`
fn run_one_by_one(path: &Path) -> Job {
    let (path, program) = (path.to_owned(), netscript());
    Box::new(move || told(Command::new(program).env("NETSCRIPT_FUSE", "0").arg(path).stdin(Stdio::null()).output()))
}

/// `netscript OPTIONS FILE`
fn run(path: &Path, options: &[&str]) -> Job {
    let (path, options): (PathBuf, Vec<String>) =
        (path.to_owned(), options.iter().map(|option| (*option).to_owned()).collect());
    let program = netscript();
    Box::new(move || told(Command::new(program).args(options).arg(path).stdin(Stdio::null()).output()))
}

/// `sh` over a printed script
fn shell(script: String) -> Job {
    Box::new(move || {
        let (file, _log) = ("/run/script.sh", ());
        fs::File::create(file).and_then(|mut file| file.write_all(script.as_bytes())).map_err(|e| e.to_string())?;
        // What goes on in the background must not keep the output open.
        told(
            Command::new("sh")
                .args(["-c", &format!("sh {file} >/run/out 2>/run/err || {{ cat /run/err; exit 1; }}")])
                .output(),
        )
    })
}

fn told(output: std::io::Result<Output>) -> Result<String, String> {
    let output = output.map_err(|error| error.to_string())?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(stdout.into_owned()) } else { Err(format!("{stdout}{stderr}")) }
}

fn in_sandbox(model: &NetState, comparison: &Comparison, job: Job) -> Left {
    let expected = Expected {
        state: model.clone(),
        comparison: comparison.clone(),
        look: Look { settings: settings(), ..Look::default() },
        limit: LIMIT,
    };
    Sandbox::new().run(move || {
        bring_loopback_up();
        let outcome = job();
        let mut kernel = Kernel::new(interrupt()).expect("the sandbox has a network");
        let state = settled(&mut kernel, &expected, &[]);
        let rules = saved_rules(&expected.state);
        end_programs();
        Left { outcome, state, rules }
    })
}

/// Ends what a lab leaves running in the sandbox's namespaces, and nothing else.
fn end_programs() {
    let named = fs::read_dir("/run/netns").into_iter().flatten().flatten().map(|entry| entry.path());
    let own = PathBuf::from("/proc/thread-self/ns/net");
    let inodes: BTreeSet<u64> = named.chain([own]).filter_map(|path| inode(&path)).collect();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if pid != std::process::id() && inode(&entry.path().join("ns/net")).is_some_and(|inode| inodes.contains(&inode))
        {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).ok()?))
}
