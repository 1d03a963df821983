//! Chains and rules: `iptables`, `ip6tables`.

use super::command::Command;
use netscript_net::op::{NetfilterOp, NetnsRef};

pub(super) fn command(netns: &NetnsRef, op: &NetfilterOp) -> Command {
    Command::new(netns, op.argv())
}
