//! Remedies for refused operations, by operation and refusal: the same error number has another meaning for each
//! operation.
//!
//! Comments quote the kernel's extended acknowledgement.

use super::{Errno, Rejection};
use crate::op::netfilter::NetfilterOp;
use crate::op::{
    Action, AddrOp, AddrSpec, Family, FdbOp, IfName, LinkFlag, LinkOp, LinkSet, LinkSpec, MacvlanMode, NeighOp,
    NetnsOp, NetnsRef, Op, PolicyOp, Route, RouteOp, SysctlOp,
};

/// The reason for a refusal, if the error number alone says too little, and the next step.
pub(super) struct Remedy {
    /// The text at the underlined place, if it can say more than the error number.
    pub(super) label: Option<String>,
    /// The next step for the user.
    pub(super) help: String,
}

fn because(label: impl Into<String>, help: impl Into<String>) -> Option<Remedy> {
    Some(Remedy { label: Some(label.into()), help: help.into() })
}

fn help(help: impl Into<String>) -> Option<Remedy> {
    Some(Remedy { label: None, help: help.into() })
}

/// The remedy, if there is a better one than the code's.
pub(super) fn remedy(op: &Op, rejection: &Rejection) -> Option<Remedy> {
    let netns = &op.netns;
    match &op.action {
        Action::Netns(op) => of_netns(op, rejection.errno),
        Action::Link(LinkOp::Add(name, kind)) => of_new_link(name, kind, rejection),
        Action::Link(LinkOp::Set(name, set)) => of_link(name, set, rejection),
        Action::Link(LinkOp::Del(name)) => of_gone_link(name, rejection.errno),
        Action::Addr(AddrOp::Add(link, spec)) => of_new_addr(netns, link, spec, rejection),
        Action::Addr(AddrOp::Del(..)) if rejection.errno == Errno::EADDRNOTAVAIL => {
            help("the link's addresses are its `.addrs`; the length belongs to an address")
        }
        Action::Addr(AddrOp::Del(..)) => None,
        Action::Route(op) => of_route(netns, op, rejection),
        Action::Policy(PolicyOp::Add(_)) if rejection.errno == Errno::EEXIST => {
            because("an equal rule is there already", "leave it out, or give it another `priority`")
        }
        Action::Policy(PolicyOp::Add(_) | PolicyOp::Del(_)) => None,
        Action::Neigh(op) => of_neigh(netns, op, rejection),
        Action::Fdb(op) => of_fdb(op, rejection.errno),
        Action::Netfilter(op) => of_netfilter(op, rejection.errno),
        Action::Sysctl(SysctlOp::Write(_, value) | SysctlOp::WriteIfThere(_, value)) => {
            of_sysctl(value, rejection.errno)
        }
    }
}

/// Whether the kernel refuses an operation because IPv6 is off on a link, with any error number.
pub(super) fn ipv6_is_disabled(op: &Op, rejection: &Rejection) -> bool {
    match &op.action {
        Action::Addr(AddrOp::Add(_, spec)) => refuses_ipv6(spec, rejection),
        _ => says_ipv6_is_disabled(rejection),
    }
}

fn says_ipv6_is_disabled(rejection: &Rejection) -> bool {
    rejection.text.as_deref().is_some_and(|text| text.contains("IPv6 is disabled"))
}

/// For a new address, Linux 5.10 returns no text (`addrconf_add_dev`). A missing privilege is `EPERM` there.
fn refuses_ipv6(spec: &AddrSpec, rejection: &Rejection) -> bool {
    says_ipv6_is_disabled(rejection) || (spec.local.family() == Family::V6 && rejection.errno == Errno::EACCES)
}

/// The remedy for a link without IPv6.
fn switch_ipv6_on(netns: &NetnsRef, link: Option<&IfName>) -> Option<Remedy> {
    let link = link.map_or("all", IfName::as_str).replace('.', "/");
    because(
        "IPv6 is switched off on this link",
        format!("switch it on first: `{netns}.sysctl(\"net.ipv6.conf.{link}.disable_ipv6\", 0)`"),
    )
}

fn of_netns(op: &NetnsOp, errno: Errno) -> Option<Remedy> {
    match (op, errno) {
        (NetnsOp::Attach(..), Errno::ESRCH) => {
            help("give the number of a process that is running, or a handle with a `.pid`")
        }
        (NetnsOp::Add(name), Errno::EEXIST) => {
            help(format!("open it with `netns_open({:?})`, or choose another name", name.as_str()))
        }
        (NetnsOp::Attach(name, _), Errno::EEXIST) => {
            help(format!("choose another name, or take this one away first: `netns_detach({:?})`", name.as_str()))
        }
        _ => None,
    }
}

fn of_new_link(name: &IfName, kind: &LinkSpec, rejection: &Rejection) -> Option<Remedy> {
    let text = rejection.text.as_deref().unwrap_or_default();
    match (kind, rejection.errno) {
        // A VXLAN device with the specified VNI already exists
        (LinkSpec::Vxlan(vxlan), Errno::EEXIST) if text.contains("VNI") => because(
            "another vxlan link here has this id and port",
            format!("give `{name}` another `id` than {}, or another `port`", vxlan.id.get()),
        ),
        // VLAN device already exists
        (LinkSpec::Vlan(vlan), Errno::EEXIST) if text.contains("VLAN") => because(
            format!("`{}` carries this VLAN already", vlan.link),
            "give another `id`, or use the link that is there",
        ),
        (LinkSpec::Macvlan(link, _), Errno::EINVAL) if link.as_str() == "lo" => {
            because("`lo` carries no other links", "give a link that leads somewhere, such as an end of a veth pair")
        }
        (LinkSpec::Macvlan(link, MacvlanMode::Passthru), Errno::EINVAL) => because(
            format!("`{link}` carries a macvlan link already"),
            "the mode `passthru` takes the whole link: use a link that carries nothing, or another `mode`",
        ),
        (LinkSpec::Macvlan(link, _), Errno::EINVAL) => because(
            format!("a macvlan link in the mode `passthru` uses all of `{link}`"),
            format!("remove that one first, or use another link than `{link}`"),
        ),
        (LinkSpec::Macvlan(link, _) | LinkSpec::Ipvlan(link, _), Errno::EBUSY) => because(
            format!("`{link}` is a port of a bridge, or carries links of another kind"),
            "take it out of the bridge first, `.nomaster()`, or use a link that is free",
        ),
        _ => None,
    }
}

fn of_link(name: &IfName, set: &LinkSet, rejection: &Rejection) -> Option<Remedy> {
    let text = rejection.text.as_deref().unwrap_or_default();
    match (set, rejection.errno) {
        // Can not enslave loopback device to a VRF; Can not enslave an L3 master device to a VRF
        (LinkSet::Master(Some(_)), Errno::EOPNOTSUPP | Errno::EINVAL) if text.contains("VRF") => because(
            "neither `lo` nor a VRF can be in a VRF",
            "give it a link that leads somewhere, such as an end of a veth pair",
        ),
        (LinkSet::Master(Some(master)), Errno::EXFULL) => because(
            format!("`{master}` has all the ports that a bridge can have"),
            "a bridge takes 1,023 ports: make another, and join the two with a veth pair",
        ),
        // Can not enslave a bridge to a bridge
        (LinkSet::Master(Some(_)), Errno::ELOOP) => {
            because("a bridge cannot be a port of a bridge", "join them with a veth pair, an end of it in each")
        }
        (LinkSet::Master(Some(master)), Errno::EBUSY) => because(
            format!(
                "`{name}` carries macvlan or ipvlan links, or runs over `{master}` itself, and so cannot be its port"
            ),
            format!("remove what it carries first, or give `{master}` another port"),
        ),
        (LinkSet::Master(Some(_)), Errno::EINVAL) if name.as_str() == "lo" => {
            because("`lo` cannot be a port", "give an end of a veth pair to the bridge")
        }
        (LinkSet::Master(Some(master)), Errno::EOPNOTSUPP | Errno::EINVAL) => {
            help(format!("`{master}` must be a bridge, and a bridge cannot be a port of another"))
        }
        (LinkSet::Hairpin(_), Errno::EOPNOTSUPP | Errno::EINVAL) => {
            help(format!("`{name}` must be a port of a bridge first: `.master(bridge)`"))
        }
        (LinkSet::Mtu(_), Errno::EINVAL) => {
            help("give an MTU that this kind of link can have, such as 1500; IPv6 needs 1280")
        }
        (LinkSet::Mac(_), Errno::EADDRNOTAVAIL) => because(
            "this is not the address of a single link",
            "the first byte must be even, and one byte at least other than 0, as in `\"02:00:00:00:00:01\"`",
        ),
        (LinkSet::Netns(netns), Errno::EEXIST) => {
            because(format!("{netns} has a link of this name"), "rename one of them first: `.rename(\"…\")`")
        }
        (LinkSet::Netns(netns), Errno::EINVAL) if name.as_str() == "lo" => {
            because("`lo` stays where it is", format!("every namespace has a `lo` of its own: `{netns}.lo`"))
        }
        // The interface netns is immutable
        (LinkSet::Netns(netns), Errno::EINVAL) => because(
            "a link of this kind stays where it was made",
            format!("make it there: `{netns}.bridge({:?})`", name.as_str()),
        ),
        (LinkSet::Flag(LinkFlag::Up, true), Errno::ENETDOWN) => help("bring the link that carries it up first"),
        // A passthru macvlan on a bridge whose last port has left.
        (LinkSet::Flag(LinkFlag::Up, true), Errno::EADDRNOTAVAIL) => because(
            "its hardware address is all zeros, as that of the bridge below it",
            "give the bridge a port, or set an address first: `.set_mac(\"02:00:00:00:00:01\")`",
        ),
        (LinkSet::Flag(LinkFlag::Up, true), Errno::EADDRINUSE) => {
            because("its UDP port is taken", "give the vxlan link another `port`, or stop what uses this one")
        }
        _ => None,
    }
}

fn of_gone_link(name: &IfName, errno: Errno) -> Option<Remedy> {
    match (name.as_str(), errno) {
        ("lo", Errno::EOPNOTSUPP) => {
            because("`lo` cannot be removed", "it exists as long as its namespace; `.down()` switches it off")
        }
        (_, Errno::EOPNOTSUPP) => because(
            "a device of the machine cannot be removed",
            "switch it off with `.down()`, or move it away with `.move_to(…)`",
        ),
        _ => None,
    }
}

/// The minimum MTU of IPv6 (RFC 8200, section 5).
const IPV6_MTU: u32 = 1280;

fn of_new_addr(netns: &NetnsRef, link: &IfName, spec: &AddrSpec, rejection: &Rejection) -> Option<Remedy> {
    let is_v6 = spec.local.family() == Family::V6;
    match rejection.errno {
        _ if refuses_ipv6(spec, rejection) => switch_ipv6_on(netns, Some(link)),
        Errno::EEXIST => because(
            format!("`{link}` has this address already"),
            "leave it out, or take it away first with `.del_addr(…)`",
        ),
        // ipv6: Cannot assign multicast address without "IFA_F_MCAUTOJOIN" flag
        Errno::EADDRNOTAVAIL if spec.local.addr().is_multicast() => because(
            "this is the address of a group",
            "give the link an address of its own; programs join a group by themselves",
        ),
        Errno::EINVAL if is_v6 && rejection.text.is_none() => because(
            format!("`{link}` has too small an MTU for IPv6"),
            format!("IPv6 needs an MTU of {IPV6_MTU} or more: `.set_mtu({IPV6_MTU})` before the address"),
        ),
        _ => None,
    }
}

fn of_route(netns: &NetnsRef, op: &RouteOp, rejection: &Rejection) -> Option<Remedy> {
    match op {
        RouteOp::Add(_) if rejection.errno == Errno::EEXIST => {
            help("replace the existing route with `replace_route`, or give this one another `metric`")
        }
        RouteOp::Add(route) | RouteOp::Replace(route) => of_new_route(netns, route, rejection),
        RouteOp::Del(_) | RouteOp::Flush(..) => None,
    }
}

fn of_new_route(netns: &NetnsRef, route: &Route, rejection: &Rejection) -> Option<Remedy> {
    let text = rejection.text.as_deref().unwrap_or_default().to_lowercase();
    match rejection.errno {
        _ if says_ipv6_is_disabled(rejection) => {
            switch_ipv6_on(netns, route.nexthops.first().and_then(|hop| hop.dev.as_ref()))
        }
        Errno::EINVAL if route.dst != route.dst.network() => {
            help(format!("the address has bits beyond its length: did you mean {}?", route.dst.network()))
        }
        // Egress device not specified
        Errno::EINVAL if text.contains("egress device") => {
            because("a link-local address can be on any link", "name the link that leads to it: `dev: LINK`")
        }
        // Invalid prefsrc address; Invalid source address
        Errno::EINVAL if route.src.is_some() && (text.contains("prefsrc") || text.contains("source")) => because(
            format!("no link of {netns} has this address"),
            "give an address of this namespace, or add it to a link first",
        ),
        // Gateway can not be a local address
        Errno::EINVAL if text.contains("local address") => {
            because(format!("this is an address of {netns} itself"), "give the address of the router at the other end")
        }
        Errno::ENETDOWN => help("bring the link up first: `.up()`"),
        _ => None,
    }
}

fn of_neigh(netns: &NetnsRef, op: &NeighOp, rejection: &Rejection) -> Option<Remedy> {
    match op {
        NeighOp::Add(neighbour) | NeighOp::Replace(neighbour) if says_ipv6_is_disabled(rejection) => {
            switch_ipv6_on(netns, Some(&neighbour.dev))
        }
        NeighOp::Add(neighbour) if rejection.errno == Errno::EEXIST => because(
            format!("`{}` has an entry for this neighbour already", neighbour.dev),
            "the entry was set or learned: replace it with `replace_neigh`",
        ),
        NeighOp::Add(_) | NeighOp::Replace(_) | NeighOp::Del(..) => None,
    }
}

fn of_fdb(op: &FdbOp, errno: Errno) -> Option<Remedy> {
    match (op, errno) {
        (FdbOp::Add(_), Errno::EEXIST) => because(
            "this address is forwarded already",
            "replace the entry with `replace_fdb`; an entry for `00:00:00:00:00:00` or a group gets one more far end with `append_fdb`",
        ),
        (FdbOp::Append(_), Errno::EEXIST) => because("this address has this far end already", "leave it out"),
        (FdbOp::Replace(_), Errno::EOPNOTSUPP) => {
            help("an address of a group, or of all zeros, may have several far ends: use `append_fdb` and `del_fdb`")
        }
        (FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Replace(entry), Errno::EINVAL)
            if entry.dst.is_none() && !entry.master =>
        {
            because(
                "nothing says where to forward it",
                "on a vxlan link give the far end, `dst: \"…\"`; on a bridge the port, `dev: LINK`",
            )
        }
        _ => None,
    }
}

fn of_netfilter(op: &NetfilterOp, errno: Errno) -> Option<Remedy> {
    match (op, errno) {
        (NetfilterOp::NewChain(chain), Errno::EEXIST) => {
            help(format!("open it with `chain_open({:?})`, or choose another name", chain.name.as_str()))
        }
        (NetfilterOp::DelChain(_), Errno::EBUSY) => because(
            "the chain has rules, or others jump to it",
            "empty it with `.flush()`, and delete the rules that jump to it first",
        ),
        // For circles that it finds by their depth, nft_chain_validate returns EMLINK.
        (NetfilterOp::Append(_) | NetfilterOp::Insert(..), Errno::ELOOP | Errno::EMLINK) => because(
            "the chains jump in a circle, or too deeply",
            "no chain may lead back to itself: at its end, or with `ret`, a packet returns to the chain that jumped; the kernel follows 16 jumps",
        ),
        (NetfilterOp::Insert(..), Errno::ERANGE) => {
            help("`at` counts from 1; the last possible is one more than the chain has rules")
        }
        _ => None,
    }
}

fn of_sysctl(value: &str, errno: Errno) -> Option<Remedy> {
    match errno {
        Errno::EACCES | Errno::EROFS => {
            because("this setting can only be read here", "do not set it: the kernel decides its value")
        }
        Errno::EINVAL | Errno::ERANGE => because(
            "the setting does not take this value",
            format!("give a valid value instead of {value:?}; a setting that is on or off takes 1 or 0"),
        ),
        Errno::EISDIR => because("this is a folder of settings", "give the whole key of one of them"),
        _ => None,
    }
}
