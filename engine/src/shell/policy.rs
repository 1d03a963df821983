//! Policy routing: `ip rule add`, `del`.

use super::Command;
use crate::op::{NetnsRef, PolicyOp, PolicyRule};

pub(super) fn command(netns: &NetnsRef, op: &PolicyOp) -> Command {
    match op {
        PolicyOp::Add(rule) => one(netns, "add", rule),
        PolicyOp::Del(rule) => one(netns, "del", rule),
    }
}

fn one(netns: &NetnsRef, verb: &str, rule: &PolicyRule) -> Command {
    let PolicyRule { family, priority, from, to, iif, oif, fwmark, not, table } = rule;
    let command = super::ip(netns, *family).with(["rule", verb]);
    let command = if *not { command.with(["not"]) } else { command };
    command
        .option("from", from.map(|from| from.to_string()))
        .option("to", to.map(|to| to.to_string()))
        .option("iif", iif.as_ref())
        .option("oif", oif.as_ref())
        .option("fwmark", fwmark.map(fwmark_word))
        .option("priority", priority.map(|priority| priority.to_string()))
        .option("table", Some(table.to_string()))
}

fn fwmark_word((mark, mask): (u32, u32)) -> String {
    match mask {
        u32::MAX => mark.to_string(),
        mask => format!("{mark}/{mask}"),
    }
}
