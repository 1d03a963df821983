//! Messages that create links.

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use netlink_packet_route::link::{
    BridgeStpState, InfoData, InfoKind, InfoVeth, IpVlanMode, LinkAttribute, LinkInfo, LinkMessage, MacVlanMode,
};
use rtnetlink::{
    LinkBridge, LinkDummy, LinkIpVlan, LinkMacVlan, LinkMessageBuilder, LinkUnspec, LinkVeth, LinkVlan, LinkVrf,
    LinkVxlan,
};

use super::end::End;
use super::index::index;
use crate::Outcome;
use crate::netns::Namespaces;
use netscript_net::error::Errno;
use netscript_net::op::{Bridge, IfName, IpvlanMode, LinkSpec, MacvlanMode, NetnsRef, TableId, Veth, Vlan, Vxlan};

/// A request for a new link, with the files that must stay open until it has been sent.
pub(super) struct NewLink {
    pub(super) message: LinkMessage,
    _netns: Option<File>,
}

impl From<LinkMessage> for NewLink {
    fn from(message: LinkMessage) -> NewLink {
        NewLink { message, _netns: None }
    }
}

/// The request for a new link of any kind except tun, for which there is no message.
pub(super) fn message(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    name: &IfName,
    kind: &LinkSpec,
) -> Outcome<NewLink> {
    let mut parent = |link| index(namespaces, netns, link);
    Ok(match kind {
        LinkSpec::Veth(veth) => return pair(namespaces, netns, name, veth),
        LinkSpec::Bridge(options) => bridge(name, options).into(),
        LinkSpec::Vxlan(options) => {
            let dev = options.dev.as_ref().map(parent).transpose()?;
            vxlan(name, options, dev).into()
        }
        LinkSpec::Macvlan(link, mode) => {
            LinkMacVlan::new(name.as_str(), parent(link)?, macvlan_mode(*mode)).build().into()
        }
        LinkSpec::Ipvlan(link, mode) => {
            LinkIpVlan::new(name.as_str(), parent(link)?, ipvlan_mode(*mode)).build().into()
        }
        LinkSpec::Vlan(Vlan { link, id }) => LinkVlan::new(name.as_str(), parent(link)?, id.get()).build().into(),
        LinkSpec::Dummy => LinkDummy::new(name.as_str()).build().into(),
        LinkSpec::Vrf(TableId(table)) => LinkVrf::new(name.as_str(), *table).build().into(),
        // "tun/tap creation via rtnetlink is not supported" (drivers/net/tun.c).
        LinkSpec::Tun(_) => return Err(Errno::EOPNOTSUPP.into()),
    })
}

/// `ip link add NAME type veth peer name PEER [netns NS]`
fn pair(namespaces: &Namespaces, netns: &NetnsRef, name: &IfName, veth: &Veth) -> Outcome<NewLink> {
    let far = veth.netns.as_ref().filter(|far| *far != netns);
    let file = far.map(|far| namespaces.file(far)).transpose()?;
    // The first end gets the index before.
    let mut peer = LinkUnspec::new_with_index(namespaces.upcoming_index() + 1).name(veth.peer.as_str());
    if let Some(file) = &file {
        peer = peer.setns_by_fd(file.as_raw_fd());
    }
    let message = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
        .name(name.as_str())
        .set_info_data(InfoData::Veth(InfoVeth::Peer(peer.build())))
        .build();
    Ok(NewLink { message, _netns: file })
}

/// `ip link add NAME address MAC mtu MTU master BRIDGE up type veth peer name PEER address MAC mtu MTU netns NS`
pub(super) fn whole_pair(namespaces: &Namespaces, near: &End, far: &End, master: Option<u32>) -> Outcome<NewLink> {
    let elsewhere = (far.netns != near.netns).then_some(&far.netns);
    let file = elsewhere.map(|netns| namespaces.file(netns)).transpose()?;
    let mut peer = LinkUnspec::new_with_index(namespaces.upcoming_index() + 1).name(far.name.as_str());
    peer = given(peer, far.mac, |peer, mac| peer.address(mac.0.to_vec()));
    peer = given(peer, far.mtu, LinkMessageBuilder::<LinkUnspec>::mtu);
    peer = given(peer, file.as_ref(), |peer, file| peer.setns_by_fd(file.as_raw_fd()));
    let mut link = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth).name(near.name.as_str());
    link = given(link, near.mac, |link, mac| link.address(mac.0.to_vec()));
    link = given(link, near.mtu, LinkMessageBuilder::<LinkVeth>::mtu);
    link = given(link, master, LinkMessageBuilder::<LinkVeth>::controller);
    if near.up {
        link = link.up();
    }
    let message = link.set_info_data(InfoData::Veth(InfoVeth::Peer(peer.build()))).build();
    Ok(NewLink { message, _netns: file })
}

/// Sets the index of a pair's other end.
pub(super) fn set_peer_index(message: &mut LinkMessage, index: u32) {
    let infos = message.attributes.iter_mut().filter_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    });
    for info in infos.flatten() {
        if let LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))) = info {
            peer.header.index = index;
        }
    }
}

/// `ip link add NAME type bridge …`
fn bridge(name: &IfName, options: &Bridge) -> LinkMessage {
    let Bridge { stp, forward_delay, hello_time, max_age, ageing_time, priority, vlan_filtering } = options;
    let stp = stp.map(|on| if on { BridgeStpState::KernelStp } else { BridgeStpState::Disabled });
    // `LinkBridge::new` would bring it up.
    let link = LinkMessageBuilder::<LinkBridge>::new(name.as_str());
    let link = given(link, *forward_delay, LinkMessageBuilder::<LinkBridge>::forward_delay);
    let link = given(link, *hello_time, LinkMessageBuilder::<LinkBridge>::hello_time);
    let link = given(link, *max_age, LinkMessageBuilder::<LinkBridge>::max_age);
    let link = given(link, *ageing_time, LinkMessageBuilder::<LinkBridge>::ageing_time);
    let link = given(link, stp, LinkMessageBuilder::<LinkBridge>::stp_state);
    let link = given(link, *priority, LinkMessageBuilder::<LinkBridge>::priority);
    given(link, *vlan_filtering, LinkMessageBuilder::<LinkBridge>::vlan_filtering).build()
}

/// `ip link add NAME type vxlan id ID …`; `dev` is the index of the link that carries the tunnel.
fn vxlan(name: &IfName, options: &Vxlan, dev: Option<u32>) -> LinkMessage {
    let Vxlan { id, local, remote, group, dev: _, port, ttl, learning } = options;
    let mut link = LinkVxlan::new(name.as_str(), id.get()).port(*port);
    link = match local {
        Some(IpAddr::V4(addr)) => link.local(*addr),
        Some(IpAddr::V6(addr)) => link.local6(*addr),
        None => link,
    };
    link = match group.or(*remote) {
        Some(IpAddr::V4(addr)) => link.group(addr),
        Some(IpAddr::V6(addr)) => link.group6(addr),
        None => link,
    };
    let link = given(link, dev, LinkMessageBuilder::<LinkVxlan>::dev);
    let link = given(link, *ttl, LinkMessageBuilder::<LinkVxlan>::ttl);
    given(link, *learning, LinkMessageBuilder::<LinkVxlan>::learning).build()
}

/// Sets an option if it has a value.
fn given<B, T>(builder: B, value: Option<T>, set: impl FnOnce(B, T) -> B) -> B {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

fn macvlan_mode(mode: MacvlanMode) -> MacVlanMode {
    match mode {
        MacvlanMode::Vepa => MacVlanMode::Vepa,
        MacvlanMode::Bridge => MacVlanMode::Bridge,
        MacvlanMode::Private => MacVlanMode::Private,
        MacvlanMode::Passthru => MacVlanMode::Passthrough,
        MacvlanMode::Source => MacVlanMode::Source,
    }
}

fn ipvlan_mode(mode: IpvlanMode) -> IpVlanMode {
    match mode {
        IpvlanMode::L2 => IpVlanMode::L2,
        IpvlanMode::L3 => IpVlanMode::L3,
        IpvlanMode::L3s => IpVlanMode::L3S,
    }
}
