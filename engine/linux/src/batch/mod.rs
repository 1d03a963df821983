//! Operations that travel together, in an order and in messages that cost the kernel less, with the end
//! state that their own order has.
//!
//! Three things are done otherwise than one by one:
//! - A pair is born where its ends belong, with what is set of them in the same message: moving a link
//!   costs seventy times as much. The parts of that message come earlier than the program has them.
//! - A namespace that a pair is born into is made before it.
//! - A bridge to which ports are joined is switched on last: a bridge that is on passes every port's IPv6
//!   chatter to all others.
//!
//! If something fails, what came too early goes and what would come later comes, so that everything
//! before the operation at fault is there and nothing after it. What is taken back is only what nothing
//! else has touched: a pair's parts end at the first operation that is about the pair and no part of it.

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
use netscript_net::world::BatchError;

/// What has been done of a batch.
struct Progress<'a> {
    ops: &'a [Op],
    plan: Plan,
    done: Vec<bool>,
    /// Namespaces that were made before their turn.
    early: Vec<usize>,
    /// Pairs that were made with their parts.
    pairs: Vec<usize>,
}

/// Does operations, none of which touches what others could, until one fails or the user interrupts.
/// `is_ready` says whether a bridge will be on and have a carrier in the end.
pub(crate) fn apply(
    site: &mut Site,
    interrupt: &Interrupt,
    ops: &[Op],
    is_ready: impl Fn(&NetnsRef, &IfName) -> bool,
) -> Result<(), BatchError> {
    site.network
        .namespaces
        .prefetch(ops.iter().filter(|op| matches!(op.action, Action::Netns(NetnsOp::Add(_)))).count());
    let done = vec![false; ops.len()];
    let mut progress = Progress { ops, plan: Plan::of(ops, is_ready), done, early: Vec::new(), pairs: Vec::new() };
    let result = advance(site, interrupt, &mut progress)
        .map_err(|(index, rejection)| tidy(site, &mut progress, index, rejection));
    site.network.namespaces.known.clear();
    site.network.namespaces.prefetch(0);
    result.map_err(|(index, rejection)| {
        let rejection = privilege::named(&ops[index], rejection);
        BatchError { index, refusal: rejection.refusal, missing: rejection.missing }
    })
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

/// Makes the pair that begins here, with all its parts; false if there is none, or the kernel does not
/// take it: then its parts are done one by one, and the one that fails is the one at fault.
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

/// Does an operation, or the rules that begin with it: these share a transaction.
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

/// After a failure: what came before its turn goes, and what should have come before comes. Gives
/// the first that fails.
fn tidy(site: &mut Site, progress: &mut Progress, index: usize, rejection: Rejection) -> (usize, Rejection) {
    site.network.namespaces.known.clear();
    for first in std::mem::take(&mut progress.pairs) {
        let Some(pair) = progress.plan.pair(first).filter(|pair| pair.parts.last() > Some(&index)) else {
            continue;
        };
        let gone = Op::new(pair.near.netns.clone(), LinkOp::Del(pair.near.name.clone()));
        // What cannot be taken back is undone with the lab.
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

/// The links that are looked up by name when an operation is done.
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
