//! Finds the part of a call that a refused operation is about.

use super::{Errno, Part, Rejection, Step};
use crate::op::netfilter::Target;
use crate::op::{
    Action, AddrOp, FdbOp, IfName, LinkOp, LinkSet, LinkSpec, NeighOp, NetfilterOp, NetnsOp, NetnsRef, Op, PidRef,
    Route, RouteOp,
};
use crate::world::Missing;

/// The part that the kernel objects to.
pub(super) fn refused(op: &Op, rejection: &Rejection) -> Option<Part> {
    let errno = rejection.errno;
    match &op.action {
        Action::Netns(NetnsOp::Attach(_, PidRef::Number(_))) if errno == Errno::ESRCH => Some(Part::argument(1)),
        Action::Netns(NetnsOp::Add(_) | NetnsOp::Attach(..) | NetnsOp::Detach(_)) => Some(Part::argument(0)),
        Action::Netns(NetnsOp::Del(_) | NetnsOp::Release(_)) => Some(Part::receiver()),
        Action::Netns(NetnsOp::Resolver(..) | NetnsOp::Hold(_)) => None,
        Action::Link(LinkOp::Add(_, kind)) => added_link(kind, rejection),
        Action::Link(LinkOp::Set(_, set)) => changed_link(set),
        Action::Addr(AddrOp::Add(..) | AddrOp::Del(..)) => Some(Part::argument(0)),
        Action::Route(RouteOp::Add(route) | RouteOp::Replace(route)) => Some(route_part(route, rejection)),
        Action::Route(RouteOp::Del(_)) => Some(Part::argument(0)),
        Action::Neigh(NeighOp::Add(_) | NeighOp::Replace(_) | NeighOp::Del(..)) => Some(Part::argument(0)),
        Action::Fdb(FdbOp::Add(_) | FdbOp::Append(_) | FdbOp::Replace(_) | FdbOp::Del(_)) => Some(Part::argument(0)),
        Action::Netfilter(NetfilterOp::NewChain(_)) => Some(Part::argument(0)),
        Action::Netfilter(NetfilterOp::DelChain(_)) => Some(Part::receiver()),
        Action::Netfilter(NetfilterOp::Insert(..)) if errno == Errno::ERANGE => Some(Part::option("at")),
        Action::Netfilter(NetfilterOp::Append(rule) | NetfilterOp::Insert(rule, _)) => match rule.target() {
            Some(Target::Jump(_) | Target::Goto(_)) => Some(Part::argument(0)),
            Some(_) | None => None,
        },
        Action::Sysctl(_) if errno == Errno::EINVAL || errno == Errno::ERANGE => Some(Part::argument(1)),
        Action::Sysctl(_) => Some(Part::argument(0)),
        Action::Link(LinkOp::Del(_)) | Action::Route(RouteOp::Flush(..)) | Action::Policy(_) | Action::Netfilter(_) => {
            None
        }
    }
}

fn added_link(kind: &LinkSpec, rejection: &Rejection) -> Option<Part> {
    let text = rejection.text.as_deref().unwrap_or_default();
    match (kind, rejection.errno) {
        (LinkSpec::Vxlan(_), Errno::EEXIST) if text.contains("VNI") => Some(Part::option("id")),
        (LinkSpec::Vlan(_), Errno::EEXIST) if text.contains("VLAN") => Some(Part::option("id")),
        (_, Errno::EEXIST) => Some(Part::argument(0)),
        (_, Errno::EBUSY | Errno::EINVAL | Errno::ELOOP) if kind.kind().is_stacked() => {
            kind.lower().map(|lower| Part::option(lower.option))
        }
        _ => None,
    }
}

fn changed_link(set: &LinkSet) -> Option<Part> {
    match set {
        LinkSet::Name(_)
        | LinkSet::Mac(_)
        | LinkSet::Mtu(_)
        | LinkSet::Alias(_)
        | LinkSet::Netns(_)
        | LinkSet::Master(Some(_))
        | LinkSet::Hairpin(_) => Some(Part::argument(0)),
        LinkSet::Master(None) | LinkSet::Flag(..) => None,
    }
}

/// Whether the kernel's text is about the source address or about the nexthop.
fn route_part(route: &Route, rejection: &Rejection) -> Part {
    let text = rejection.text.as_deref().unwrap_or_default().to_lowercase();
    if route.src.is_some() && ["prefsrc", "source"].iter().any(|word| text.contains(word)) {
        return Part::option("src");
    }
    if matches!(rejection.errno, Errno::EEXIST | Errno::ENOENT | Errno::ESRCH) {
        return Part::argument(0);
    }
    match &route.nexthops[..] {
        [] => Part::argument(0),
        [hop] if hop.via.is_some() && (rejection.errno != Errno::EINVAL || is_about_the_gateway(&text)) => {
            Part::option("via")
        }
        [hop] if hop.dev.is_some() && rejection.errno == Errno::ENETDOWN => Part::option("dev"),
        [_] => Part::argument(0),
        [_, _, ..] => Part::option("nexthops"),
    }
}

fn is_about_the_gateway(text: &str) -> bool {
    ["gateway", "nexthop", "egress device"].iter().any(|word| text.contains(word))
}

/// The part that names the missing object.
pub fn missing_part(op: &Op, missing: &Missing) -> Option<Part> {
    match missing {
        Missing::Link(_, name) => link_named(op, name),
        Missing::Netns(netns) => netns_named(op, netns),
        Missing::Leftover(_) => netns_argument(op),
        Missing::Process(_) => Some(Part::argument(1)),
        Missing::Other(_) => None,
    }
}

fn link_named(op: &Op, name: &IfName) -> Option<Part> {
    match &op.action {
        Action::Link(LinkOp::Add(_, spec)) => spec.lower().map(|lower| Part::option(lower.option)),
        Action::Link(LinkOp::Set(_, LinkSet::Master(Some(master)))) if master == name => Some(Part::argument(0)),
        Action::Link(_) | Action::Addr(_) => Some(Part::receiver()),
        Action::Route(RouteOp::Add(route) | RouteOp::Replace(route) | RouteOp::Del(route)) => nexthop_over(route, name),
        Action::Neigh(NeighOp::Add(_) | NeighOp::Replace(_)) => Some(Part::argument(2)),
        Action::Neigh(NeighOp::Del(..)) => Some(Part::argument(1)),
        Action::Fdb(FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Replace(entry) | FdbOp::Del(entry)) => {
            Some(if entry.dev == *name { Part::option("dev") } else { Part::receiver() })
        }
        Action::Netns(_)
        | Action::Route(RouteOp::Flush(..))
        | Action::Policy(_)
        | Action::Netfilter(_)
        | Action::Sysctl(_) => None,
    }
}

fn nexthop_over(route: &Route, name: &IfName) -> Option<Part> {
    let number = route.nexthops.iter().position(|hop| hop.dev.as_ref() == Some(name))?;
    Some(match route.nexthops.len() {
        1 => Part::option("dev"),
        _ => Part::new([Step::Option("nexthops".into()), Step::Element(number), Step::Option("dev".into())]),
    })
}

fn netns_named(op: &Op, netns: &NetnsRef) -> Option<Part> {
    match &op.action {
        Action::Link(LinkOp::Set(_, LinkSet::Netns(_))) if op.netns != *netns => Some(Part::argument(0)),
        Action::Link(LinkOp::Add(_, spec)) if op.netns != *netns && spec.peer(&op.netns).is_some() => {
            Some(Part::option("netns"))
        }
        Action::Netns(_) => netns_argument(op),
        Action::Link(_)
        | Action::Addr(_)
        | Action::Route(_)
        | Action::Policy(_)
        | Action::Neigh(_)
        | Action::Fdb(_)
        | Action::Netfilter(_)
        | Action::Sysctl(_) => Some(Part::receiver()),
    }
}

fn netns_argument(op: &Op) -> Option<Part> {
    match &op.action {
        Action::Netns(NetnsOp::Del(_) | NetnsOp::Release(_) | NetnsOp::Resolver(..)) => Some(Part::receiver()),
        Action::Netns(NetnsOp::Add(_) | NetnsOp::Attach(..) | NetnsOp::Detach(_) | NetnsOp::Hold(_)) => {
            Some(Part::argument(0))
        }
        Action::Link(_)
        | Action::Addr(_)
        | Action::Route(_)
        | Action::Policy(_)
        | Action::Neigh(_)
        | Action::Fdb(_)
        | Action::Netfilter(_)
        | Action::Sysctl(_) => Some(Part::receiver()),
    }
}
