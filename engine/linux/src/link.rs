//! Creates, changes, removes and finds links over rtnetlink.

mod add;
mod end;
mod fallback;
mod index;
mod message;
mod read;

use std::os::fd::AsRawFd;

use netlink_packet_core::{DefaultNla, NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::link::{LinkAttribute, LinkMessage, LinkProtoInfoBridge};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::{LinkMessageBuilder, LinkUnspec};

use crate::netns::Namespaces;
use crate::{Outcome, Rejection, release, sys};
use netscript_net::error::Errno;
use netscript_net::op::{Bridge, IfName, LinkFlag, LinkKind, LinkOp, LinkSet, LinkSpec, NetnsRef, TunMode};

pub(crate) use end::{End, Side};
pub(crate) use index::{has_index, index};
pub(crate) use message::LOOPBACK;
pub(crate) use read::{
    CARRIER_LIMIT, CARRIER_STEP, Outline, all_names, carriers_known, find, has_links, list, names, names_alone,
    outlines, settle, with_carrier,
};

/// The attribute with a link's alias (linux/if_link.h).
const IFLA_IFALIAS: u16 = 20;

/// The attribute of a move with the index in the target namespace (linux/if_link.h; Linux 5.13).
const IFLA_NEW_IFINDEX: u16 = 49;

/// The attribute with a bridge port's hairpin mode (linux/if_link.h).
const IFLA_BRPORT_MODE: u16 = 4;

/// Applies an operation on a link.
pub(crate) fn apply(namespaces: &mut Namespaces, netns: &NetnsRef, op: &LinkOp) -> Outcome {
    match op {
        LinkOp::Add(name, LinkSpec::Tun(mode)) => add_tun(namespaces, netns, name, *mode),
        LinkOp::Add(name, kind) => add(namespaces, netns, name, kind),
        LinkOp::Set(name, set) => apply_set(namespaces, netns, name, set),
        LinkOp::Del(name) => del(namespaces, netns, name),
    }
}

/// `ip link add NAME type KIND …`
fn add(namespaces: &mut Namespaces, netns: &NetnsRef, name: &IfName, kind: &LinkSpec) -> Outcome {
    let mut new = add::message(namespaces, netns, name, kind)?;
    new.message.header.index = namespaces.take_index();
    if kind.peer(netns).is_some() {
        namespaces.take_index();
    }
    let request = RouteNetlinkMessage::NewLink(new.message);
    let made = namespaces.route_socket(netns)?.change(request, NLM_F_CREATE | NLM_F_EXCL);
    made.map_err(|rejection| lacking(kind, taken_or(namespaces, netns, name, rejection)))
}

/// The kernel checks the name of a new link first, but not if the request has an index: then other errors come first.
fn taken_or(namespaces: &mut Namespaces, netns: &NetnsRef, name: &IfName, rejection: Rejection) -> Rejection {
    if index(namespaces, netns, name).is_ok() { Errno::EEXIST.into() } else { rejection }
}

/// Creates a pair with the settings of its ends, in one message; `master` is the index of the first end's bridge.
pub(crate) fn add_pair(namespaces: &mut Namespaces, near: &End, far: &End, master: Option<u32>) -> Outcome {
    let mut new = add::whole_pair(namespaces, near, far, master)?;
    new.message.header.index = namespaces.take_index();
    namespaces.take_index();
    let request = RouteNetlinkMessage::NewLink(new.message);
    namespaces.route_socket(&near.netns)?.change(request, NLM_F_CREATE | NLM_F_EXCL)
}

/// Names the kernel feature that is missing if a link could not be created.
fn lacking(kind: &LinkSpec, rejection: Rejection) -> Rejection {
    let unknown_kind = rejection.text.as_deref() == Some("Unknown device type");
    let unsupported = match kind {
        _ if rejection.errno != Errno::EOPNOTSUPP => None,
        LinkSpec::Bridge(Bridge { vlan_filtering: Some(_), .. }) if !unknown_kind => {
            Some("this kernel's bridges cannot filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING)".to_owned())
        }
        kind if unknown_kind => Some(no_such_kind(kind.kind())),
        _ => None,
    };
    match unsupported {
        Some(unsupported) => rejection.unsupported(unsupported),
        None => rejection,
    }
}

fn no_such_kind(kind: LinkKind) -> String {
    let (config, module) = kind.feature();
    format!("this kernel has no {} links ({config}, module `{module}`)", kind.word())
}

/// `ip tuntap add dev NAME mode MODE`
fn add_tun(namespaces: &mut Namespaces, netns: &NetnsRef, name: &IfName, mode: TunMode) -> Outcome {
    let new_index = namespaces.take_index();
    let made = namespaces.within(netns, || sys::tun_create(name, mode, new_index))?;
    made.map_err(|error| match Rejection::from(error) {
        // TUNSETIFF returns these if another link has the name; for every other kind it is EEXIST.
        rejection if matches!(rejection.errno, Errno::EBUSY | Errno::EINVAL) => {
            if index(namespaces, netns, name).is_ok() { Errno::EEXIST.into() } else { rejection }
        }
        rejection => lacking_tun(rejection),
    })
}

fn lacking_tun(rejection: Rejection) -> Rejection {
    match rejection.errno {
        Errno::ENOENT | Errno::ENODEV | Errno::ENXIO => {
            rejection.unsupported("this machine has no /dev/net/tun, so no tun links (CONFIG_TUN, module `tun`)")
        }
        Errno::EPERM | Errno::EACCES => {
            rejection.unsupported("/dev/net/tun may not be opened here; root outside a sandbox may")
        }
        _ => rejection,
    }
}

/// `ip link set dev NAME …`
fn apply_set(namespaces: &mut Namespaces, netns: &NetnsRef, name: &IfName, set: &LinkSet) -> Outcome {
    let link = LinkUnspec::new_with_name(name.as_str());
    match set {
        LinkSet::Flag(flag, on) => change(namespaces, netns, name, switch(link, *flag, *on).build()),
        LinkSet::Netns(to) => {
            let file = namespaces.file(to)?;
            let message = link.setns_by_fd(file.as_raw_fd());
            let former = index(namespaces, netns, name)?;
            let new_index = index_after_move(namespaces, former);
            if new_index != former {
                namespaces.take_index();
            }
            let message = match release::takes_new_index() {
                true => message.append_extra_attribute(new_index_of(new_index)),
                false => message,
            };
            change(namespaces, netns, name, message.build())
        }
        LinkSet::Master(Some(master)) => {
            let master = index(namespaces, netns, master)?;
            change(namespaces, netns, name, link.controller(master).build())
        }
        LinkSet::Master(None) => change(namespaces, netns, name, link.nocontroller().build()),
        LinkSet::Name(to) => {
            let index = index(namespaces, netns, name)?;
            change(namespaces, netns, name, LinkUnspec::new_with_index(index).name(to.as_str()).build())
        }
        LinkSet::Mac(mac) => change(namespaces, netns, name, link.address(mac.0.to_vec()).build()),
        LinkSet::Mtu(mtu) => change(namespaces, netns, name, link.mtu(*mtu).build()),
        LinkSet::Alias(alias) => change(namespaces, netns, name, link.append_extra_attribute(alias_of(alias)).build()),
        LinkSet::Hairpin(on) => set_hairpin(namespaces, netns, name, *on),
    }
}

fn switch(link: LinkMessageBuilder<LinkUnspec>, flag: LinkFlag, on: bool) -> LinkMessageBuilder<LinkUnspec> {
    match flag {
        LinkFlag::Up if on => link.up(),
        LinkFlag::Up => link.down(),
        LinkFlag::Arp => link.arp(on),
        LinkFlag::Promisc => link.promiscuous(on),
    }
}

/// The alias without a NUL, which the kernel would count as one of its 255 bytes.
fn alias_of(alias: &str) -> LinkAttribute {
    LinkAttribute::Other(DefaultNla::new(IFLA_IFALIAS, alias.as_bytes().to_vec()))
}

/// The index that a link gets in the target namespace of a move: its own if it is from the lab's block, which nobody
/// else uses, otherwise the lab's next one. Older kernels keep the index if it is free there.
pub(crate) fn index_after_move(namespaces: &Namespaces, index: u32) -> u32 {
    if namespaces.is_own_index(index) || !release::takes_new_index() { index } else { namespaces.upcoming_index() }
}

fn new_index_of(index: u32) -> LinkAttribute {
    LinkAttribute::Other(DefaultNla::new(IFLA_NEW_IFINDEX, index.to_ne_bytes().to_vec()))
}

/// `bridge link set dev NAME hairpin on`
fn set_hairpin(namespaces: &mut Namespaces, netns: &NetnsRef, name: &IfName, on: bool) -> Outcome {
    let mode = LinkProtoInfoBridge::Other(DefaultNla::new(IFLA_BRPORT_MODE, vec![on.into()]));
    let port = LinkUnspec::new_with_index(index(namespaces, netns, name)?)
        .interface_family(AddressFamily::Bridge)
        .append_extra_attribute(LinkAttribute::ProtoInfoBridge(vec![mode]));
    change(namespaces, netns, name, port.build())
}

/// `ip link del dev NAME`
fn del(namespaces: &mut Namespaces, netns: &NetnsRef, name: &IfName) -> Outcome {
    let request = RouteNetlinkMessage::DelLink(LinkUnspec::new_with_name(name.as_str()).build());
    let gone = namespaces.route_socket(netns)?.change(request, 0);
    gone.map_err(|rejection| or_missing(namespaces, netns, name, rejection))
}

/// Sends a change of the link called `name`.
fn change(namespaces: &mut Namespaces, netns: &NetnsRef, name: &IfName, message: LinkMessage) -> Outcome {
    let changed = namespaces.route_socket(netns)?.change(RouteNetlinkMessage::SetLink(message), 0);
    changed.map_err(|rejection| or_missing(namespaces, netns, name, rejection))
}

/// Drivers return ENODEV for other reasons too: the link is missing only if it cannot be found.
fn or_missing(namespaces: &mut Namespaces, netns: &NetnsRef, name: &IfName, rejection: Rejection) -> Rejection {
    if rejection.errno != Errno::ENODEV {
        return rejection;
    }
    match index(namespaces, netns, name) {
        Err(rejection) if rejection.missing.is_some() => rejection,
        _ => rejection,
    }
}

/// `ip link del`, by index
pub(crate) fn del_by_index(namespaces: &mut Namespaces, netns: &NetnsRef, index: u32) -> Outcome {
    let request = RouteNetlinkMessage::DelLink(LinkUnspec::new_with_index(index).build());
    namespaces.route_socket(netns)?.change(request, 0)
}

/// `ip link set group G` for each link, and `ip link del group G` for all: at the end of a removal the kernel waits for
/// every processor, and this way only once.
///
/// Links stacked on another link are removed first. On Debian's 5.10.0-32 a group with a VLAN and its parent is never
/// removed: the kernel waits for the parent, to which the VLAN still holds a reference ("unregister_netdevice: waiting
/// for v0 to become free"). Later kernels were not tried.
pub(crate) fn del_together(namespaces: &mut Namespaces, netns: &NetnsRef, indexes: &[u32]) -> Outcome {
    let Some(group) = indexes.first().copied() else { return Ok(()) };
    let socket = namespaces.route_socket(netns)?;
    let in_group = |link: LinkMessageBuilder<LinkUnspec>| link.append_extra_attribute(LinkAttribute::Group(group));
    let stacked = read::stacked(socket)?;
    for index in indexes.iter().filter(|index| stacked.contains(index)) {
        let request = RouteNetlinkMessage::DelLink(LinkUnspec::new_with_index(*index).build());
        match socket.change(request, 0) {
            Err(rejection) if rejection.errno == Errno::ENODEV => {}
            result => result?,
        }
    }
    for index in indexes.iter().filter(|index| !stacked.contains(index)) {
        let message = in_group(LinkUnspec::new_with_index(*index)).build();
        match socket.change(RouteNetlinkMessage::SetLink(message), 0) {
            Err(rejection) if rejection.errno == Errno::ENODEV => {}
            result => result?,
        }
    }
    let all = LinkMessageBuilder::<LinkUnspec>::new().append_extra_attribute(LinkAttribute::Group(group)).build();
    socket.change(RouteNetlinkMessage::DelLink(all), 0)
}

/// `ip link add`, with the indexes of both ends
pub(crate) fn add_with_index(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    name: &IfName,
    kind: &LinkSpec,
    index: u32,
    peer: Option<u32>,
) -> Outcome {
    if let LinkSpec::Tun(mode) = kind {
        return Ok(namespaces.within(netns, || sys::tun_create(name, *mode, index))??);
    }
    let mut new = add::message(namespaces, netns, name, kind)?;
    new.message.header.index = index;
    if let Some(peer) = peer {
        add::set_peer_index(&mut new.message, peer);
    }
    let request = RouteNetlinkMessage::NewLink(new.message);
    namespaces.route_socket(netns)?.change(request, NLM_F_CREATE | NLM_F_EXCL)
}

/// `ip link set netns NS name NAME`, by index, with the index in the target namespace
pub(crate) fn move_by_index(
    namespaces: &mut Namespaces,
    from: &NetnsRef,
    index: u32,
    to: &NetnsRef,
    new_index: u32,
    name: &IfName,
) -> Outcome {
    let file = namespaces.file(to)?;
    let link = LinkUnspec::new_with_index(index).name(name.as_str()).setns_by_fd(file.as_raw_fd());
    let message = link.append_extra_attribute(new_index_of(new_index)).build();
    namespaces.route_socket(from)?.change(RouteNetlinkMessage::SetLink(message), 0)
}
