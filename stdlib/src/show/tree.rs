//! A namespace as a tree: its links with their addresses and peers, ports under their bridges,
//! routes, routing rules, and rules of iptables.

use netscript_net::op::netfilter::Policy;
use netscript_net::op::{NetnsRef, PolicyRule, Prefix, Route, RouteKind, RouteProto, TableId, raw};
use netscript_net::state::{Chain, Link, Netns};
use unicode_width::UnicodeWidthStr;

use super::Screen;
use super::value::{addresses, far_end, state_of};
use super::wrap::wrapped;

/// A line, and what is below it.
struct Branch {
    /// The parts of the line, between which it may be broken.
    parts: Vec<String>,
    /// Between two parts.
    gap: &'static str,
    below: Vec<Branch>,
}

impl Branch {
    /// Words of a command.
    fn words(text: &str) -> Branch {
        Branch { parts: text.split(' ').map(str::to_owned).collect(), gap: " ", below: Vec::new() }
    }

    /// Things that are listed.
    fn list(parts: Vec<String>, below: Vec<Branch>) -> Branch {
        Branch { parts, gap: "  ", below }
    }
}

/// The branches below a line. A line that is too long continues under its own beginning.
fn draw_below(branches: &[Branch], before: &str, columns: usize, lines: &mut Vec<String>) {
    for (index, branch) in branches.iter().enumerate() {
        let last = index + 1 == branches.len();
        let below = format!("{before}{}", if last { "   " } else { "│  " });
        let trunk = if branch.below.is_empty() { "  " } else { "│ " };
        let room = columns.saturating_sub(below.width() + trunk.width());
        let text = wrapped(branch.parts.iter().map(String::as_str), branch.gap, "", room);
        for (at, line) in text.lines().enumerate() {
            lines.push(match at {
                0 => format!("{before}{} {line}", if last { "└─" } else { "├─" }),
                _ => format!("{below}{trunk}{line}"),
            });
        }
        draw_below(&branch.below, &below, columns, lines);
    }
}

/// A namespace as a tree.
pub(super) fn draw(name: &NetnsRef, netns: &Netns, screen: Screen) -> String {
    let top = netns.links.iter().filter(|link| link.master.is_none() || bridge_of(netns, link).is_none());
    let mut below: Vec<Branch> = top.map(|link| self::link(netns, link)).collect();
    below.extend(netns.routes.iter().filter(|route| is_of_note(route)).map(|route| Branch::words(&self::route(route))));
    let own = netns.policy.iter().filter(|rule| !is_default(rule));
    below.extend(own.map(|rule| Branch::words(&format!("rule {rule}"))));
    for (table, chains) in &netns.ruleset.tables {
        let chains: Vec<Branch> = chains.iter().filter(|chain| says_something(chain)).map(chain_branch).collect();
        if !chains.is_empty() {
            below.push(Branch::list(vec![table.script_word()], chains));
        }
    }
    let foreign = netns.foreign.lines();
    if !foreign.is_empty() {
        let lines = foreign.iter().map(|line| Branch::words(line)).collect();
        below.push(Branch::list(vec!["not evaluated by netscript".to_owned()], lines));
    }
    let mut lines = vec![screen.head(&name.to_string())];
    draw_below(&below, "", screen.columns(), &mut lines);
    lines.join("\n")
}

fn bridge_of<'a>(netns: &'a Netns, link: &Link) -> Option<&'a Link> {
    netns.links.iter().find(|other| Some(&other.name) == link.master.as_ref())
}

fn link(netns: &Netns, link: &Link) -> Branch {
    let mut parts = vec![link.name.to_string(), link.kind.word().to_owned(), state_of(link).to_owned()];
    parts.extend(addresses(link));
    parts.extend(far_end(link).map(|peer| format!("↔ {peer}")));
    let ports = netns.links.iter().filter(|port| port.master.as_ref() == Some(&link.name));
    Branch::list(parts, ports.map(|port| self::link(netns, port)).collect())
}

/// The kernel's own routes for local addresses and multicast, also those in a VRF's table, say nothing new.
fn is_of_note(route: &Route) -> bool {
    let automatic = Prefix::parse("fe80::/64").is_ok_and(|automatic| automatic == route.dst);
    let own = matches!(route.kind, RouteKind::Local | RouteKind::Broadcast | RouteKind::Anycast)
        && route.proto == Some(RouteProto::KERNEL);
    route.table != TableId::LOCAL && !own && !automatic && !route.dst.addr().is_multicast()
}

/// Every namespace has these routing rules.
fn is_default(rule: &PolicyRule) -> bool {
    let at = |priority, table| {
        let proto = RouteProto::KERNEL;
        *rule == PolicyRule { priority: Some(priority), proto, ..PolicyRule::new(rule.family, table) }
    };
    at(0, TableId::LOCAL) || at(32766, TableId::MAIN) || at(32767, TableId::DEFAULT)
}

fn route(route: &Route) -> String {
    let mut parts = vec!["route".to_owned()];
    if route.kind != RouteKind::Unicast {
        parts.push(route.kind.word().to_owned());
    }
    parts.push(if route.dst.is_all() { "default".to_owned() } else { route.dst.to_string() });
    for hop in &route.nexthops {
        parts.extend(hop.via.map(|via| format!("via {via}")));
        parts.extend(hop.dev.as_ref().map(|dev| format!("dev {dev}")));
    }
    parts.extend(route.src.map(|src| format!("src {src}")));
    parts.extend(route.metric.filter(|metric| *metric > 0).map(|metric| format!("metric {metric}")));
    if route.table != TableId::MAIN {
        parts.push(format!("table {}", route.table));
    }
    parts.join(" ")
}

fn says_something(chain: &Chain) -> bool {
    !chain.rules.is_empty() || chain.policy != Some(Policy::Accept)
}

fn chain_branch(chain: &Chain) -> Branch {
    let policy = chain.policy.map(|policy| format!("policy {}", policy.word().to_lowercase()));
    let rules = chain.rules.iter().map(|record| Branch::words(&raw::shown(&record.rule.text()))).collect();
    Branch::list([chain.name.to_string()].into_iter().chain(policy).collect(), rules)
}
