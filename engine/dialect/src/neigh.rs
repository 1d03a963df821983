//! Neighbours: `ip neigh add`, `replace`, `del`.

use super::command::Command;
use netscript_net::op::{NeighOp, Neighbour, NetnsRef};

pub(super) fn command(netns: &NetnsRef, op: &NeighOp) -> Command {
    match op {
        NeighOp::Add(neighbour) => one(netns, "add", neighbour),
        NeighOp::Replace(neighbour) => one(netns, "replace", neighbour),
        NeighOp::Del(dst, dev) => Command::new(netns, ["ip", "neigh", "del", &dst.to_string(), "dev", dev.as_str()]),
    }
}

fn one(netns: &NetnsRef, verb: &str, neighbour: &Neighbour) -> Command {
    let Neighbour { dst, mac, dev } = neighbour;
    Command::new(netns, ["ip", "neigh", verb, &dst.to_string(), "lladdr", &mac.to_string(), "dev", dev.as_str()])
}
