//! Applies operations of a lab, after writing them to its journal.

use std::fmt::Display;

use crate::carry_out::carry_out;
use crate::journal::Undo;
use crate::lab::lock_all;
use crate::lock::Lock;
use crate::site::Site;
use crate::{Outcome, Rejection, crash_point, inverse, netfilter, privilege};
use netscript_net::error::Result;
use netscript_net::op::{Action, LinkOp, LinkSet, NetfilterOp, NetnsRef, Op};

/// Applies operations one after the other; consecutive rules in one namespace share a transaction.
pub(crate) fn apply(site: &mut Site, ops: &[Op]) -> Result<(), (usize, Rejection)> {
    let mut index = 0;
    while let Some(op) = ops.get(index) {
        let rules = netfilter_ops(&ops[index..]);
        let (done, result) = if rules.is_empty() {
            (1, apply_one(site, op).map_err(|rejection| (0, rejection)))
        } else {
            (rules.len(), apply_rules(site, &op.netns, &ops[index..], &rules))
        };
        result.map_err(|(failed_at, rejection)| {
            (index + failed_at, privilege::named(&ops[index + failed_at], rejection))
        })?;
        index += done;
    }
    Ok(())
}

/// Writes an operation to the journal, and applies it.
pub(crate) fn apply_one(site: &mut Site, op: &Op) -> Outcome {
    let _shared = lock_shared(site, op).map_err(Rejection::from_error)?;
    recorded(site, op, |site| carry_out(site, op))
}

/// Writes an operation to the journal, and applies it with `send`.
pub(crate) fn recorded(site: &mut Site, op: &Op, send: impl FnOnce(&mut Site) -> Outcome) -> Outcome {
    let entry = look_and_record(site, op)?;
    let index = site.network.namespaces.upcoming_index();
    let done = send(site);
    crash_point::here();
    match &done {
        Ok(()) => site.store.own.follow(op, index),
        // A link leaves its bridge before the kernel checks whether the new one accepts it (`do_set_master`).
        Err(_) if matches!(op.action, Action::Link(LinkOp::Set(_, LinkSet::Master(Some(_))))) => {}
        Err(_) => entry.into_iter().for_each(|n| site.store.journal.undone(n)),
    }
    done
}

/// Writes operations on rules of one namespace to the journal, and applies them.
pub(crate) fn apply_rules(
    site: &mut Site,
    netns: &NetnsRef,
    ops: &[Op],
    rules: &[&NetfilterOp],
) -> Result<(), (usize, Rejection)> {
    let locked = ops.first().map_or(Ok(None), |op| lock_shared(site, op));
    let _shared = locked.map_err(|error| (0, Rejection::from_error(error)))?;
    let mut inverses: Vec<(&dyn Display, Vec<Undo>)> = Vec::with_capacity(rules.len());
    let mut failed = None;
    for (index, op) in ops.iter().take(rules.len()).enumerate() {
        match inverse::of(site, op) {
            Ok(undo) => inverses.push((op, undo)),
            // The operations before it are applied nevertheless.
            Err(rejection) => {
                failed = Some((index, rejection));
                break;
            }
        }
    }
    let count = inverses.len();
    let entries = site.store.journal.record(inverses).map_err(|error| (0, Rejection::from_error(error)))?;
    send_rules(site, netns, &rules[..count], &entries)?;
    failed.map_or(Ok(()), Err)
}

fn send_rules(
    site: &mut Site,
    netns: &NetnsRef,
    rules: &[&NetfilterOp],
    entries: &[Option<u64>],
) -> Result<(), (usize, Rejection)> {
    if rules.is_empty() {
        return Ok(());
    }
    let done = netfilter::apply(&mut site.network.namespaces, netns, rules);
    crash_point::here();
    if let Err((failed_at, _)) = &done {
        entries.iter().skip(*failed_at).flatten().for_each(|n| site.store.journal.undone(*n));
        // Chains that the refused operations would have made do not exist.
        site.store.own.chains.retain(|(known, _)| known != netns);
    }
    done
}

/// Locks objects that several labs may change, from reading an inverse until its operation has been sent. Otherwise
/// another lab could be taken down in between and remove an object that was read, or not notice that this lab needs it.
/// The lock also guarantees that entries are written in the order of their operations.
fn lock_shared(site: &Site, op: &Op) -> Result<Option<Lock>> {
    let shared = match &op.action {
        Action::Netfilter(_) | Action::Sysctl(_) => site.store.folder.is_some() && !site.store.own.has_netns(&op.netns),
        Action::Netns(_)
        | Action::Link(_)
        | Action::Addr(_)
        | Action::Route(_)
        | Action::Policy(_)
        | Action::Neigh(_)
        | Action::Fdb(_) => false,
    };
    if shared { lock_all().map(Some) } else { Ok(None) }
}

/// Reads the facts for an operation's inverse, and writes its entry.
fn look_and_record(site: &mut Site, op: &Op) -> Outcome<Option<u64>> {
    let undo = inverse::of(site, op)?;
    site.store.record(op, undo)
}

/// The operations on rules at the beginning of a slice, all in one namespace, which share a transaction.
pub(crate) fn netfilter_ops(ops: &[Op]) -> Vec<&NetfilterOp> {
    let together = ops.iter().map_while(|op| match &op.action {
        Action::Netfilter(rules) if op.netns == ops[0].netns => Some(rules),
        _ => None,
    });
    together.collect()
}
