//! Chains and rules: `iptables`, `ip6tables`.

use super::Command;
use crate::op::{NetfilterOp, NetnsRef};

pub(super) fn command(netns: &NetnsRef, op: &NetfilterOp) -> Command {
    Command::new(netns, op.argv())
}
