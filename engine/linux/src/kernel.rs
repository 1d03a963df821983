//! [`Kernel`], the [`World`](netscript_net::world::World) of the real kernel. Delegates to the modules below.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::carrier::Readiness;
use crate::interrupt::Interrupt;
use crate::lab::LabFolder;
use crate::lifetime::{self, LabOnDisk, Resume};
use crate::site::Site;
use crate::{batch, facts, netfilter, probe, recorded, undo};
use netscript_net::error::{Error, Rejection, Result};
use netscript_net::op::{Family, Host, IfName, NetnsRef, Op, PidRef};
use netscript_net::state::{ForeignRules, Ruleset};
use netscript_net::world::{
    Apply, Capture, Connect, Connected, Fetch, Fetched, ForwardQuery, History, Hop, Missing, Output, Ping, PingResult,
    Point, Probes, ProgramId, Programs, Query, Serve, ServeDns, Summary, Trace,
};

/// The machine's kernel, for one lab.
pub struct Kernel {
    site: Site,
    interrupt: Interrupt,
    readiness: Readiness,
    lend_terminal: fn(bool),
    /// Namespaces for which the warning about rules outside of iptables-nft has been printed.
    foreign_noticed: HashSet<NetnsRef>,
}

/// The result of resuming a lab in order to take it down.
pub enum Resumed {
    /// The lab, and the flaws of its journal that were ignored.
    Lab(Box<Kernel>, Vec<String>),
    /// There is nothing to undo: the lab was never begun, or the machine has been rebooted. With a text, too little of
    /// the journal is left to undo anything; the text says why.
    Gone(Option<String>),
}

impl Kernel {
    /// A kernel whose `host` is the calling thread's network namespace.
    pub fn new(interrupt: Interrupt) -> Result<Kernel> {
        Ok(Kernel::on(Site::new()?, interrupt))
    }

    fn on(site: Site, interrupt: Interrupt) -> Kernel {
        let (readiness, foreign_noticed) = (Readiness::default(), HashSet::new());
        Kernel { site, interrupt, readiness, lend_terminal: |_| {}, foreign_noticed }
    }

    /// Resumes an existing lab from its journal, in order to take it down.
    pub fn resume(interrupt: Interrupt, folder: LabFolder, how: Resume) -> Result<Resumed> {
        Ok(match lifetime::resume(folder, how)? {
            LabOnDisk::Lab(site, flaws) => Resumed::Lab(Box::new(Kernel::on(*site, interrupt)), flaws),
            LabOnDisk::Nothing(why) => Resumed::Gone(why),
        })
    }

    /// Sets a function for warnings.
    pub fn warning(mut self, warn: fn(&str)) -> Kernel {
        self.site.warn = warn;
        self
    }

    /// Sets whether operations that remove objects of others are refused.
    pub fn guarded(mut self, guarded: bool) -> Kernel {
        self.site.guarded = guarded;
        self
    }

    /// Sets the lab's name, for its files in `/run/netscript`.
    pub fn named(mut self, lab: &str) -> Kernel {
        self.site.name(lab);
        self
    }

    /// Sets a function that is called with `true` before a shell gets the terminal, and with `false` afterwards.
    pub fn lending_terminal(mut self, lend: fn(bool)) -> Kernel {
        self.lend_terminal = lend;
        self
    }

    /// Starts the journal of a lab that outlives this process.
    pub fn keep_in(mut self, folder: LabFolder, script: &str) -> Result<Kernel> {
        lifetime::keep_in(&mut self.site, folder, script).map(|()| self)
    }

    /// Takes the lab down. Without `force`, fails before any change if others put objects into the lab.
    pub fn down(&mut self, force: bool) -> Result<()> {
        lifetime::down(&mut self.site, force)
    }

    /// The commands that would take the lab down, in order. There are none for objects that another lab uses or that
    /// protect objects of others.
    pub fn down_commands(&mut self) -> Result<Vec<String>> {
        undo::down_commands(&mut self.site)
    }

    /// Applies a batch of operations, which stand for `steps` words of the script and cannot affect others. `is_ready`
    /// says whether a bridge will finally be up with a carrier.
    pub(crate) fn apply_batch(
        &mut self,
        ops: &[Op],
        steps: usize,
        is_ready: impl Fn(&NetnsRef, &IfName) -> bool,
    ) -> Result<(), (usize, Rejection)> {
        (0..steps).for_each(|_| self.step());
        ops.iter().for_each(|op| self.readiness.note(op));
        batch::apply(&mut self.site, &self.interrupt, ops, is_ready)
    }

    /// All names of a namespace's links, including alternative names.
    pub(crate) fn all_link_names(&mut self, netns: &NetnsRef) -> Result<Vec<IfName>> {
        self.site.network.all_link_names(netns)
    }

    /// Warns, once per namespace, about rules that `iptables -S` does not show.
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

    /// Starts a new step of the journal, for a word of the script.
    fn step(&mut self) {
        let store = &mut self.site.store;
        store.journal.step(&store.own);
    }

    /// Waits until packets can pass, before a program or a probe.
    fn await_ready(&mut self) -> Result<()> {
        self.readiness.wait(&mut self.site.network.namespaces, &self.interrupt)
    }

    /// A host's address, or the text of a probe's error if it has none.
    fn look_up(&self, netns: &NetnsRef, host: &Host, timeout: Duration) -> Result<Result<IpAddr, String>> {
        probe::look_up(&self.site.network.namespaces, &self.interrupt, netns, host, timeout)
    }

    /// Notes that a program runs in a namespace of the lab.
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
    fn apply(&mut self, ops: &[Op]) -> Result<(), (usize, Rejection)> {
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
