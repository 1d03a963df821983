//! Policy routing: `ip rule add`, `del`.

use super::command::Command;
use netscript_net::op::{NetnsRef, PolicyAction, PolicyMatch, PolicyOp, PolicyPattern, RouteProto, TableId};

pub(super) fn command(netns: &NetnsRef, op: &PolicyOp) -> Command {
    match op {
        PolicyOp::Add(rule) => one(netns, "add", &rule.clone().into())
            .option("suppress_prefixlength", rule.suppress_prefixlength.map(|length| length.to_string()))
            .option("suppress_ifgroup", rule.suppress_ifgroup.map(|group| group.to_string()))
            .option("protocol", (rule.proto != RouteProto::UNSPEC).then(|| rule.proto.to_string())),
        PolicyOp::Del(pattern) => one(netns, "del", pattern),
    }
}

fn one(netns: &NetnsRef, verb: &str, pattern: &PolicyPattern) -> Command {
    let PolicyPattern { family, priority, matches, table, action, uncompared: _ } = pattern;
    let PolicyMatch { from, to, iif, oif, fwmark, tos, ipproto, sport, dport, uidrange, not } = matches;
    let command = super::command::ip(netns, *family).with(["rule", verb]);
    let command = if *not { command.with(["not"]) } else { command };
    let command = command
        .option("from", from.map(|from| from.to_string()))
        .option("to", to.map(|to| to.to_string()))
        .option("iif", iif.as_ref())
        .option("oif", oif.as_ref())
        .option("fwmark", fwmark.map(fwmark_word))
        .option("tos", tos.map(|tos| format!("{tos:#04x}")))
        .option("ipproto", ipproto.map(|proto| proto.to_string()))
        .option("sport", sport.map(|ports| ports.to_string()))
        .option("dport", dport.map(|ports| ports.to_string()))
        .option("uidrange", uidrange.map(|users| format!("{}-{}", users.first, users.last)))
        .option("priority", priority.map(|priority| priority.to_string()));
    match (action, table) {
        (Some(PolicyAction::Goto(target)), _) => command.with(["goto".to_owned(), target.to_string()]),
        // `ip` takes a number for the type too.
        (Some(PolicyAction::Other(number)), _) => command.with(["type".to_owned(), number.to_string()]),
        (Some(PolicyAction::Nop | PolicyAction::Blackhole | PolicyAction::Unreachable | PolicyAction::Prohibit), _) => {
            command.with(action.and_then(PolicyAction::word))
        }
        // The rule of VRFs.
        (Some(PolicyAction::Lookup) | None, Some(TableId::L3MDEV)) => command.with(["l3mdev"]),
        (Some(PolicyAction::Lookup) | None, table) => command.option("table", table.map(|table| table.to_string())),
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
