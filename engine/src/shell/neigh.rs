//! Neighbours: `ip neigh add`, `del`.

use super::Command;
use crate::op::{NeighOp, Neighbour, NetnsRef};

pub(super) fn command(netns: &NetnsRef, op: &NeighOp) -> Command {
    match op {
        NeighOp::Add(Neighbour { dst, mac, dev }) => Command::new(
            netns,
            ["ip", "neigh", "add", &dst.to_string(), "lladdr", &mac.to_string(), "dev", dev.as_str()],
        ),
        NeighOp::Del(dst, dev) => Command::new(netns, ["ip", "neigh", "del", &dst.to_string(), "dev", dev.as_str()]),
    }
}
