//! Policy routing: `ip rule add`, `del`.

use super::command::Command;
use netscript_net::op::{NetnsRef, PolicyOp, PolicyPattern, TableId};

pub(super) fn command(netns: &NetnsRef, op: &PolicyOp) -> Command {
    match op {
        PolicyOp::Add(rule) => one(netns, "add", &rule.clone().into()),
        PolicyOp::Del(pattern) => one(netns, "del", pattern),
    }
}

fn one(netns: &NetnsRef, verb: &str, pattern: &PolicyPattern) -> Command {
    let PolicyPattern { family, priority, from, to, iif, oif, fwmark, not, table } = pattern;
    let command = super::command::ip(netns, *family).with(["rule", verb]);
    let command = if *not { command.with(["not"]) } else { command };
    let command = command
        .option("from", from.map(|from| from.to_string()))
        .option("to", to.map(|to| to.to_string()))
        .option("iif", iif.as_ref())
        .option("oif", oif.as_ref())
        .option("fwmark", fwmark.map(fwmark_word))
        .option("priority", priority.map(|priority| priority.to_string()));
    match table {
        // The rule that the kernel adds with a VRF.
        Some(TableId::L3MDEV) => command.with(["l3mdev"]),
        table => command.option("table", table.map(|table| table.to_string())),
    }
}

fn fwmark_word((mark, mask): (u32, u32)) -> String {
    match (mark, mask) {
        // Without `/MASK`, `ip` sends no mask, and the kernel ignores mark 0 without one (`fib_nl2rule`).
        (0, u32::MAX) => "0/0xffffffff".to_owned(),
        (mark, u32::MAX) => mark.to_string(),
        (mark, mask) => format!("{mark}/{mask}"),
    }
}
