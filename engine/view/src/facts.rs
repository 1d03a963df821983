//! The parts of a network that a picture shows.

use std::fmt;
use std::net::IpAddr;

use netscript_net::op::{NetnsRef, Route, RouteKind, TableId};
use netscript_net::state::{Addr, Link, LinkType, NetState, Netns, Peer};
use serde::{Deserialize, Serialize};

/// A network, reduced to what a picture shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// Its namespaces.
    pub spaces: Vec<NetnsBox>,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetnsBox {
    /// Its name.
    pub name: String,
    /// Its links, in the order of their indexes.
    pub ports: Vec<Port>,
    /// Its default routes.
    pub routes: Vec<String>,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Whether it is switched on.
    pub up: bool,
    /// Its addresses.
    pub addrs: Vec<String>,
    /// The bridge that it is a port of.
    pub master: Option<String>,
    /// The other end of a pair.
    pub cable: Option<LinkRef>,
    /// The link that it is built on.
    pub parent: Option<LinkRef>,
    /// The number of a VXLAN's network.
    pub tunnel: Option<String>,
}

/// A link of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRef {
    /// The namespace.
    pub space: String,
    /// The link.
    pub port: String,
}

impl Graph {
    /// The graph of a state.
    pub fn of(state: &NetState) -> Graph {
        let all = state.netns.iter().map(|(netns, contents)| space(netns, contents));
        let mut graph = Graph { spaces: all.collect() };
        // A host without links to show is left out.
        if graph.spaces.len() > 1 {
            graph.spaces.retain(|space| space.name != "host" || !space.ports.is_empty());
        }
        graph.hide_what_is_elsewhere();
        graph
    }

    /// A link of a namespace.
    pub fn port(&self, place: &LinkRef) -> Option<&Port> {
        let space = self.spaces.iter().find(|space| space.name == place.space)?;
        space.ports.iter().find(|port| port.name == place.port)
    }

    /// Removes cables and parents that lead into namespaces that are not shown.
    fn hide_what_is_elsewhere(&mut self) {
        let known = self.clone();
        for port in self.spaces.iter_mut().flat_map(|space| &mut space.ports) {
            port.cable.take_if(|place| known.port(place).is_none());
            port.parent.take_if(|place| known.port(place).is_none());
        }
    }
}

fn space(netns: &NetnsRef, contents: &Netns) -> NetnsBox {
    let ports = contents.links.iter().filter(|link| is_shown(link)).map(|link| port(netns, link));
    let routes = contents.routes.iter().filter_map(default_route);
    NetnsBox { name: netns.to_string(), ports: ports.collect(), routes: routes.collect() }
}

/// The loopback device is shown where it has an address of its own.
fn is_shown(link: &Link) -> bool {
    !matches!(link.kind, LinkType::Loopback) || link.addrs.iter().any(is_told)
}

/// Loopback and link-local addresses, which the kernel assigns, are not shown.
fn is_told(addr: &Addr) -> bool {
    match addr.local.addr() {
        IpAddr::V4(addr) => !addr.is_loopback(),
        IpAddr::V6(addr) => !addr.is_loopback() && !addr.is_unicast_link_local(),
    }
}

fn port(netns: &NetnsRef, link: &Link) -> Port {
    let tunnel = if let LinkType::Vxlan(vxlan) = &link.kind { Some(vxlan.id.get().to_string()) } else { None };
    Port {
        name: link.name.to_string(),
        kind: link.kind.label(),
        up: link.up,
        addrs: link.addrs.iter().filter(|addr| is_told(addr)).map(|addr| addr.local.to_string()).collect(),
        master: link.master.as_ref().map(ToString::to_string),
        cable: link.kind.peer().and_then(place),
        parent: link.kind.lower(netns).as_ref().and_then(place),
        tunnel,
    }
}

fn place(peer: &Peer) -> Option<LinkRef> {
    Some(LinkRef { space: peer.netns.as_ref()?.to_string(), port: peer.name.as_ref()?.to_string() })
}

fn default_route(route: &Route) -> Option<String> {
    let is_default = route.dst.len() == 0 && route.kind == RouteKind::Unicast && route.table == TableId::MAIN;
    let via = route.nexthops.iter().find_map(|hop| hop.via).filter(|_| is_default)?;
    Some(format!("default via {via}"))
}

/// One fact per line.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for space in &self.spaces {
            writeln!(f, "{}", space.name)?;
            for route in &space.routes {
                writeln!(f, "  {route}")?;
            }
            for port in &space.ports {
                writeln!(f, "  {port}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.name, self.kind, if self.up { "" } else { " down" })?;
        self.addrs.iter().try_for_each(|addr| write!(f, " {addr}"))?;
        if let Some(master) = &self.master {
            write!(f, " in {master}")?;
        }
        if let Some(LinkRef { space, port }) = &self.cable {
            write!(f, " to {port} in {space}")?;
        }
        if let Some(LinkRef { space, port }) = &self.parent {
            write!(f, " on {port} in {space}")?;
        }
        Ok(())
    }
}
