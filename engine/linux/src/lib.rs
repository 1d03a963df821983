//! The only part that touches Linux: a [`World`] whose every word the kernel has.

mod addr;
mod carrier;
mod carry_out;
mod descriptors;
mod fdb;
mod interrupt;
mod inverse;
pub mod journal;
mod keeper;
mod kill;
mod lab;
mod lifetime;
mod link;
mod lock;
mod neigh;
mod netfilter;
mod netns;
mod nsid;
mod owners;
mod policy;
pub(crate) mod privilege;
mod probe;
mod proc;
mod process;
mod queue;
mod raw_names;
mod recorded;
mod release;
mod rename;
mod resolver;
mod route;
mod sandbox;
mod settle;
mod socket;
mod sys;
mod sysctl;
mod together;
mod undo;

use std::collections::HashSet;
use std::fmt::Display;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

pub use crate::probe::{answer_forever, capture_forever, resolve_forever};
pub use descriptors::raise_descriptor_limit;
pub use interrupt::Interrupt;
use lab::{Book, Journals, Own};
pub use lab::{LabFolder, check_lab_name, lab_names, read_journal};
pub use lifetime::{LabState, Resume, Resumed, lab_states};
use netns::Namespaces;
pub(crate) use netscript_net::failure::{Failure, Outcome};
pub use privilege::{may_change_networks, privilege_missing};
pub use process::{CAPTURE_NAME, NAME_SERVER_NAME, SERVER_NAME};
use process::{Groups, Processes};
pub use queue::Queue;
pub use release::check_release;
pub use sandbox::{SandboxFolders, enter_sandbox};
pub use settle::settle;
pub use sys::share_memory;

use crate::journal::Undo;
use netscript_net::error::{Error, Result};
use netscript_net::op::{
    Action, Family, IfName, LinkOp, LinkSet, NetfilterOp, NetnsName, NetnsRef, Op, PidRef, PolicyRule, Prefix, Route,
    SysctlKey, TableId,
};
use netscript_net::state::{Contents, FdbRecord, ForeignRules, Link, NeighRecord, Ruleset};
use netscript_net::world::{
    Absent, Apply, Capture, Connect, Connected, Failed, Fetch, Fetched, History, Hop, Output, Ping, Point, Pong,
    Probes, Programs, Query, Serve, ServeDns, Started, Summary, Trace,
};

/// The machine's kernel, as one lab uses it.
pub struct Kernel {
    namespaces: Namespaces,
    processes: Processes,
    interrupt: Interrupt,
    /// Links have been changed since anybody waited for their carriers.
    carriers_changed: bool,
    /// The same of addresses.
    addrs_changed: bool,
    lend_terminal: fn(bool),
    warn: fn(&str),
    /// Namespaces of which it has been said whether they have rules besides those of iptables.
    foreign_noticed: HashSet<NetnsRef>,
    book: Book,
    own: Own,
    /// The routes of the host.
    watch: route::Watch,
    folder: Option<LabFolder>,
    /// The journals of other labs.
    others: Journals,
    /// What the lab did not make is removed only if that was allowed.
    guarded: bool,
    /// Only some steps are being taken back.
    partial: bool,
    /// Everything else has been undone: what is still in the way stays so.
    last_try: bool,
}

impl Kernel {
    /// The kernel seen from the calling thread's network namespace, which becomes `host`.
    pub fn new(interrupt: Interrupt) -> Result<Kernel> {
        check_release()?;
        let namespaces = Namespaces::new()
            .map_err(|failure| failure.into_error(|| "open this process's network namespace".to_owned()))?;
        Ok(Kernel {
            namespaces,
            processes: Processes::new(&Path::new(lab::LABS_DIR).join("lab"), &lab::token("lab"), Groups::default()),
            interrupt,
            carriers_changed: false,
            addrs_changed: false,
            book: Book::default(),
            own: Own::default(),
            watch: route::Watch::default(),
            folder: None,
            others: Journals::default(),
            guarded: false,
            partial: false,
            last_try: false,
            lend_terminal: |_| {},
            warn: |_| {},
            foreign_noticed: HashSet::new(),
        })
    }

    /// Calls a function with what the user should know though nothing failed.
    pub fn warning(mut self, warn: fn(&str)) -> Kernel {
        self.warn = warn;
        self
    }

    /// Says once that a namespace has rules that a list of iptables' does not show.
    fn notice_foreign(&mut self, netns: &NetnsRef) {
        if self.own.has_netns(netns) || !self.foreign_noticed.insert(netns.clone()) {
            return;
        }
        let Ok(foreign) = netfilter::foreign(&mut self.namespaces, netns) else { return };
        let lines = foreign.lines();
        if lines.is_empty() {
            return;
        }
        const MOST: usize = 3;
        let mut shown = lines.iter().take(MOST).map(|line| format!("`{line}`")).collect::<Vec<_>>().join(", ");
        if lines.len() > MOST {
            shown += &format!(" and {} more", lines.len() - MOST);
        }
        self.warn(&format!(
            "{netns} has rules that are not among those of iptables and that netscript does not evaluate: {shown}; \
             `iptables-legacy -S`, `ip6tables-legacy -S` and `nft list ruleset` show them"
        ));
    }

    fn warn(&self, text: &str) {
        (self.warn)(text);
    }

    /// Whether what the lab did not make is removed only where that has been allowed.
    pub fn guarded(mut self, guarded: bool) -> Kernel {
        self.guarded = guarded;
        self
    }

    /// Keeps what belongs to the lab in a folder of this name under `/run/netscript`.
    pub fn named(mut self, lab: &str) -> Kernel {
        let folder = Path::new(lab::LABS_DIR).join(folder_name(lab));
        self.processes = Processes::new(&folder, &lab::token(lab), Groups::default());
        self
    }

    /// Calls a function with true before a shell gets the terminal, and with false when it is left.
    pub fn lending_terminal(mut self, lend: fn(bool)) -> Kernel {
        self.lend_terminal = lend;
        self
    }

    /// Does an operation, written into the journal first.
    fn apply_one(&mut self, op: &Op) -> Outcome {
        let _shared = self.lock_shared(op).map_err(Failure::from_error)?;
        self.recorded(op, |kernel| kernel.carry_out(op))
    }

    /// Writes an operation into the journal and does it as told.
    fn recorded(&mut self, op: &Op, send: impl FnOnce(&mut Kernel) -> Outcome) -> Outcome {
        let entry = self.look_and_record(op)?;
        let index = self.namespaces.upcoming_index();
        let done = send(self);
        kill::point();
        match &done {
            Ok(()) => self.own.follow(op, index),
            // A link leaves its bridge before the kernel looks whether the next one takes it
            // (`do_set_master`).
            Err(_) if matches!(op.action, Action::Link(LinkOp::Set(_, LinkSet::Master(Some(_))))) => {}
            Err(_) => entry.into_iter().for_each(|n| self.book.undone(n)),
        }
        done
    }

    /// Does operations on rules, all in one namespace, written into the journal first.
    fn apply_rules(&mut self, netns: &NetnsRef, ops: &[Op], rules: &[&NetfilterOp]) -> Result<(), (usize, Failure)> {
        let locked = ops.first().map_or(Ok(None), |op| self.lock_shared(op));
        let _shared = locked.map_err(|error| (0, Failure::from_error(error)))?;
        let mut inverses: Vec<(&dyn Display, Vec<Undo>)> = Vec::with_capacity(rules.len());
        let mut failed = None;
        for (index, op) in ops.iter().take(rules.len()).enumerate() {
            match self.inverse(op) {
                Ok(undo) => inverses.push((op, undo)),
                // Those before it are done all the same.
                Err(failure) => {
                    failed = Some((index, failure));
                    break;
                }
            }
        }
        let count = inverses.len();
        let entries = self.book.record(inverses).map_err(|error| (0, Failure::from_error(error)))?;
        self.send_rules(netns, &rules[..count], &entries)?;
        failed.map_or(Ok(()), Err)
    }

    fn send_rules(
        &mut self,
        netns: &NetnsRef,
        rules: &[&NetfilterOp],
        entries: &[Option<u64>],
    ) -> Result<(), (usize, Failure)> {
        if rules.is_empty() {
            return Ok(());
        }
        let done = netfilter::apply(&mut self.namespaces, netns, rules);
        kill::point();
        if let Err((culprit, _)) = &done {
            entries.iter().skip(*culprit).flatten().for_each(|n| self.book.undone(*n));
        }
        done
    }
}

/// A name that is one component of a path.
fn folder_name(lab: &str) -> String {
    let name = lab.replace(['/', '\0'], "_");
    if matches!(name.as_str(), "" | "." | "..") { "lab".to_owned() } else { name }
}

/// The operations on rules that a slice begins with, all in one namespace: they travel together.
fn netfilter_ops(ops: &[Op]) -> Vec<&NetfilterOp> {
    let together = ops.iter().map_while(|op| match &op.action {
        Action::Netfilter(rules) if op.netns == ops[0].netns => Some(rules),
        _ => None,
    });
    together.collect()
}

impl Kernel {
    /// Every name by which a namespace's links are known.
    fn all_link_names(&mut self, netns: &NetnsRef) -> Result<Vec<IfName>> {
        let names = self.namespaces.route_socket(netns).and_then(link::all_names);
        names.map_err(|f| f.into_error(|| format!("list the links of {netns}")))
    }

    /// The routes of a table to a destination.
    pub(crate) fn routes_to(&mut self, netns: &NetnsRef, dst: Prefix, table: TableId) -> Outcome<Vec<Route>> {
        let dst = dst.network();
        if *netns == NetnsRef::Host {
            return self.watch.routes_to(&mut self.namespaces, dst, table);
        }
        let mut there = route::list(&mut self.namespaces, netns, Family::of(dst.addr()))?;
        there.retain(|route| route.dst.network() == dst && route.table == table);
        Ok(there)
    }
}

impl Apply for Kernel {
    fn apply(&mut self, ops: &[Op]) -> std::result::Result<(), Failed> {
        let mut index = 0;
        self.book.step(&self.own);
        ops.iter().for_each(|op| self.note_carriers(op));
        while let Some(op) = ops.get(index) {
            let rules = netfilter_ops(&ops[index..]);
            let (done, result) = if rules.is_empty() {
                (1, self.apply_one(op).map_err(|failure| (0, failure)))
            } else {
                (rules.len(), self.apply_rules(&op.netns, &ops[index..], &rules))
            };
            result.map_err(|(culprit, failure)| {
                let failure = privilege::named(&ops[index + culprit], failure);
                Failed { index: index + culprit, refusal: failure.refusal, absent: failure.absent }
            })?;
            index += done;
        }
        Ok(())
    }

    fn facts(&mut self, op: &Op) -> Vec<String> {
        self.made_by_others(op)
    }

    fn interrupted(&mut self) -> bool {
        self.interrupt.raised()
    }
}

impl Query for Kernel {
    fn netns_names(&mut self) -> Result<Vec<NetnsName>> {
        netns::names().map_err(|failure| failure.into_error(|| "list the namespaces".to_owned()))
    }

    fn has_netns(&mut self, name: &NetnsName) -> Result<bool> {
        Ok(netns::path_of(name).symlink_metadata().is_ok())
    }

    fn netns_contents(&mut self, netns: &NetnsRef) -> Result<Contents> {
        self.namespaces.contents(netns).map_err(|failure| failure.into_error(|| format!("look into {netns}")))
    }

    fn links(&mut self, netns: &NetnsRef) -> Result<Vec<Link>> {
        link::list(&mut self.namespaces, netns).map_err(|f| f.into_error(|| format!("list the links of {netns}")))
    }

    fn link_names(&mut self, netns: &NetnsRef) -> Result<Vec<IfName>> {
        link::names_alone(&self.namespaces, netns).map_err(|f| f.into_error(|| format!("list the links of {netns}")))
    }

    fn link(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<Link>> {
        link::find(&mut self.namespaces, netns, name)
            .map_err(|f| f.into_error(|| format!("look at `{name}` in {netns}")))
    }

    fn routes(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<Route>> {
        route::list(&mut self.namespaces, netns, family)
            .map_err(|f| f.into_error(|| format!("list the routes of {netns}")))
    }

    fn policy_rules(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<PolicyRule>> {
        policy::list(&mut self.namespaces, netns, family)
            .map_err(|f| f.into_error(|| format!("list the routing rules of {netns}")))
    }

    fn neighbours(&mut self, netns: &NetnsRef) -> Result<Vec<NeighRecord>> {
        neigh::list(&mut self.namespaces, netns).map_err(|f| f.into_error(|| format!("list the neighbours of {netns}")))
    }

    fn fdb(&mut self, netns: &NetnsRef) -> Result<Vec<FdbRecord>> {
        fdb::list(&mut self.namespaces, netns)
            .map_err(|f| f.into_error(|| format!("list the forwarding tables of {netns}")))
    }

    fn foreign_rules(&mut self, netns: &NetnsRef) -> Result<ForeignRules> {
        self.foreign_noticed.insert(netns.clone());
        netfilter::foreign(&mut self.namespaces, netns)
            .map_err(|f| f.into_error(|| format!("list the rules of {netns}")))
    }

    fn ruleset(&mut self, netns: &NetnsRef, family: Family) -> Result<Ruleset> {
        self.notice_foreign(netns);
        netfilter::list(&mut self.namespaces, netns, family)
            .map_err(|f| f.into_error(|| format!("list the rules of {netns}")))
    }

    fn sysctl(&mut self, netns: &NetnsRef, key: &SysctlKey) -> Result<String> {
        sysctl::read(&mut self.namespaces, netns, key)
    }

    fn name_servers(&mut self, netns: &NetnsRef) -> Result<Vec<IpAddr>> {
        self.servers_of(netns)
    }
}

impl Programs for Kernel {
    fn pid(&mut self, pid: PidRef) -> Result<u32> {
        self.processes.pid(pid)
    }

    fn exec(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<Output> {
        self.await_ready()?;
        self.note_program(netns);
        let own = self.own.has_netns(netns);
        self.processes.exec(&self.namespaces, &self.interrupt, netns, own, argv)
    }

    fn shell(&mut self, netns: &NetnsRef) -> Result<i32> {
        self.await_ready()?;
        (self.lend_terminal)(true);
        let left = self.processes.shell(&self.namespaces, &self.interrupt, netns);
        (self.lend_terminal)(false);
        left
    }

    fn start(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<Started> {
        self.note_program(netns);
        self.book.step(&self.own);
        let Kernel { processes, namespaces, book, .. } = self;
        processes.start(namespaces, book, netns, argv)
    }

    fn running(&mut self, program: Started) -> Result<bool> {
        self.processes.running(program)
    }

    fn output(&mut self, program: Started) -> Result<String> {
        self.processes.output(program)
    }

    fn stop(&mut self, program: Started) -> Result<()> {
        self.processes.stop(program, &self.interrupt)
    }

    fn serve(&mut self, netns: &NetnsRef, server: &Serve) -> Result<Started> {
        let listener = probe::listen(&self.namespaces, netns, server)?;
        self.book.step(&self.own);
        let Kernel { processes, namespaces, book, .. } = self;
        processes.serve(namespaces, book, netns, listener, &server.body)
    }

    fn capture(&mut self, netns: &NetnsRef, request: &Capture) -> Result<Started> {
        if self.link(netns, &request.link)?.is_none() {
            return Err(Absent::Link(netns.clone(), request.link.clone()).into_error());
        }
        self.book.step(&self.own);
        let Kernel { processes, namespaces, book, .. } = self;
        processes.capture(namespaces, book, netns, request)
    }

    fn packets(&mut self, capture: Started) -> Result<Vec<String>> {
        self.processes.packets(capture)
    }

    fn serve_dns(&mut self, netns: &NetnsRef, server: &ServeDns) -> Result<Started> {
        let sockets = probe::name_server::open(&self.namespaces, netns, server)?;
        self.book.step(&self.own);
        let Kernel { processes, namespaces, book, .. } = self;
        processes.serve_dns(namespaces, book, netns, sockets, server)
    }
}

impl Probes for Kernel {
    fn ping(&mut self, netns: &NetnsRef, request: &Ping) -> Result<Pong> {
        self.await_ready()?;
        match self.look_up(netns, &request.target, request.timeout)? {
            Ok(addr) => probe::ping(&self.namespaces, &self.interrupt, netns, addr, request),
            Err(unresolved) => Ok(Pong { error: Some(unresolved), ..Pong::default() }),
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
            Ok(addr) => probe::connect(&self.namespaces, &self.interrupt, netns, addr, request),
            Err(unresolved) => Ok(Connected { rtt: None, error: Some(unresolved) }),
        }
    }

    fn fetch(&mut self, netns: &NetnsRef, request: &Fetch) -> Result<Fetched> {
        self.await_ready()?;
        match self.look_up(netns, &request.server, request.timeout)? {
            Ok(addr) => probe::fetch(&self.namespaces, &self.interrupt, netns, addr, request),
            Err(unresolved) => Ok(Fetched { error: Some(unresolved), ..Fetched::default() }),
        }
    }

    fn sleep(&mut self, time: Duration) -> Result<()> {
        self.interrupt.sleep(time)
    }
}

impl History for Kernel {
    fn keep_steps(&mut self) {
        self.book.detail();
    }

    fn point(&mut self) -> Point {
        self.book.point()
    }

    fn rollback(&mut self, point: Point) -> Result<()> {
        let Some((first, own)) = self.book.back_to(point) else { return Ok(()) };
        let problems = self.undo_from(first);
        self.own = own;
        undo::not_undone(problems)
    }

    fn keep(&mut self) -> Result<Option<Summary>> {
        self.finish()
    }

    fn take_down(&mut self) -> Result<bool> {
        let anything = !self.book.entries.is_empty();
        self.undo_all().map(|()| anything)
    }
}
