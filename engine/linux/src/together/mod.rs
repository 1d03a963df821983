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

use crate::link::End;
use crate::{Failure, Kernel, link, netfilter_ops, privilege};
use netscript_net::error::Error;
use netscript_net::op::{Action, AddrOp, IfName, LinkOp, LinkSet, LinkSpec, NetnsOp, NetnsRef, Op, RouteOp, Veth};
use netscript_net::world::Failed;

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

impl Kernel {
    /// Does operations of so many words of the script, none of which touches what others could.
    /// `is_ready` says whether a bridge will be on and have a carrier in the end.
    pub(crate) fn apply_together(
        &mut self,
        ops: &[Op],
        steps: usize,
        is_ready: impl Fn(&NetnsRef, &IfName) -> bool,
    ) -> Result<(), Failed> {
        (0..steps).for_each(|_| self.book.step(&self.own));
        ops.iter().for_each(|op| self.note_carriers(op));
        self.namespaces.make_ahead(ops.iter().filter(|op| matches!(op.action, Action::Netns(NetnsOp::Add(_)))).count());
        let done = vec![false; ops.len()];
        let mut progress = Progress { ops, plan: Plan::of(ops, is_ready), done, early: Vec::new(), pairs: Vec::new() };
        let result = self.advance(&mut progress).map_err(|(index, failure)| self.tidy(&mut progress, index, failure));
        self.namespaces.known.clear();
        self.namespaces.make_ahead(0);
        result.map_err(|(index, failure)| {
            let failure = privilege::named(&ops[index], failure);
            Failed { index, refusal: failure.refusal, absent: failure.absent }
        })
    }

    fn advance(&mut self, progress: &mut Progress) -> Result<(), (usize, Failure)> {
        for index in 0..progress.ops.len() {
            if progress.done[index] || progress.plan.comes_last(index) {
                continue;
            }
            if self.interrupt.raised() {
                return Err((index, Failure::from_error(Error::Interrupted)));
            }
            if !self.make_pair(progress, index) {
                self.do_next(progress, index)?;
            }
        }
        for index in progress.plan.last() {
            self.do_one(progress, index).map_err(|failure| (index, failure))?;
        }
        Ok(())
    }

    /// Makes the pair that begins here, with all its parts; false if there is none, or the kernel does not
    /// take it: then its parts are done one by one, and the one that fails is the one at fault.
    fn make_pair(&mut self, progress: &mut Progress, index: usize) -> bool {
        let Some(pair) = progress.plan.pair(index) else { return false };
        for namespace in pair.namespaces.iter().copied() {
            if !progress.done[namespace] {
                if self.do_one(progress, namespace).is_err() {
                    return false;
                }
                progress.early.push(namespace);
            }
        }
        if self.add_pair(&pair.near, &pair.far).is_err() {
            return false;
        }
        pair.parts.iter().for_each(|part| progress.done[*part] = true);
        progress.done[index] = true;
        progress.pairs.push(index);
        true
    }

    fn add_pair(&mut self, near: &End, far: &End) -> crate::Outcome {
        let veth = Veth { peer: far.name.clone(), netns: Some(far.netns.clone()) };
        let op = Op::new(near.netns.clone(), LinkOp::Add(near.name.clone(), LinkSpec::Veth(veth)));
        self.recorded(&op, |kernel| {
            let master = near.master.as_ref().map(|master| match kernel.own.index(&near.netns, master) {
                Some(index) => Ok(index),
                None => link::index(&mut kernel.namespaces, &near.netns, master),
            });
            link::add_pair(&mut kernel.namespaces, near, far, master.transpose()?)
        })
    }

    /// Does an operation, or the rules that begin with it: these share a transaction.
    fn do_next(&mut self, progress: &mut Progress, index: usize) -> Result<(), (usize, Failure)> {
        let rules = netfilter_ops(&progress.ops[index..]);
        if rules.len() < 2 {
            return self.do_one(progress, index).map_err(|failure| (index, failure));
        }
        let ops = progress.ops;
        let done = self.apply_rules(&ops[index].netns, &ops[index..], &rules);
        let count = done.as_ref().map_or_else(|(culprit, _)| *culprit, |()| rules.len());
        progress.done[index..index + count].fill(true);
        done.map_err(|(culprit, failure)| (index + culprit, failure))
    }

    fn do_one(&mut self, progress: &mut Progress, index: usize) -> crate::Outcome {
        let op = &progress.ops[index];
        self.namespaces.known.clear();
        for name in named(&op.action).into_iter().flatten() {
            if let Some(index) = self.own.index(&op.netns, name) {
                self.namespaces.known.push((op.netns.clone(), name.clone(), index));
            }
        }
        self.apply_one(op)?;
        progress.done[index] = true;
        Ok(())
    }

    /// After a failure: what came before its turn goes, and what should have come before comes. Gives
    /// the first that fails.
    fn tidy(&mut self, progress: &mut Progress, index: usize, failure: Failure) -> (usize, Failure) {
        self.namespaces.known.clear();
        for first in std::mem::take(&mut progress.pairs) {
            let Some(pair) = progress.plan.pair(first).filter(|pair| pair.parts.last() > Some(&index)) else {
                continue;
            };
            let gone = Op::new(pair.near.netns.clone(), LinkOp::Del(pair.near.name.clone()));
            // What cannot be taken back is undone with the lab.
            if self.carry_out(&gone).is_ok() {
                self.own.follow(&gone, 0);
                [first].iter().chain(&pair.parts).for_each(|part| progress.done[*part] = false);
            }
        }
        for early in std::mem::take(&mut progress.early).into_iter().filter(|early| *early > index) {
            let gone = match &progress.ops[early].action {
                Action::Netns(NetnsOp::Add(name)) => Op::host(NetnsOp::Del(name.clone())),
                Action::Netns(NetnsOp::Hold(number)) => Op::host(NetnsOp::Release(*number)),
                _ => continue,
            };
            if self.carry_out(&gone).is_ok() {
                self.own.follow(&gone, 0);
                progress.done[early] = false;
            }
        }
        for before in 0..index {
            if !progress.done[before]
                && let Err(failure) = self.do_one(progress, before)
            {
                return (before, failure);
            }
        }
        (index, failure)
    }
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
