//! A namespace as a tree: its links with their addresses and peers, ports under their bridges,
//! routes, and rules.

use netscript_engine::op::netfilter::Policy;
use netscript_engine::op::{NetnsRef, Prefix, Route, RouteKind, TableId, raw};
use netscript_engine::state::{Chain, Link, Netns};

use super::super::style::Style;
use super::{addresses, far_end, state_of};

/// A line, and what is below it.
pub struct Branch {
    /// The line.
    pub text: String,
    /// Below it.
    pub below: Vec<Branch>,
}

impl Branch {
    fn leaf(text: String) -> Branch {
        Branch { text, below: Vec::new() }
    }

    /// The branch and all below it, as lines.
    pub fn draw(&self) -> String {
        let mut lines = vec![self.text.clone()];
        draw(&self.below, "", &mut lines);
        lines.join("\n")
    }
}

fn draw(branches: &[Branch], before: &str, lines: &mut Vec<String>) {
    for (index, branch) in branches.iter().enumerate() {
        let last = index + 1 == branches.len();
        lines.push(format!("{before}{} {}", if last { "└─" } else { "├─" }, branch.text));
        let below = format!("{before}{}", if last { "   " } else { "│  " });
        draw(&branch.below, &below, lines);
    }
}

/// A namespace as a tree.
pub fn tree(name: &NetnsRef, netns: &Netns, colour: bool) -> Branch {
    let top = netns.links.iter().filter(|link| link.master.is_none() || bridge_of(netns, link).is_none());
    let mut below: Vec<Branch> = top.map(|link| self::link(netns, link)).collect();
    below.extend(netns.routes.iter().filter(|route| is_of_note(route)).map(|route| Branch::leaf(self::route(route))));
    for (table, chains) in &netns.ruleset.tables {
        let chains: Vec<Branch> = chains.iter().filter(|chain| says_something(chain)).map(chain_branch).collect();
        if !chains.is_empty() {
            below.push(Branch { text: table.script_word(), below: chains });
        }
    }
    let foreign = netns.foreign.lines();
    if !foreign.is_empty() {
        let lines = foreign.into_iter().map(Branch::leaf).collect();
        below.push(Branch { text: "not evaluated by netscript".to_owned(), below: lines });
    }
    Branch { text: Style::Head.paint_if(colour, &name.to_string()), below }
}

fn bridge_of<'a>(netns: &'a Netns, link: &Link) -> Option<&'a Link> {
    netns.links.iter().find(|other| Some(&other.name) == link.master.as_ref())
}

fn link(netns: &Netns, link: &Link) -> Branch {
    let mut parts = vec![link.name.to_string(), link.kind.word().to_owned(), state_of(link).to_owned()];
    parts.extend(addresses(link));
    parts.extend(far_end(link).map(|peer| format!("↔ {peer}")));
    let ports = netns.links.iter().filter(|port| port.master.as_ref() == Some(&link.name));
    Branch { text: parts.join("  "), below: ports.map(|port| self::link(netns, port)).collect() }
}

/// The kernel's own routes for local addresses and multicast say nothing new.
fn is_of_note(route: &Route) -> bool {
    let automatic = Prefix::parse("fe80::/64").is_ok_and(|automatic| automatic == route.dst);
    route.table != TableId::LOCAL && !automatic && !route.dst.addr().is_multicast()
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
    let policy = chain.policy.map(|policy| format!("  policy {}", policy.word().to_lowercase())).unwrap_or_default();
    let rules = chain.rules.iter().map(|record| Branch::leaf(raw::shown(&record.rule.text()).into_owned())).collect();
    Branch { text: format!("{}{policy}", chain.name), below: rules }
}
