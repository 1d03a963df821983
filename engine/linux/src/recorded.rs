//! Operations as a lab does them: written into its journal first.

use std::fmt::Display;

use crate::carry_out::carry_out;
use crate::journal::Undo;
use crate::lab::lock_all;
use crate::lock::Lock;
use crate::site::Site;
use crate::{Outcome, Rejection, crash_point, inverse, netfilter, privilege};
use netscript_net::error::Result;
use netscript_net::op::{Action, LinkOp, LinkSet, NetfilterOp, NetnsRef, Op};
use netscript_net::world::BatchError;

/// Does operations, one after the other; rules in one namespace travel together.
pub(crate) fn apply(site: &mut Site, ops: &[Op]) -> Result<(), BatchError> {
    let mut index = 0;
    while let Some(op) = ops.get(index) {
        let rules = netfilter_ops(&ops[index..]);
        let (done, result) = if rules.is_empty() {
            (1, apply_one(site, op).map_err(|rejection| (0, rejection)))
        } else {
            (rules.len(), apply_rules(site, &op.netns, &ops[index..], &rules))
        };
        result.map_err(|(failed_at, rejection)| {
            let rejection = privilege::named(&ops[index + failed_at], rejection);
            BatchError { index: index + failed_at, refusal: rejection.refusal, missing: rejection.missing }
        })?;
        index += done;
    }
    Ok(())
}

/// Does an operation, written into the journal first.
pub(crate) fn apply_one(site: &mut Site, op: &Op) -> Outcome {
    let _shared = lock_shared(site, op).map_err(Rejection::from_error)?;
    recorded(site, op, |site| carry_out(site, op))
}

/// Writes an operation into the journal and does it as told.
pub(crate) fn recorded(site: &mut Site, op: &Op, send: impl FnOnce(&mut Site) -> Outcome) -> Outcome {
    let entry = look_and_record(site, op)?;
    let index = site.network.namespaces.upcoming_index();
    let done = send(site);
    crash_point::here();
    match &done {
        Ok(()) => site.store.own.follow(op, index),
        // A link leaves its bridge before the kernel looks whether the next one takes it
        // (`do_set_master`).
        Err(_) if matches!(op.action, Action::Link(LinkOp::Set(_, LinkSet::Master(Some(_))))) => {}
        Err(_) => entry.into_iter().for_each(|n| site.store.journal.undone(n)),
    }
    done
}

/// Does operations on rules, all in one namespace, written into the journal first.
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
            // Those before it are done all the same.
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
    }
    done
}

/// Locks what several labs may change, from before an inverse is read until its operation has
/// been sent: no other lab can go down meanwhile and take away what was seen, or overlook that
/// this one needs it, and what is written later is done later.
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

/// Reads what an operation's inverse must know, and writes it.
fn look_and_record(site: &mut Site, op: &Op) -> Outcome<Option<u64>> {
    let undo = inverse::of(site, op)?;
    site.store.record(op, undo)
}

/// The operations on rules that a slice begins with, all in one namespace: they travel together.
pub(crate) fn netfilter_ops(ops: &[Op]) -> Vec<&NetfilterOp> {
    let together = ops.iter().map_while(|op| match &op.action {
        Action::Netfilter(rules) if op.netns == ops[0].netns => Some(rules),
        _ => None,
    });
    together.collect()
}
