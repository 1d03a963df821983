//! The kernel as a World: what scripts ask for is done by the parts below.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::carrier::Readiness;
use crate::interrupt::Interrupt;
use crate::lab::LabFolder;
use crate::lifetime::{self, LabOnDisk, Resume};
use crate::site::Site;
use crate::{batch, facts, netfilter, probe, recorded, undo};
use netscript_net::error::{Error, Result};
use netscript_net::op::{Family, Host, IfName, NetnsRef, Op, PidRef};
use netscript_net::state::{ForeignRules, Ruleset};
use netscript_net::world::{
    Apply, BatchError, Capture, Connect, Connected, Fetch, Fetched, ForwardQuery, History, Hop, Missing, Output, Ping,
    PingResult, Point, Probes, ProgramId, Programs, Query, Serve, ServeDns, Summary, Trace,
};

/// The machine's kernel, as one lab uses it.
pub struct Kernel {
    site: Site,
    interrupt: Interrupt,
    readiness: Readiness,
    lend_terminal: fn(bool),
    /// Namespaces of which it has been said whether they have rules besides those of iptables.
    foreign_noticed: HashSet<NetnsRef>,
}

/// A lab that is to be taken down.
pub enum Resumed {
    /// The lab, and what is wrong with its journal, which was passed over.
    Lab(Box<Kernel>, Vec<String>),
    /// Nothing is left to undo: it was never begun, or the machine has been started anew. Or else too
    /// little was left of its journal to undo anything: why, in words.
    Gone(Option<String>),
}

impl Kernel {
    /// The kernel seen from the calling thread's network namespace, which becomes `host`.
    pub fn new(interrupt: Interrupt) -> Result<Kernel> {
        Ok(Kernel::on(Site::new()?, interrupt))
    }

    fn on(site: Site, interrupt: Interrupt) -> Kernel {
        let (readiness, foreign_noticed) = (Readiness::default(), HashSet::new());
        Kernel { site, interrupt, readiness, lend_terminal: |_| {}, foreign_noticed }
    }

    /// Goes on with the journal of a lab that is up, or was left behind, to take it down.
    pub fn resume(interrupt: Interrupt, folder: LabFolder, how: Resume) -> Result<Resumed> {
        Ok(match lifetime::resume(folder, how)? {
            LabOnDisk::Lab(site, flaws) => Resumed::Lab(Box::new(Kernel::on(*site, interrupt)), flaws),
            LabOnDisk::Nothing(why) => Resumed::Gone(why),
        })
    }

    /// Calls a function with what the user should know though nothing failed.
    pub fn warning(mut self, warn: fn(&str)) -> Kernel {
        self.site.warn = warn;
        self
    }

    /// Whether what the lab did not make is removed only where that has been allowed.
    pub fn guarded(mut self, guarded: bool) -> Kernel {
        self.site.guarded = guarded;
        self
    }

    /// Keeps what belongs to the lab in a folder of this name under `/run/netscript`.
    pub fn named(mut self, lab: &str) -> Kernel {
        self.site.name(lab);
        self
    }

    /// Calls a function with true before a shell gets the terminal, and with false when it is left.
    pub fn lending_terminal(mut self, lend: fn(bool)) -> Kernel {
        self.lend_terminal = lend;
        self
    }

    /// Begins the journal of a lab that goes on when this process has ended.
    pub fn keep_in(mut self, folder: LabFolder, script: &str) -> Result<Kernel> {
        lifetime::keep_in(&mut self.site, folder, script).map(|()| self)
    }

    /// Takes the lab down. Unless forced, what others put into it stops it before anything is done.
    pub fn down(&mut self, force: bool) -> Result<()> {
        lifetime::down(&mut self.site, force)
    }

    /// The commands that would take the lab down, in order. What stays for another lab, or keeps
    /// something of somebody else's, has none.
    pub fn down_commands(&mut self) -> Result<Vec<String>> {
        undo::down_commands(&mut self.site)
    }

    /// Does operations of so many words of the script, none of which touches what others could.
    /// `is_ready` says whether a bridge will be on and have a carrier in the end.
    pub(crate) fn apply_batch(
        &mut self,
        ops: &[Op],
        steps: usize,
        is_ready: impl Fn(&NetnsRef, &IfName) -> bool,
    ) -> Result<(), BatchError> {
        (0..steps).for_each(|_| self.step());
        ops.iter().for_each(|op| self.readiness.note(op));
        batch::apply(&mut self.site, &self.interrupt, ops, is_ready)
    }

    /// Every name by which a namespace's links are known.
    pub(crate) fn all_link_names(&mut self, netns: &NetnsRef) -> Result<Vec<IfName>> {
        self.site.network.all_link_names(netns)
    }

    /// Says once that a namespace has rules that a list of iptables' does not show.
    fn notice_foreign(&mut self, netns: &NetnsRef) {
        if self.site.store.own.has_netns(netns) || !self.foreign_noticed.insert(netns.clone()) {
            return;
        }
        let Ok(foreign) = netfilter::foreign(&mut self.site.network.namespaces, netns) else { return };
        let lines = foreign.lines();
        if lines.is_empty() {
            return;
        }
        const MOST: usize = 3;
        let mut shown = lines.iter().take(MOST).map(|line| format!("`{line}`")).collect::<Vec<_>>().join(", ");
        if lines.len() > MOST {
            shown += &format!(" and {} more", lines.len() - MOST);
        }
        self.site.warn(&format!(
            "{netns} has rules that are not among those of iptables and that netscript does not evaluate: {shown}; \
             `iptables-legacy -S`, `ip6tables-legacy -S` and `nft list ruleset` show them"
        ));
    }

    /// A new step begins: what one word of the script does.
    fn step(&mut self) {
        let store = &mut self.site.store;
        store.journal.step(&store.own);
    }

    /// Waits until packets can pass, before a program or a probe.
    fn await_ready(&mut self) -> Result<()> {
        self.readiness.wait(&mut self.site.network.namespaces, &self.interrupt)
    }

    /// A host's address, or what is said when there is none.
    fn look_up(&self, netns: &NetnsRef, host: &Host, timeout: Duration) -> Result<Result<IpAddr, String>> {
        probe::look_up(&self.site.network.namespaces, &self.interrupt, netns, host, timeout)
    }

    /// Notes that a program runs in a namespace of the lab's own.
    fn note_program(&mut self, netns: &NetnsRef) {
        let Site { network, store, .. } = &mut self.site;
        if store.own.has_netns(netns)
            && let Ok(key) = network.namespaces.key(netns)
        {
            store.journal.program_runs(key);
        }
    }
}

impl Apply for Kernel {
    fn apply(&mut self, ops: &[Op]) -> Result<(), BatchError> {
        self.step();
        ops.iter().for_each(|op| self.readiness.note(op));
        recorded::apply(&mut self.site, ops)
    }

    fn facts(&mut self, op: &Op) -> Vec<String> {
        facts::made_by_others(&mut self.site, op)
    }

    fn interrupted(&mut self) -> bool {
        self.interrupt.raised()
    }
}

impl ForwardQuery for Kernel {
    fn query(&mut self) -> Result<&mut dyn Query> {
        Ok(&mut self.site.network)
    }

    fn foreign_rules(&mut self, netns: &NetnsRef) -> Result<ForeignRules> {
        self.foreign_noticed.insert(netns.clone());
        self.site.network.foreign_rules(netns)
    }

    fn ruleset(&mut self, netns: &NetnsRef, family: Family) -> Result<Ruleset> {
        self.notice_foreign(netns);
        self.site.network.ruleset(netns, family)
    }
}

impl Programs for Kernel {
    fn pid(&mut self, pid: PidRef) -> Result<u32> {
        self.site.processes.pid(pid)
    }

    fn admit(&mut self, netns: &NetnsRef) -> Result<()> {
        self.await_ready()?;
        self.note_program(netns);
        Ok(())
    }

    fn exec(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<Output> {
        self.await_ready()?;
        self.note_program(netns);
        let own = self.site.store.own.has_netns(netns);
        self.site.processes.exec(&self.site.network.namespaces, &self.interrupt, netns, own, argv)
    }

    fn shell(&mut self, netns: &NetnsRef) -> Result<i32> {
        self.await_ready()?;
        (self.lend_terminal)(true);
        let left = self.site.processes.shell(&self.site.network.namespaces, &self.interrupt, netns);
        (self.lend_terminal)(false);
        left
    }

    fn start(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<ProgramId> {
        self.note_program(netns);
        self.step();
        let Site { network, processes, store, .. } = &mut self.site;
        processes.start(&network.namespaces, &mut store.journal, netns, argv)
    }

    fn running(&mut self, program: ProgramId) -> Result<bool> {
        self.site.processes.running(program)
    }

    fn output(&mut self, program: ProgramId) -> Result<String> {
        self.site.processes.output(program)
    }

    fn stop(&mut self, program: ProgramId) -> Result<()> {
        self.site.processes.stop(program, &self.interrupt)
    }

    fn serve(&mut self, netns: &NetnsRef, server: &Serve) -> Result<ProgramId> {
        let listener = probe::listen(&self.site.network.namespaces, netns, server)?;
        self.step();
        let Site { network, processes, store, .. } = &mut self.site;
        processes.serve(&network.namespaces, &mut store.journal, netns, listener, &server.body)
    }

    fn capture(&mut self, netns: &NetnsRef, request: &Capture) -> Result<ProgramId> {
        if self.site.network.link(netns, &request.link)?.is_none() {
            return Err(Missing::Link(netns.clone(), request.link.clone()).into_error());
        }
        self.step();
        let Site { network, processes, store, .. } = &mut self.site;
        processes.capture(&network.namespaces, &mut store.journal, netns, request)
    }

    fn packets(&mut self, capture: ProgramId) -> Result<Vec<String>> {
        self.site.processes.packets(capture)
    }

    fn serve_dns(&mut self, netns: &NetnsRef, server: &ServeDns) -> Result<ProgramId> {
        let sockets = probe::name_server::open(&self.site.network.namespaces, netns, server)?;
        self.step();
        let Site { network, processes, store, .. } = &mut self.site;
        processes.serve_dns(&network.namespaces, &mut store.journal, netns, sockets, server)
    }
}

impl Probes for Kernel {
    fn ping(&mut self, netns: &NetnsRef, request: &Ping) -> Result<PingResult> {
        self.await_ready()?;
        match self.look_up(netns, &request.target, request.timeout)? {
            Ok(addr) => probe::ping(&self.site.network.namespaces, &self.interrupt, netns, addr, request),
            Err(unresolved) => Ok(PingResult { error: Some(unresolved), ..PingResult::default() }),
        }
    }

    fn traceroute(&mut self, netns: &NetnsRef, trace: &Trace) -> Result<Vec<Hop>> {
        self.await_ready()?;
        match self.look_up(netns, &trace.target, trace.timeout)? {
            Ok(addr) => trace.follow(addr, |request| self.ping(netns, request)),
            Err(why) => Err(Error::Target { given: format!("{:?}", trace.target.to_string()), why }),
        }
    }

    fn connect(&mut self, netns: &NetnsRef, request: &Connect) -> Result<Connected> {
        self.await_ready()?;
        match self.look_up(netns, &request.target, request.timeout)? {
            Ok(addr) => probe::connect(&self.site.network.namespaces, &self.interrupt, netns, addr, request),
            Err(unresolved) => Ok(Connected { rtt: None, error: Some(unresolved) }),
        }
    }

    fn fetch(&mut self, netns: &NetnsRef, request: &Fetch) -> Result<Fetched> {
        self.await_ready()?;
        match self.look_up(netns, &request.server, request.timeout)? {
            Ok(addr) => probe::fetch(&self.site.network.namespaces, &self.interrupt, netns, addr, request),
            Err(unresolved) => Ok(Fetched { error: Some(unresolved), ..Fetched::default() }),
        }
    }

    fn sleep(&mut self, time: Duration) -> Result<()> {
        self.interrupt.sleep(time)
    }
}

impl History for Kernel {
    fn keep_steps(&mut self) {
        self.site.store.journal.detail();
    }

    fn point(&mut self) -> Point {
        self.site.store.journal.point()
    }

    fn rollback(&mut self, point: Point) -> Result<()> {
        let Some((first, own)) = self.site.store.journal.back_to(point) else { return Ok(()) };
        let problems = undo::from(&mut self.site, first);
        self.site.store.own = own;
        undo::not_undone(problems)
    }

    fn keep(&mut self) -> Result<Option<Summary>> {
        lifetime::finish(&mut self.site)
    }

    fn take_down(&mut self) -> Result<bool> {
        let anything = !self.site.store.journal.entries.is_empty();
        lifetime::undo_all(&mut self.site).map(|()| anything)
    }
}
