//! What an operation's inverse must know that is not in the operation, read before it is sent: one
//! file a noun. What happens to the lab's own things in its own namespaces goes with them and
//! needs no inverse, unless a script takes single steps back.

mod addr;
mod contents;
mod fdb;
mod guard;
mod link;
mod neigh;
mod netfilter;
mod netns;
mod policy;
mod route;
mod step;
mod sysctl;
mod undoes;

pub(crate) use undoes::undoes;

use crate::Outcome;
use crate::journal::Undo;
use crate::site::Site;
use netscript_net::op::{Action, Op};

/// How to undo an operation that is about to be sent. Nothing where it will be refused.
pub(crate) fn of(site: &mut Site, op: &Op) -> Outcome<Vec<Undo>> {
    let netns = &op.netns;
    match &op.action {
        Action::Netns(netns_op) => netns::inverse(site, op, netns_op),
        Action::Link(link) => link::inverse(site, op, netns, link),
        Action::Addr(addr) => addr::inverse(site, op, netns, addr),
        Action::Route(route) => route::inverse(site, op, netns, route),
        Action::Policy(policy) => policy::inverse(site, op, netns, policy),
        Action::Neigh(neigh) => neigh::inverse(site, op, netns, neigh),
        Action::Fdb(fdb) => fdb::inverse(site, op, netns, fdb),
        Action::Netfilter(rules) => netfilter::inverse(site, op, netns, rules),
        Action::Sysctl(sysctl) => sysctl::inverse(site, netns, sysctl),
    }
}
