//! Chains and rules (net/netfilter/nf_tables_api.c, as iptables-nft uses it).

use crate::refusal::refused;
use netscript_net::error::Errno;
use netscript_net::op::netfilter::{ChainName, ChainRef, Hook, IfaceLimit, Match, Policy, Rule, TableRef, Target};
use netscript_net::rejection::{Outcome, Rejection};
use netscript_net::state::{Chain, ForeignRules, RuleRecord, Ruleset};

/// The tables of a namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    ruleset: Ruleset,
    foreign: ForeignRules,
    last_handle: u64,
}

impl Tables {
    /// Takes the tables as they were found.
    pub(crate) fn adopt(&mut self, ruleset: Ruleset, foreign: ForeignRules) {
        let records = ruleset.tables.values().flatten().flat_map(|chain| &chain.rules);
        self.last_handle = records.map(|record| record.handle).max().unwrap_or(0);
        self.ruleset = ruleset;
        self.foreign = foreign;
    }

    pub(crate) fn foreign(&self) -> &ForeignRules {
        &self.foreign
    }

    pub(crate) fn ruleset(&self) -> &Ruleset {
        &self.ruleset
    }

    /// Empties every chain of a table.
    pub(crate) fn flush_table(&mut self, table: TableRef) {
        let chains = self.ruleset.tables.get_mut(&table);
        chains.into_iter().flatten().for_each(|chain| chain.rules.clear());
    }

    /// A built-in chain is made when it is first needed.
    pub(crate) fn chain(&mut self, wanted: &ChainRef) -> Outcome<&mut Chain> {
        let there = self.ruleset.chain(wanted.table, &wanted.name).is_some();
        if !there {
            if wanted.hook().is_none() {
                return Err(Errno::ENOENT.into());
            }
            self.add_chain(wanted, Some(Policy::Accept));
        }
        let chains = self.ruleset.tables.entry(wanted.table).or_default();
        chains.iter_mut().find(|chain| chain.name == wanted.name).ok_or_else(|| Errno::ENOENT.into())
    }

    /// In the order of `iptables -S`: built-in chains as packets meet them, then the others by name.
    fn add_chain(&mut self, new: &ChainRef, policy: Option<Policy>) {
        let chains = self.ruleset.tables.entry(new.table).or_default();
        chains.push(Chain { name: new.name.clone(), policy, rules: Vec::new() });
        let rank = |chain: &Chain| {
            let hooks = new.table.table.hooks();
            hooks.iter().position(|hook| hook.chain_name() == chain.name.as_str()).unwrap_or(hooks.len())
        };
        chains.sort_by(|a, b| (rank(a), &a.name).cmp(&(rank(b), &b.name)));
    }

    pub(crate) fn new_chain(&mut self, new: &ChainRef) -> Outcome {
        if self.ruleset.chain(new.table, &new.name).is_some() || new.hook().is_some() {
            return Err(Errno::EEXIST.into());
        }
        self.add_chain(new, None);
        Ok(())
    }

    pub(crate) fn del_chain(&mut self, gone: &ChainRef) -> Outcome {
        let Some(chain) = self.ruleset.chain(gone.table, &gone.name) else { return Err(Errno::ENOENT.into()) };
        if !chain.rules.is_empty() || self.is_jumped_to(gone) {
            return Err(Errno::EBUSY.into());
        }
        self.remove_chain(gone);
        Ok(())
    }

    fn remove_chain(&mut self, gone: &ChainRef) {
        if let Some(chains) = self.ruleset.tables.get_mut(&gone.table) {
            chains.retain(|chain| chain.name != gone.name);
        }
    }

    fn is_jumped_to(&self, wanted: &ChainRef) -> bool {
        let rules = self.ruleset.chains(wanted.table).iter().flat_map(|chain| &chain.rules);
        rules.filter_map(|record| destination(&record.rule)).any(|name| name == wanted.name)
    }

    pub(crate) fn insert(&mut self, rule: &Rule, at: Option<u32>) -> Outcome {
        let before = self.ruleset.chain(rule.chain().table, &rule.chain().name).map(|chain| chain.rules.len());
        let len = before.unwrap_or(0);
        let index = match at {
            None => len,
            Some(at) => usize::try_from(at).unwrap_or(usize::MAX).checked_sub(1).ok_or(Errno::EINVAL)?,
        };
        if index > len {
            let text = format!("index of insertion too big: the chain has {len} rules");
            return Err(refused(Errno::ERANGE, &text));
        }
        if before.is_none() && rule.chain().hook().is_none() {
            return Err(Errno::ENOENT.into());
        }
        check_links(rule)?;
        let table = rule.chain().table;
        let to = destination(rule);
        if to.as_ref().is_some_and(|to| self.ruleset.chain(table, to).is_none()) {
            return Err(Errno::ENOENT.into());
        }
        self.last_handle += 1;
        let record = RuleRecord { rule: rule.as_read(), handle: self.last_handle, packets: None, bytes: None };
        self.chain(rule.chain())?.rules.insert(index, record);
        let anywhere = || table.table.hooks().iter().all(|hook| has_place(rule, *hook));
        let matters = to.is_some() || (rule.chain().hook().is_none() && !anywhere());
        let valid = if matters { self.validate(table) } else { Ok(()) };
        if valid.is_err() {
            self.chain(rule.chain())?.rules.remove(index);
            if before.is_none() {
                self.remove_chain(rule.chain());
            }
        }
        valid
    }

    /// `nft_table_validate`: what a built-in chain leads to must have no loop, not be too deep, and have only rules
    /// that its hook allows. Chains that nothing jumps to are not checked.
    fn validate(&self, table: TableRef) -> Outcome {
        let chains = self.ruleset.chains(table).iter().map(|chain| table.chain(chain.name.clone()));
        let mut hooked = chains.filter_map(|chain| Some((chain.hook()?, chain.name)));
        hooked.try_for_each(|(hook, name)| self.validate_chain(table, hook, &name, 0))
    }

    /// `nft_chain_validate`
    fn validate_chain(&self, table: TableRef, hook: Hook, name: &ChainName, depth: usize) -> Outcome {
        // NFT_JUMP_STACK_SIZE, net/netfilter/nf_tables.h
        const DEEPEST: usize = 16;
        if depth >= DEEPEST {
            return Err(Errno::EMLINK.into());
        }
        let chain = self.ruleset.chain(table, name);
        for RuleRecord { rule, .. } in chain.into_iter().flat_map(|chain| &chain.rules) {
            if !has_place(rule, hook) {
                return Err(Errno::EINVAL.into());
            }
            if let Some(name) = destination(rule) {
                self.validate_chain(table, hook, &name, depth + 1)?;
            }
        }
        Ok(())
    }

    pub(crate) fn delete(&mut self, rule: &Rule, handle: Option<u64>) -> Outcome {
        let wanted = rule.normal_form();
        let missing = || Rejection::from(Errno::ENOENT);
        let table: TableRef = rule.chain().table;
        let chains = self.ruleset.tables.get_mut(&table).ok_or_else(missing)?;
        let chain = chains.iter_mut().find(|chain| chain.name == rule.chain().name).ok_or_else(missing)?;
        let fits = |record: &RuleRecord| match handle {
            Some(handle) => record.handle == handle,
            None => record.rule.normal_form() == wanted,
        };
        let at = chain.rules.iter().position(fits).ok_or_else(missing)?;
        chain.rules.remove(at);
        Ok(())
    }
}

/// `addrtype_mt_checkentry_v1`: refuses to match an interface that packets of a built-in chain do not have yet.
fn check_links(rule: &Rule) -> Outcome {
    let mut limits = rule.matches().iter().filter_map(|found| {
        let Match::Addrtype(addrtype) = found else { return None };
        addrtype.limit
    });
    let known = limits.all(|limit| match (rule.chain().hook(), limit) {
        (Some(hook), IfaceLimit::In) => hook.knows_iif(),
        (Some(hook), IfaceLimit::Out) => hook.knows_oif(),
        (None, _) => true,
    });
    if known { Ok(()) } else { Err(Errno::EINVAL.into()) }
}

/// Whether a rule is allowed in a chain that a hook leads to (`nft_target_validate`,
/// `nft_match_validate`).
fn has_place(rule: &Rule, hook: Hook) -> bool {
    let of_target = match rule.target() {
        Some(Target::Masquerade(..)) => hook == Hook::Postrouting,
        Some(Target::Snat(..)) => matches!(hook, Hook::Postrouting | Hook::Input),
        Some(Target::Dnat(..) | Target::Redirect(..)) => matches!(hook, Hook::Prerouting | Hook::Output),
        Some(
            Target::Accept
            | Target::Drop
            | Target::Return
            | Target::Jump(_)
            | Target::Goto(_)
            | Target::Reject(_)
            | Target::Log(_)
            | Target::Mark(_)
            | Target::Connmark(_)
            | Target::Tcpmss(_)
            | Target::Notrack { .. }
            | Target::Extension(_),
        )
        | None => true,
    };
    // xt_mac.c: a packet sent by a local program has no source hardware address.
    let by_mac = rule.matches().iter().any(|found| matches!(found, Match::Mac(_)));
    of_target && (!by_mac || hook.knows_iif())
}

/// The chain that a rule jumps or goes to.
fn destination(rule: &Rule) -> Option<ChainName> {
    match rule.target()? {
        Target::Jump(name) | Target::Goto(name) => Some(name.clone()),
        Target::Accept
        | Target::Drop
        | Target::Return
        | Target::Reject(_)
        | Target::Log(_)
        | Target::Masquerade(..)
        | Target::Snat(..)
        | Target::Dnat(..)
        | Target::Redirect(..)
        | Target::Mark(_)
        | Target::Connmark(_)
        | Target::Tcpmss(_)
        | Target::Notrack { .. }
        | Target::Extension(_) => None,
    }
}
