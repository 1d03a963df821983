//! Chains and rules: `iptables`, `ip6tables`.

use super::Command;
use crate::op::{NetfilterOp, NetnsRef};

pub(super) fn command(_: &NetnsRef, op: &NetfilterOp) -> Command {
    match *op {}
}
