//! Netfilter: chains and rules, in the form of every iptables-nft from 1.8.7 to 1.8.11.
//!
//! `encode` turns a rule into expressions and `decode` expressions into a rule; both are pure functions. `nft` passes
//! expressions to libnftnl, `wire` parses the kernel's answers, and `socket` sends and receives.

mod decode;
mod encode;
mod expr;
mod missing;
mod nft;
mod raw;
mod socket;
#[cfg(test)]
mod tests;
mod wire;
mod xt_match;
mod xt_target;

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use nft::{RulePosition, Transaction};
pub(super) use raw::{Attributes, RawRule};
pub(super) use socket::NftSocket;

use crate::netns::Namespaces;
use crate::{Outcome, Rejection};
use netscript_net::error::Errno;
use netscript_net::op::netfilter::{ChainRef, NetfilterOp, Rule, TableRef};
use netscript_net::op::{Family, NetnsRef};
use netscript_net::state::{ForeignRules, RuleRecord, Ruleset};

/// Applies operations in one namespace, in as few transactions as possible. On failure, returns the index of the failed
/// operation; everything before it has been applied, and nothing after it.
pub(super) fn apply(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    ops: &[&NetfilterOp],
) -> Result<(), (usize, Rejection)> {
    let socket = namespaces.nft_socket(netns).map_err(|rejection| (0, rejection))?;
    socket.apply(ops)
}

/// All tables of iptables of a family.
pub(super) fn list(namespaces: &mut Namespaces, netns: &NetnsRef, family: Family) -> Outcome<Ruleset> {
    namespaces.nft_socket(netns)?.ruleset(family)
}

impl NftSocket {
    /// Applies operations in order.
    pub(super) fn apply(&mut self, ops: &[&NetfilterOp]) -> Result<(), (usize, Rejection)> {
        let mut start = 0;
        for index in 1..=ops.len() {
            // An operation that depends on rules' handles needs the rules before it in the kernel.
            if ops.get(index).is_none_or(|op| depends_on_kernel(op)) {
                self.send(ops, start..index)?;
                start = index;
            }
        }
        Ok(())
    }

    /// Applies a range of the operations, in one transaction if it fits into the socket. If one fails, those before it
    /// are sent again without it.
    fn send(&mut self, ops: &[&NetfilterOp], range: Range<usize>) -> Result<(), (usize, Rejection)> {
        let (Draft { transaction, tables: _, chains, trusts }, unwritable) = self.draft(ops, range.clone());
        let sent = if transaction.is_empty() { Ok(()) } else { self.commit(transaction.finish()) };
        match sent {
            Ok(()) => {
                self.there.extend(chains);
                unwritable.map_or(Ok(()), Err)
            }
            // Somebody may have removed a chain that existed.
            Err((_, rejection)) if trusts && rejection.errno == Errno::ENOENT => {
                self.there.clear();
                self.send(ops, range)
            }
            Err((_, rejection)) if rejection.errno == Errno::EMSGSIZE && range.len() > 1 => {
                let middle = range.start + range.len() / 2;
                self.send(ops, range.start..middle)?;
                self.send(ops, middle..range.end)
            }
            Err((failed_at, rejection)) => {
                self.send(ops, range.start..failed_at)?;
                Err((failed_at, self.name_missing(ops[failed_at], rejection)))
            }
        }
    }

    /// The messages of a range of operations, up to one that cannot be written.
    fn draft(&mut self, ops: &[&NetfilterOp], range: Range<usize>) -> (Draft, Option<(usize, Rejection)>) {
        let mut draft = Draft::default();
        for index in range {
            if let Err(rejection) = self.write(&mut draft, index, ops[index]) {
                return (draft, Some((index, rejection)));
            }
        }
        (draft, None)
    }

    /// Writes the messages of an operation.
    fn write(&mut self, draft: &mut Draft, index: usize, op: &NetfilterOp) -> Result<(), Rejection> {
        match op {
            NetfilterOp::Append(rule) => return draft.rule(index, rule, RulePosition::Last, &self.there),
            NetfilterOp::Insert(rule, position) => {
                let place = match position {
                    1 => RulePosition::First,
                    position => self.place(rule.chain(), *position)?,
                };
                return draft.rule(index, rule, place, &self.there);
            }
            NetfilterOp::Delete(rule, handle) => {
                let handle = match handle {
                    Some(handle) => *handle,
                    None => self.find(rule)?,
                };
                draft.transaction.delete_rule(index, rule.chain(), Some(handle));
            }
            NetfilterOp::Flush(chain) => {
                draft.ensure(index, chain, &self.there);
                draft.transaction.delete_rule(index, chain, None);
            }
            NetfilterOp::FlushTable(table) => self.flush_table(draft, index, *table)?,
            NetfilterOp::Policy(chain, policy) => match chain.hook() {
                Some(hook) => {
                    draft.ensure_table(index, chain.table);
                    draft.transaction.base_chain(index, chain, hook, Some(*policy));
                }
                None => return Err(Errno::EINVAL.into()),
            },
            NetfilterOp::NewChain(chain) => {
                draft.ensure_table(index, chain.table);
                draft.transaction.new_chain(index, chain);
            }
            NetfilterOp::DelChain(chain) => draft.transaction.delete_chain(index, chain),
        }
        Ok(())
    }

    /// The position of a rule that is inserted as the N-th of its chain.
    fn place(&mut self, chain: &ChainRef, position: u32) -> Result<RulePosition, Rejection> {
        let rules = self.rules(chain)?;
        let index = usize::try_from(position).unwrap_or(usize::MAX).checked_sub(1).ok_or(Errno::EINVAL)?;
        match rules.get(index) {
            Some(record) => Ok(RulePosition::Before(record.handle)),
            None if index == rules.len() => Ok(RulePosition::Last),
            None => {
                let text = format!("the chain `{}` has {} rules", chain.name, rules.len());
                Err(Rejection::from(Errno::ERANGE).text(text))
            }
        }
    }

    /// The handle of the first rule in its chain that is equal to a rule.
    fn find(&mut self, rule: &Rule) -> Result<u64, Rejection> {
        let wanted = rule.normal_form();
        let found = self.rules(rule.chain())?.into_iter().find(|record| record.rule.normal_form() == wanted);
        found.map(|record| record.handle).ok_or_else(|| Errno::ENOENT.into())
    }

    /// `iptables -F` does not create tables: a missing table has nothing to flush.
    fn flush_table(&mut self, draft: &mut Draft, index: usize, table: TableRef) -> Result<(), Rejection> {
        for chain in self.ruleset(table.family)?.chains(table) {
            draft.transaction.delete_rule(index, &table.chain(chain.name.clone()), None);
        }
        Ok(())
    }

    fn rules(&mut self, chain: &ChainRef) -> Result<Vec<RuleRecord>, Rejection> {
        let rules = self.chain_rules(chain)?;
        Ok(rules.into_iter().map(|(chain, handle, exprs)| record(chain, handle, &exprs)).collect())
    }
}

/// The rules of a chain, with their attributes in the kernel's form.
pub(super) fn raw_rules(namespaces: &mut Namespaces, netns: &NetnsRef, chain: &ChainRef) -> Outcome<Vec<RawRule>> {
    namespaces.nft_socket(netns)?.raw_rules(chain)
}

/// Firewall rules outside of iptables-nft: tables of iptables-legacy, and native nft chains.
pub(super) fn foreign(namespaces: &mut Namespaces, netns: &NetnsRef) -> Outcome<ForeignRules> {
    // `/proc/net` would be the main thread's namespace. The files do not exist, or cannot be read, if no such table was
    // ever used.
    let names = |file: &str| std::fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap_or_default();
    let read = || [(Family::V4, names("ip_tables_names")), (Family::V6, names("ip6_tables_names"))];
    let mut legacy = Vec::new();
    for (family, names) in namespaces.within(netns, read)? {
        let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
        names.sort();
        legacy.extend(names.into_iter().map(|name| (family, name)));
    }
    Ok(ForeignRules { legacy, chains: namespaces.nft_socket(netns)?.foreign_chains()? })
}

/// The handle of a table, which is unique; `None`: the table does not exist.
pub(super) fn table_handle(namespaces: &mut Namespaces, netns: &NetnsRef, table: TableRef) -> Outcome<Option<u64>> {
    let socket = namespaces.nft_socket(netns)?;
    let tables = socket.dump(wire::GET_TABLE, table.family, &[], wire::table_handle)?;
    Ok(tables.into_iter().find(|(found, _)| *found == table.table).map(|(_, handle)| handle))
}

/// For each of some rules, why it could not be restored after its removal; `None`: it could.
pub(super) fn irreplaceable(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    table: TableRef,
    rules: &[RawRule],
) -> Outcome<Vec<Option<String>>> {
    if rules.iter().all(|rule| rule.references().is_empty()) {
        return Ok(vec![None; rules.len()]);
    }
    let bound = namespaces.nft_socket(netns)?.bound_to_rules(table)?;
    let why = |rule: &RawRule| {
        let goes_along = rule.references().into_iter().find(|reference| bound.contains(reference))?;
        Some(match goes_along {
            wire::Reference::Set(_) => "the set in braces would be removed with it".to_owned(),
            wire::Reference::Chain(_) => "the chain in braces would be removed with it".to_owned(),
        })
    };
    Ok(rules.iter().map(why).collect())
}

/// A rule to restore.
pub(super) struct Returning<'a> {
    /// The removed rule.
    pub(super) rule: &'a RawRule,
    /// The rule before which it is inserted; `None`: at the end.
    pub(super) before: Option<u64>,
}

/// Restores rules of a chain in one transaction: all of them or none. Creates a built-in chain if necessary. On
/// failure, returns the index of the failed rule.
pub(super) fn put_back(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    chain: &ChainRef,
    rules: &[Returning<'_>],
) -> Result<(), (usize, Rejection)> {
    let socket = namespaces.nft_socket(netns).map_err(|rejection| (0, rejection))?;
    socket.put_back(chain, rules)
}

/// Removes a rule by its handle.
pub(super) fn delete_rule(namespaces: &mut Namespaces, netns: &NetnsRef, chain: &ChainRef, handle: u64) -> Outcome {
    let mut transaction = Transaction::new();
    transaction.delete_rule(0, chain, Some(handle));
    namespaces.nft_socket(netns)?.send_alone(transaction)
}

/// Removes rules of a chain by their handles, in transactions of up to a fixed number of rules.
pub(super) fn delete_rules(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    chain: &ChainRef,
    handles: &[u64],
) -> Outcome {
    namespaces.nft_socket(netns)?.delete_all(chain, handles.iter().copied())
}

/// Removes a chain, built-in or not; refused (EBUSY) if it has rules or is jumped to.
pub(super) fn delete_chain(namespaces: &mut Namespaces, netns: &NetnsRef, chain: &ChainRef) -> Outcome {
    let mut transaction = Transaction::new();
    transaction.delete_chain(0, chain);
    namespaces.nft_socket(netns)?.send_alone(transaction)
}

/// Removes a table; refused (EBUSY) unless it is empty.
pub(super) fn delete_table(namespaces: &mut Namespaces, netns: &NetnsRef, table: TableRef) -> Outcome {
    let mut transaction = Transaction::new();
    transaction.delete_table(table);
    namespaces.nft_socket(netns)?.send_alone(transaction)
}

impl NftSocket {
    fn put_back(&mut self, chain: &ChainRef, rules: &[Returning<'_>]) -> Result<(), (usize, Rejection)> {
        let mut transaction = Transaction::new();
        if let Some(hook) = chain.hook() {
            transaction.base_chain(0, chain, hook, None);
        }
        for (index, Returning { rule, before }) in rules.iter().enumerate() {
            let place = before.map_or(RulePosition::Last, RulePosition::Before);
            transaction.raw_rule(index, chain, &rule.attributes, place);
        }
        match self.commit(transaction.finish()) {
            // Without privilege, the socket's buffer is limited. The rules are sent in halves, and if the second half
            // is refused, the first is removed again.
            Err((_, rejection)) if rejection.errno == Errno::EMSGSIZE && rules.len() > 1 => {
                let there: HashSet<u64> = self.handles(chain).map_err(|rejection| (0, rejection))?;
                let (first, second) = rules.split_at(rules.len() / 2);
                self.put_back(chain, first)?;
                self.put_back(chain, second).map_err(|(failed_at, rejection)| {
                    let added = self.handles(chain).unwrap_or_default();
                    let _ = self.delete_all(chain, added.difference(&there).copied());
                    (first.len() + failed_at, rejection)
                })
            }
            result => result,
        }
    }

    fn handles(&mut self, chain: &ChainRef) -> Result<HashSet<u64>, Rejection> {
        Ok(self.raw_rules(chain)?.into_iter().map(|rule| rule.handle).collect())
    }

    fn delete_all(&mut self, chain: &ChainRef, handles: impl Iterator<Item = u64>) -> Outcome {
        let handles: Vec<u64> = handles.collect();
        // So many fit into a socket's buffer that cannot grow.
        for handles in handles.chunks(1000) {
            let mut transaction = Transaction::new();
            handles.iter().for_each(|handle| transaction.delete_rule(0, chain, Some(*handle)));
            self.send_alone(transaction)?;
        }
        Ok(())
    }

    fn send_alone(&mut self, transaction: Transaction) -> Outcome {
        self.commit(transaction.finish()).map_err(|(_, rejection)| rejection)
    }
}

fn record(chain: ChainRef, handle: u64, exprs: &[expr::Expr]) -> RuleRecord {
    let (rule, packets, bytes) = decode::rule(chain, exprs);
    RuleRecord { rule, handle, packets: Some(packets), bytes: Some(bytes) }
}

fn depends_on_kernel(op: &NetfilterOp) -> bool {
    match op {
        NetfilterOp::Insert(_, position) => *position != 1,
        NetfilterOp::Delete(_, handle) => handle.is_none(),
        NetfilterOp::FlushTable(_) => true,
        NetfilterOp::Append(_)
        | NetfilterOp::Flush(_)
        | NetfilterOp::Policy(..)
        | NetfilterOp::NewChain(_)
        | NetfilterOp::DelChain(_) => false,
    }
}

/// A transaction under construction, with the tables and chains that it creates.
struct Draft {
    transaction: Transaction,
    tables: BTreeSet<TableRef>,
    chains: BTreeSet<ChainRef>,
    /// Whether it relies on chains that are believed to exist.
    trusts: bool,
}

impl Default for Draft {
    fn default() -> Draft {
        Draft { transaction: Transaction::new(), tables: BTreeSet::new(), chains: BTreeSet::new(), trusts: false }
    }
}

impl Draft {
    /// Creates a table or built-in chain when it is first needed, as iptables-nft does. Creating one again would change
    /// nothing, but then the kernel delays the next transaction with an xtables target until every processor has seen
    /// it (`nft_target_init`), for several milliseconds.
    fn ensure(&mut self, index: usize, chain: &ChainRef, there: &HashSet<ChainRef>) {
        if there.contains(chain) {
            self.trusts = true;
            return;
        }
        self.ensure_table(index, chain.table);
        if let Some(hook) = chain.hook()
            && self.chains.insert(chain.clone())
        {
            self.transaction.base_chain(index, chain, hook, None);
        }
    }

    fn ensure_table(&mut self, index: usize, table: TableRef) {
        if self.tables.insert(table) {
            self.transaction.table(index, table);
        }
    }

    fn rule(
        &mut self,
        index: usize,
        rule: &Rule,
        place: RulePosition,
        there: &HashSet<ChainRef>,
    ) -> Result<(), Rejection> {
        let exprs = encode::expressions(rule).map_err(|native| {
            let text = format!("the rule contains nft expressions that no rule of iptables has: {native}");
            Rejection::from(Errno::EINVAL).text(text)
        })?;
        self.ensure(index, rule.chain(), there);
        self.transaction.rule(index, rule.chain(), &exprs, encode::compat(rule), place);
        Ok(())
    }
}
