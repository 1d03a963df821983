//! Taking steps back: what a journal says is done, each step on the very object that it names.
//! What is gone already is no error, and a step that was taken already is taken for done.

mod commands;
mod link;
mod netfilter;
mod netns;
mod process;
mod shared;
mod strangers;
mod sysctl;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Instant;

use crate::journal::{Deed, Entry, LEFT_BY_OTHERS, Place, Undo};
use crate::lab::lock_all;
use crate::{Kernel, Outcome, kill, resolver, route};
use netscript_net::error::{Errno, Error};
use netscript_net::op::{AddrOp, Family, FdbOp, IfName, LinkOp, LinkSet, NeighOp, NetnsRef, Op, PolicyOp, RouteOp};

/// What is still to be undone.
struct Undoing {
    /// What comes first stands last.
    entries: BTreeMap<Turn, Entry>,
    /// Links and namespaces that go together: one by one each would cost the kernel's slowest wait.
    together: Vec<Entry>,
    /// Rules that go together: a chain is listed once for all of them.
    rules: Vec<Entry>,
    /// What could not be undone, and why.
    failed: Vec<(Entry, Vec<String>)>,
}

/// When it was done; and of what another lab left in parts, the order of these.
type Turn = (u64, Reverse<(u8, u64)>);

fn turn(entry: &Entry) -> Turn {
    (entry.at, Reverse((entry.undo.first().map_or(0, shared::rank), entry.n)))
}

impl Undoing {
    fn new(entries: Vec<Entry>) -> Undoing {
        let mut undoing =
            Undoing { entries: BTreeMap::new(), together: Vec::new(), rules: Vec::new(), failed: Vec::new() };
        undoing.add(entries);
        undoing
    }

    /// A route may need another that was removed before it, and that is there only now; once more has
    /// been undone, its link may be down.
    fn try_routes_again(&mut self) {
        let (routes, others) =
            std::mem::take(&mut self.failed).into_iter().partition(|(entry, _)| is_about_routes(entry));
        self.failed = others;
        let routes: Vec<(Entry, Vec<String>)> = routes;
        self.add(routes.into_iter().map(|(entry, _)| entry).collect());
    }

    fn add(&mut self, entries: Vec<Entry>) {
        self.entries.extend(entries.into_iter().map(|entry| (turn(&entry), entry)));
    }
}

impl Kernel {
    /// Undoes every entry from a number on, the last first, and tells what could not be undone.
    /// It goes on after an error.
    pub(crate) fn undo_from(&mut self, first: u64) -> Vec<String> {
        self.partial = first > 0;
        // What other labs left is older than what this one does now.
        let wanted = |n: u64| if first > 0 { (first..LEFT_BY_OTHERS).contains(&n) } else { true };
        let entries = self.book.entries.iter().filter(|entry| wanted(entry.n)).cloned().collect();
        self.undo_entries(entries)
    }

    /// Undoes entries, the last first, and tells what could not be undone.
    pub(crate) fn undo_entries(&mut self, entries: Vec<Entry>) -> Vec<String> {
        let asked = Instant::now();
        self.ask_processes_to_end(&entries);
        let oldest = entries.iter().map(|entry| entry.at).min().unwrap_or(0);
        let mut undoing = Undoing::new(entries);
        self.undo_in_order(&mut undoing, oldest);
        // The rest may have been in the way: a route needs the rule that was removed before it.
        let mut problems = if self.partial { Vec::new() } else { self.end_rest(asked) };
        let failed: Vec<Entry> = std::mem::take(&mut undoing.failed).into_iter().map(|(entry, _)| entry).collect();
        undoing.add(failed);
        self.last_try = true;
        self.undo_in_order(&mut undoing, oldest);
        self.last_try = false;
        problems.extend(undoing.failed.into_iter().flat_map(|(_, problems)| problems));
        problems
    }

    fn undo_in_order(&mut self, undoing: &mut Undoing, oldest: u64) {
        loop {
            let Some((_, entry)) = undoing.entries.pop_last() else {
                self.undo_gathered(undoing, oldest);
                if undoing.entries.is_empty() {
                    return;
                }
                continue;
            };
            if entry.undo.iter().all(|undo| matches!(undo, Undo::Link { .. } | Undo::Netns { .. })) {
                undoing.together.push(entry);
            } else if matches!(entry.undo[..], [Undo::Rule { .. }]) {
                undoing.rules.push(entry);
            } else if undoing.together.is_empty() && undoing.rules.is_empty() {
                self.undo_in_turn(vec![entry], oldest, undoing);
            } else {
                undoing.add(vec![entry]);
                self.undo_gathered(undoing, oldest);
            }
        }
    }

    fn undo_gathered(&mut self, undoing: &mut Undoing, oldest: u64) {
        self.undo_together(undoing);
        let rules = std::mem::take(&mut undoing.rules);
        if !rules.is_empty() {
            self.undo_in_turn(rules, oldest, undoing);
        }
    }

    /// Undoes entries and notes that. What labs share each of them sees either as it was before or as
    /// it is afterwards: were an entry left to another lab while it still stands here, that one could
    /// leave it back. What others have left here meanwhile may be younger, and then comes first.
    fn undo_in_turn(&mut self, entries: Vec<Entry>, oldest: u64, undoing: &mut Undoing) {
        if self.folder.is_none() || !entries.iter().flat_map(|entry| &entry.undo).any(shared::is_shared) {
            return self.undo_alike(entries, undoing);
        }
        match lock_all().and_then(|all| Ok((all, self.book.take_up()?))) {
            Ok((_all, left)) if left.is_empty() => self.undo_alike(entries, undoing),
            Ok((_all, left)) => {
                undoing.add(left.into_iter().filter(|left| !self.partial || left.at > oldest).collect());
                undoing.add(entries);
            }
            Err(error) => {
                let told = |entry: Entry| {
                    let problem = format!("{}: {}", entry.op, error.describe().message);
                    (entry, vec![problem])
                };
                undoing.failed.extend(entries.into_iter().map(told));
            }
        }
    }

    /// Undoes one entry, or several that are each about a rule.
    fn undo_alike(&mut self, entries: Vec<Entry>, undoing: &mut Undoing) {
        let left = if entries.len() > 1 { self.delete_rules_together(entries) } else { entries };
        self.undo_and_close(left, undoing);
    }

    /// Undoes entries one by one, and then notes which have been undone: a step may be taken twice.
    fn undo_and_close(&mut self, entries: Vec<Entry>, undoing: &mut Undoing) {
        let mut undone = Vec::with_capacity(entries.len());
        for entry in entries {
            let (mut left, mut problems) = self.undo_entry(&entry);
            let mut before = entry.undo.len();
            // Routes that one operation removed may need each other.
            while !left.is_empty() && left.len() < before {
                before = left.len();
                (left, problems) = self.undo_entry(&Entry { undo: left, ..entry.clone() });
            }
            if !left.is_empty() {
                undoing.failed.push((Entry { undo: left, ..entry }, problems));
                continue;
            }
            undone.push(entry.n);
            if is_about_routes(&entry) {
                undoing.try_routes_again();
            }
        }
        self.book.all_undone(&undone);
        kill::point();
    }

    fn undo_together(&mut self, undoing: &mut Undoing) {
        let entries = std::mem::take(&mut undoing.together);
        if entries.len() > 1 {
            // What fails is tried again, and told of, one by one.
            self.delete_links_together(&entries);
            kill::point();
        }
        self.undo_and_close(entries, undoing);
    }

    /// Takes the steps of an entry, and tells which it could not take, and why.
    fn undo_entry(&mut self, entry: &Entry) -> (Vec<Undo>, Vec<String>) {
        let (mut left, mut problems) = (Vec::new(), Vec::new());
        for undo in &entry.undo {
            kill::point();
            if let Err(failure) = self.undo(entry, undo) {
                let why = failure.into_error(|| "undo it".to_owned()).describe();
                let notes: String = why.notes.iter().map(|note| format!("; {note}")).collect();
                problems.push(format!("{}: {} ({}{notes})", entry.op, why.message, why.label));
                left.push(undo.clone());
            }
        }
        (left, problems)
    }

    /// Takes one step.
    fn undo(&mut self, entry: &Entry, undo: &Undo) -> Outcome {
        if self.is_left(entry, undo)? {
            return Ok(());
        }
        match undo {
            Undo::Lost { what } if self.partial => {
                let why = format!("{what} cannot be made again with what was in it");
                Err(crate::Failure::from_error(Error::NoUndo { why }))
            }
            Undo::Lost { .. } => Ok(()),
            Undo::Netns { name, key, attached: _ } => self.undo_name(name, *key),
            Undo::Bind { name, place } => self.undo_detach(name, place),
            Undo::Resolver { name, before, had_folder } => resolver::set_back(name, before, *had_folder),
            Undo::Process { process, what: _ } => self.undo_process(*process),
            Undo::Link { place, index, name: _ } => self.undo_link(place, *index),
            Undo::Make { place, index, name, kind, peer } => self.make_again(place, *index, name, kind, peer.as_ref()),
            Undo::Move { from, index, to, former, name } => self.move_back(from, *index, to, *former, name),
            Undo::Do { place, links, deed } => self.undo_by_names(place, links, deed),
            Undo::Sysctl { place, wrote, before } => self.undo_sysctl(place, wrote, before),
            Undo::Policy { place, chain, before, wrote } => self.undo_policy(place, chain, *before, *wrote),
            Undo::Chain { place, chain } => self.undo_chain(place, chain),
            Undo::Table { place, table } => self.undo_table(place, *table),
            Undo::Rule { place, chain, text, before } => self.undo_rule(entry.n, place, chain, text, before),
            Undo::Rules { place, chain, rules } => self.put_rules_back(place, chain, rules),
            Undo::NewChain { place, chain } => self.make_chain_again(place, chain),
        }
    }

    /// What a namespace of a journal is known as now; `None`: it is gone.
    fn find(&mut self, place: &Place) -> Outcome<Option<NetnsRef>> {
        if place.netns == NetnsRef::Host || self.namespaces.is_open_as(&place.netns, place.key) {
            return Ok(Some(place.netns.clone()));
        }
        let mut likely = self.namespaces.opened_as(place.key);
        likely.extend(place.netns.name().map(|_| place.netns.clone()));
        if let Some(found) = self.find_among(place, likely) {
            return Ok(Some(found));
        }
        let mut others: Vec<NetnsRef> = crate::netns::names()?.into_iter().map(NetnsRef::Named).collect();
        others.retain(|name| *name != place.netns);
        let holder = place.process.filter(|process| crate::proc::is_alive(*process));
        others.extend(holder.map(|process| NetnsRef::OfPid(process.pid)));
        Ok(self.find_among(place, others))
    }

    fn find_among(&mut self, place: &Place, candidates: Vec<NetnsRef>) -> Option<NetnsRef> {
        for candidate in candidates {
            match self.namespaces.key(&candidate) {
                Ok(key) if key.is_same(place.key) => return Some(candidate),
                // An open file would keep it alive.
                Ok(_) | Err(_) => self.namespaces.close(&candidate),
            }
        }
        None
    }

    /// Does an operation by names, if each name still means the same link.
    fn undo_by_names(&mut self, place: &Place, links: &[(IfName, u32)], deed: &Deed) -> Outcome {
        let Some(netns) = self.find(place)? else { return self.undo_at_home(place, links, deed) };
        for (name, index) in links {
            match crate::link::index(&mut self.namespaces, &netns, name) {
                Ok(found) if found == *index => {}
                Ok(_) => return Ok(()),
                Err(failure) if failure.absent.is_some() => return Ok(()),
                Err(failure) => return Err(failure),
            }
        }
        if let Deed::Route(RouteOp::Del(route)) = deed
            && !self.has_route(&netns, route)?
        {
            return Ok(());
        }
        let done = match deed {
            Deed::Route(RouteOp::Add(route)) => route::put_back(&mut self.namespaces, &netns, route),
            Deed::Link(_) | Deed::Addr(_) | Deed::Route(_) | Deed::Policy(_) | Deed::Neigh(_) | Deed::Fdb(_) => {
                self.carry_out(&Op::new(netns, deed.action()))
            }
        };
        match done {
            Err(failure) if is_done(deed, failure.refusal.errno) => Ok(()),
            Err(failure) if self.last_try && is_out_of_place(deed, failure.refusal.errno) => Ok(()),
            result => result,
        }
    }

    /// The same in a namespace that is gone: to a link that has been made again where it came from.
    fn undo_at_home(&mut self, place: &Place, links: &[(IfName, u32)], deed: &Deed) -> Outcome {
        let [(name, index)] = links else { return Ok(()) };
        let end = link::End { place: place.clone(), index: *index, name: name.clone() };
        match self.home(end)? {
            Some((_, end)) if end.name == *name => self.undo_by_names(&end.place, &[(end.name, end.index)], deed),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the very route that was added is there, and not another to the same network.
    fn has_route(&mut self, netns: &NetnsRef, route: &netscript_net::op::Route) -> Outcome<bool> {
        let there = self.routes_to(netns, route.dst, route.table)?;
        Ok(there.iter().any(|there| {
            let hop_is_there = |hop: &netscript_net::op::Nexthop| {
                let same = |other: &netscript_net::op::Nexthop| {
                    (hop.via.is_none() || hop.via == other.via) && (hop.dev.is_none() || hop.dev == other.dev)
                };
                there.nexthops.iter().any(same)
            };
            route::has_same_key(there, route)
                && (route.proto.is_none() || there.proto == route.proto)
                && route.nexthops.iter().all(hop_is_there)
        }))
    }
}

fn is_about_routes(entry: &Entry) -> bool {
    entry.undo.iter().any(|undo| matches!(undo, Undo::Do { deed: Deed::Route(_), .. }))
}

/// Whether a refusal means that there is nothing to do any more.
fn is_done(deed: &Deed, errno: Errno) -> bool {
    let makes = match deed {
        Deed::Link(LinkOp::Add(..)) => true,
        Deed::Link(LinkOp::Set(..) | LinkOp::Del(_)) => false,
        Deed::Addr(op) => matches!(op, AddrOp::Add(..)),
        Deed::Route(op) => matches!(op, RouteOp::Add(_)),
        Deed::Policy(op) => matches!(op, PolicyOp::Add(_)),
        Deed::Neigh(op) => matches!(op, NeighOp::Add(_) | NeighOp::Replace(_)),
        Deed::Fdb(op) => matches!(op, FdbOp::Add(_) | FdbOp::Append(_) | FdbOp::Replace(_)),
    };
    match makes {
        true => errno == Errno::EEXIST,
        false => matches!(errno, Errno::ENOENT | Errno::ESRCH | Errno::EADDRNOTAVAIL | Errno::ENODEV),
    }
}

/// Whether a refusal to put something back means that what carried it is gone, and it would have gone
/// with that: a route with the address that leads to its gateway, a neighbour with its link's being up, an
/// IPv6 address with IPv6 on its link, the setting of a bridge's port with the bridge. To be asked only
/// when everything else has been undone, which may bring that back.
fn is_out_of_place(deed: &Deed, errno: Errno) -> bool {
    match deed {
        Deed::Route(RouteOp::Add(route) | RouteOp::Replace(route)) => match errno {
            Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::ENETDOWN | Errno::ENODEV => true,
            // The address that it sends from, or IPv6 on the link.
            Errno::EINVAL => route.src.is_some() || route.nexthops.iter().any(|hop| hop.via.is_some()),
            Errno::EACCES => route.family() == Family::V6,
            _ => false,
        },
        Deed::Addr(AddrOp::Add(_, spec)) => errno == Errno::EACCES && spec.local.addr().is_ipv6(),
        Deed::Neigh(NeighOp::Add(_) | NeighOp::Replace(_)) => matches!(errno, Errno::ENETDOWN | Errno::EINVAL),
        Deed::Fdb(FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Replace(entry)) => {
            entry.master && matches!(errno, Errno::EINVAL | Errno::EOPNOTSUPP)
        }
        Deed::Link(LinkOp::Set(_, LinkSet::Hairpin(_))) => matches!(errno, Errno::EINVAL | Errno::EOPNOTSUPP),
        Deed::Link(_)
        | Deed::Route(RouteOp::Del(_) | RouteOp::Flush(..))
        | Deed::Addr(AddrOp::Del(..))
        | Deed::Neigh(NeighOp::Del(..))
        | Deed::Fdb(FdbOp::Del(_))
        | Deed::Policy(_) => false,
    }
}

/// What is told when something could not be undone.
pub(crate) fn not_undone(problems: Vec<String>) -> Result<(), Error> {
    if problems.is_empty() { Ok(()) } else { Err(Error::NotUndone { what: problems }) }
}
