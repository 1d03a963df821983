//! Addresses: `ip addr add`, `del`.

use super::command::Command;
use netscript_net::op::{AddrOp, AddrSpec, Broadcast, Family, IfName, NetnsRef};

pub(super) fn command(netns: &NetnsRef, op: &AddrOp) -> Command {
    match op {
        AddrOp::Add(link, spec) => add(netns, link, spec),
        AddrOp::Del(link, spec) => del(netns, link, spec),
    }
}

fn add(netns: &NetnsRef, link: &IfName, spec: &AddrSpec) -> Command {
    let AddrSpec { local: _, peer: _, broadcast, scope, label, dad, proto: _ } = spec;
    let command = address(Command::new(netns, ["ip", "addr", "add"]), spec)
        .option("broadcast", broadcast.map(broadcast_word))
        .option("dev", Some(link))
        .option("scope", scope.map(|scope| scope.word()))
        .option("label", label.as_deref());
    match (spec.local.family(), dad) {
        (Family::V6, false) => command.with(["nodad"]),
        (Family::V6, true) | (Family::V4, _) => command,
    }
}

fn del(netns: &NetnsRef, link: &IfName, spec: &AddrSpec) -> Command {
    let AddrSpec { local: _, peer: _, broadcast: _, scope: _, label, dad: _, proto: _ } = spec;
    address(Command::new(netns, ["ip", "addr", "del"]), spec)
        .option("dev", Some(link))
        .option("label", label.as_deref())
}

/// `LOCAL/LENGTH`, or `LOCAL peer PEER/LENGTH`
fn address(command: Command, spec: &AddrSpec) -> Command {
    match spec.peer {
        None => command.with([spec.local.to_string()]),
        Some(peer) => command.with([spec.local.addr().to_string(), "peer".to_owned(), peer.to_string()]),
    }
}

fn broadcast_word(broadcast: Broadcast) -> String {
    match broadcast {
        Broadcast::Derived => "+".to_owned(),
        Broadcast::Address(addr) => addr.to_string(),
    }
}
