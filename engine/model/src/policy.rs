//! Changing the rules that choose a routing table (`ip rule`).

use super::{Model, Outcome};
use netscript_net::op::{Family, NetnsRef, PolicyOp};

impl Model {
    pub(super) fn apply_policy(&mut self, netns: &NetnsRef, op: &PolicyOp) -> Outcome {
        let netns = self.netns_id(netns)?;
        let netns = self.netns_mut(netns);
        let rules = match op.family() {
            Family::V4 => &mut netns.rules4,
            Family::V6 => &mut netns.rules6,
        };
        match op {
            PolicyOp::Add(rule) => rules.add(rule),
            PolicyOp::Del(pattern) => rules.del(pattern),
        }
    }
}
