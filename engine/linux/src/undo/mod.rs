//! Undoes the entries of a journal. Each step works on exactly the object that it identifies. If the object is gone,
//! that is no error, and a step that was already undone counts as done.

mod by_names;
mod commands;
mod foreign;
mod link;
mod netfilter;
mod netns;
mod process;
mod shared;
mod sysctl;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Instant;

pub(crate) use commands::down_commands;
pub(crate) use foreign::foreign;
pub(crate) use netfilter::learn_handles;

use crate::journal::{Entry, LEFT_BY_OTHERS, NamedOp, Undo};
use crate::lab::lock_all;
use crate::site::Site;
use crate::{Outcome, Rejection, crash_point, resolver};
use netscript_net::error::Error;

/// The entries that are still to be undone.
struct Undoing {
    /// In order: the last one is undone first.
    entries: BTreeMap<Turn, Entry>,
    /// Links and namespaces to remove together: one by one, the kernel would wait for every processor each time.
    batch: Vec<Entry>,
    /// Rules to remove together: their chain is listed once.
    rules: Vec<Entry>,
    /// Entries that could not be undone, with the reasons.
    failed: Vec<(Entry, Vec<String>)>,
    options: UndoOptions,
}

/// Options of undoing.
#[derive(Clone, Copy)]
struct UndoOptions {
    /// Only a part of the lab is undone.
    partial: bool,
    /// Everything else has been undone, so an obstacle will not go away.
    last_try: bool,
}

/// The time of the operation; and the order of the parts that another lab left.
type Turn = (u64, Reverse<(u8, u64)>);

fn turn(entry: &Entry) -> Turn {
    (entry.at, Reverse((entry.undo.first().map_or(0, shared::rank), entry.n)))
}

impl Undoing {
    fn new(entries: Vec<Entry>, partial: bool) -> Undoing {
        let mut undoing = Undoing {
            entries: BTreeMap::new(),
            batch: Vec::new(),
            rules: Vec::new(),
            failed: Vec::new(),
            options: UndoOptions { partial, last_try: false },
        };
        undoing.add(entries);
        undoing
    }

    /// Tries failed routes again. A route may depend on one that was removed before it and has only now been restored;
    /// after further steps, its link may be down.
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

/// Undoes all entries from a number on, the last first, and returns the problems. Goes on after an error.
pub(crate) fn from(site: &mut Site, first: u64) -> Vec<String> {
    let partial = first > 0;
    // Entries left by other labs are older than this lab's own operations.
    let wanted = |n: u64| if partial { (first..LEFT_BY_OTHERS).contains(&n) } else { true };
    let entries = site.store.journal.entries.iter().filter(|entry| wanted(entry.n)).cloned().collect();
    undo_entries(site, entries, partial)
}

/// Undoes entries, the last first, and returns the problems.
pub(crate) fn entries(site: &mut Site, entries: Vec<Entry>) -> Vec<String> {
    undo_entries(site, entries, false)
}

fn undo_entries(site: &mut Site, entries: Vec<Entry>, partial: bool) -> Vec<String> {
    let asked = Instant::now();
    process::ask_to_end(site, &entries, partial);
    let oldest = entries.iter().map(|entry| entry.at).min().unwrap_or(0);
    let mut undoing = Undoing::new(entries, partial);
    undo_in_order(site, &mut undoing, oldest);
    // Other entries may have been obstacles: a route needs the rule that was removed before it.
    let mut problems = if partial { Vec::new() } else { process::end_rest(site, asked) };
    let failed: Vec<Entry> = std::mem::take(&mut undoing.failed).into_iter().map(|(entry, _)| entry).collect();
    undoing.add(failed);
    undoing.options.last_try = true;
    undo_in_order(site, &mut undoing, oldest);
    problems.extend(undoing.failed.into_iter().flat_map(|(_, problems)| problems));
    problems
}

fn undo_in_order(site: &mut Site, undoing: &mut Undoing, oldest: u64) {
    loop {
        let Some((_, entry)) = undoing.entries.pop_last() else {
            undo_gathered(site, undoing, oldest);
            if undoing.entries.is_empty() {
                return;
            }
            continue;
        };
        if entry.undo.iter().all(|undo| matches!(undo, Undo::Link { .. } | Undo::Netns { .. })) {
            undoing.batch.push(entry);
        } else if matches!(entry.undo[..], [Undo::Rule { .. }]) {
            undoing.rules.push(entry);
        } else if undoing.batch.is_empty() && undoing.rules.is_empty() {
            undo_in_turn(site, vec![entry], oldest, undoing);
        } else {
            undoing.add(vec![entry]);
            undo_gathered(site, undoing, oldest);
        }
    }
}

fn undo_gathered(site: &mut Site, undoing: &mut Undoing, oldest: u64) {
    undo_together(site, undoing);
    let rules = std::mem::take(&mut undoing.rules);
    if !rules.is_empty() {
        undo_in_turn(site, rules, oldest, undoing);
    }
}

/// Undoes entries and notes that they are undone. Other labs see shared objects and their entries either before or
/// after that: if an entry were left to another lab while it is still in this journal, that lab could leave it back.
/// Entries that others have left here meanwhile may be newer, and are undone first.
fn undo_in_turn(site: &mut Site, entries: Vec<Entry>, oldest: u64, undoing: &mut Undoing) {
    if site.store.folder.is_none() || !entries.iter().flat_map(|entry| &entry.undo).any(|undo| undo.shared().is_some())
    {
        return undo_alike(site, entries, undoing);
    }
    match lock_all().and_then(|all| Ok((all, site.store.journal.take_up()?))) {
        Ok((_all, left)) if left.is_empty() => undo_alike(site, entries, undoing),
        Ok((_all, left)) => {
            let partial = undoing.options.partial;
            undoing.add(left.into_iter().filter(|left| !partial || left.at > oldest).collect());
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

/// Undoes one entry, or several entries about rules.
fn undo_alike(site: &mut Site, entries: Vec<Entry>, undoing: &mut Undoing) {
    let left = if entries.len() > 1 { netfilter::delete_together(site, entries) } else { entries };
    undo_and_close(site, left, undoing);
}

/// Undoes entries one by one, and then notes which are undone: a step may be undone twice.
fn undo_and_close(site: &mut Site, entries: Vec<Entry>, undoing: &mut Undoing) {
    let mut undone = Vec::with_capacity(entries.len());
    for entry in entries {
        let (mut left, mut problems) = undo_entry(site, &entry, undoing.options);
        let mut before = entry.undo.len();
        // Routes that one operation removed may depend on each other.
        while !left.is_empty() && left.len() < before {
            before = left.len();
            (left, problems) = undo_entry(site, &Entry { undo: left, ..entry.clone() }, undoing.options);
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
    site.store.journal.all_undone(&undone);
    crash_point::here();
}

fn undo_together(site: &mut Site, undoing: &mut Undoing) {
    let entries = std::mem::take(&mut undoing.batch);
    if entries.len() > 1 {
        // Links that remain are removed, and reported, one by one.
        link::remove_together(site, &entries);
        crash_point::here();
    }
    undo_and_close(site, entries, undoing);
}

/// Undoes the steps of an entry, and returns those that failed, with the reasons.
fn undo_entry(site: &mut Site, entry: &Entry, options: UndoOptions) -> (Vec<Undo>, Vec<String>) {
    let (mut left, mut problems) = (Vec::new(), Vec::new());
    for undo in &entry.undo {
        crash_point::here();
        if let Err(rejection) = take_step(site, entry, undo, options) {
            let why = rejection.into_error(|| "undo it".to_owned()).describe();
            let notes: String = why.notes.iter().map(|note| format!("; {note}")).collect();
            problems.push(format!("{}: {} ({}{notes})", entry.op, why.message, why.label));
            left.push(undo.clone());
        }
    }
    (left, problems)
}

/// Undoes one step.
fn take_step(site: &mut Site, entry: &Entry, undo: &Undo, options: UndoOptions) -> Outcome {
    if shared::is_left(site, entry, undo)? {
        return Ok(());
    }
    match undo {
        Undo::Lost { what } if options.partial => {
            let why = format!("{what} cannot be restored with its contents");
            Err(Rejection::from_error(Error::NoUndo { why }))
        }
        Undo::Lost { .. } => Ok(()),
        Undo::Netns { name, key, attached: _ } => netns::take_name(site, name, *key),
        Undo::Bind { name, place } => netns::give_name(site, name, place),
        Undo::Resolver { name, before, had_folder } => resolver::set_back(name, before, *had_folder),
        Undo::Process { process, what: _ } => process::end(site, *process),
        Undo::Link { place, index, name: _ } => link::remove(site, place, *index),
        Undo::Make { place, index, name, kind, peer } => {
            let near = link::RemadeLink { place: place.clone(), index: *index, name: name.clone() };
            link::make_again(site, near, kind, peer.as_ref(), options.last_try)
        }
        Undo::Move { from, index, to, former, name } => link::move_back(site, from, *index, to, *former, name),
        Undo::Do { place, links, op, message } => {
            by_names::undo(site, place, links, op, message.as_ref(), options.last_try)
        }
        Undo::Sysctl { place, wrote, before } => sysctl::write_back_all(site, place, wrote, before),
        Undo::Policy { place, chain, before, wrote } => netfilter::undo_policy(site, place, chain, *before, *wrote),
        Undo::Chain { place, chain } => netfilter::undo_chain(site, place, chain),
        Undo::Table { place, table } => netfilter::undo_table(site, place, *table),
        Undo::Rule { place, chain, text, before } => netfilter::undo_rule(site, entry.n, place, chain, text, before),
        Undo::Rules { place, chain, rules } => netfilter::put_rules_back(site, place, chain, rules, options.last_try),
        Undo::NewChain { place, chain } => netfilter::make_chain_again(site, place, chain),
    }
}

fn is_about_routes(entry: &Entry) -> bool {
    entry.undo.iter().any(|undo| matches!(undo, Undo::Do { op: NamedOp::Route(_), .. }))
}

/// The error for steps that could not be undone.
pub(crate) fn not_undone(problems: Vec<String>) -> Result<(), Error> {
    if problems.is_empty() { Ok(()) } else { Err(Error::NotUndone { what: problems }) }
}
