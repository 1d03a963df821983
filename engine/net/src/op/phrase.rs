//! Operations in words, as the text after "cannot" in an error.

use std::fmt;

use super::{
    Action, AddrOp, FdbOp, LinkFlag, LinkOp, LinkSet, NeighOp, NetnsOp, NetnsRef, Op, PidRef, PolicyOp, Route, RouteOp,
    SysctlOp,
};

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.action {
            Action::Netns(op) => return op.fmt(f),
            Action::Link(LinkOp::Set(name, LinkSet::Netns(to))) => {
                return write!(f, "move `{name}` from {} to {to}", self.netns);
            }
            Action::Link(op) => op.fmt(f)?,
            Action::Addr(op) => op.fmt(f)?,
            Action::Route(op) => op.fmt(f)?,
            Action::Policy(op) => op.fmt(f)?,
            Action::Neigh(op) => op.fmt(f)?,
            Action::Fdb(op) => op.fmt(f)?,
            Action::Netfilter(op) => op.fmt(f)?,
            Action::Sysctl(op) => op.fmt(f)?,
        }
        write!(f, " in {}", self.netns)
    }
}

impl fmt::Display for NetnsOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetnsOp::Add(name) => write!(f, "make the namespace `{name}`"),
            NetnsOp::Del(name) => write!(f, "remove the namespace `{name}`"),
            NetnsOp::Hold(_) => write!(f, "make a namespace without a name"),
            NetnsOp::Release(_) => write!(f, "end the process that holds the namespace"),
            NetnsOp::Attach(name, PidRef::Number(pid)) => write!(f, "name the namespace of process {pid} `{name}`"),
            NetnsOp::Attach(name, PidRef::Held(_) | PidRef::Started(_)) => {
                write!(f, "name the process's namespace `{name}`")
            }
            NetnsOp::Detach(name) => write!(f, "take the name `{name}` away"),
            NetnsOp::Resolver(name, servers) if servers.is_empty() => {
                write!(f, "take the name servers of `{name}` away")
            }
            NetnsOp::Resolver(name, servers) => {
                let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
                write!(f, "let `{name}` ask the name server {}", servers.join(", "))
            }
        }
    }
}

impl fmt::Display for LinkOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkOp::Add(name, spec) => match spec.peer(&NetnsRef::Host) {
                Some(peer) => write!(f, "make the pair `{name}` and `{}`", peer.name),
                None => write!(f, "make the {} `{name}`", spec.kind().word()),
            },
            LinkOp::Del(name) => write!(f, "remove the link `{name}`"),
            LinkOp::Set(name, set) => set.phrase(f, name),
        }
    }
}

impl LinkSet {
    fn phrase(&self, f: &mut fmt::Formatter<'_>, name: &super::IfName) -> fmt::Result {
        match self {
            LinkSet::Flag(LinkFlag::Up, true) => write!(f, "bring `{name}` up"),
            LinkSet::Flag(LinkFlag::Up, false) => write!(f, "take `{name}` down"),
            LinkSet::Flag(LinkFlag::Arp, on) => write!(f, "switch ARP of `{name}` {}", on_off(*on)),
            LinkSet::Flag(LinkFlag::Promisc, on) => write!(f, "switch promiscuous mode of `{name}` {}", on_off(*on)),
            LinkSet::Netns(netns) => write!(f, "move `{name}` to {netns}"),
            LinkSet::Master(Some(master)) => write!(f, "make `{name}` a port of `{master}`"),
            LinkSet::Master(None) => write!(f, "take `{name}` out of its bridge"),
            LinkSet::Name(to) => write!(f, "rename `{name}` to `{to}`"),
            LinkSet::Mac(mac) => write!(f, "set the hardware address of `{name}` to {mac}"),
            LinkSet::Mtu(mtu) => write!(f, "set the MTU of `{name}` to {mtu}"),
            LinkSet::Alias(_) => write!(f, "set the alias of `{name}`"),
            LinkSet::Hairpin(on) => write!(f, "switch hairpin mode of `{name}` {}", on_off(*on)),
        }
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

impl fmt::Display for AddrOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddrOp::Add(link, spec) => write!(f, "give {} to `{link}`", spec.local),
            AddrOp::Del(link, spec) => write!(f, "take {} from `{link}`", spec.local),
        }
    }
}

impl fmt::Display for RouteOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouteOp::Add(route) => write!(f, "add the {}", name(route)),
            RouteOp::Replace(route) => write!(f, "replace the {}", name(route)),
            RouteOp::Del(route) => write!(f, "remove the {}", name(route)),
            RouteOp::Flush(family, table) => write!(f, "flush the {family} routes of table {table}"),
        }
    }
}

fn name(route: &Route) -> String {
    match route.dst.is_all() {
        true => format!("{} default route", route.family()),
        false => format!("route to {}", route.dst),
    }
}

impl fmt::Display for PolicyOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyOp::Add(_) => write!(f, "add the routing rule"),
            PolicyOp::Del(_) => write!(f, "remove the routing rule"),
        }
    }
}

impl fmt::Display for NeighOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NeighOp::Add(neighbour) => write!(f, "add the neighbour {} on `{}`", neighbour.dst, neighbour.dev),
            NeighOp::Replace(neighbour) => {
                write!(f, "replace the neighbour {} on `{}`", neighbour.dst, neighbour.dev)
            }
            NeighOp::Del(dst, dev) => write!(f, "remove the neighbour {dst} from `{dev}`"),
        }
    }
}

impl fmt::Display for FdbOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Replace(entry) => {
                write!(f, "forward {} to `{}`", entry.mac, entry.dev)
            }
            FdbOp::Del(entry) => write!(f, "stop forwarding {} to `{}`", entry.mac, entry.dev),
        }
    }
}

impl fmt::Display for SysctlOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SysctlOp::Write(key, value) => write!(f, "set {key} to {value:?}"),
            SysctlOp::WriteIfThere(key, value) => write!(f, "set {key} to {value:?} if it is there"),
        }
    }
}
