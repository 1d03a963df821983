//! Forwarding tables: `bridge fdb add`, `append`, `replace`, `del`.

use super::command::Command;
use netscript_net::op::{FdbEntry, FdbOp, NetnsRef};

pub(super) fn command(netns: &NetnsRef, op: &FdbOp) -> Command {
    match op {
        FdbOp::Add(entry) => one(netns, "add", entry),
        FdbOp::Append(entry) => one(netns, "append", entry),
        FdbOp::Replace(entry) => one(netns, "replace", entry),
        FdbOp::Del(entry) => one(netns, "del", entry),
    }
}

fn one(netns: &NetnsRef, verb: &str, entry: &FdbEntry) -> Command {
    let FdbEntry { mac, dev, dst, master } = entry;
    let place: &[&str] = if *master { &["master", "static"] } else { &["self"] };
    Command::new(netns, ["bridge", "fdb", verb, &mac.to_string(), "dev", dev.as_str()])
        .option("dst", dst.map(|dst| dst.to_string()))
        .with(place.iter().copied())
}
