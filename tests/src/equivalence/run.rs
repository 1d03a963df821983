//! Runs one program three ways.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use netscript_dialect::Style;
use netscript_lang::DryRun;
use netscript_lang::diagnostics::Errno;
use netscript_linux::{Batcher, Kernel};
use netscript_model::Model;
use netscript_net::op::{Action, LinkFlag, LinkOp, LinkSet, NetnsOp, NetnsRef, Op, PidRef, RouteOp, SysctlKey};
use netscript_net::state::{Comparison, NetState, Netns};
use netscript_net::world::World;

use super::programs::Programs;
use super::routes::{self, RoutesCompared};
use crate::Sandbox;
use crate::sandbox::interrupt;

/// Operations in order. After a refused one, which changes nothing, the program goes on.
pub type Program = Vec<Op>;

/// How long a network may take to settle.
pub(super) const LIMIT: Duration = Duration::from_secs(6);

/// Time between two looks.
const STEP: Duration = Duration::from_millis(20);

/// The result of an operation: accepted, or the reason of the refusal. All error numbers for missing things count as
/// one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OpResult {
    Done,
    Missing,
    Refused(Errno),
}

/// The result of a program.
#[derive(Clone, Debug, Default)]
pub struct CheckResult {
    /// A line for each difference between the three.
    pub differences: Vec<String>,
    /// Operations that were refused.
    pub refused: usize,
    /// The routes that the kernel chose.
    pub routes: RoutesCompared,
}

impl CheckResult {
    /// The program as commands, and the differences.
    pub fn tell(&self, program: &Program) -> String {
        let ops =
            program.iter().flat_map(|op| netscript_dialect::lines(op, Style::Plain)).collect::<Vec<_>>().join("\n  ");
        format!("  {ops}\n  => {}", self.differences.join("\n  => "))
    }
}

/// Runs a program on the model, on the kernel, and as commands.
pub fn check(program: &Program) -> CheckResult {
    check_within(program, crate::patience(LIMIT))
}

/// The same, with `limit` as the time to settle.
pub(super) fn check_within(program: &Program, limit: Duration) -> CheckResult {
    let look = Look::at(program);
    let model = on_model(program, &look);
    let expected = Expected { comparison: Comparison::with(&model.state), state: model.state.clone(), look, limit };
    let comparison = &expected.comparison;
    let kernel = on_kernel(program.clone(), expected.clone(), |kernel| Box::new(kernel));
    let batched = on_kernel(program.clone(), expected.clone(), |kernel| Box::new(Batcher::new(kernel)));
    let failed = as_commands(program, &model.lines, expected.clone());

    let mut differences = Vec::new();
    for (at, op) in program.iter().enumerate() {
        let (predicted, actual) = (&model.verdicts[at], &kernel.verdicts[at]);
        if predicted != actual {
            differences.push(format!("op {at} ({op}): the model says {predicted:?}, the kernel {actual:?}"));
        }
        let actual = &batched.verdicts[at];
        if predicted != actual {
            differences
                .push(format!("op {at} ({op}): the model says {predicted:?}, the kernel behind a batcher {actual:?}"));
        }
        let fails = failed.lines.get(&at);
        // For `ip` it is an error to flush a table that never had a route, so the printed command ignores it.
        let tolerant = matches!(op.action, Action::Route(RouteOp::Flush(..)));
        if !tolerant && (*predicted == OpResult::Done) == fails.is_some() {
            let told = fails.map_or("succeeds", String::as_str);
            differences.push(format!("op {at} ({op}): the model says {predicted:?}, the command: {told}"));
        }
    }
    differences.extend(batched.deferred_error.clone());
    let behind_a_batcher = ("kernel behind a batcher", &batched.left);
    for (name, left) in [("kernel", &kernel.left), behind_a_batcher, ("commands", &failed.left)] {
        if left.servers != model.servers {
            differences.push(format!("name servers: model {:?}, {name} {:?}", model.servers, left.servers));
        }
        match &left.state {
            Ok(state) => differences.extend(
                comparison.differences(&model.state, state).iter().map(|line| format!("model - {name} +: {line}")),
            ),
            Err(why) => differences.push(format!("{name}: {why}")),
        }
    }
    if let Ok(state) = &kernel.left.state {
        differences.extend(imported(state, &expected));
    }
    for (name, left) in [behind_a_batcher, ("commands", &failed.left)] {
        let (ours, theirs) = (&kernel.left.rules, &left.rules);
        if ours != theirs {
            differences.push(format!("iptables-save: kernel\n{ours}\n{name}\n{theirs}"));
        }
    }
    let refused = model.verdicts.iter().filter(|verdict| **verdict != OpResult::Done).count();
    differences.extend(kernel.routes.differences.iter().cloned());
    CheckResult { differences, refused, routes: kernel.routes }
}

/// The things to read after a program.
#[derive(Clone, Default)]
pub(super) struct Look {
    /// The settings that it wrote.
    pub(super) settings: Vec<SysctlKey>,
    /// The namespaces without a name that it made.
    pub(super) held: Vec<u32>,
    /// The namespaces for which it set name servers.
    pub(super) resolvers: Vec<NetnsRef>,
}

impl Look {
    fn at(program: &Program) -> Look {
        let mut look = Look::default();
        for op in program {
            match &op.action {
                Action::Sysctl(write) => look.settings.push(write.key().clone()),
                Action::Netns(NetnsOp::Hold(number)) => look.held.push(*number),
                Action::Netns(NetnsOp::Resolver(name, _)) => look.resolvers.push(NetnsRef::Named(name.clone())),
                Action::Netns(
                    NetnsOp::Add(_) | NetnsOp::Del(_) | NetnsOp::Release(_) | NetnsOp::Attach(..) | NetnsOp::Detach(_),
                )
                | Action::Link(_)
                | Action::Addr(_)
                | Action::Route(_)
                | Action::Policy(_)
                | Action::Neigh(_)
                | Action::Fdb(_)
                | Action::Netfilter(_) => {}
            }
        }
        look
    }

    /// The unnamed namespaces: each as a World knows it, and as it is compared.
    fn places(&self) -> Vec<(NetnsRef, NetnsRef)> {
        self.held.iter().map(|number| (NetnsRef::Held(*number), NetnsRef::Held(*number))).collect()
    }
}

type Servers = BTreeMap<NetnsRef, Vec<IpAddr>>;

/// The state of the model, and how long the others may take to reach it.
#[derive(Clone)]
pub(super) struct Expected {
    pub(super) state: NetState,
    pub(super) comparison: Comparison,
    pub(super) look: Look,
    pub(super) limit: Duration,
}

/// The state of a World, with the unnamed namespaces that exist.
pub(super) fn read_state(
    world: &mut dyn World,
    settings: &[SysctlKey],
    places: &[(NetnsRef, NetnsRef)],
) -> Result<NetState, String> {
    let mut state = NetState::read(world, settings).map_err(|error| format!("{error:?}"))?;
    for (known_as, place) in places {
        if let Ok(contents) = Netns::read(world, known_as, settings) {
            state.netns.insert(place.clone(), contents);
        }
    }
    Ok(state)
}

/// The differences between a state and a model made from it.
fn imported(state: &NetState, expected: &Expected) -> Vec<String> {
    let mut run = DryRun::new(Model::of(state), Style::Plain, |_| ());
    match read_state(&mut run, &expected.look.settings, &expected.look.places()) {
        Ok(again) => {
            let differences = Comparison::with(state).differences(state, &again);
            differences.iter().map(|line| format!("found - begun with +: {line}")).collect()
        }
        Err(why) => vec![format!("a model that begins with it: {why}")],
    }
}

/// The operations of a program that the model accepts.
pub fn accepted(program: &Program) -> Program {
    let mut model = Model::new();
    program.iter().filter(|op| model.apply(std::slice::from_ref(*op)).is_ok()).cloned().collect()
}

struct OnModel {
    verdicts: Vec<OpResult>,
    state: NetState,
    servers: Servers,
    /// The printed lines of each operation.
    lines: Vec<Vec<String>>,
}

fn on_model(program: &Program, look: &Look) -> OnModel {
    let printed = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&printed);
    let mut run = DryRun::new(Model::new(), Style::Plain, move |line| sink.borrow_mut().push(line.to_owned()));
    let (mut verdicts, mut lines) = (Vec::new(), Vec::new());
    for op in program {
        printed.borrow_mut().clear();
        let verdict = verdict(&mut run, op);
        lines.push(match verdict {
            OpResult::Done => printed.take(),
            OpResult::Missing | OpResult::Refused(_) => {
                let waits = printed.take().into_iter().filter(|line| !line.starts_with('#'));
                waits.chain(netscript_dialect::lines(op, Style::Plain)).collect()
            }
        });
        verdicts.push(verdict);
    }
    let state = read_state(&mut run, &look.settings, &look.places()).unwrap_or_default();
    OnModel { verdicts, state, servers: servers(&mut run, look), lines }
}

fn servers(world: &mut dyn World, look: &Look) -> Servers {
    let asked = look.resolvers.iter().map(|netns| (netns.clone(), world.name_servers(netns).unwrap_or_default()));
    asked.collect()
}

fn verdict(world: &mut dyn World, op: &Op) -> OpResult {
    match world.apply(std::slice::from_ref(op)) {
        Ok(()) => OpResult::Done,
        Err((_, rejection)) if rejection.missing.is_some() => OpResult::Missing,
        Err((_, rejection)) => OpResult::Refused(rejection.errno),
    }
}

/// The settings that are compared if a script wrote them.
pub(super) fn settings() -> Vec<SysctlKey> {
    let keys = [
        "net.ipv4.ip_forward",
        "net.ipv6.conf.all.forwarding",
        "net.ipv4.conf.all.route_localnet",
        "net.bridge.bridge-nf-call-iptables",
    ];
    keys.iter().map(|key| SysctlKey::parse(key).expect("they are keys")).collect()
}

/// The state that a program left.
struct Left {
    state: Result<NetState, String>,
    servers: Servers,
    rules: String,
}

impl Left {
    /// Reads the state until it is as expected, or the time is over.
    fn look(kernel: &mut dyn World, expected: &Expected, places: &[(NetnsRef, NetnsRef)]) -> Left {
        let state = settled(kernel, expected, places);
        Left { state, servers: servers(kernel, &expected.look), rules: saved_rules(&expected.state) }
    }
}

struct OnKernel {
    verdicts: Vec<OpResult>,
    /// An error that came only after the operation had been deferred.
    deferred_error: Option<String>,
    left: Left,
    routes: RoutesCompared,
}

fn on_kernel(program: Program, expected: Expected, world: fn(Kernel) -> Box<dyn World>) -> OnKernel {
    Sandbox::new().run(move || {
        let _programs = Programs;
        let mut kernel = world(Kernel::new(interrupt()).expect("the sandbox has a network"));
        bring_loopback_up();
        let mut verdicts = Vec::new();
        for op in &program {
            if waits_for_addresses(op) {
                // Its error is reported below.
                let _ = kernel.flush();
                std::thread::sleep(PAUSE);
            }
            verdicts.push(verdict(&mut *kernel, op));
        }
        let deferred_error =
            kernel.flush().err().map(|error| format!("a deferred operation: {}", error.describe().message));
        let left = Left::look(&mut *kernel, &expected, &expected.look.places());
        let places = left.state.as_ref().map(|state| state.netns.keys().cloned().collect::<Vec<_>>());
        let routes = routes::compare(&mut *kernel, &places.unwrap_or_default());
        for number in &expected.look.held {
            let _ = kernel.apply(&[Op::host(NetnsOp::Release(*number))]);
        }
        OnKernel { verdicts, deferred_error, left, routes }
    })
}

struct AsCommands {
    /// The errors of the commands, by operation.
    lines: BTreeMap<usize, String>,
    left: Left,
}

/// An IPv6 address becomes ready a little after it is added (`addrconf_dad_work`). If forwarding is switched on in
/// between, its network's anycast address is joined twice; if ARP is switched off, duplicate address detection is
/// skipped, and the address is ready although its link is down.
const PAUSE: Duration = Duration::from_millis(60);

fn waits_for_addresses(op: &Op) -> bool {
    match &op.action {
        Action::Sysctl(write) => write.key().to_string().starts_with("net.ipv6.conf."),
        Action::Link(LinkOp::Set(_, LinkSet::Flag(LinkFlag::Arp, _))) => true,
        Action::Netns(_)
        | Action::Link(_)
        | Action::Addr(_)
        | Action::Route(_)
        | Action::Policy(_)
        | Action::Neigh(_)
        | Action::Fdb(_)
        | Action::Netfilter(_) => false,
    }
}

fn as_commands(program: &Program, lines: &[Vec<String>], expected: Expected) -> AsCommands {
    let pause = |op| if waits_for_addresses(op) { format!("sleep {}\n", PAUSE.as_secs_f64()) } else { String::new() };
    let paused = program.iter().zip(commands(lines)).map(|(op, line)| pause(op) + line.as_str());
    let script = paused.collect::<String>() + tell_holders(&expected).as_str();
    Sandbox::new().run(move || {
        let _programs = Programs;
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
        let holders = holders();
        let places: Vec<(NetnsRef, NetnsRef)> =
            holders.iter().map(|(number, pid)| (NetnsRef::OfPid(*pid), NetnsRef::Held(*number))).collect();
        let left = Left::look(&mut kernel, &expected, &places);
        AsCommands { lines: failed, left }
    })
}

/// Commands that write down the processes that hold namespaces and still run. Those that were ended have a second to
/// exit.
fn tell_holders(expected: &Expected) -> String {
    let tell = |number: &u32| {
        let pid = netscript_dialect::variable(PidRef::Held(*number));
        let looks = if expected.state.netns.contains_key(&NetnsRef::Held(*number)) { 0 } else { 50 };
        format!(
            "left={looks}\nwhile [ $left -gt 0 ] && kill -0 \"${pid}\" 2>/dev/null; do sleep 0.02; left=$((left - 1)); done\n\
             if kill -0 \"${pid}\" 2>/dev/null; then echo {number} \"${pid}\" >>/run/holders; fi\n"
        )
    };
    expected.look.held.iter().map(tell).collect()
}

fn holders() -> Vec<(u32, u32)> {
    let told = std::fs::read_to_string("/run/holders").unwrap_or_default();
    let pair = |line: &str| {
        let (number, pid) = line.split_once(' ')?;
        Some((number.parse().ok()?, pid.parse().ok()?))
    };
    told.lines().filter_map(pair).collect()
}

/// Parts of a shell script that goes on after a failure, and writes down the operation that failed.
fn commands(lines: &[Vec<String>]) -> impl Iterator<Item = String> {
    lines.iter().enumerate().map(|(at, lines)| {
        let all = lines.join(" &&\n");
        // sysctl of procps 3 reports a value that the kernel refuses, but exits with 0.
        let sysctl = lines.iter().any(|line| line.contains("sysctl "));
        let checked = if sysctl { format!(" && ! grep -q '^sysctl: setting' /run/told.{at}") } else { String::new() };
        format!("{{ {all}\n}} >/dev/null 2>/run/told.{at}{checked} || echo {at} >>/run/failed\n")
    })
}

/// Brings `lo` up, as it is on a host.
pub(super) fn bring_loopback_up() {
    let done = Command::new("ip").args(["link", "set", "dev", "lo", "up"]).status();
    assert!(done.is_ok_and(|status| status.success()), "`lo` can be brought up");
}

/// The state, once it is as expected or the time for that is over.
pub(super) fn settled(
    kernel: &mut dyn World,
    expected: &Expected,
    places: &[(NetnsRef, NetnsRef)],
) -> Result<NetState, String> {
    let start = Instant::now();
    loop {
        let mut state = read_state(kernel, &expected.look.settings, places);
        if let Ok(state) = &mut state {
            forget_unwritten(state, &expected.state);
            if expected.comparison.differences(&expected.state, state).is_empty() {
                return Ok(state.clone());
            }
        }
        if start.elapsed() > expected.limit {
            return state;
        }
        std::thread::sleep(STEP);
    }
}

/// Drops settings that the program did not write.
fn forget_unwritten(state: &mut NetState, expected: &NetState) {
    for (netns, contents) in &mut state.netns {
        let written = expected.netns.get(netns).map(|contents| &contents.sysctls);
        contents.sysctls.retain(|key, _| written.is_some_and(|written| written.contains_key(key)));
    }
}

/// `iptables-save` and `ip6tables-save` of every namespace that has rules, without counters.
pub(super) fn saved_rules(state: &NetState) -> String {
    let mut saved = String::new();
    for (netns, contents) in &state.netns {
        let nameless = matches!(netns, NetnsRef::Held(_) | NetnsRef::OfPid(_));
        if contents.ruleset.tables.is_empty() || nameless {
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
