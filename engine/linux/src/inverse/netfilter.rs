//! Inverses of operations on chains and rules.

use super::guard;
use crate::Outcome;
use crate::journal::{Place, RemovedRule, Undo, hex};
use crate::netfilter::{self, Attributes, RawRule};
use crate::site::Site;
use netscript_net::op::netfilter::{ChainRef, Policy, Rule, TableRef};
use netscript_net::op::{NetfilterOp, NetnsRef, Op, raw};
use netscript_net::state::Ruleset;

pub(super) fn inverse(site: &mut Site, op: &Op, netns: &NetnsRef, rules: &NetfilterOp) -> Outcome<Vec<Undo>> {
    if guard::goes_with_netns(site, netns) {
        return Ok(Vec::new());
    }
    let place = site.network.namespaces.place(netns)?;
    let mut undo = match rules {
        NetfilterOp::Append(rule) | NetfilterOp::Insert(rule, _) => inverse_of_rule(site, &place, rule)?,
        NetfilterOp::Delete(rule, handle) => inverse_of_delete(site, op, &place, rule, *handle)?,
        NetfilterOp::Flush(chain) => inverse_of_flush_of(site, op, &place, chain)?,
        NetfilterOp::FlushTable(table) => {
            let ruleset = netfilter::list(&mut site.network.namespaces, netns, table.family)?;
            let mut undo = Vec::new();
            for chain in ruleset.chains(*table) {
                undo.extend(inverse_of_flush_of(site, op, &place, &table.chain(chain.name.clone()))?);
            }
            return Ok(undo);
        }
        NetfilterOp::Policy(chain, policy) => inverse_of_policy_of(site, &place, chain, *policy)?,
        NetfilterOp::NewChain(_) => Vec::new(),
        NetfilterOp::DelChain(chain) => return Ok(vec![Undo::NewChain { place, chain: chain.clone() }]),
    };
    match rules {
        NetfilterOp::Append(rule) | NetfilterOp::Insert(rule, _) => undo.extend(new_chain(site, &place, rule.chain())?),
        NetfilterOp::Flush(chain) | NetfilterOp::Policy(chain, _) | NetfilterOp::NewChain(chain) => {
            undo.extend(new_chain(site, &place, chain)?);
        }
        NetfilterOp::Delete(..) | NetfilterOp::FlushTable(_) | NetfilterOp::DelChain(_) => {}
    }
    Ok(undo)
}

fn ruleset(site: &mut Site, place: &Place, table: TableRef) -> Outcome<Ruleset> {
    netfilter::list(&mut site.network.namespaces, &place.netns, table.family)
}

/// The chain and the table that an operation creates, if they do not exist.
fn new_chain(site: &mut Site, place: &Place, chain: &ChainRef) -> Outcome<Vec<Undo>> {
    let seen = (place.netns.clone(), chain.clone());
    if site.store.own.chains.contains(&seen) {
        return Ok(Vec::new());
    }
    let ruleset = ruleset(site, place, chain.table)?;
    site.store.own.chains.insert(seen);
    let mut undo = Vec::new();
    if ruleset.chain(chain.table, &chain.name).is_none() {
        undo.push(Undo::Chain { place: place.clone(), chain: chain.clone() });
    }
    if !ruleset.tables.contains_key(&chain.table) {
        undo.push(Undo::Table { place: place.clone(), table: chain.table });
    }
    Ok(undo)
}

/// The rules that a chain had before the lab's first operation on it.
fn found_rules<'a>(site: &'a mut Site, place: &Place, chain: &ChainRef) -> Outcome<&'a Vec<(String, u64)>> {
    let key = (place.netns.clone(), chain.clone());
    if !site.store.own.rules.contains_key(&key) {
        let rules = netfilter::raw_rules(&mut site.network.namespaces, &place.netns, chain)?;
        let found = rules.into_iter().map(|rule| (rule.text, rule.handle)).collect();
        site.store.own.rules.insert(key.clone(), found);
    }
    Ok(&site.store.own.rules[&key])
}

fn inverse_of_rule(site: &mut Site, place: &Place, rule: &Rule) -> Outcome<Vec<Undo>> {
    let text = rule.as_read().text();
    let found = found_rules(site, place, rule.chain())?;
    let before = found.iter().filter(|(found, _)| *found == text).map(|(_, handle)| *handle).collect();
    Ok(vec![Undo::Rule { place: place.clone(), chain: rule.chain().clone(), text, before }])
}

fn inverse_of_delete(site: &mut Site, op: &Op, place: &Place, rule: &Rule, handle: Option<u64>) -> Outcome<Vec<Undo>> {
    let wanted = rule.normal_form();
    let found = handles_found(site, place, rule.chain())?;
    let all = netfilter::raw_rules(&mut site.network.namespaces, &place.netns, rule.chain())?;
    let is_it = |there: &RawRule| handle.map_or(there.rule.normal_form() == wanted, |handle| there.handle == handle);
    let Some(at) = all.iter().position(is_it) else { return Ok(Vec::new()) };
    let equals = all.iter().filter(|other| other.says_the_same(&all[at])).count();
    inverse_of_removal(site, op, place, rule.chain(), &all[at..=at], &found, |_, rule| former(at, rule, equals))
}

fn inverse_of_flush_of(site: &mut Site, op: &Op, place: &Place, chain: &ChainRef) -> Outcome<Vec<Undo>> {
    let found = handles_found(site, place, chain)?;
    let all = netfilter::raw_rules(&mut site.network.namespaces, &place.netns, chain)?;
    inverse_of_removal(site, op, place, chain, &all, &found, |at, rule| {
        let equals = all[..=at].iter().filter(|other| other.says_the_same(rule)).count();
        former(at, rule, equals)
    })
}

fn handles_found(site: &mut Site, place: &Place, chain: &ChainRef) -> Outcome<Vec<u64>> {
    Ok(found_rules(site, place, chain)?.iter().map(|(_, handle)| *handle).collect())
}

/// Restores rules that are about to be removed. Rules that cannot be restored are reported before.
fn inverse_of_removal(
    site: &mut Site,
    op: &Op,
    place: &Place,
    chain: &ChainRef,
    gone: &[RawRule],
    found: &[u64],
    former: impl Fn(usize, &RawRule) -> RemovedRule,
) -> Outcome<Vec<Undo>> {
    let lost = netfilter::irreplaceable(&mut site.network.namespaces, &place.netns, chain.table, gone)?;
    let gone: Vec<(&RawRule, Option<String>)> = gone.iter().zip(lost).collect();
    let name = |(rule, lost): &(&RawRule, Option<String>)| {
        let why = lost.as_ref().map(|why| format!(", which cannot be restored: {why}")).unwrap_or_default();
        format!("`{}` of {} in {}{why}", raw::shown(&rule.text), chain.table, place.netns)
    };
    // Rules that existed before the lab belong to others.
    if !site.store.own.has_netns(&place.netns) {
        let others = gone.iter().filter(|(rule, _)| found.contains(&rule.handle));
        guard::check(site, op, others.map(name).collect())?;
        let lost = gone.iter().filter(|(_, lost)| lost.is_some() && site.store.folder.is_some());
        lost.for_each(|rule| site.warn(&format!("removed: {}", name(rule))));
    }
    let (rules, lost): (Vec<_>, Vec<_>) = gone.iter().enumerate().partition(|(_, (_, lost))| lost.is_none());
    let rules: Vec<RemovedRule> = rules.into_iter().map(|(at, (rule, _))| former(at, rule)).collect();
    let mut undo = Vec::new();
    if !rules.is_empty() {
        undo.push(Undo::Rules { place: place.clone(), chain: chain.clone(), rules });
    }
    undo.extend(lost.into_iter().map(|(_, lost)| Undo::Lost { what: name(lost) }));
    Ok(undo)
}

/// A chain that is created with its policy had the kernel's default before.
fn inverse_of_policy_of(site: &mut Site, place: &Place, chain: &ChainRef, wrote: Policy) -> Outcome<Vec<Undo>> {
    let ruleset = ruleset(site, place, chain.table)?;
    let found = ruleset.chain(chain.table, &chain.name).and_then(|chain| chain.policy);
    let before = found.unwrap_or(Policy::Accept);
    Ok(vec![Undo::Policy { place: place.clone(), chain: chain.clone(), before, wrote }])
}

/// A rule in the journal's form.
fn former(at: usize, rule: &RawRule, equals: usize) -> RemovedRule {
    let Attributes { expressions, userdata, compat } = &rule.attributes;
    RemovedRule {
        at,
        text: rule.text.clone(),
        handle: rule.handle,
        equals,
        expressions: hex(expressions),
        userdata: hex(userdata),
        compat: *compat,
    }
}
