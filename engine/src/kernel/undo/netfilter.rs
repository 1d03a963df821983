//! Chains and rules, removed by their handles and put back as they were.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::labs::lock_all;
use super::super::netfilter::{self, RawRule};
use super::super::{Kernel, Outcome, kill};
use crate::diagnostics::Errno;
use crate::journal::{Entry, Former, Place, Undo};
use crate::op::netfilter::{ChainRef, NetfilterOp, Policy, TableRef};
use crate::op::{NetnsRef, Op};

impl Kernel {
    /// Removes a rule that the lab added: the one of its handle, if that is known, or the first
    /// that says the same and was not there before. Other labs are locked out.
    pub(super) fn undo_rule(
        &mut self,
        entry: u64,
        place: &Place,
        chain: &ChainRef,
        text: &str,
        before: &[u64],
    ) -> Outcome {
        let Some(netns) = self.find(place)? else { return Ok(()) };
        let handle = self.book.handles.get(&entry).copied();
        let claimed = if handle.is_none() { self.claimed(place, chain.table) } else { Vec::new() };
        let rules = netfilter::raw_rules(&mut self.namespaces, &netns, chain)?;
        let is_it = |rule: &&RawRule| match handle {
            Some(handle) => rule.handle == handle && rule.text == text,
            None => rule.text == text && !before.contains(&rule.handle) && !claimed.contains(&rule.handle),
        };
        // The oldest that it can be: labs with equal rules that know fewer older ones can then still
        // find theirs, whichever goes first.
        match rules.iter().filter(is_it).map(|rule| rule.handle).min() {
            Some(handle) => gone_is_fine(netfilter::delete_rule(&mut self.namespaces, &netns, chain, handle)),
            None => Ok(()),
        }
    }

    /// Removes rules that the lab added, in one go for each chain, and gives the entries that must be
    /// undone one by one. Other labs are locked out.
    pub(super) fn delete_rules_together(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let (mut of_chains, mut left) = (BTreeMap::<(NetnsRef, ChainRef), Vec<Entry>>::new(), Vec::new());
        let mut gone = Vec::new();
        for entry in entries {
            let [Undo::Rule { place, chain, .. }] = &entry.undo[..] else {
                left.push(entry);
                continue;
            };
            match self.find(place) {
                Ok(Some(netns)) => of_chains.entry((netns, chain.clone())).or_default().push(entry),
                Ok(None) => gone.push(entry.n),
                Err(_) => left.push(entry),
            }
        }
        self.book.all_undone(&gone);
        for ((netns, chain), entries) in of_chains {
            kill::point();
            match self.delete_rules_of(&netns, &chain, &entries) {
                Ok(()) => self.book.all_undone(&entries.iter().map(|entry| entry.n).collect::<Vec<_>>()),
                Err(_) => left.extend(entries),
            }
            kill::point();
        }
        left
    }

    fn delete_rules_of(&mut self, netns: &NetnsRef, chain: &ChainRef, entries: &[Entry]) -> Outcome {
        let rules = netfilter::raw_rules(&mut self.namespaces, netns, chain)?;
        let known = |kernel: &Kernel, entry: &Entry| kernel.book.handles.get(&entry.n).copied();
        let claimed = match entries.iter().find(|entry| known(self, entry).is_none()).map(|entry| &entry.undo[..]) {
            Some([Undo::Rule { place, .. }]) => self.claimed(place, chain.table),
            Some(_) | None => Vec::new(),
        };
        let mut there = Unclaimed::new(&rules, claimed.into_iter().collect());
        let found = entries.iter().filter_map(|entry| match &entry.undo[..] {
            [Undo::Rule { text, before, .. }] => there.take(text, known(self, entry), before),
            _ => None,
        });
        let handles: Vec<u64> = found.collect();
        let gone = netfilter::delete_rules(&mut self.namespaces, netns, chain, &handles);
        kill::point();
        gone
    }

    /// Puts rules back where they were, unless they are there.
    pub(super) fn put_rules_back(&mut self, place: &Place, chain: &ChainRef, former: &[Former]) -> Outcome {
        let Some(netns) = self.find(place)? else { return Ok(()) };
        for rule in former {
            let there = netfilter::raw_rules(&mut self.namespaces, &netns, chain)?;
            let equals = there.iter().filter(|there| there.text == rule.text).count();
            if equals >= rule.equals {
                continue;
            }
            let expressions = bytes(&rule.expressions);
            netfilter::put_back(&mut self.namespaces, &netns, chain, &[(rule.at, expressions, rule.compat)])?;
            self.learn_new_handle(place, &netns, chain, rule)?;
            kill::point();
        }
        Ok(())
    }

    /// A rule that is put back has another handle; one that the lab itself had added must be known
    /// by it.
    fn learn_new_handle(&mut self, place: &Place, netns: &NetnsRef, chain: &ChainRef, rule: &Former) -> Outcome {
        let had_it = |entry: &&Entry| {
            let of_chain = |undo: &Undo| matches!(undo, Undo::Rule { place: at, chain: other, .. } if at.key == place.key && other == chain);
            self.book.handles.get(&entry.n) == Some(&rule.handle) && entry.undo.iter().any(of_chain)
        };
        let Some(entry) = self.book.entries.iter().find(had_it).map(|entry| entry.n) else { return Ok(()) };
        let there = netfilter::raw_rules(&mut self.namespaces, netns, chain)?;
        if let Some(new) = there.iter().filter(|there| there.text == rule.text).map(|there| there.handle).max() {
            self.book.learn_handles(vec![(entry, new)]);
        }
        Ok(())
    }

    /// Sets a policy back, unless somebody else has changed it since.
    pub(super) fn undo_policy(&mut self, place: &Place, chain: &ChainRef, before: Policy, wrote: Policy) -> Outcome {
        let Some(netns) = self.find(place)? else { return Ok(()) };
        let ruleset = netfilter::list(&mut self.namespaces, &netns, chain.table.family)?;
        let now = ruleset.chain(chain.table, &chain.name).and_then(|chain| chain.policy);
        if now != Some(wrote) || wrote == before {
            return Ok(());
        }
        self.carry_out(&Op::new(netns, NetfilterOp::Policy(chain.clone(), before)))
    }

    /// Removes a chain that is empty and lets everything pass.
    pub(super) fn undo_chain(&mut self, place: &Place, chain: &ChainRef) -> Outcome {
        let Some(netns) = self.find(place)? else { return Ok(()) };
        let ruleset = netfilter::list(&mut self.namespaces, &netns, chain.table.family)?;
        match ruleset.chain(chain.table, &chain.name) {
            Some(found) if found.rules.is_empty() && found.policy != Some(Policy::Drop) => {
                gone_is_fine(netfilter::delete_chain(&mut self.namespaces, &netns, chain))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn make_chain_again(&mut self, place: &Place, chain: &ChainRef) -> Outcome {
        let Some(netns) = self.find(place)? else { return Ok(()) };
        match self.carry_out(&Op::new(netns, NetfilterOp::NewChain(chain.clone()))) {
            Err(failure) if failure.refusal.errno == Errno::EEXIST => Ok(()),
            result => result,
        }
    }

    pub(super) fn undo_table(&mut self, place: &Place, table: TableRef) -> Outcome {
        let Some(netns) = self.find(place)? else { return Ok(()) };
        gone_is_fine(netfilter::delete_table(&mut self.namespaces, &netns, table))
    }

    /// Looks up the handles of the rules that the lab added, once it is up.
    pub(in super::super) fn learn_handles(&mut self) {
        // Two labs with equal rules must not take the same for theirs.
        let _all = if self.folder.is_some() { lock_all().ok() } else { None };
        let mut learned: Vec<(u64, u64)> = Vec::new();
        let mut chains: BTreeMap<(NetnsRef, ChainRef), Unclaimed> = BTreeMap::new();
        for entry in self.book.entries.clone() {
            for undo in &entry.undo {
                let Undo::Rule { place, chain, text, before } = undo else { continue };
                if self.book.handles.contains_key(&entry.n) {
                    continue;
                }
                let key = (place.netns.clone(), chain.clone());
                if !chains.contains_key(&key) {
                    let Ok(rules) = netfilter::raw_rules(&mut self.namespaces, &place.netns, chain) else { continue };
                    let claimed = self.claimed(place, chain.table).into_iter().collect();
                    chains.insert(key.clone(), Unclaimed::new(&rules, claimed));
                }
                let found = chains.get_mut(&key).and_then(|there| there.take(text, None, before));
                learned.extend(found.map(|handle| (entry.n, handle)));
            }
        }
        self.book.learn_handles(learned);
    }

    /// The handles in a table that are known to be those of rules which labs added. To be called with
    /// the lock of all labs.
    fn claimed(&mut self, place: &Place, table: TableRef) -> Vec<u64> {
        let in_table = |undo: &Undo| matches!(undo, Undo::Rule { place: at, chain, .. } if at.key == place.key && chain.table == table);
        let of = |entries: &[Entry], handles: &BTreeMap<u64, u64>| -> Vec<u64> {
            let entries = entries.iter().filter(|entry| entry.undo.iter().any(in_table));
            entries.filter_map(|entry| handles.get(&entry.n).copied()).collect()
        };
        let mut claimed = of(&self.book.entries, &self.book.handles);
        let Some(folder) = &self.folder else { return claimed };
        let others = self.others.besides(folder.name()).into_iter().flatten();
        claimed.extend(others.flat_map(|(_, journal)| of(&journal.entries, &journal.handles)));
        claimed
    }
}

/// The rules of a chain, by what they say, that may still be one of the lab's.
struct Unclaimed {
    /// Handles rise with time, whatever a rule's place in the chain.
    handles: HashMap<String, BTreeSet<u64>>,
    /// Those that are known to be of some lab's rule.
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

    /// The rule of a handle, if that is known, or the first that says the same and was not there before,
    /// which is nobody else's any more.
    fn take(&mut self, text: &str, known: Option<u64>, before: &[u64]) -> Option<u64> {
        let equal = self.handles.get_mut(text)?;
        let is_it = |handle: &u64| match known {
            Some(known) => *handle == known,
            None => !before.contains(handle) && !self.claimed.contains(handle),
        };
        let found = equal.iter().copied().find(is_it)?;
        equal.remove(&found);
        Some(found)
    }
}

/// Somebody else removed it, or put something into it, which then keeps it.
fn gone_is_fine(result: Outcome) -> Outcome {
    match result {
        Err(failure) if matches!(failure.refusal.errno, Errno::ENOENT | Errno::EBUSY) => Ok(()),
        result => result,
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|digit| digit.to_digit(16)).filter_map(|digit| u8::try_from(digit).ok()).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
