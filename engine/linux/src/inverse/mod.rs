//! Inverses of operations. An inverse needs facts that are read before the operation is sent; there is a file for each
//! noun. Changes to the lab's own objects in its own namespaces vanish with them and need no inverse, unless a script
//! undoes single steps.

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

/// The inverse of an operation that is about to be sent; empty if the kernel will refuse the operation.
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
