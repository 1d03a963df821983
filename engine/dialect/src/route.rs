//! Routes: `ip route add`, `replace`, `del`, `flush`.

use std::net::IpAddr;

use super::command::{Command, Word};
use netscript_net::op::{Family, NetnsRef, Nexthop, Prefix, Route, RouteKind, RouteOp, TableId};

pub(super) fn command(netns: &NetnsRef, op: &RouteOp) -> Command {
    match op {
        RouteOp::Add(route) => one(netns, "add", route),
        RouteOp::Replace(route) => one(netns, "replace", route),
        RouteOp::Del(route) => one(netns, "del", route),
        // To `ip`, a table that never had a route is an error. It is empty, so the failure is ignored.
        RouteOp::Flush(family, table) => {
            ip_route(netns, *family, "flush").with(["table", &table.to_string()]).tolerant()
        }
    }
}

fn one(netns: &NetnsRef, verb: &str, route: &Route) -> Command {
    let Route { dst, tos, kind, nexthops, src, metric, table, scope, proto, mtu, opaque: _ } = route;
    let command = ip_route(netns, route.family(), verb);
    let command = match kind {
        RouteKind::Unicast => command,
        kind => command.with([kind.word()]),
    };
    // `ip` takes the family of `default` from the gateway.
    let crossed = route.family() == Family::V4 && nexthops.iter().any(|hop| hop.via.is_some_and(|via| via.is_ipv6()));
    let command = command.with([if crossed && dst.is_all() { dst.to_string() } else { destination(dst) }]);
    let command = command.option("tos", (*tos != 0).then(|| format!("{tos:#04x}")));
    let command = match &nexthops[..] {
        [only] => way(command, only, route.family()),
        _ => command,
    };
    let command = command
        .option("src", src.map(|src| src.to_string()))
        .option("metric", metric.map(|metric| metric.to_string()))
        .option("table", table_word(*table, *kind))
        .option("scope", scope.map(|scope| scope.word()))
        .option("proto", proto.map(|proto| proto.to_string()))
        .option("mtu", mtu.map(|mtu| mtu.to_string()));
    match &nexthops[..] {
        [] | [_] => command,
        several => several.iter().fold(command, |command, hop| {
            let hop_words = way(command.with(["nexthop"]), hop, route.family());
            hop_words.option("weight", (hop.weight > 1).then(|| hop.weight.to_string()))
        }),
    }
}

fn ip_route(netns: &NetnsRef, family: Family, verb: &str) -> Command {
    super::command::ip(netns, family).with(["route", verb])
}

/// The prefix, `default`, or a host without its length.
fn destination(dst: &Prefix) -> String {
    if dst.is_all() {
        "default".to_owned()
    } else if dst.is_host() {
        dst.addr().to_string()
    } else {
        dst.to_string()
    }
}

/// `via GATEWAY dev LINK onlink`
fn way(command: Command, hop: &Nexthop, family: Family) -> Command {
    let Nexthop { via, dev, weight: _, onlink } = hop;
    let command = match via {
        Some(via @ IpAddr::V6(_)) if family == Family::V4 => command.with(["via", "inet6", &via.to_string()]),
        Some(via) => command.with(["via", &via.to_string()]),
        None => command,
    };
    let command = command.option("dev", dev.as_ref());
    if *onlink { command.with(["onlink"]) } else { command }
}

/// The table, unless it is the one that `ip` chooses for the kind of route.
fn table_word(table: TableId, kind: RouteKind) -> Option<Word> {
    let chosen = match kind {
        RouteKind::Local | RouteKind::Broadcast | RouteKind::Anycast => TableId::LOCAL,
        RouteKind::Unicast
        | RouteKind::Multicast
        | RouteKind::Blackhole
        | RouteKind::Unreachable
        | RouteKind::Prohibit
        | RouteKind::Throw => TableId::MAIN,
    };
    (table != chosen).then(|| table.to_string().into())
}
