//! A model of the kernel's networking: how each operation changes the state of a network, and which error the kernel
//! returns when it refuses one.
//!
//! It needs no Linux, no privilege, no clock and no files. The rules are those of the kernel's
//! own functions, which the comments name; `cargo xtask equivalence` compares the two.
//!
//! Start with [`Model`]. `data` holds the state, and `model` finds parts of it. The other files hold the rules, as
//! methods of [`Model`]: a file for each kind of operation, and in `kinds` one for each kind of link.

mod addr;
mod data;
mod fdb;
mod import;
mod kinds;
mod link;
mod model;
mod neigh;
mod netfilter;
mod netns;
mod outline;
mod policy;
mod refusal;
mod route;
mod settings;
mod snapshot;
mod sysctl;

pub use model::Model;

use netscript_net::op::{Action, NetnsRef, Op};
use netscript_net::rejection::{Outcome, Rejection};
use refusal::refused;

impl Default for Model {
    fn default() -> Model {
        Model::new()
    }
}

impl Model {
    /// A host whose `lo` is switched off.
    fn empty() -> Model {
        let mut model = Model::bare();
        let host = model.new_netns();
        model.bind(NetnsRef::Host, host);
        model
    }

    /// A host with no link but `lo`, which is up.
    pub fn new() -> Model {
        let mut model = Model::empty();
        let host = model.names[&NetnsRef::Host];
        for link in model.netns(host).links.values().copied().collect::<Vec<_>>() {
            // A loopback device can always be brought up.
            let _ = model.bring_up(link);
        }
        model
    }

    /// Does operations in order, up to the first that the kernel would refuse.
    pub fn apply(&mut self, ops: &[Op]) -> Result<(), (usize, Rejection)> {
        for (index, op) in ops.iter().enumerate() {
            self.apply_one(op).map_err(|rejection| (index, rejection))?;
        }
        Ok(())
    }

    fn apply_one(&mut self, op: &Op) -> Outcome {
        match &op.action {
            Action::Netns(op) => self.apply_netns(op),
            Action::Link(link) => self.apply_link(&op.netns, link),
            Action::Addr(addr) => self.apply_addr(&op.netns, addr),
            Action::Route(route) => self.apply_route(&op.netns, route),
            Action::Policy(policy) => self.apply_policy(&op.netns, policy),
            Action::Neigh(neigh) => self.apply_neigh(&op.netns, neigh),
            Action::Fdb(fdb) => self.apply_fdb(&op.netns, fdb),
            Action::Netfilter(netfilter) => self.apply_netfilter(&op.netns, netfilter),
            Action::Sysctl(sysctl) => self.apply_sysctl(&op.netns, sysctl),
        }
    }
}
