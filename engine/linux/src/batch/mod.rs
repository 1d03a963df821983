//! Applies a batch of operations in an order, and in messages, that are faster for the kernel. The end state is the
//! same as in program order.
//!
//! Three things differ from applying operations one by one:
//! - A pair is created with its ends in their final namespaces, and with their settings in the same message: moving a
//!   link takes seventy times as long. The settings are applied earlier than in the program.
//! - A namespace is created before a pair that has an end in it.
//! - A bridge with ports goes up last: a bridge that is up forwards every port's IPv6 traffic to all others.
//!
//! If an operation fails, early changes are removed and late changes are applied, so that everything before the failed
//! operation is done and nothing after it. Removing is safe because nothing else depends on early changes: a pair's
//! settings end at the first other operation on the pair.

mod pair;
mod plan;

use plan::Plan;

use crate::carry_out::carry_out;
use crate::interrupt::Interrupt;
use crate::link::End;
use crate::recorded::{apply_one, apply_rules, netfilter_ops, recorded};
use crate::site::Site;
use crate::{Outcome, Rejection, link, privilege};
use netscript_net::error::Error;
use netscript_net::op::{Action, AddrOp, IfName, LinkOp, LinkSet, LinkSpec, NetnsOp, NetnsRef, Op, RouteOp, Veth};

/// The progress of a batch.
struct Progress<'a> {
    ops: &'a [Op],
    plan: Plan,
    done: Vec<bool>,
    /// Namespaces that were created early.
    early: Vec<usize>,
    /// Pairs that were created with their settings.
    pairs: Vec<usize>,
}

/// Applies operations that cannot affect others, until one fails or the user interrupts. `is_ready` says whether a
/// bridge will finally be up with a carrier.
pub(crate) fn apply(
    site: &mut Site,
    interrupt: &Interrupt,
    ops: &[Op],
    is_ready: impl Fn(&NetnsRef, &IfName) -> bool,
) -> Result<(), (usize, Rejection)> {
    site.network
        .namespaces
        .prefetch(ops.iter().filter(|op| matches!(op.action, Action::Netns(NetnsOp::Add(_)))).count());
    let done = vec![false; ops.len()];
    let mut progress = Progress { ops, plan: Plan::of(ops, is_ready), done, early: Vec::new(), pairs: Vec::new() };
    let result = advance(site, interrupt, &mut progress)
        .map_err(|(index, rejection)| tidy(site, &mut progress, index, rejection));
    site.network.namespaces.known.clear();
    site.network.namespaces.prefetch(0);
    result.map_err(|(index, rejection)| (index, privilege::named(&ops[index], rejection)))
}

fn advance(site: &mut Site, interrupt: &Interrupt, progress: &mut Progress) -> Result<(), (usize, Rejection)> {
    for index in 0..progress.ops.len() {
        if progress.done[index] || progress.plan.comes_last(index) {
            continue;
        }
        if interrupt.raised() {
            return Err((index, Rejection::from_error(Error::Interrupted)));
        }
        if !make_pair(site, progress, index) {
            do_next(site, progress, index)?;
        }
    }
    for index in progress.plan.last() {
        do_one(site, progress, index).map_err(|rejection| (index, rejection))?;
    }
    Ok(())
}

/// Creates the pair of this operation with all its settings. False if it creates no pair, or if the kernel refuses the
/// message: then the settings are applied one by one, so that the operation that fails is the one at fault.
fn make_pair(site: &mut Site, progress: &mut Progress, index: usize) -> bool {
    let Some(pair) = progress.plan.pair(index) else { return false };
    for namespace in pair.namespaces.iter().copied() {
        if !progress.done[namespace] {
            if do_one(site, progress, namespace).is_err() {
                return false;
            }
            progress.early.push(namespace);
        }
    }
    if add_pair(site, &pair.near, &pair.far).is_err() {
        return false;
    }
    pair.parts.iter().for_each(|part| progress.done[*part] = true);
    progress.done[index] = true;
    progress.pairs.push(index);
    true
}

fn add_pair(site: &mut Site, near: &End, far: &End) -> Outcome {
    let veth = Veth { peer: far.name.clone(), netns: Some(far.netns.clone()) };
    let op = Op::new(near.netns.clone(), LinkOp::Add(near.name.clone(), LinkSpec::Veth(veth)));
    recorded(site, &op, |site| {
        let master = near.master.as_ref().map(|master| match site.store.own.index(&near.netns, master) {
            Some(index) => Ok(index),
            None => link::index(&mut site.network.namespaces, &near.netns, master),
        });
        link::add_pair(&mut site.network.namespaces, near, far, master.transpose()?)
    })
}

/// Applies an operation, or a run of rules, which share a transaction.
fn do_next(site: &mut Site, progress: &mut Progress, index: usize) -> Result<(), (usize, Rejection)> {
    let rules = netfilter_ops(&progress.ops[index..]);
    if rules.len() < 2 {
        return do_one(site, progress, index).map_err(|rejection| (index, rejection));
    }
    let ops = progress.ops;
    let done = apply_rules(site, &ops[index].netns, &ops[index..], &rules);
    let count = done.as_ref().map_or_else(|(failed_at, _)| *failed_at, |()| rules.len());
    progress.done[index..index + count].fill(true);
    done.map_err(|(failed_at, rejection)| (index + failed_at, rejection))
}

fn do_one(site: &mut Site, progress: &mut Progress, index: usize) -> Outcome {
    let op = &progress.ops[index];
    site.network.namespaces.known.clear();
    for name in named(&op.action).into_iter().flatten() {
        if let Some(index) = site.store.own.index(&op.netns, name) {
            site.network.namespaces.known.push((op.netns.clone(), name.clone(), index));
        }
    }
    apply_one(site, op)?;
    progress.done[index] = true;
    Ok(())
}

/// After a failure, removes early changes and applies late ones. Returns the first failed operation.
fn tidy(site: &mut Site, progress: &mut Progress, index: usize, rejection: Rejection) -> (usize, Rejection) {
    site.network.namespaces.known.clear();
    for first in std::mem::take(&mut progress.pairs) {
        let Some(pair) = progress.plan.pair(first).filter(|pair| pair.parts.last() > Some(&index)) else {
            continue;
        };
        let gone = Op::new(pair.near.netns.clone(), LinkOp::Del(pair.near.name.clone()));
        // If it cannot be removed, it is removed with the lab.
        if carry_out(site, &gone).is_ok() {
            site.store.own.follow(&gone, 0);
            [first].iter().chain(&pair.parts).for_each(|part| progress.done[*part] = false);
        }
    }
    for early in std::mem::take(&mut progress.early).into_iter().filter(|early| *early > index) {
        let gone = match &progress.ops[early].action {
            Action::Netns(NetnsOp::Add(name)) => Op::host(NetnsOp::Del(name.clone())),
            Action::Netns(NetnsOp::Hold(number)) => Op::host(NetnsOp::Release(*number)),
            _ => continue,
        };
        if carry_out(site, &gone).is_ok() {
            site.store.own.follow(&gone, 0);
            progress.done[early] = false;
        }
    }
    for before in 0..index {
        if !progress.done[before]
            && let Err(rejection) = do_one(site, progress, before)
        {
            return (before, rejection);
        }
    }
    (index, rejection)
}

/// The links that an operation looks up by name.
fn named(action: &Action) -> [Option<&IfName>; 2] {
    match action {
        Action::Link(LinkOp::Set(name, LinkSet::Master(master))) => [Some(name), master.as_ref()],
        Action::Link(LinkOp::Set(name, _)) => [Some(name), None],
        Action::Addr(AddrOp::Add(name, _)) => [Some(name), None],
        Action::Route(RouteOp::Add(route) | RouteOp::Replace(route)) => {
            let mut links = route.nexthops.iter().filter_map(|hop| hop.dev.as_ref());
            [links.next(), links.next()]
        }
        Action::Link(LinkOp::Add(..) | LinkOp::Del(_))
        | Action::Addr(AddrOp::Del(..))
        | Action::Route(RouteOp::Del(_) | RouteOp::Flush(..))
        | Action::Netns(_)
        | Action::Policy(_)
        | Action::Neigh(_)
        | Action::Fdb(_)
        | Action::Netfilter(_)
        | Action::Sysctl(_) => [None, None],
    }
}
