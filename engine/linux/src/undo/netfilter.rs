//! Removes chains and rules by their handles, and restores removed ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::carry_out::carry_out;
use crate::journal::{Entry, Place, RemovedRule, TableHandle, Undo, unhex};
use crate::lab::lock_all;
use crate::netfilter::{self, RawRule, Returning};
use crate::site::Site;
use crate::{Outcome, Rejection, crash_point};
use netscript_net::error::Errno;
use netscript_net::op::netfilter::{ChainRef, NetfilterOp, Policy, TableRef};
use netscript_net::op::{NetnsRef, Op};

/// Removes a rule that the lab added: the rule with its handle, if that is known, or the first equal rule that did not
/// exist before. The caller holds the lock of all labs.
pub(super) fn undo_rule(
    site: &mut Site,
    entry: u64,
    place: &Place,
    chain: &ChainRef,
    text: &str,
    before: &[u64],
) -> Outcome {
    let Some(netns) = site.network.namespaces.find(place)? else { return Ok(()) };
    let handle = site.store.journal.handles.get(&entry).copied();
    let rules = netfilter::raw_rules(&mut site.network.namespaces, &netns, chain)?;
    let anew = is_made_anew(site, place, &netns, chain.table)?;
    let is_there =
        !anew && handle.is_some_and(|handle| rules.iter().any(|rule| rule.handle == handle && rule.text == text));
    let claimed = if is_there { Vec::new() } else { claimed(site, place, &netns, chain.table)? };
    let mut there = Unclaimed::new(&rules, claimed.into_iter().collect());
    match there.take(text, handle, before, anew) {
        Some(handle) => gone_is_fine(netfilter::delete_rule(&mut site.network.namespaces, &netns, chain, handle)),
        None => {
            say_not_found(site, handle, chain, text);
            Ok(())
        }
    }
}

/// Whether a table has been removed and created again since the lab came up, with new handles for its rules, as by
/// `iptables-save | iptables-restore`.
fn is_made_anew(site: &mut Site, place: &Place, netns: &NetnsRef, table: TableRef) -> Outcome<bool> {
    let now = netfilter::table_handle(&mut site.network.namespaces, netns, table)?;
    Ok(is_former(&site.store.journal.tables, place, table, now))
}

/// Warns that somebody else has removed a rule that existed when the lab came up.
fn say_not_found(site: &Site, handle: Option<u64>, chain: &ChainRef, text: &str) {
    if handle.is_some() {
        site.warn(&format!("the rule `{text}` of {} has been removed by somebody else", chain.table));
    }
}

/// Removes rules that the lab added, with one request for each chain, and returns the entries that must be undone one
/// by one. The caller holds the lock of all labs.
pub(super) fn delete_together(site: &mut Site, entries: Vec<Entry>) -> Vec<Entry> {
    let (mut of_chains, mut left) = (BTreeMap::<(NetnsRef, ChainRef), Vec<Entry>>::new(), Vec::new());
    let mut gone = Vec::new();
    for entry in entries {
        let [Undo::Rule { place, chain, .. }] = &entry.undo[..] else {
            left.push(entry);
            continue;
        };
        match site.network.namespaces.find(place) {
            Ok(Some(netns)) => of_chains.entry((netns, chain.clone())).or_default().push(entry),
            Ok(None) => gone.push(entry.n),
            Err(_) => left.push(entry),
        }
    }
    site.store.journal.all_undone(&gone);
    for ((netns, chain), entries) in of_chains {
        crash_point::here();
        match delete_rules_of(site, &netns, &chain, &entries) {
            Ok(()) => site.store.journal.all_undone(&entries.iter().map(|entry| entry.n).collect::<Vec<_>>()),
            Err(_) => left.extend(entries),
        }
        crash_point::here();
    }
    left
}

fn delete_rules_of(site: &mut Site, netns: &NetnsRef, chain: &ChainRef, entries: &[Entry]) -> Outcome {
    let rules = netfilter::raw_rules(&mut site.network.namespaces, netns, chain)?;
    let Some([Undo::Rule { place, .. }]) = entries.first().map(|entry| &entry.undo[..]) else { return Ok(()) };
    let anew = is_made_anew(site, place, netns, chain.table)?;
    let is_there = |entry: &Entry| match (&entry.undo[..], site.store.journal.handles.get(&entry.n)) {
        ([Undo::Rule { text, .. }], Some(handle)) => {
            rules.iter().any(|rule| rule.handle == *handle && rule.text == *text)
        }
        _ => false,
    };
    let all_there = !anew && entries.iter().all(is_there);
    let claimed = if all_there { Vec::new() } else { claimed(site, place, netns, chain.table)? };
    let mut there = Unclaimed::new(&rules, claimed.into_iter().collect());
    let found = entries.iter().filter_map(|entry| match &entry.undo[..] {
        [Undo::Rule { text, before, .. }] => {
            let known = site.store.journal.handles.get(&entry.n).copied();
            let found = there.take(text, known, before, anew);
            if found.is_none() {
                say_not_found(site, known, chain, text);
            }
            found
        }
        _ => None,
    });
    let handles: Vec<u64> = found.collect();
    let gone = netfilter::delete_rules(&mut site.network.namespaces, netns, chain, &handles);
    crash_point::here();
    gone
}

/// Restores removed rules, unless they have been restored, in one transaction: all or none. Rules that jump to a chain
/// that is gone are left out.
pub(super) fn put_rules_back(
    site: &mut Site,
    place: &Place,
    chain: &ChainRef,
    former: &[RemovedRule],
    last_try: bool,
) -> Outcome {
    let Some(netns) = site.network.namespaces.find(place)? else { return Ok(()) };
    if !may_hold_rules(site, &netns, chain)? {
        return Ok(());
    }
    let of_journal =
        |rule: &RemovedRule| RawRule::former(chain, rule.handle, unhex(&rule.expressions), unhex(&rule.userdata));
    let former: Vec<(&RemovedRule, RawRule)> = former.iter().map(|rule| (rule, of_journal(rule))).collect();
    let there = netfilter::raw_rules(&mut site.network.namespaces, &netns, chain)?;
    // The future content of the chain, and whether each rule is restored.
    let mut chain_then: Vec<(&RawRule, bool)> = there.iter().map(|rule| (rule, false)).collect();
    for (rule, raw) in &former {
        if chain_then.iter().filter(|(there, _)| there.says_the_same(raw)).count() < rule.equals {
            chain_then.insert(rule.at.min(chain_then.len()), (raw, true));
        }
    }
    let mut returning = Vec::new();
    for (at, (rule, returns)) in chain_then.iter().enumerate() {
        let next = || chain_then[at..].iter().find(|(_, returns)| !returns);
        if *returns {
            returning.push(Returning { rule, before: next().map(|(there, _)| there.handle) });
        }
    }
    if returning.is_empty() {
        return Ok(());
    }
    while let Err((failed_at, rejection)) = netfilter::put_back(&mut site.network.namespaces, &netns, chain, &returning)
    {
        // The chain that it jumps to is gone. The kernel removes such a chain only after the rule, so the rule would be
        // gone too.
        if !last_try || rejection.errno != Errno::ENOENT {
            return Err(not_put_back(&returning[failed_at].rule.text, rejection));
        }
        returning.remove(failed_at);
        if returning.is_empty() {
            return Ok(());
        }
    }
    crash_point::here();
    learn_new_handles(site, place, &netns, chain, &chain_then)
}

/// Whether the chain can have rules: if somebody removed its table, or a user-defined chain, the rules in it were
/// removed too.
fn may_hold_rules(site: &mut Site, netns: &NetnsRef, chain: &ChainRef) -> Outcome<bool> {
    let ruleset = netfilter::list(&mut site.network.namespaces, netns, chain.table.family)?;
    Ok(match chain.hook() {
        Some(_) => ruleset.tables.contains_key(&chain.table),
        None => ruleset.chain(chain.table, &chain.name).is_some(),
    })
}

/// Notes the new handles of restored rules, since rules that the lab itself had added are identified by them.
fn learn_new_handles(
    site: &mut Site,
    place: &Place,
    netns: &NetnsRef,
    chain: &ChainRef,
    then: &[(&RawRule, bool)],
) -> Outcome {
    let of_chain = |undo: &Undo| matches!(undo, Undo::Rule { place: at, chain: other, .. } if at.key == place.key && other == chain);
    let own = site.store.journal.entries.iter().filter(|entry| entry.undo.iter().any(of_chain));
    let own: HashMap<u64, u64> =
        own.filter_map(|entry| Some((*site.store.journal.handles.get(&entry.n)?, entry.n))).collect();
    let returned = then.iter().enumerate().filter(|(_, (rule, returns))| *returns && own.contains_key(&rule.handle));
    let returned: Vec<(usize, &RawRule)> = returned.map(|(at, (rule, _))| (at, *rule)).collect();
    if returned.is_empty() {
        return Ok(());
    }
    let now = netfilter::raw_rules(&mut site.network.namespaces, netns, chain)?;
    let learned = returned.into_iter().filter_map(|(at, rule)| {
        let there = now.get(at).filter(|there| there.says_the_same(rule))?;
        Some((own[&rule.handle], there.handle))
    });
    site.store.journal.learn_handles(learned.collect());
    Ok(())
}

/// Restores a policy, unless somebody else has changed it since then.
pub(super) fn undo_policy(site: &mut Site, place: &Place, chain: &ChainRef, before: Policy, wrote: Policy) -> Outcome {
    let Some(netns) = site.network.namespaces.find(place)? else { return Ok(()) };
    let ruleset = netfilter::list(&mut site.network.namespaces, &netns, chain.table.family)?;
    let now = ruleset.chain(chain.table, &chain.name).and_then(|chain| chain.policy);
    if now != Some(wrote) || wrote == before {
        return Ok(());
    }
    carry_out(site, &Op::new(netns, NetfilterOp::Policy(chain.clone(), before)))
}

/// Removes a chain that is empty and accepts all packets.
pub(super) fn undo_chain(site: &mut Site, place: &Place, chain: &ChainRef) -> Outcome {
    let Some(netns) = site.network.namespaces.find(place)? else { return Ok(()) };
    let ruleset = netfilter::list(&mut site.network.namespaces, &netns, chain.table.family)?;
    match ruleset.chain(chain.table, &chain.name) {
        Some(found) if found.rules.is_empty() && found.policy != Some(Policy::Drop) => {
            gone_is_fine(netfilter::delete_chain(&mut site.network.namespaces, &netns, chain))
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn make_chain_again(site: &mut Site, place: &Place, chain: &ChainRef) -> Outcome {
    let Some(netns) = site.network.namespaces.find(place)? else { return Ok(()) };
    // If the table is gone, the chain is gone with it. Creating it would create the table.
    let ruleset = netfilter::list(&mut site.network.namespaces, &netns, chain.table.family)?;
    if !ruleset.tables.contains_key(&chain.table) {
        return Ok(());
    }
    match carry_out(site, &Op::new(netns, NetfilterOp::NewChain(chain.clone()))) {
        Err(rejection) if rejection.errno == Errno::EEXIST => Ok(()),
        result => result,
    }
}

pub(super) fn undo_table(site: &mut Site, place: &Place, table: TableRef) -> Outcome {
    let Some(netns) = site.network.namespaces.find(place)? else { return Ok(()) };
    gone_is_fine(netfilter::delete_table(&mut site.network.namespaces, &netns, table))
}

/// Looks up the handles of the rules that the lab added, once it is up.
pub(crate) fn learn_handles(site: &mut Site) {
    // The lock keeps two labs with equal rules from claiming the same one.
    let _all = if site.store.folder.is_some() { lock_all().ok() } else { None };
    let mut learned: Vec<(u64, u64)> = Vec::new();
    let mut chains: BTreeMap<(NetnsRef, ChainRef), Unclaimed> = BTreeMap::new();
    for entry in site.store.journal.entries.clone() {
        for undo in &entry.undo {
            let Undo::Rule { place, chain, text, before } = undo else { continue };
            if site.store.journal.handles.contains_key(&entry.n) {
                continue;
            }
            let key = (place.netns.clone(), chain.clone());
            if !chains.contains_key(&key) {
                let Ok(rules) = netfilter::raw_rules(&mut site.network.namespaces, &place.netns, chain) else {
                    continue;
                };
                let claimed = claimed(site, place, &place.netns, chain.table).unwrap_or_default().into_iter().collect();
                chains.insert(key.clone(), Unclaimed::new(&rules, claimed));
            }
            let found = chains.get_mut(&key).and_then(|there| there.take(text, None, before, false));
            learned.extend(found.map(|handle| (entry.n, handle)));
        }
    }
    let tables: BTreeSet<(NetnsRef, TableRef)> =
        chains.into_keys().map(|(netns, chain)| (netns, chain.table)).collect();
    let handles = tables.into_iter().filter_map(|(netns, table)| {
        let handle = netfilter::table_handle(&mut site.network.namespaces, &netns, table).ok()??;
        Some(TableHandle { netns: site.network.namespaces.key(&netns).ok()?, table, handle })
    });
    let handles = handles.collect();
    site.store.journal.learn_handles(learned);
    site.store.journal.learn_tables(handles);
}

/// The handles in a table that are known to belong to rules of labs. The caller holds the lock of all labs.
fn claimed(site: &mut Site, place: &Place, netns: &NetnsRef, table: TableRef) -> Outcome<Vec<u64>> {
    let now = netfilter::table_handle(&mut site.network.namespaces, netns, table)?;
    let in_table = |undo: &Undo| matches!(undo, Undo::Rule { place: at, chain, .. } if at.key == place.key && chain.table == table);
    let of = |entries: &[Entry], handles: &BTreeMap<u64, u64>, tables: &[TableHandle]| -> Vec<u64> {
        if is_former(tables, place, table, now) {
            return Vec::new();
        }
        let entries = entries.iter().filter(|entry| entry.undo.iter().any(in_table));
        entries.filter_map(|entry| handles.get(&entry.n).copied()).collect()
    };
    let mut claimed = of(&site.store.journal.entries, &site.store.journal.handles, &site.store.journal.tables);
    let Some(folder) = &site.store.folder else { return Ok(claimed) };
    let others = site.store.others.besides(folder.name()).into_iter().flatten();
    claimed.extend(others.flat_map(|(_, journal)| of(&journal.entries, &journal.handles, &journal.tables)));
    Ok(claimed)
}

/// Whether a lab's known handles belong to a table that has been removed and created again, so that they are
/// meaningless. `now` is the current table's handle.
fn is_former(known: &[TableHandle], place: &Place, table: TableRef, now: Option<u64>) -> bool {
    let known = known.iter().rev().find(|known| known.netns.is_same(place.key) && known.table == table);
    known.is_some_and(|known| now.is_some_and(|now| now != known.handle))
}

/// The rules of a chain, by their text, of which each may be one of the lab's.
struct Unclaimed {
    /// Handles rise with time, independent of a rule's position in the chain.
    handles: HashMap<String, BTreeSet<u64>>,
    /// Handles that are known to belong to a lab's rule.
    claimed: BTreeSet<u64>,
}

impl Unclaimed {
    fn new(rules: &[RawRule], claimed: BTreeSet<u64>) -> Unclaimed {
        let mut handles: HashMap<String, BTreeSet<u64>> = HashMap::new();
        for rule in rules {
            handles.entry(rule.text.clone()).or_default().insert(rule.handle);
        }
        Unclaimed { handles, claimed }
    }

    /// The rule with a known handle; without one, an equal rule that nobody claims and that did not exist before. If
    /// the table was created again, rules that existed before have new handles too: as many equal ones are left to the
    /// others.
    fn take(&mut self, text: &str, known: Option<u64>, before: &[u64], anew: bool) -> Option<u64> {
        let equal = self.handles.get_mut(text)?;
        if let (Some(known), false) = (known, anew) {
            return equal.remove(&known).then_some(known);
        }
        let found = match known {
            // The oldest possible one: then labs with equal rules and fewer known older ones can still find theirs, in
            // any order.
            None => {
                let mut free = equal.iter().filter(|handle| !before.contains(handle));
                free.find(|handle| !self.claimed.contains(handle)).copied()
            }
            Some(_) => {
                let free = equal.iter().filter(|handle| !self.claimed.contains(handle));
                free.skip(before.len()).last().copied()
            }
        }?;
        equal.remove(&found);
        Some(found)
    }
}

/// The refusal of a rule that should be restored, with the rule.
fn not_put_back(rule: &str, mut rejection: Rejection) -> Rejection {
    let said = rejection.text.take().map(|text| format!(": {text}")).unwrap_or_default();
    rejection.text = Some(format!("no rule was restored, because of `{rule}`{said}"));
    rejection
}

/// Ignores errors that mean that somebody else removed the object, or put something into it, which then keeps it.
fn gone_is_fine(result: Outcome) -> Outcome {
    match result {
        Err(rejection) if matches!(rejection.errno, Errno::ENOENT | Errno::EBUSY) => Ok(()),
        result => result,
    }
}
