//! Inverses of operations on chains and rules.

use super::super::{Kernel, Outcome, netfilter};
use crate::journal::{Former, Place, Undo};
use crate::op::netfilter::{ChainRef, Policy, Rule, TableRef};
use crate::op::{NetfilterOp, NetnsRef, Op};
use crate::state::Ruleset;

impl Kernel {
    pub(super) fn inverse_of_netfilter(
        &mut self,
        op: &Op,
        netns: &NetnsRef,
        rules: &NetfilterOp,
    ) -> Outcome<Vec<Undo>> {
        if self.goes_with_netns(netns) {
            return Ok(Vec::new());
        }
        let place = self.namespaces.place(netns)?;
        let mut undo = match rules {
            NetfilterOp::Append(rule) | NetfilterOp::Insert(rule, _) => self.inverse_of_rule(&place, rule)?,
            NetfilterOp::Delete(rule, handle) => self.inverse_of_delete(op, &place, rule, *handle)?,
            NetfilterOp::Flush(chain) => self.inverse_of_flush_of(op, &place, chain)?,
            NetfilterOp::FlushTable(table) => {
                let ruleset = netfilter::list(&mut self.namespaces, netns, table.family)?;
                let mut undo = Vec::new();
                for chain in ruleset.chains(*table) {
                    undo.extend(self.inverse_of_flush_of(op, &place, &table.chain(chain.name.clone()))?);
                }
                return Ok(undo);
            }
            NetfilterOp::Policy(chain, policy) => self.inverse_of_policy_of(&place, chain, *policy)?,
            NetfilterOp::NewChain(_) => Vec::new(),
            NetfilterOp::DelChain(chain) => return Ok(vec![Undo::NewChain { place, chain: chain.clone() }]),
        };
        match rules {
            NetfilterOp::Append(rule) | NetfilterOp::Insert(rule, _) => {
                undo.extend(self.new_chain(&place, rule.chain())?)
            }
            NetfilterOp::Flush(chain) | NetfilterOp::Policy(chain, _) | NetfilterOp::NewChain(chain) => {
                undo.extend(self.new_chain(&place, chain)?);
            }
            NetfilterOp::Delete(..) | NetfilterOp::FlushTable(_) | NetfilterOp::DelChain(_) => {}
        }
        Ok(undo)
    }

    fn ruleset(&mut self, place: &Place, table: TableRef) -> Outcome<Ruleset> {
        netfilter::list(&mut self.namespaces, &place.netns, table.family)
    }

    /// The chain and the table that an operation makes, if they are not there.
    fn new_chain(&mut self, place: &Place, chain: &ChainRef) -> Outcome<Vec<Undo>> {
        let seen = (place.netns.clone(), chain.clone());
        if self.own.chains.contains(&seen) {
            return Ok(Vec::new());
        }
        let ruleset = self.ruleset(place, chain.table)?;
        self.own.chains.insert(seen);
        let mut undo = Vec::new();
        if ruleset.chain(chain.table, &chain.name).is_none() {
            undo.push(Undo::Chain { place: place.clone(), chain: chain.clone() });
        }
        if !ruleset.tables.contains_key(&chain.table) {
            undo.push(Undo::Table { place: place.clone(), table: chain.table });
        }
        Ok(undo)
    }

    /// The rules of a chain as the lab found them when it first came there.
    fn found_rules(&mut self, place: &Place, chain: &ChainRef) -> Outcome<&Vec<(String, u64)>> {
        let key = (place.netns.clone(), chain.clone());
        if !self.own.rules.contains_key(&key) {
            let rules = netfilter::raw_rules(&mut self.namespaces, &place.netns, chain)?;
            let found = rules.into_iter().map(|rule| (rule.text, rule.handle)).collect();
            self.own.rules.insert(key.clone(), found);
        }
        Ok(&self.own.rules[&key])
    }

    fn inverse_of_rule(&mut self, place: &Place, rule: &Rule) -> Outcome<Vec<Undo>> {
        let text = rule.as_read().text();
        let found = self.found_rules(place, rule.chain())?;
        let before = found.iter().filter(|(found, _)| *found == text).map(|(_, handle)| *handle).collect();
        Ok(vec![Undo::Rule { place: place.clone(), chain: rule.chain().clone(), text, before }])
    }

    fn inverse_of_delete(&mut self, op: &Op, place: &Place, rule: &Rule, handle: Option<u64>) -> Outcome<Vec<Undo>> {
        let text = rule.as_read().text();
        let found: Vec<u64> = self.found_rules(place, rule.chain())?.iter().map(|(_, handle)| *handle).collect();
        let mut gone = self.former_rules(place, rule.chain())?;
        let all: Vec<String> = gone.iter().map(|former| former.text.clone()).collect();
        gone.retain(|former| handle.map_or(former.text == text, |handle| former.handle == handle));
        gone.truncate(1);
        self.guard_rules(op, place, rule.chain(), &gone, &found)?;
        for former in &mut gone {
            former.equals = all.iter().filter(|text| **text == former.text).count();
        }
        Ok(self.put_back_later(place, rule.chain(), gone))
    }

    fn inverse_of_flush_of(&mut self, op: &Op, place: &Place, chain: &ChainRef) -> Outcome<Vec<Undo>> {
        let found: Vec<u64> = self.found_rules(place, chain)?.iter().map(|(_, handle)| *handle).collect();
        let gone = self.former_rules(place, chain)?;
        self.guard_rules(op, place, chain, &gone, &found)?;
        Ok(self.put_back_later(place, chain, gone))
    }

    /// Rules that the lab found are others'.
    fn guard_rules(&self, op: &Op, place: &Place, chain: &ChainRef, gone: &[Former], found: &[u64]) -> Outcome {
        if self.own.has_netns(&place.netns) {
            return Ok(());
        }
        let others = gone.iter().filter(|rule| found.contains(&rule.handle));
        self.guard(op, others.map(|rule| format!("`{}` of {} in {}", rule.text, chain.table, place.netns)).collect())
    }

    fn former_rules(&mut self, place: &Place, chain: &ChainRef) -> Outcome<Vec<Former>> {
        let rules = netfilter::raw_rules(&mut self.namespaces, &place.netns, chain)?;
        let equals = |at: usize, text: &str| rules[..=at].iter().filter(|rule| rule.text == text).count();
        let former = rules.iter().enumerate().map(|(at, rule)| Former {
            at,
            text: rule.text.clone(),
            handle: rule.handle,
            equals: equals(at, &rule.text),
            expressions: hex(&rule.expressions),
            compat: rule.compat,
        });
        Ok(former.collect())
    }

    fn put_back_later(&mut self, place: &Place, chain: &ChainRef, rules: Vec<Former>) -> Vec<Undo> {
        if rules.is_empty() {
            Vec::new()
        } else {
            vec![Undo::Rules { place: place.clone(), chain: chain.clone(), rules }]
        }
    }

    /// A chain that is made with its policy had the kernel's before.
    fn inverse_of_policy_of(&mut self, place: &Place, chain: &ChainRef, wrote: Policy) -> Outcome<Vec<Undo>> {
        let ruleset = self.ruleset(place, chain.table)?;
        let found = ruleset.chain(chain.table, &chain.name).and_then(|chain| chain.policy);
        let before = found.unwrap_or(Policy::Accept);
        Ok(vec![Undo::Policy { place: place.clone(), chain: chain.clone(), before, wrote }])
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
