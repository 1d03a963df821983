//! Takes steps back in a dry run: restores the model, and prints commands that do the same.
//!
//! First it reverts operations that made, named or moved things, the last first. Then it compares the result with the
//! state before, and prints the commands for each difference (`state::restore`).

use std::net::IpAddr;

use super::DryRun;
use crate::diagnostics::{Error, Result};
use netscript_dialect::Command;
use netscript_model::Model;
use netscript_net::op::netfilter::TableRef;
use netscript_net::op::{
    Action, Family, IfName, LinkOp, LinkSet, LinkSpec, NetfilterOp, NetnsOp, NetnsRef, Op, SysctlKey, SysctlOp,
};
use netscript_net::state::restore::{self, Phase};
use netscript_net::state::{Addr, Chain, Comparison, Hardware, Link, LinkType, NetState, Netns};
use netscript_net::world::{Point, ProgramId};

/// Something that happened to the model.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Op(Box<Op>),
    Started(NetnsRef, ProgramId),
    Stopped(ProgramId),
    /// The operations that made links again.
    Made(Vec<Op>),
}

/// The events, grouped by the words of the script. They are kept from the first `checkpoint` or `undo` of a script on.
#[derive(Default)]
pub(super) struct EventLog {
    /// The model when steps began to be kept.
    base: Option<Model>,
    /// How many steps there were before that.
    before: usize,
    steps: Vec<Vec<Event>>,
    /// The overwritten values that the model does not know. Shell variables hold them.
    former: Vec<ShellVariable>,
}

/// A value that a shell variable holds.
struct ShellVariable {
    netns: NetnsRef,
    what: Value,
    variable: String,
}

#[derive(Clone, PartialEq)]
enum Value {
    Sysctl(SysctlKey),
    Mac(IfName),
}

impl EventLog {
    /// Begins the step of a word.
    pub(super) fn begin(&mut self) {
        match self.base {
            Some(_) => self.steps.push(Vec::new()),
            None => self.before += 1,
        }
    }

    pub(super) fn note(&mut self, event: Event) {
        if let Some(step) = self.steps.last_mut() {
            step.push(event);
        }
    }

    pub(super) fn keep(&mut self, model: &Model) {
        if self.base.is_none() {
            self.base = Some(model.clone());
        }
    }

    pub(super) fn point(&self) -> Point {
        Point(self.before + self.steps.len())
    }
}

fn replay(model: &mut Model, event: &Event) {
    match event {
        Event::Op(op) => drop(model.apply(std::slice::from_ref(&**op))),
        Event::Started(netns, program) => drop(model.program_started(netns, *program)),
        Event::Stopped(program) => model.program_stopped(*program),
        Event::Made(ops) => made_alike(model, ops),
    }
}

impl DryRun {
    /// If steps are kept, and an operation overwrites a value that the model does not know: prints a line that keeps
    /// it.
    pub(super) fn capture_former(&mut self, op: &Op) {
        if self.history.base.is_none() {
            return;
        }
        let netns = &op.netns;
        let (what, line) = match &op.action {
            Action::Sysctl(SysctlOp::Write(key, _)) => {
                if !matches!(self.model.read_sysctl(netns, key), Ok(None)) {
                    return;
                }
                let read = Command::new(netns, ["sysctl", "-n", key.as_str()]).line(self.style);
                (Value::Sysctl(Model::name_of_setting(key)), read)
            }
            Action::Link(LinkOp::Set(name, LinkSet::Mac(_))) => {
                let unknown = |link: &Link| link.mac == Hardware::Unknown;
                if !self.model.link(netns, name).is_ok_and(|link| link.as_ref().is_some_and(unknown)) {
                    return;
                }
                let show = Command::new(netns, ["ip", "-o", "link", "show", "dev", name.as_str()]).line(self.style);
                (Value::Mac(name.clone()), format!("{show} | sed 's,.*link/[^ ]* \\([^ ]*\\).*,\\1,'"))
            }
            Action::Netns(_)
            | Action::Link(_)
            | Action::Addr(_)
            | Action::Route(_)
            | Action::Policy(_)
            | Action::Neigh(_)
            | Action::Fdb(_)
            | Action::Netfilter(_)
            | Action::Sysctl(SysctlOp::WriteIfThere(..)) => return,
        };
        let variable = format!("former{}", self.history.former.len() + 1);
        self.print(&format!("{variable}=$({line})"));
        self.history.former.push(ShellVariable { netns: netns.clone(), what, variable });
    }

    /// Reverts all that was done since a point.
    pub(super) fn back_to(&mut self, Point(point): Point) -> Result<()> {
        let (Some(base), Some(kept)) = (&self.history.base, point.checked_sub(self.history.before)) else {
            return Err(Error::NoUndo { why: "steps before the first checkpoint are not kept".to_owned() });
        };
        let mut wanted = base.clone();
        let undone = self.history.steps.split_off(kept.min(self.history.steps.len()));
        self.history.steps.iter().flatten().for_each(|event| replay(&mut wanted, event));
        let events: Vec<Event> = undone.into_iter().flatten().collect();
        let mut lost = self.take_back(&wanted, &events);
        if point == 0 {
            // At the beginning there were no namespaces of the lab, so none is missing.
            lost.retain(|(_, event)| !matches!(event, Event::Op(op) if matches!(op.action, Action::Netns(_))));
        }
        let (mut what, lost): (Vec<String>, Vec<Event>) = lost.into_iter().unzip();
        // As in a run, each later step back finds it lost again.
        if let Some(step) = self.history.steps.last_mut() {
            step.extend(lost.into_iter().rev());
        }
        let made = self.put_back(&wanted)?;
        made_alike(&mut wanted, &made);
        let (then, now) = (comparable(&wanted), comparable(&self.model));
        if what.is_empty() {
            what = Comparison::with(&then).differences(&then, &now);
        }
        // The model keeps what the commands could not undo: a removed namespace stays removed.
        if !what.is_empty() {
            return Err(Error::NotUndone { what });
        }
        match self.history.steps.last_mut() {
            Some(step) => step.push(Event::Made(made)),
            None => self.history.base = Some(wanted.clone()),
        }
        self.model = wanted;
        Ok(())
    }

    /// Applies and prints an operation unless the model refuses it; returns whether it did.
    fn try_op(&mut self, op: &Op) -> bool {
        let done = self.model.apply(std::slice::from_ref(op)).is_ok();
        if done {
            self.print_op(op);
        }
        done
    }

    fn do_if_possible(&mut self, op: &Op) {
        self.try_op(op);
    }

    /// Reverts additions, renames and moves, the last first. Returns what cannot be made again, with the events that
    /// removed it.
    fn take_back(&mut self, base: &Model, events: &[Event]) -> Vec<(String, Event)> {
        let mut lost = Vec::new();
        let mut models = vec![base.clone()];
        for event in events {
            let mut model = models.last().cloned().unwrap_or_default();
            replay(&mut model, event);
            models.push(model);
        }
        for (event, before) in events.iter().zip(&models).rev() {
            match event {
                Event::Started(_, program) => {
                    if self.stopped.insert(*program) {
                        self.print_command(&netscript_dialect::stop(*program));
                        self.model.program_stopped(*program);
                    }
                }
                Event::Stopped(_) | Event::Made(_) => {}
                Event::Op(op) => match inverse(op, before) {
                    Ok(Some(op)) => self.do_if_possible(&op),
                    Ok(None) => {}
                    Err(what) => lost.push((what, event.clone())),
                },
            }
        }
        lost
    }

    /// Makes what is missing, and sets what differs. Returns the operations that made links again.
    fn put_back(&mut self, wanted: &Model) -> Result<Vec<Op>> {
        let question = || "compare with what was there".to_owned();
        let wanted_state = wanted.state().map_err(|failure| failure.into_error(question))?;
        let mut made = Vec::new();
        for (netns, wanted) in &wanted_state.netns {
            self.make_missing_links(netns, wanted, &mut made);
            self.put_settings_back(netns, wanted);
        }
        for phase in Phase::ALL {
            for (netns, wanted) in &wanted_state.netns {
                let Ok(now) = self.model.contents(netns) else { continue };
                let steps = restore::steps(phase, netns, &now, wanted);
                made.extend(steps.into_iter().filter(|op| self.try_op(op)));
                if phase == Phase::Links {
                    self.put_macs_back(netns, &now, wanted);
                }
            }
        }
        for (netns, wanted) in &wanted_state.netns {
            self.put_rules_back(netns, wanted);
        }
        Ok(made)
    }

    fn make_missing_links(&mut self, netns: &NetnsRef, wanted: &Netns, made: &mut Vec<Op>) {
        for link in &wanted.links {
            if self.model.link(netns, &link.name).is_ok_and(|found| found.is_some()) {
                continue;
            }
            let Some(mut kind) = link.kind.made_as() else { continue };
            if let LinkSpec::Veth(veth) = &mut kind {
                veth.netns = veth.netns.take().filter(|far| far != netns);
            }
            let add = Op::new(netns.clone(), LinkOp::Add(link.name.clone(), kind));
            if self.try_op(&add) {
                made.push(add);
            }
        }
    }

    fn put_settings_back(&mut self, netns: &NetnsRef, wanted: &Netns) {
        let Ok(now) = self.model.contents(netns) else { return };
        for (key, value) in &now.sysctls {
            let write = |value: &str| Op::new(netns.clone(), SysctlOp::Write(key.clone(), value.to_owned()));
            match wanted.sysctls.get(key) {
                Some(before) if before == value => {}
                Some(before) => self.do_if_possible(&write(before)),
                None => {
                    let Some(variable) = self.former(netns, &Value::Sysctl(key.clone())) else { continue };
                    let line = Command::new(netns, ["sysctl", "-w"]).line(self.style);
                    self.print(&format!("{line} \"{key}=${variable}\""));
                    // The model then has the state of a setting that was not written.
                    let _ = self.model.apply(&[write("0")]);
                }
            }
        }
    }

    fn put_macs_back(&mut self, netns: &NetnsRef, now: &Netns, wanted: &Netns) {
        for link in wanted.links.iter().filter(|link| link.mac == Hardware::Unknown) {
            let is_set = |now: &&Link| now.name == link.name && now.mac != Hardware::Unknown;
            if now.links.iter().any(|now| is_set(&now) && !matches!(now.kind, LinkType::Loopback))
                && let Some(variable) = self.former(netns, &Value::Mac(link.name.clone()))
            {
                let set = Command::new(netns, ["ip", "link", "set", "dev", link.name.as_str(), "address"]);
                let line = set.line(self.style);
                self.print(&format!("{line} \"${variable}\""));
            }
        }
    }

    /// The shell variable that holds a value from before.
    fn former(&self, netns: &NetnsRef, what: &Value) -> Option<String> {
        let found = self.history.former.iter().rev().find(|former| former.netns == *netns && former.what == *what);
        found.map(|former| former.variable.clone())
    }

    fn put_rules_back(&mut self, netns: &NetnsRef, wanted: &Netns) {
        let Ok(now) = self.model.contents(netns) else { return };
        let tables: Vec<TableRef> = now.ruleset.tables.keys().chain(wanted.ruleset.tables.keys()).copied().collect();
        let op = |op: NetfilterOp| Op::new(netns.clone(), op);
        let mut done: Vec<TableRef> = Vec::new();
        for table in tables {
            if done.contains(&table) {
                continue;
            }
            done.push(table);
            let (have, want) = (now.ruleset.chains(table), wanted.ruleset.chains(table));
            let is_in = |chains: &[Chain], chain: &Chain| chains.iter().any(|other| other.name == chain.name);
            for chain in want.iter().filter(|chain| chain.policy.is_none() && !is_in(have, chain)) {
                self.do_if_possible(&op(NetfilterOp::NewChain(table.chain(chain.name.clone()))));
            }
            for chain in have {
                let then = want.iter().find(|other| other.name == chain.name);
                self.chain_back(netns, table, chain, then);
            }
            for chain in want.iter().filter(|chain| !is_in(have, chain)) {
                chain
                    .rules
                    .iter()
                    .for_each(|record| self.do_if_possible(&op(NetfilterOp::Append(record.rule.clone()))));
            }
            for chain in have.iter().filter(|chain| !is_in(want, chain)) {
                match chain.policy {
                    None => self.do_if_possible(&op(NetfilterOp::DelChain(table.chain(chain.name.clone())))),
                    // iptables does not remove built-in chains and their tables; nft does.
                    Some(_) => self.print_nft(netns, &format!("delete chain {} {}", nft_table(table), chain.name)),
                }
            }
            if !wanted.ruleset.tables.contains_key(&table) {
                self.print_nft(netns, &format!("delete table {}", nft_table(table)));
            }
        }
    }

    /// Restores a chain; one that did not exist is emptied.
    fn chain_back(&mut self, netns: &NetnsRef, table: TableRef, now: &Chain, then: Option<&Chain>) {
        let op = |op: NetfilterOp| Op::new(netns.clone(), op);
        let reference = table.chain(now.name.clone());
        let rules = |chain: Option<&Chain>| -> Vec<_> {
            chain.into_iter().flat_map(|chain| &chain.rules).map(|record| record.rule.clone()).collect()
        };
        let (have, want) = (rules(Some(now)), rules(then));
        if have != want {
            let added = have.strip_prefix(&want[..]);
            match added {
                Some(added) if added.iter().all(|rule| have.iter().filter(|other| *other == rule).count() == 1) => {
                    for rule in added.iter().rev() {
                        self.do_if_possible(&op(NetfilterOp::Delete(rule.clone(), None)));
                    }
                }
                Some(_) | None => {
                    self.do_if_possible(&op(NetfilterOp::Flush(reference.clone())));
                    want.into_iter().for_each(|rule| self.do_if_possible(&op(NetfilterOp::Append(rule))));
                }
            }
        }
        if let Some(policy) = then.and_then(|then| then.policy).filter(|policy| now.policy != Some(*policy)) {
            self.do_if_possible(&op(NetfilterOp::Policy(reference, policy)));
        }
    }

    fn print_nft(&mut self, netns: &NetnsRef, words: &str) {
        self.print_command(&Command::new(netns, ["nft"].into_iter().chain(words.split(' '))));
    }
}

/// When a bridge is made again, setting its priority and address makes it evaluate its ports. Without a forwarding port
/// it then has no carrier, even if it had one before. Such bridges are made again in `wanted` as well.
/// A run restores the link-local address of such a bridge. No command is printed for that, and the address is unknown.
fn made_alike(wanted: &mut Model, made: &[Op]) {
    let before = wanted.clone();
    let mut again = Vec::new();
    for op in made {
        let Action::Link(LinkOp::Add(name, LinkSpec::Bridge(_))) = &op.action else { continue };
        let links = before.links(&op.netns).unwrap_or_default();
        let with_carrier = links.iter().find(|link| link.name == *name && link.carrier).cloned();
        if let Some(link) = with_carrier
            && !links.iter().any(|link| link.master.as_ref() == Some(name))
            && wanted.apply(&[Op::new(op.netns.clone(), LinkOp::Del(name.clone()))]).is_ok()
        {
            again.push((op.netns.clone(), link));
        }
    }
    if !again.is_empty() {
        // The model refuses what exists already.
        made.iter().for_each(|op| drop(wanted.apply(std::slice::from_ref(op))));
    }
    let is_link_local = |addr: &Addr| matches!(addr.local.addr(), IpAddr::V6(addr) if addr.is_unicast_link_local());
    let had_address = |link: &Link| link.unknown_addr || link.addrs.iter().any(is_link_local);
    for (netns, link) in again.iter().filter(|(_, link)| had_address(link)) {
        wanted.keep_link_local(netns, &link.name);
    }
}

fn nft_table(table: TableRef) -> String {
    let family = match table.family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    };
    format!("{family} {}", table.table.word())
}

/// A state without the parts that are restored by commands for which the model has no operation: built-in chains and
/// tables, and values in shell variables.
fn comparable(model: &Model) -> NetState {
    let mut state = model.state().unwrap_or_default();
    for contents in state.netns.values_mut() {
        contents.sysctls.clear();
        for chains in contents.ruleset.tables.values_mut() {
            chains.retain(|chain| chain.policy.is_none() || !chain.rules.is_empty());
        }
        contents.ruleset.tables.retain(|_, chains| !chains.is_empty());
    }
    state
}

/// The inverse of an operation that made, named or moved something, given the model before it; `Err`: what cannot be
/// made again.
fn inverse(op: &Op, before: &Model) -> std::result::Result<Option<Op>, String> {
    let back = |netns: &NetnsRef, action: LinkOp| Ok(Some(Op::new(netns.clone(), action)));
    match &op.action {
        Action::Netns(NetnsOp::Add(name)) => Ok(Some(Op::host(NetnsOp::Del(name.clone())))),
        Action::Netns(NetnsOp::Hold(number)) => Ok(Some(Op::host(NetnsOp::Release(*number)))),
        Action::Netns(NetnsOp::Attach(name, _)) => Ok(Some(Op::host(NetnsOp::Detach(name.clone())))),
        Action::Netns(NetnsOp::Detach(name)) => match before.process_in(name) {
            Some(pid) => Ok(Some(Op::host(NetnsOp::Attach(name.clone(), pid)))),
            None => Err(format!("the namespace `{name}`")),
        },
        Action::Netns(NetnsOp::Del(name)) => Err(format!("the namespace `{name}`")),
        Action::Netns(NetnsOp::Release(number)) => Err(format!("the namespace `{}`", NetnsRef::Held(*number))),
        Action::Netns(NetnsOp::Resolver(name, _)) => {
            let servers = before.name_servers(&NetnsRef::Named(name.clone()));
            Ok(Some(Op::host(NetnsOp::Resolver(name.clone(), servers))))
        }
        Action::Link(LinkOp::Add(name, _)) => back(&op.netns, LinkOp::Del(name.clone())),
        Action::Link(LinkOp::Set(name, LinkSet::Netns(to))) => {
            back(to, LinkOp::Set(name.clone(), LinkSet::Netns(op.netns.clone())))
        }
        Action::Link(LinkOp::Set(name, LinkSet::Name(to))) => {
            back(&op.netns, LinkOp::Set(to.clone(), LinkSet::Name(name.clone())))
        }
        Action::Link(LinkOp::Set(..) | LinkOp::Del(_))
        | Action::Addr(_)
        | Action::Route(_)
        | Action::Policy(_)
        | Action::Neigh(_)
        | Action::Fdb(_)
        | Action::Netfilter(_)
        | Action::Sysctl(SysctlOp::Write(..)) => Ok(None),
        Action::Sysctl(SysctlOp::WriteIfThere(key, _)) => {
            Err(format!("the setting {key} of {}: a dry run does not know whether it exists", op.netns))
        }
    }
}
