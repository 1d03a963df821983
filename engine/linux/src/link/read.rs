//! Reading links from the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use netlink_packet_core::Nla;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    BridgeId, BridgeStpState, InfoBridge, InfoBridgePort, InfoData, InfoIpVlan, InfoKind, InfoMacVlan, InfoPortData,
    InfoTun, InfoVlan, InfoVrf, InfoVxlan, IpVlanMode, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, MacVlanMode,
    Prop, State,
};
use rtnetlink::LinkUnspec;

use super::fallback::{is_fallback, is_idle};
use super::index::message_of;
use super::message::{LOOPBACK, attribute, get, info, link_message, name, without_counters};
use crate::netns::Namespaces;
use crate::socket::RouteSocket;
use crate::{Outcome, addr, nsid};
use netscript_net::op::raw;
use netscript_net::op::{
    Bridge, IfName, IpvlanMode, LinkKind, Mac, MacvlanMode, NetnsRef, TableId, TunMode, VXLAN_PORT, VlanId, Vni, Vxlan,
};
use netscript_net::state::{Addr, Hardware, Link, LinkType, OperState, Peer};
use netscript_net::world::Missing;

/// The longest wait for carriers. The kernel processes their changes at least once a second.
pub(crate) const CARRIER_LIMIT: Duration = Duration::from_millis(1500);

/// The polling interval.
pub(crate) const CARRIER_STEP: Duration = Duration::from_millis(1);

/// The attribute with a tun link's mode (`IFLA_TUN_TYPE`, linux/if_link.h), and the mode for IP packets (`IFF_TUN`,
/// linux/if_tun.h).
const IFLA_TUN_TYPE: u16 = 3;
const IFF_TUN: u8 = 1;

/// `ip -d addr show`, without unused fallback tunnels.
pub(crate) fn list(namespaces: &mut Namespaces, netns: &NetnsRef) -> Outcome<Vec<Link>> {
    let socket = namespaces.route_socket(netns)?;
    let messages = dump(socket)?;
    let addrs = addr::dump(socket, None)?;
    let fallback: BTreeSet<u32> =
        messages.iter().filter(|message| is_fallback(message)).map(|message| message.header.index).collect();
    let mut links = read(namespaces, netns, &messages, addrs)?;
    links.retain(|link| !is_idle(link) || !link.index.is_some_and(|index| fallback.contains(&index)));
    Ok(links)
}

/// `ip -d addr show dev NAME`
pub(crate) fn find(namespaces: &mut Namespaces, netns: &NetnsRef, name: &IfName) -> Outcome<Option<Link>> {
    let message = match message_of(namespaces, netns, name) {
        Ok(message) => message,
        Err(rejection) if matches!(rejection.missing, Some(Missing::Link(..))) => return Ok(None),
        Err(rejection) => return Err(rejection),
    };
    let addrs = addr::dump(namespaces.route_socket(netns)?, Some(message.header.index))?;
    Ok(read(namespaces, netns, &[message], addrs)?.pop())
}

/// The names of a namespace's links, by index.
pub(crate) fn names(socket: &mut RouteSocket) -> Outcome<BTreeMap<u32, IfName>> {
    Ok(dump(socket)?.iter().filter_map(|message| Some((message.header.index, name(message)?))).collect())
}

/// The names of a namespace's links, sorted. Listing 1,000 links takes the kernel 10 ms, reading this file
/// (proc_pid_net(5)) a tenth of that.
pub(crate) fn names_alone(namespaces: &Namespaces, netns: &NetnsRef) -> Outcome<Vec<IfName>> {
    let table = namespaces.within(netns, || std::fs::read("/proc/thread-self/net/dev"))??;
    // Two header lines, then `NAME: COUNTERS`; a name does not contain a colon.
    let lines = table.split(|byte| *byte == b'\n').skip(2);
    let names = lines.filter_map(|line| line.split(|byte| *byte == b':').next());
    let names = names.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
    let mut names: Vec<IfName> = names.map(|name| IfName::read(&raw::from_bytes(name))).collect();
    names.sort();
    Ok(names)
}

/// A link, without facts that need further requests.
pub(crate) struct Outline {
    pub(crate) index: u32,
    pub(crate) name: IfName,
    /// The index of its bridge.
    pub(crate) master: Option<u32>,
    /// The index of the link in the same namespace that it is stacked on and ends with: a VLAN's parent, or the link
    /// that carries a VXLAN.
    pub(crate) lower: Option<u32>,
}

/// A namespace's links, without those that the kernel creates by itself: `lo` and fallback tunnels.
pub(crate) fn outlines(socket: &mut RouteSocket) -> Outcome<Vec<Outline>> {
    let messages = dump(socket)?;
    let own = |message: &LinkMessage| message.header.flags.contains(LinkFlags::Loopback) || is_fallback(message);
    let others = messages.iter().filter(|message| !own(message));
    let outline = |message: &LinkMessage| {
        Some(Outline {
            index: message.header.index,
            name: name(message)?,
            master: master(message),
            lower: lower_here(message),
        })
    };
    Ok(others.filter_map(outline).collect())
}

/// The indexes of links that are stacked on another link, such as VLANs.
pub(crate) fn stacked(socket: &mut RouteSocket) -> Outcome<BTreeSet<u32>> {
    // Further kinds, which netscript does not create.
    let others = ["macvtap", "ipvtap"];
    let stands = |message: &&LinkMessage| {
        let word = info_kind(message).map(InfoKind::to_string).unwrap_or_default();
        LinkKind::from_word(&word).map_or(others.contains(&word.as_str()), LinkKind::is_stacked)
    };
    Ok(dump(socket)?.iter().filter(stands).map(|message| message.header.index).collect())
}

/// All names of a namespace's links, including alternative names.
pub(crate) fn all_names(socket: &mut RouteSocket) -> Outcome<Vec<IfName>> {
    let mut names = Vec::new();
    for message in dump(socket)? {
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => names.push(IfName::read(name)),
                LinkAttribute::PropList(list) => names.extend(list.iter().filter_map(|prop| match prop {
                    Prop::AltIfName(name) => Some(IfName::read(name)),
                    _ => None,
                })),
                _ => {}
            }
        }
    }
    Ok(names)
}

/// Whether the kernel has processed all carriers, so that every link with a carrier passes packets, and the state of
/// every pair is right.
pub(crate) fn carriers_known(socket: &mut RouteSocket) -> Outcome<bool> {
    let waiting = |message: &LinkMessage| {
        let flags = message.header.flags;
        let state = oper_state(message);
        if !flags.contains(LinkFlags::Up) {
            return false;
        }
        match state {
            OperState::NotPresent | OperState::Testing | OperState::Dormant => false,
            // A pair that was just created has this state; links of other kinds may keep it.
            OperState::Unknown => is_pair(message),
            OperState::Down if !flags.contains(LinkFlags::LowerUp) => is_pair(message) && !has_index_of_peer(message),
            OperState::Down | OperState::LowerLayerDown => flags.contains(LinkFlags::LowerUp),
            OperState::Up => is_pair(message) && !flags.contains(LinkFlags::LowerUp),
        }
    };
    // This request is answered only after the kernel's current work on links. Otherwise a list could show a link as up
    // before its bridge knows that.
    get(socket, LinkUnspec::new_with_index(LOOPBACK))?;
    let late: Vec<u32> = dump(socket)?.iter().filter(|message| waiting(message)).map(|m| m.header.index).collect();
    for index in &late {
        // Before a request for a single link, unlike a list, the kernel does its deferred work for it.
        get(socket, LinkUnspec::new_with_index(*index))?;
    }
    Ok(late.is_empty())
}

/// The links that are up with a carrier.
pub(crate) fn with_carrier(socket: &mut RouteSocket) -> Outcome<BTreeSet<u32>> {
    let ready = |message: &&LinkMessage| message.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp);
    Ok(dump(socket)?.iter().filter(ready).map(|message| message.header.index).collect())
}

/// Waits until the kernel has processed all carriers of a namespace. Before about Linux 6.9, it may take a second until
/// a link's state follows its carrier (net/core/link_watch.c).
pub(crate) fn settle(socket: &mut RouteSocket) -> Outcome {
    let deadline = Instant::now() + CARRIER_LIMIT;
    while !carriers_known(socket)? && Instant::now() < deadline {
        std::thread::sleep(CARRIER_STEP);
    }
    Ok(())
}

/// Whether the far end of a pair has the same index in its own namespace: then the kernel takes the link for one
/// without a lower link, whose state without a carrier is `down` (`default_operstate`, net/core/link_watch.c).
fn has_index_of_peer(message: &LinkMessage) -> bool {
    message.attributes.iter().any(|a| matches!(a, LinkAttribute::Link(index) if *index == message.header.index))
}

fn is_pair(message: &LinkMessage) -> bool {
    info_kind(message) == Some(&InfoKind::Veth)
}

/// `ip link show`, by index: kernels before about 6.9 list links by the hashes of their indexes.
fn dump(socket: &mut RouteSocket) -> Outcome<Vec<LinkMessage>> {
    let answers = socket.dump(RouteNetlinkMessage::GetLink(without_counters(LinkUnspec::new_with_index(0))))?;
    let mut links: Vec<LinkMessage> = answers.into_iter().filter_map(link_message).collect();
    links.sort_by_key(|message| message.header.index);
    Ok(links)
}

fn read(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    messages: &[LinkMessage],
    addrs: Vec<(u32, Addr)>,
) -> Outcome<Vec<Link>> {
    let around = NamedLinks::of(namespaces, netns, messages)?;
    let mut links: Vec<Link> = messages.iter().filter_map(|message| link(message, &around)).collect();
    for (index, addr) in addrs {
        if let Some(link) = links.iter_mut().find(|link| link.index == Some(index)) {
            link.addrs.push(addr::without_usual_label(addr, link.name.as_str()));
        }
    }
    Ok(links)
}

/// A reference to a link: the id of its namespace, if it is another one, and its index.
type LinkReference = (Option<i32>, u32);

/// Links that other links refer to, and their namespaces.
struct NamedLinks<'a> {
    netns: &'a NetnsRef,
    places: BTreeMap<i32, NetnsRef>,
    names: BTreeMap<LinkReference, IfName>,
}

impl<'a> NamedLinks<'a> {
    fn of(namespaces: &mut Namespaces, netns: &'a NetnsRef, messages: &[LinkMessage]) -> Outcome<NamedLinks<'a>> {
        let foreign: BTreeSet<i32> = messages.iter().filter_map(link_nsid).collect();
        let places = nsid::places(namespaces, netns, foreign)?;
        let mut names: BTreeMap<LinkReference, IfName> =
            messages.iter().filter_map(|message| Some(((None, message.header.index), name(message)?))).collect();
        let socket = namespaces.route_socket(netns)?;
        for reference in messages.iter().flat_map(references) {
            if names.contains_key(&reference) {
                continue;
            }
            if let Some(name) = name_of(socket, reference) {
                names.insert(reference, name);
            }
        }
        Ok(NamedLinks { netns, places, names })
    }

    fn peer(&self, (nsid, index): LinkReference) -> Peer {
        let netns = match nsid {
            None => Some(self.netns.clone()),
            Some(id) => self.places.get(&id).cloned(),
        };
        Peer { netns, index: Some(index), name: self.names.get(&(nsid, index)).cloned() }
    }

    fn name(&self, reference: LinkReference) -> Option<IfName> {
        self.names.get(&reference).cloned()
    }
}

/// The name of a link in this namespace or, if the kernel permits, in another one.
fn name_of(socket: &mut RouteSocket, (nsid, index): LinkReference) -> Option<IfName> {
    let mut link = LinkUnspec::new_with_index(index);
    if let Some(id) = nsid {
        link = link.append_extra_attribute(LinkAttribute::IfNetnsId(id));
    }
    // A link that cannot be found has no name; it may have been removed.
    name(&get(socket, link).ok().flatten()?)
}

/// Whether the namespace with an id can be read. Every namespace has `lo`, index 1.
pub(crate) fn has_links(socket: &mut RouteSocket, nsid: i32) -> bool {
    name_of(socket, (Some(nsid), 1)).is_some()
}

/// All links that a link refers to: its peer or parent, its master, the link that carries its tunnel.
fn references(message: &LinkMessage) -> Vec<LinkReference> {
    let nsid = link_nsid(message);
    let master = master(message).map(|index| (None, index));
    let tunnel = vxlan_link(message).map(|index| (nsid, index));
    lower(message).into_iter().chain(master).chain(tunnel).collect()
}

/// The peer of a veth, or the parent of a macvlan.
fn lower(message: &LinkMessage) -> Option<LinkReference> {
    let index = attribute(message, |a| if let LinkAttribute::Link(index) = a { Some(*index) } else { None })?;
    (index != 0).then_some((link_nsid(message), index))
}

/// The link of the same namespace that a link ends with. That excludes a veth's peer.
fn lower_here(message: &LinkMessage) -> Option<u32> {
    let below = lower(message).filter(|_| !is_pair(message));
    let tunnel = vxlan_link(message).map(|index| (link_nsid(message), index));
    below.or(tunnel).and_then(|(nsid, index)| (nsid.is_none() && index != 0).then_some(index))
}

fn link_nsid(message: &LinkMessage) -> Option<i32> {
    attribute(message, |a| if let LinkAttribute::LinkNetNsId(id) = a { Some(*id) } else { None })
}

fn master(message: &LinkMessage) -> Option<u32> {
    attribute(message, |a| if let LinkAttribute::Controller(index) = a { Some(*index) } else { None })
        .filter(|index| *index != 0)
}

fn vxlan_link(message: &LinkMessage) -> Option<u32> {
    let Some(InfoData::Vxlan(options)) = data(message) else { return None };
    options.iter().find_map(|option| if let InfoVxlan::Link(index) = option { Some(*index) } else { None })
}

fn info_kind(message: &LinkMessage) -> Option<&InfoKind> {
    info(message, |info| if let LinkInfo::Kind(kind) = info { Some(kind) } else { None })
}

fn data(message: &LinkMessage) -> Option<&InfoData> {
    info(message, |i| if let LinkInfo::Data(data) = i { Some(data) } else { None })
}

fn link(message: &LinkMessage, around: &NamedLinks<'_>) -> Option<Link> {
    let flags = message.header.flags;
    Some(Link {
        name: name(message)?,
        index: Some(message.header.index),
        kind: kind(message, around),
        mac: mac(message).map_or(Hardware::None, Hardware::Known),
        mtu: attribute(message, |a| if let LinkAttribute::Mtu(mtu) = a { Some(*mtu) } else { None })?,
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::LowerUp),
        arp: !flags.contains(LinkFlags::Noarp),
        promisc: flags.contains(LinkFlags::Promisc),
        state: oper_state(message),
        alias: attribute(message, |a| if let LinkAttribute::IfAlias(text) = a { Some(text.clone()) } else { None }),
        master: master(message).and_then(|index| around.name((None, index))),
        hairpin: hairpin(message),
        addrs: Vec::new(),
        unknown_addr: false,
    })
}

fn mac(message: &LinkMessage) -> Option<Mac> {
    let bytes = attribute(message, |a| if let LinkAttribute::Address(bytes) = a { Some(bytes) } else { None })?;
    bytes.as_slice().try_into().ok().map(Mac)
}

fn oper_state(message: &LinkMessage) -> OperState {
    let state = attribute(message, |a| if let LinkAttribute::OperState(state) = a { Some(*state) } else { None });
    match state.unwrap_or(State::Unknown) {
        State::NotPresent => OperState::NotPresent,
        State::Down => OperState::Down,
        State::LowerLayerDown => OperState::LowerLayerDown,
        State::Testing => OperState::Testing,
        State::Dormant => OperState::Dormant,
        State::Up => OperState::Up,
        _ => OperState::Unknown,
    }
}

fn hairpin(message: &LinkMessage) -> bool {
    let port = info(message, |i| match i {
        LinkInfo::PortData(InfoPortData::BridgePort(port)) => Some(port),
        _ => None,
    });
    port.into_iter().flatten().any(|option| *option == InfoBridgePort::HairpinMode(true))
}

fn kind(message: &LinkMessage, around: &NamedLinks<'_>) -> LinkType {
    let Some(kind) = info_kind(message) else {
        return if message.header.flags.contains(LinkFlags::Loopback) {
            LinkType::Loopback
        } else {
            LinkType::Physical
        };
    };
    let word = kind.to_string();
    let known = LinkKind::from_word(&word).and_then(|kind| known_kind(kind, message, around));
    known.unwrap_or(LinkType::Other(word))
}

/// The type of a link of a kind that netscript creates; `None`: the message is incomplete.
fn known_kind(kind: LinkKind, message: &LinkMessage, around: &NamedLinks<'_>) -> Option<LinkType> {
    let data = data(message);
    let parent = lower(message).map(|reference| around.peer(reference));
    Some(match kind {
        LinkKind::Veth => LinkType::Veth(parent),
        LinkKind::Dummy => LinkType::Dummy,
        LinkKind::Bridge => {
            let InfoData::Bridge(options) = data? else { return None };
            bridge(options)
        }
        LinkKind::Vxlan => {
            let InfoData::Vxlan(options) = data? else { return None };
            LinkType::Vxlan(vxlan(message, options, around)?)
        }
        LinkKind::Tun => {
            let InfoData::Tun(options) = data? else { return None };
            LinkType::Tun(tun_mode(options))
        }
        LinkKind::Macvlan => {
            let InfoData::MacVlan(options) = data? else { return None };
            LinkType::Macvlan(parent?, macvlan_mode(options)?)
        }
        LinkKind::Ipvlan => {
            let InfoData::IpVlan(options) = data? else { return None };
            LinkType::Ipvlan(parent?, ipvlan_mode(options)?)
        }
        LinkKind::Vlan => {
            let InfoData::Vlan(options) = data? else { return None };
            LinkType::Vlan(parent?, vlan_id(options)?)
        }
        LinkKind::Vrf => {
            let InfoData::Vrf(options) = data? else { return None };
            LinkType::Vrf(vrf_table(options)?)
        }
    })
}

fn bridge(infos: &[InfoBridge]) -> LinkType {
    let mut options = Bridge::default();
    let (mut id, mut root_id) = (String::new(), String::new());
    for info in infos {
        match info {
            InfoBridge::StpState(state) => options.stp = Some(*state != BridgeStpState::Disabled),
            InfoBridge::ForwardDelay(time) => options.forward_delay = Some(*time),
            InfoBridge::HelloTime(time) => options.hello_time = Some(*time),
            InfoBridge::MaxAge(time) => options.max_age = Some(*time),
            InfoBridge::AgeingTime(time) => options.ageing_time = Some(*time),
            InfoBridge::Priority(priority) => options.priority = Some(*priority),
            InfoBridge::VlanFiltering(on) => options.vlan_filtering = Some(*on),
            InfoBridge::BridgeId(bridge) => id = bridge_id(bridge),
            InfoBridge::RootId(bridge) => root_id = bridge_id(bridge),
            _ => {}
        }
    }
    LinkType::Bridge { options, id: Some(id), root_id: Some(root_id) }
}

/// A bridge's id in the notation of `brctl show`.
fn bridge_id(BridgeId { priority, address }: &BridgeId) -> String {
    let [a, b, c, d, e, f] = address;
    format!("{priority:04x}.{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}")
}

fn vxlan(message: &LinkMessage, infos: &[InfoVxlan], around: &NamedLinks<'_>) -> Option<Vxlan> {
    let id = infos.iter().find_map(|info| if let InfoVxlan::Id(id) = info { Some(*id) } else { None })?;
    let mut vxlan = Vxlan {
        id: Vni::new(id.into()).ok()?,
        local: None,
        remote: None,
        group: None,
        dev: vxlan_link(message).and_then(|index| around.name((link_nsid(message), index))),
        port: VXLAN_PORT,
        ttl: None,
        learning: None,
    };
    for info in infos {
        match info {
            InfoVxlan::Local(addr) => vxlan.local = Some((*addr).into()),
            InfoVxlan::Local6(addr) => vxlan.local = Some((*addr).into()),
            InfoVxlan::Group(addr) => set_far_end(&mut vxlan, (*addr).into()),
            InfoVxlan::Group6(addr) => set_far_end(&mut vxlan, (*addr).into()),
            InfoVxlan::Port(port) => vxlan.port = *port,
            InfoVxlan::Ttl(ttl) => vxlan.ttl = Some(*ttl).filter(|ttl| *ttl != 0),
            InfoVxlan::Learning(on) => vxlan.learning = Some(*on),
            _ => {}
        }
    }
    Some(vxlan)
}

/// The kernel uses one attribute for a remote end and for a group.
fn set_far_end(vxlan: &mut Vxlan, addr: IpAddr) {
    if addr.is_multicast() {
        vxlan.group = Some(addr);
    } else {
        vxlan.remote = Some(addr);
    }
}

fn tun_mode(infos: &[InfoTun]) -> TunMode {
    let is_tun = infos.iter().any(|info| info.kind() == IFLA_TUN_TYPE && value(info) == [IFF_TUN]);
    if is_tun { TunMode::Tun } else { TunMode::Tap }
}

fn value(nla: &impl Nla) -> Vec<u8> {
    let mut bytes = vec![0; nla.value_len()];
    nla.emit_value(&mut bytes);
    bytes
}

fn macvlan_mode(infos: &[InfoMacVlan]) -> Option<MacvlanMode> {
    let mode = infos.iter().find_map(|info| if let InfoMacVlan::Mode(mode) = info { Some(*mode) } else { None })?;
    match mode {
        MacVlanMode::Vepa => Some(MacvlanMode::Vepa),
        MacVlanMode::Bridge => Some(MacvlanMode::Bridge),
        MacVlanMode::Private => Some(MacvlanMode::Private),
        MacVlanMode::Passthrough => Some(MacvlanMode::Passthru),
        MacVlanMode::Source => Some(MacvlanMode::Source),
        _ => None,
    }
}

fn ipvlan_mode(infos: &[InfoIpVlan]) -> Option<IpvlanMode> {
    let mode = infos.iter().find_map(|info| if let InfoIpVlan::Mode(mode) = info { Some(*mode) } else { None })?;
    match mode {
        IpVlanMode::L2 => Some(IpvlanMode::L2),
        IpVlanMode::L3 => Some(IpvlanMode::L3),
        IpVlanMode::L3S => Some(IpvlanMode::L3s),
        _ => None,
    }
}

fn vlan_id(infos: &[InfoVlan]) -> Option<VlanId> {
    let id = infos.iter().find_map(|info| if let InfoVlan::Id(id) = info { Some(*id) } else { None })?;
    VlanId::new(id.into()).ok()
}

fn vrf_table(infos: &[InfoVrf]) -> Option<TableId> {
    infos.iter().find_map(|info| if let InfoVrf::TableId(table) = info { Some(TableId(*table)) } else { None })
}
