//! The dry run: a [`World`](world::World) made of the model and the shell. Operations change the model and are printed
//! as commands; the model answers questions. Nothing is invented: a question that only the machine can answer is an
//! error (E0601).

mod alternatives;
mod listening;
mod rollback;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use self::listening::Listening;
use self::rollback::{Event, EventLog};
use crate::diagnostics::{At, Errno, Error, Result, visible, visible_line};
use alternatives::Waiting;
use netscript_dialect::{Command, Style};
use netscript_model::Model;
use netscript_net::op::{
    Action, Effect, Family, IfName, LinkAt, LinkFlag, LinkOp, LinkSet, NetnsName, NetnsOp, NetnsRef, Op, PidRef,
    PolicyRule, Route, SysctlKey, TableId,
};
use netscript_net::rejection::{Outcome, Rejection};
use netscript_net::state::restore::{self, Phase};
use netscript_net::state::{
    Comparison, Contents, FdbRecord, ForeignRules, Link, LinkType, NeighRecord, NetState, Ruleset,
};
use netscript_net::world::{
    self, Alternatives, Apply, Capture, ChosenRoute, Connect, Connected, Fetch, Fetched, Hop, Missing, Output, Ping,
    PingResult, Point, Probes, ProgramId, Programs, Query, RouteGet, Serve, ServeDns, StatePart, Trace,
};

/// Where lines of the printed script go.
type Sink = Box<dyn FnMut(&str)>;

/// Where a name server listens.
const DNS_PORT: u16 = 53;

/// A model that prints each change as a command.
pub struct DryRun {
    model: Model,
    style: Style,
    annotate: bool,
    sink: Sink,
    stop: Box<dyn Fn() -> bool>,
    at: Option<At>,
    /// Far ends of pairs that the kernel removes later.
    ending: BTreeSet<(NetnsRef, IfName)>,
    started: u32,
    stopped: BTreeSet<ProgramId>,
    listening: Vec<Listening>,
    /// Whether a program or a probe has run, which may have sent packets.
    asked: bool,
    history: EventLog,
    /// Commands that may be printed as one line.
    waiting: Waiting,
}

impl DryRun {
    /// A dry run that begins with the state of a model. `sink` takes the printed script, line by line.
    pub fn new(model: Model, style: Style, sink: impl FnMut(&str) + 'static) -> DryRun {
        let mut run = DryRun {
            model,
            style,
            annotate: false,
            sink: Box::new(sink),
            stop: Box::new(|| false),
            at: None,
            ending: BTreeSet::new(),
            started: 0,
            stopped: BTreeSet::new(),
            listening: Vec::new(),
            asked: false,
            history: EventLog::default(),
            waiting: Waiting::default(),
        };
        (run.sink)("set -e");
        run
    }

    /// Adds the place in the script to every line.
    pub fn annotated(mut self) -> DryRun {
        self.annotate = true;
        self
    }

    /// Stops the run when a function returns true, as Ctrl-C does.
    pub fn stopped_by(mut self, stop: impl Fn() -> bool + 'static) -> DryRun {
        self.stop = Box::new(stop);
        self
    }

    /// The state of the model.
    pub fn state(&mut self, sysctls: &[SysctlKey]) -> Result<NetState> {
        NetState::read(self, sysctls)
    }

    fn print(&mut self, line: &str) {
        self.print_waiting();
        self.print_line(line);
    }

    fn print_command(&mut self, command: &Command) {
        self.print(&command.line(self.style));
    }

    fn print_line(&mut self, line: &str) {
        match self.at.as_ref().filter(|_| self.annotate) {
            Some(at) => (self.sink)(&format!("{line}  # {}:{}", visible_line(&at.source), at.line)),
            None => (self.sink)(line),
        }
    }

    /// Prints a comment. Each line gets a `#`: only a line end ends a comment (POSIX.1-2017, XCU 2.3), so the shell
    /// runs nothing of it, whatever names are in it.
    fn print_comment(&mut self, text: &str) {
        for line in visible(text).lines() {
            self.print(&format!("# {line}"));
        }
    }

    fn is_rename_of_an_up_link(&self, op: &Op) -> bool {
        match &op.action {
            Action::Link(LinkOp::Set(name, LinkSet::Name(to))) if name != to => {
                self.model.link(&op.netns, name).is_ok_and(|link| link.is_some_and(|link| link.up))
            }
            _ => false,
        }
    }

    /// Kernels before 6.2 refuse to rename a link that is up. These operations do the same on all kernels: down,
    /// rename, up, and restoring what is lost when a link goes down. `None` if that does not restore everything.
    fn renaming_while_down(&self, before: Model, op: &Op) -> Option<Vec<Op>> {
        let Action::Link(LinkOp::Set(name, LinkSet::Name(to))) = &op.action else { return None };
        let up = |name: &IfName, on| LinkOp::Set(name.clone(), LinkSet::Flag(LinkFlag::Up, on));
        let mut ops =
            vec![Op::new(op.netns.clone(), up(name, false)), op.clone(), Op::new(op.netns.clone(), up(to, true))];
        let mut model = before;
        model.apply(&ops).ok()?;
        let wanted = self.model.state().ok()?;
        for phase in Phase::ALL {
            let now = model.state().ok()?;
            for (netns, wanted) in &wanted.netns {
                let steps = restore::steps(phase, netns, now.netns.get(netns)?, wanted);
                model.apply(&steps).ok()?;
                ops.extend(steps);
            }
        }
        let restored = model.state().ok()?;
        Comparison::with(&wanted).differences(&wanted, &restored).is_empty().then_some(ops)
    }

    /// Prints commands that wait for the links in an operation's way.
    fn print_waits(&mut self, op: &Op) {
        for (netns, link) in self.in_the_way(op) {
            let wait = netscript_dialect::wait_until_gone(&netns, &link, self.style);
            self.print(&wait);
            self.ending.remove(&(netns, link));
        }
    }

    fn print_op(&mut self, op: &Op) {
        for line in netscript_dialect::lines(op, self.style) {
            self.print(&line);
        }
    }

    /// Links that are about to end and would disturb an operation.
    fn in_the_way(&self, op: &Op) -> Vec<(NetnsRef, IfName)> {
        if self.ending.is_empty() {
            return Vec::new();
        }
        let effect = op.effect();
        let meets = |(netns, link): &&(NetnsRef, IfName)| {
            let ending = LinkAt { netns, name: link };
            match (&effect, &op.action) {
                (Some(Effect::LinkCreated { link, peer }), _) => *link == ending || *peer == Some(ending),
                (Some(Effect::LinkMoved { from: _, to }), _) => *to == ending,
                // The routes over it and its port of a bridge still exist.
                (_, Action::Link(_) | Action::Addr(_) | Action::Route(_)) => *netns == op.netns,
                (
                    _,
                    Action::Netns(_)
                    | Action::Policy(_)
                    | Action::Neigh(_)
                    | Action::Fdb(_)
                    | Action::Netfilter(_)
                    | Action::Sysctl(_),
                ) => false,
            }
        };
        self.ending.iter().filter(meets).cloned().collect()
    }

    /// The far ends that the kernel removes some time after an operation.
    fn far_ends(&self, op: &Op) -> Vec<(NetnsRef, IfName)> {
        op.removed_netns().map_or_else(Vec::new, |netns| self.model.far_ends(&netns))
    }

    fn print_failure(&mut self, op: &Op, errno: Errno) {
        let reason = errno.text().map_or_else(|| errno.to_string(), str::to_owned);
        for command in netscript_dialect::commands(op) {
            self.print_comment(&format!("fails: {} ({reason})", command.line(self.style)));
        }
    }

    /// Whether a namespace has a link by which packets may arrive.
    fn hears_others(&mut self, netns: &NetnsRef) -> Result<bool> {
        Ok(self.links(netns)?.iter().any(|link| link.up && link.kind != LinkType::Loopback))
    }

    /// Prints what starts a program in the background.
    fn print_start(&mut self, netns: &NetnsRef, command: impl FnOnce(ProgramId) -> Command) -> ProgramId {
        self.asked = true;
        self.started += 1;
        let program = ProgramId(self.started);
        self.history.begin();
        self.history.note(Event::Started(netns.clone(), program));
        if self.started == 1 {
            self.print(netscript_dialect::END_JOBS);
        }
        self.print_command(&command(program));
        program
    }

    /// `ip netns attach NAME PID` names a namespace that the model does not know.
    fn knows_process(&self, op: &Op) -> Outcome {
        let Action::Netns(NetnsOp::Attach(_, PidRef::Number(pid))) = op.action else { return Ok(()) };
        if self.model.has_netns(&NetnsRef::OfPid(pid)) || pid > PID_MAX_LIMIT {
            return Ok(());
        }
        Err(Rejection::missing(Missing::Other(Box::new(unknown_process(pid))), Errno::ESRCH))
    }

    fn present(&self, netns: &NetnsRef) -> Result<()> {
        if self.model.has_netns(netns) {
            return Ok(());
        }
        if let NetnsRef::OfPid(pid) = netns {
            return Err(unknown_process(*pid));
        }
        Err(Error::NoSuchNetns { name: netns.to_string(), known: Vec::new() })
    }

    /// Checks that the link of a probe exists.
    fn carried(&self, netns: &NetnsRef, link: Option<&IfName>) -> Result<()> {
        match link {
            Some(link) if !self.model.has_link(netns, link) => Err(Error::NoSuchLink {
                name: link.to_string(),
                netns: netns.to_string(),
                known: Vec::new(),
                elsewhere: None,
            }),
            Some(_) | None => Ok(()),
        }
    }
}

fn answered<T>(answer: Result<T, Rejection>, question: impl FnOnce() -> String) -> Result<T> {
    answer.map_err(|failure| failure.into_error(question))
}

/// No process has a higher number (`PID_MAX_LIMIT`, include/linux/threads.h, on 64 bits).
const PID_MAX_LIMIT: u32 = 1 << 22;

/// The error of a process number in a script: only the machine knows whether the process runs, and in which namespace.
fn unknown_process(pid: u32) -> Error {
    if pid > PID_MAX_LIMIT {
        return Error::NoSuchProcess { pid };
    }
    Error::NotSimulated { what: format!("the namespace of process {pid}") }
}

fn not_simulated<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::NotSimulated { what: what.into() })
}

impl Apply for DryRun {
    fn apply(&mut self, ops: &[Op]) -> Result<(), (usize, Rejection)> {
        self.history.begin();
        for (index, op) in ops.iter().enumerate() {
            self.capture_former(op);
            let far_ends = self.far_ends(op);
            let before = self.is_rename_of_an_up_link(op).then(|| self.model.clone());
            let result = self.knows_process(op).and_then(|()| {
                let applied = self.model.apply(std::slice::from_ref(op));
                applied.map_err(|(_, rejection)| rejection)
            });
            self.print_waits(op);
            if let Err(rejection) = result {
                self.print_failure(op, rejection.errno);
                return Err((index, rejection));
            }
            match before.and_then(|before| self.renaming_while_down(before, op)) {
                Some(ops) => ops.iter().for_each(|op| self.print_op(op)),
                None => self.print_op(op),
            }
            self.forget_listeners(op);
            self.history.note(Event::Op(Box::new(op.clone())));
            self.ending.extend(far_ends);
        }
        Ok(())
    }

    fn located(&mut self, at: Option<&At>) {
        self.at = at.cloned();
    }

    fn remark(&mut self, text: &str) {
        self.print_comment(text);
    }

    fn alternatives(&mut self, step: Alternatives) {
        self.follow_alternatives(step);
    }

    fn interrupted(&mut self) -> bool {
        (self.stop)()
    }
}

impl Query for DryRun {
    fn netns_names(&mut self) -> Result<Vec<NetnsName>> {
        Ok(self.model.netns_names())
    }

    fn netns_contents(&mut self, netns: &NetnsRef) -> Result<Contents> {
        self.present(netns)?;
        not_simulated(format!("the number of the namespace {netns}, and the processes in it"))
    }

    fn links(&mut self, netns: &NetnsRef) -> Result<Vec<Link>> {
        answered(self.model.links(netns), || format!("list the links of {netns}"))
    }

    fn link(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<Link>> {
        answered(self.model.link(netns, name), || format!("look at `{name}` in {netns}"))
    }

    fn routes(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<Route>> {
        answered(self.model.routes(netns, family), || format!("list the routes of {netns}"))
    }

    fn route_get(&mut self, netns: &NetnsRef, request: &RouteGet) -> Result<Result<ChosenRoute, Errno>> {
        self.carried(netns, request.oif.as_ref())?;
        let contents = netscript_trace::read_routing(self, netns)?;
        let neighbours = match self.unknown_part(netns, StatePart::Neighbours)? {
            Some(_) => netscript_trace::Neighbours::Unknown,
            None => netscript_trace::Neighbours::Known,
        };
        match netscript_trace::route_get(&contents, request, neighbours) {
            Ok(lookup) => Ok(lookup.answer),
            Err(what) => not_simulated(what),
        }
    }

    fn policy_rules(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<PolicyRule>> {
        answered(self.model.policy_rules(netns, family), || format!("list the routing rules of {netns}"))
    }

    fn neighbours(&mut self, netns: &NetnsRef) -> Result<Vec<NeighRecord>> {
        answered(self.model.neighbours(netns), || format!("list the neighbours of {netns}"))
    }

    fn fdb(&mut self, netns: &NetnsRef) -> Result<Vec<FdbRecord>> {
        answered(self.model.fdb(netns), || format!("list the forwarding tables of {netns}"))
    }

    fn ruleset(&mut self, netns: &NetnsRef, family: Family) -> Result<Ruleset> {
        answered(self.model.ruleset(netns, family), || format!("list the rules of {netns}"))
    }

    fn foreign_rules(&mut self, netns: &NetnsRef) -> Result<ForeignRules> {
        answered(self.model.foreign_rules(netns), || format!("list the rules of {netns}"))
    }

    fn unknown_part(&mut self, netns: &NetnsRef, part: StatePart) -> Result<Option<String>> {
        let unknown = |what: String| Ok(Some(what));
        match part {
            StatePart::Neighbours if self.asked || self.hears_others(netns)? => {
                unknown(format!("the neighbours of {netns}: the kernel learns them from packets"))
            }
            StatePart::Fdb => unknown("a forwarding table: what was learned, and the addresses of links".to_owned()),
            StatePart::Handles => unknown("the number of a rule, which the kernel gives".to_owned()),
            StatePart::Routes(TableId::LOCAL) if self.links(netns)?.iter().any(|link| link.unknown_addr) => {
                unknown(format!("the local routes of {netns}: one is to an fe80 address that the kernel makes"))
            }
            StatePart::Neighbours | StatePart::Routes(_) => Ok(None),
        }
    }

    fn sysctl(&mut self, netns: &NetnsRef, key: &SysctlKey) -> Result<String> {
        let question = || format!("read {key} in {netns}");
        if let Some(known) = answered(self.model.missing_setting(netns, key), question)? {
            return Err(Error::NoSuchSetting { key: key.to_string(), known });
        }
        if self.model.is_write_only(key) {
            return Err(Error::WriteOnly { key: key.to_string() });
        }
        match answered(self.model.read_sysctl(netns, key), question)? {
            Some(value) => Ok(value),
            None => not_simulated(format!("the value of {key}, which was not set")),
        }
    }

    fn name_servers(&mut self, netns: &NetnsRef) -> Result<Vec<IpAddr>> {
        Ok(self.model.name_servers(netns))
    }
}

impl Programs for DryRun {
    fn pid(&mut self, _: PidRef) -> Result<u32> {
        not_simulated("the number of a process")
    }

    fn admit(&mut self, netns: &NetnsRef) -> Result<()> {
        self.present(netns)?;
        not_simulated(format!("what the program finds in {netns}"))
    }

    fn exec(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<Output> {
        self.present(netns)?;
        self.print_asked(netscript_dialect::exec(netns, argv));
        not_simulated(format!("what `{}` answers", argv.first().map_or("", String::as_str)))
    }

    fn shell(&mut self, netns: &NetnsRef) -> Result<i32> {
        self.present(netns)?;
        self.asked = true;
        self.print_command(&netscript_dialect::interactive(netns));
        not_simulated("what is done in a shell")
    }

    fn start(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<ProgramId> {
        self.present(netns)?;
        let program = self.print_start(netns, |program| netscript_dialect::start(netns, argv, program));
        answered(self.model.program_started(netns, program), || format!("start a program in {netns}"))?;
        Ok(program)
    }

    fn running(&mut self, program: ProgramId) -> Result<bool> {
        match self.stopped.contains(&program) {
            true => Ok(false),
            false => not_simulated("whether a program is still running"),
        }
    }

    fn output(&mut self, _: ProgramId) -> Result<String> {
        not_simulated("what a program writes")
    }

    fn stop(&mut self, program: ProgramId) -> Result<()> {
        if self.stopped.insert(program) {
            self.print_command(&netscript_dialect::stop(program));
            self.model.program_stopped(program);
            self.history.note(Event::Stopped(program));
        }
        Ok(())
    }

    fn serve(&mut self, netns: &NetnsRef, server: &Serve) -> Result<ProgramId> {
        self.present(netns)?;
        self.check_port(netns, server.addr, server.port)?;
        let program = self.print_start(netns, |program| netscript_dialect::serve(netns, server, program));
        self.listens(netns, server.addr, server.port, program);
        answered(self.model.program_started(netns, program), || format!("start a server in {netns}"))?;
        Ok(program)
    }

    fn serve_dns(&mut self, netns: &NetnsRef, server: &ServeDns) -> Result<ProgramId> {
        self.present(netns)?;
        self.check_port(netns, server.addr, DNS_PORT)?;
        let program = self.print_start(netns, |program| netscript_dialect::serve_dns(netns, server, program));
        self.listens(netns, server.addr, DNS_PORT, program);
        answered(self.model.program_started(netns, program), || format!("start a name server in {netns}"))?;
        Ok(program)
    }

    fn capture(&mut self, netns: &NetnsRef, request: &Capture) -> Result<ProgramId> {
        self.present(netns)?;
        self.carried(netns, Some(&request.link))?;
        let program = self.print_start(netns, |program| netscript_dialect::capture(netns, request, program));
        answered(self.model.program_started(netns, program), || format!("start a capture in {netns}"))?;
        Ok(program)
    }

    fn packets(&mut self, _: ProgramId) -> Result<Vec<String>> {
        not_simulated("what passes on a link")
    }
}

impl Probes for DryRun {
    fn ping(&mut self, netns: &NetnsRef, request: &Ping) -> Result<PingResult> {
        self.present(netns)?;
        self.carried(netns, request.dev.as_ref())?;
        self.print_asked(netscript_dialect::ping(netns, request));
        not_simulated(format!("whether {} answers", request.target))
    }

    fn traceroute(&mut self, netns: &NetnsRef, trace: &Trace) -> Result<Vec<Hop>> {
        self.present(netns)?;
        self.print_asked(netscript_dialect::traceroute(netns, trace));
        not_simulated(format!("the hops on the way to {}", trace.target))
    }

    fn wait(&mut self, _: Duration) -> Result<bool> {
        Ok(false)
    }

    fn connect(&mut self, netns: &NetnsRef, request: &Connect) -> Result<Connected> {
        self.present(netns)?;
        self.print_asked(netscript_dialect::connect(netns, request));
        not_simulated(format!("whether {} accepts connections", request.target))
    }

    fn fetch(&mut self, netns: &NetnsRef, request: &Fetch) -> Result<Fetched> {
        self.present(netns)?;
        self.print_asked(netscript_dialect::fetch(netns, request));
        not_simulated(format!("what {} answers", request.server))
    }

    fn sleep(&mut self, time: Duration) -> Result<()> {
        self.print_command(&netscript_dialect::sleep(time));
        Ok(())
    }
}

impl world::History for DryRun {
    fn keep_steps(&mut self) {
        self.history.keep(&self.model);
    }

    fn point(&mut self) -> Point {
        self.history.point()
    }

    fn rollback(&mut self, point: Point) -> Result<()> {
        self.back_to(point)
    }
}
