//! What an operation's inverse must know that is not in the operation, read before it is sent: one
//! file a noun. What happens to the lab's own things in its own namespaces goes with them and
//! needs no inverse, unless a script takes single steps back.

mod addr;
mod fdb;
mod link;
mod neigh;
mod netfilter;
mod netns;
mod policy;
mod route;
mod sysctl;
mod undoes;

pub(crate) use undoes::undoes;

use crate::journal::{Deed, Place, Undo};
use crate::{Failure, Kernel, Outcome, link as links};
use netscript_net::error::Error;
use netscript_net::op::{Action, IfName, NetnsRef, Op};

impl Kernel {
    /// How to undo an operation that is about to be sent. Nothing where it will be refused.
    pub(crate) fn inverse(&mut self, op: &Op) -> Outcome<Vec<Undo>> {
        let netns = &op.netns;
        match &op.action {
            Action::Netns(netns_op) => self.inverse_of_netns(op, netns_op),
            Action::Link(link) => self.inverse_of_link(op, netns, link),
            Action::Addr(addr) => self.inverse_of_addr(op, netns, addr),
            Action::Route(route) => self.inverse_of_route(op, netns, route),
            Action::Policy(policy) => self.inverse_of_policy(op, netns, policy),
            Action::Neigh(neigh) => self.inverse_of_neigh(op, netns, neigh),
            Action::Fdb(fdb) => self.inverse_of_fdb(op, netns, fdb),
            Action::Netfilter(rules) => self.inverse_of_netfilter(op, netns, rules),
            Action::Sysctl(sysctl) => self.inverse_of_sysctl(netns, sysctl),
        }
    }

    /// Whether what happens in a namespace goes with it, and nobody asks for single steps back.
    fn goes_with_netns(&self, netns: &NetnsRef) -> bool {
        !self.book.is_detailed() && self.own.has_netns(netns)
    }

    /// Whether what happens to a link goes with it, and nobody asks for single steps back.
    fn goes_with_link(&self, netns: &NetnsRef, link: &IfName) -> bool {
        !self.book.is_detailed() && self.own.has_link(netns, link)
    }

    /// On the machine itself, what the lab did not make is not removed without being told so.
    fn guard(&self, op: &Op, what: Vec<String>) -> Outcome {
        if !self.guarded || what.is_empty() {
            return Ok(());
        }
        Err(Failure::from_error(Error::Foreign { op: op.to_string(), what }))
    }

    /// The same for what is known by names, on a link perhaps. The lab made it if one of its steps back
    /// removes it.
    fn guard_step(
        &self,
        op: &Op,
        dev: Option<&IfName>,
        what: impl FnOnce() -> String,
        removes: impl Fn(&Deed, &[(IfName, u32)]) -> bool,
    ) -> Outcome {
        let own = self.own.has_netns(&op.netns)
            || dev.is_some_and(|dev| self.own.has_link(&op.netns, dev))
            || self.is_own_step(&op.netns, removes);
        if own { Ok(()) } else { self.guard(op, vec![what()]) }
    }

    /// Whether an entry of the lab's journal removes something in a namespace: then the lab made it.
    /// `removes` gets a step and the links that it names, with their indexes. A link may have been
    /// renamed since; its index stays.
    fn is_own_step(&self, netns: &NetnsRef, removes: impl Fn(&Deed, &[(IfName, u32)]) -> bool) -> bool {
        self.book.entries.iter().any(|entry| {
            entry.undo.iter().enumerate().any(|(at, undo)| match undo {
                Undo::Do { place, links, deed } if place.netns == *netns && removes(deed, links) => {
                    // What the same entry puts back was there before.
                    let puts_back = |later: &Undo| matches!(later, Undo::Do { deed: made, .. } if undoes(deed, made));
                    !entry.undo[at + 1..].iter().any(puts_back)
                }
                Undo::Do { .. }
                | Undo::Netns { .. }
                | Undo::Lost { .. }
                | Undo::Bind { .. }
                | Undo::Resolver { .. }
                | Undo::Process { .. }
                | Undo::Link { .. }
                | Undo::Make { .. }
                | Undo::Move { .. }
                | Undo::Sysctl { .. }
                | Undo::Rule { .. }
                | Undo::Rules { .. }
                | Undo::Policy { .. }
                | Undo::Chain { .. }
                | Undo::NewChain { .. }
                | Undo::Table { .. } => false,
            })
        })
    }

    /// An operation by names; nothing if a link that it names is not there.
    fn step(&mut self, place: &Place, names: &[&IfName], deed: impl Into<Deed>) -> Outcome<Vec<Undo>> {
        let mut found = Vec::new();
        for name in names {
            match links::index(&mut self.namespaces, &place.netns, name) {
                Ok(index) => found.push(((*name).clone(), index)),
                Err(failure) if failure.absent.is_some() => return Ok(Vec::new()),
                Err(failure) => return Err(failure),
            }
        }
        Ok(vec![Undo::Do { place: place.clone(), links: found, deed: deed.into() }])
    }
}
