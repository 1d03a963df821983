//! One program, three ways.

use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use netscript_engine::diagnostics::Errno;
use netscript_engine::kernel::{Kernel, Queue};
use netscript_engine::model::Model;
use netscript_engine::op::{Action, Op, RouteOp, SysctlKey};
use netscript_engine::shell::{self, Style};
use netscript_engine::state::{Comparison, NetState};
use netscript_engine::{DryRun, World};

use crate::Sandbox;
use crate::sandbox::interrupt;

/// Operations in order; those that are refused change nothing, and the next one follows.
pub type Program = Vec<Op>;

/// How long a network may take to come to rest.
pub(super) const LIMIT: Duration = Duration::from_secs(6);

/// Time between two looks.
const STEP: Duration = Duration::from_millis(20);

/// What became of an operation: nothing, or why it was refused. What it names and is not there
/// counts as one reason, whatever its number.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Done,
    Absent,
    Refused(Errno),
}

/// What a program came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// A line for everything in which the three differ.
    pub differences: Vec<String>,
    /// Operations that were refused.
    pub refused: usize,
}

impl Outcome {
    /// The program as commands, and what differs.
    pub fn tell(&self, program: &Program) -> String {
        let ops = program.iter().flat_map(|op| shell::lines(op, Style::Plain)).collect::<Vec<_>>().join("\n  ");
        format!("  {ops}\n  => {}", self.differences.join("\n  => "))
    }
}

/// Runs a program on the model, on the kernel, and as commands.
pub fn check(program: &Program) -> Outcome {
    check_within(program, LIMIT)
}

/// The same, with so much time to come to rest.
pub(super) fn check_within(program: &Program, limit: Duration) -> Outcome {
    let model = on_model(program);
    let comparison = Comparison::with(&model.state);
    let kernel = on_kernel(program.clone(), model.state.clone(), comparison.clone(), limit);
    let together = together(program.clone(), model.state.clone(), comparison.clone(), limit);
    let failed = as_commands(&model.lines, model.state.clone(), comparison.clone(), limit);

    let mut differences = Vec::new();
    for (at, op) in program.iter().enumerate() {
        let (believed, said) = (&model.verdicts[at], &kernel.verdicts[at]);
        if believed != said {
            differences.push(format!("op {at} ({op}): the model says {believed:?}, the kernel {said:?}"));
        }
        let said = &together.verdicts[at];
        if believed != said {
            differences
                .push(format!("op {at} ({op}): the model says {believed:?}, the kernel behind a queue {said:?}"));
        }
        let fails = failed.lines.get(&at);
        // `ip` calls it an error to flush a table that nothing was ever put into; the command is
        // printed so that it survives that.
        let tolerant = matches!(op.action, Action::Route(RouteOp::Flush(..)));
        if !tolerant && (*believed == Verdict::Done) == fails.is_some() {
            let told = fails.map_or("succeeds", String::as_str);
            differences.push(format!("op {at} ({op}): the model says {believed:?}, the command: {told}"));
        }
    }
    differences.extend(together.late.iter().cloned());
    let states = [("kernel", &kernel.state), ("kernel behind a queue", &together.state), ("commands", &failed.state)];
    for (name, state) in states {
        match state {
            Ok(state) => differences.extend(
                comparison.differences(&model.state, state).iter().map(|line| format!("model - {name} +: {line}")),
            ),
            Err(why) => differences.push(format!("{name}: {why}")),
        }
    }
    for (name, rules) in [("commands", &failed.rules), ("kernel behind a queue", &together.rules)] {
        if kernel.rules != *rules {
            differences.push(format!("iptables-save: kernel\n{}\n{name}\n{rules}", kernel.rules));
        }
    }
    let refused = model.verdicts.iter().filter(|verdict| **verdict != Verdict::Done).count();
    Outcome { differences, refused }
}

/// The operations of a program that the model takes.
pub fn accepted(program: &Program) -> Program {
    let mut model = Model::new();
    program.iter().filter(|op| model.apply(std::slice::from_ref(*op)).is_ok()).cloned().collect()
}

struct OnModel {
    verdicts: Vec<Verdict>,
    state: NetState,
    /// The printed lines of each operation.
    lines: Vec<Vec<String>>,
}

fn on_model(program: &Program) -> OnModel {
    let printed = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&printed);
    let mut run = DryRun::new(Model::new(), Style::Plain, move |line| sink.borrow_mut().push(line.to_owned()));
    let (mut verdicts, mut lines) = (Vec::new(), Vec::new());
    for op in program {
        printed.borrow_mut().clear();
        let verdict = verdict(&mut run, op);
        lines.push(match verdict {
            Verdict::Done => printed.take(),
            Verdict::Absent | Verdict::Refused(_) => {
                let waits = printed.take().into_iter().filter(|line| !line.starts_with('#'));
                waits.chain(shell::lines(op, Style::Plain)).collect()
            }
        });
        verdicts.push(verdict);
    }
    let state = run.state(&settings()).unwrap_or_default();
    OnModel { verdicts, state, lines }
}

fn verdict(world: &mut dyn World, op: &Op) -> Verdict {
    match world.apply(std::slice::from_ref(op)) {
        Ok(()) => Verdict::Done,
        Err(failed) if failed.absent.is_some() => Verdict::Absent,
        Err(failed) => Verdict::Refused(failed.refusal.errno),
    }
}

/// The settings that are compared where a program wrote them.
pub(super) fn settings() -> Vec<SysctlKey> {
    let keys = [
        "net.ipv4.ip_forward",
        "net.ipv6.conf.all.forwarding",
        "net.ipv4.conf.all.route_localnet",
        "net.bridge.bridge-nf-call-iptables",
    ];
    keys.iter().map(|key| SysctlKey::parse(key).expect("they are keys")).collect()
}

struct OnKernel {
    verdicts: Vec<Verdict>,
    /// What failed after it had been taken for certain.
    late: Option<String>,
    state: Result<NetState, String>,
    rules: String,
}

fn on_kernel(program: Program, expected: NetState, comparison: Comparison, limit: Duration) -> OnKernel {
    Sandbox::new().run(move || {
        let mut kernel = Kernel::new(interrupt()).expect("the sandbox has a network");
        bring_loopback_up();
        let verdicts = program.iter().map(|op| verdict(&mut kernel, op)).collect();
        let state = settled(&mut kernel, &expected, &comparison, limit);
        OnKernel { verdicts, late: None, state, rules: saved_rules(&expected) }
    })
}

/// The same with operations that travel together.
fn together(program: Program, expected: NetState, comparison: Comparison, limit: Duration) -> OnKernel {
    Sandbox::new().run(move || {
        let kernel = || Kernel::new(interrupt()).expect("the sandbox has a network");
        let mut queue = Queue::new(kernel());
        bring_loopback_up();
        let verdicts = program.iter().map(|op| verdict(&mut queue, op)).collect();
        let late = queue.flush().err().map(|error| format!("late: {}", error.describe().message));
        // Those that the queue's own kernel holds are not known by name to another.
        drop(queue);
        let state = settled(&mut kernel(), &expected, &comparison, limit);
        OnKernel { verdicts, late, state, rules: saved_rules(&expected) }
    })
}

struct AsCommands {
    /// What the commands that fail say, by operation.
    lines: std::collections::BTreeMap<usize, String>,
    state: Result<NetState, String>,
    rules: String,
}

fn as_commands(lines: &[Vec<String>], expected: NetState, comparison: Comparison, limit: Duration) -> AsCommands {
    let script = commands(lines);
    Sandbox::new().run(move || {
        bring_loopback_up();
        let mut shell = Command::new("sh").arg("-s").stdin(Stdio::piped()).spawn().expect("there is a shell");
        let mut stdin = shell.stdin.take().expect("it was asked for");
        std::io::Write::write_all(&mut stdin, script.as_bytes()).expect("the shell reads");
        drop(stdin);
        shell.wait().expect("the shell ends");
        let failed = std::fs::read_to_string("/run/failed").unwrap_or_default();
        let told = |at: usize| std::fs::read_to_string(format!("/run/told.{at}")).unwrap_or_default();
        let failed = failed.lines().filter_map(|at| at.parse().ok()).map(|at| (at, told(at))).collect();
        let mut kernel = Kernel::new(interrupt()).expect("the sandbox has a network");
        let state = settled(&mut kernel, &expected, &comparison, limit);
        AsCommands { lines: failed, state, rules: saved_rules(&expected) }
    })
}

/// A shell script that goes on after a failure, and writes down which operation it was.
pub fn commands(lines: &[Vec<String>]) -> String {
    let ops = lines.iter().enumerate().map(|(at, lines)| {
        let all = lines.join(" &&\n");
        format!("{{ {all}\n}} >/dev/null 2>/run/told.{at} || echo {at} >>/run/failed\n")
    });
    ops.collect()
}

/// A host's is up before anything else.
pub(super) fn bring_loopback_up() {
    let done = Command::new("ip").args(["link", "set", "dev", "lo", "up"]).status();
    assert!(done.is_ok_and(|status| status.success()), "`lo` can be brought up");
}

/// The state, once it is as expected or has had the time to become so.
pub(super) fn settled(
    kernel: &mut Kernel,
    expected: &NetState,
    comparison: &Comparison,
    limit: Duration,
) -> Result<NetState, String> {
    let start = Instant::now();
    loop {
        let mut state = NetState::read(kernel, &settings()).map_err(|error| format!("{error:?}"));
        if let Ok(state) = &mut state {
            forget_unwritten(state, expected);
            if comparison.differences(expected, state).is_empty() {
                return Ok(state.clone());
            }
        }
        if start.elapsed() > limit {
            return state;
        }
        std::thread::sleep(STEP);
    }
}

/// Settings count where the program wrote them.
fn forget_unwritten(state: &mut NetState, expected: &NetState) {
    for (netns, contents) in &mut state.netns {
        let written = expected.netns.get(netns).map(|contents| &contents.sysctls);
        contents.sysctls.retain(|key, _| written.is_some_and(|written| written.contains_key(key)));
    }
}

/// `iptables-save` and `ip6tables-save` of every namespace that has rules, without what counts.
pub(super) fn saved_rules(state: &NetState) -> String {
    let mut saved = String::new();
    for (netns, contents) in &state.netns {
        if contents.ruleset.tables.is_empty() {
            continue;
        }
        for tool in ["iptables-save", "ip6tables-save"] {
            let command = match netns.name() {
                Some(name) => Command::new("ip").args(["netns", "exec", name.as_str(), tool]).output(),
                None => Command::new(tool).output(),
            };
            let output = command.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            let lines = output.unwrap_or_default();
            let kept = lines.lines().filter(|line| !line.starts_with('#'));
            saved.extend(kept.map(|line| format!("{netns}: {}\n", line.split(" [").next().unwrap_or(line))));
        }
    }
    saved
}
