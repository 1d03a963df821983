//! Sends the kernel's own messages of addresses, routes, routing rules, neighbours and forwarding entries back to it, so
//! that an object is restored with all of its properties, also those that netscript does not read.
//!
//! The kernel takes back what it lists, as with `ip route save` and `ip route restore`, apart from some values: flags
//! that it sets itself, times, and values that follow from others. [`Replay`] leaves these out. It writes a listed
//! message and one that netscript composes in the same form, so that they can be compared.

use std::collections::BTreeMap;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;

use crate::journal::{KernelMessage, NamedOp, hex, unhex};
use crate::netns::Namespaces;
use crate::socket::payload;
use crate::{Outcome, Rejection, addr, attributes, fdb, link, neigh, policy, route};
use netscript_net::error::Errno;
use netscript_net::op::{AddrOp, Family, FdbOp, IfName, NeighOp, NetnsRef, PolicyOp, RouteOp};

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noun {
    Addr,
    Route,
    Policy,
    Neigh,
    Fdb,
}

impl Noun {
    /// The kind of the object that an operation creates or replaces.
    fn of(op: &NamedOp) -> Option<Noun> {
        match op {
            NamedOp::Addr(AddrOp::Add(..)) => Some(Noun::Addr),
            NamedOp::Route(RouteOp::Add(_) | RouteOp::Replace(_)) => Some(Noun::Route),
            NamedOp::Policy(PolicyOp::Add(_)) => Some(Noun::Policy),
            NamedOp::Neigh(NeighOp::Add(_) | NeighOp::Replace(_)) => Some(Noun::Neigh),
            NamedOp::Fdb(FdbOp::Add(_) | FdbOp::Append(_) | FdbOp::Replace(_)) => Some(Noun::Fdb),
            NamedOp::Addr(AddrOp::Del(..))
            | NamedOp::Route(RouteOp::Del(_) | RouteOp::Flush(..))
            | NamedOp::Neigh(NeighOp::Del(..))
            | NamedOp::Fdb(FdbOp::Del(_))
            | NamedOp::Policy(PolicyOp::Del(_))
            | NamedOp::Link(_) => None,
        }
    }

    /// `RTM_NEWADDR`, `RTM_NEWROUTE`, `RTM_NEWRULE` and `RTM_NEWNEIGH` (linux/rtnetlink.h).
    fn message_kind(self) -> u16 {
        match self {
            Noun::Addr => 20,
            Noun::Route => 24,
            Noun::Policy => 32,
            Noun::Neigh | Noun::Fdb => 28,
        }
    }

    /// The length of the message's fixed part: `struct ifaddrmsg`, `struct rtmsg`, `struct fib_rule_hdr`, `struct ndmsg`.
    fn fixed_len(self) -> usize {
        match self {
            Noun::Addr => 8,
            Noun::Route | Noun::Policy | Noun::Neigh | Noun::Fdb => 12,
        }
    }

    /// The attribute that the kernel only reads with `NLA_F_NESTED`, which not every kernel lists.
    fn nested(self) -> Option<u16> {
        match self {
            Noun::Route => Some(rta::ENCAP),
            Noun::Fdb => Some(nda::FDB_EXT_ATTRS),
            Noun::Addr | Noun::Policy | Noun::Neigh => None,
        }
    }
}

/// Attributes of addresses (linux/if_addr.h).
mod ifa {
    pub(super) const ADDRESS: u16 = 1;
    pub(super) const LOCAL: u16 = 2;
    pub(super) const LABEL: u16 = 3;
    pub(super) const CACHEINFO: u16 = 6;
    pub(super) const FLAGS: u16 = 8;
    pub(super) const RT_PRIORITY: u16 = 9;
    pub(super) const TARGET_NETNSID: u16 = 10;
    pub(super) const PROTO: u16 = 11;
}

/// The flags of an address that the kernel does not set itself: NODAD, OPTIMISTIC, HOMEADDRESS, MANAGETEMPADDR,
/// NOPREFIXROUTE, MCAUTOJOIN.
const ADDR_FLAGS: u32 = 0x02 | 0x04 | 0x10 | 0x100 | 0x200 | 0x400;

/// Attributes of routes (linux/rtnetlink.h).
mod rta {
    pub(super) const DST: u16 = 1;
    pub(super) const SRC: u16 = 2;
    pub(super) const IIF: u16 = 3;
    pub(super) const OIF: u16 = 4;
    pub(super) const GATEWAY: u16 = 5;
    pub(super) const PRIORITY: u16 = 6;
    pub(super) const MULTIPATH: u16 = 9;
    pub(super) const FLOW: u16 = 11;
    pub(super) const CACHEINFO: u16 = 12;
    pub(super) const TABLE: u16 = 15;
    pub(super) const VIA: u16 = 18;
    pub(super) const PREF: u16 = 20;
    pub(super) const ENCAP_TYPE: u16 = 21;
    pub(super) const ENCAP: u16 = 22;
    pub(super) const EXPIRES: u16 = 23;
    pub(super) const NH_ID: u16 = 30;
}

/// `RTNH_F_ONLINK`; the kernel sets the other flags itself, and refuses some of them.
const ONLINK: u8 = 4;

/// RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT and RTN_THROW: the kernel lists `lo` with IPv6 routes of these types.
const DISCARDING: [u8; 4] = [6, 7, 8, 9];

/// The ticks in a second in `struct rta_cacheinfo` (`USER_HZ`).
const TICKS: i32 = 100;

/// Attributes of routing rules (linux/fib_rules.h).
mod fra {
    pub(super) const DST: u16 = 1;
    pub(super) const SRC: u16 = 2;
    pub(super) const IIFNAME: u16 = 3;
    pub(super) const PRIORITY: u16 = 6;
    pub(super) const FWMARK: u16 = 10;
    pub(super) const SUPPRESS_PREFIXLEN: u16 = 14;
    pub(super) const TABLE: u16 = 15;
    pub(super) const OIFNAME: u16 = 17;
    pub(super) const PROTOCOL: u16 = 21;
}

/// The flags of a routing rule that the kernel does not set itself: FIB_RULE_INVERT, FIB_RULE_FIND_SADDR.
const RULE_FLAGS: u32 = 0x02 | 0x10000;

/// Attributes of neighbours and forwarding entries (linux/neighbour.h).
mod nda {
    pub(super) const DST: u16 = 1;
    pub(super) const CACHEINFO: u16 = 3;
    pub(super) const PROBES: u16 = 4;
    pub(super) const PORT: u16 = 6;
    pub(super) const VNI: u16 = 7;
    pub(super) const IFINDEX: u16 = 8;
    pub(super) const MASTER: u16 = 9;
    pub(super) const LINK_NETNSID: u16 = 10;
    pub(super) const NH_ID: u16 = 13;
    pub(super) const FDB_EXT_ATTRS: u16 = 14;
    pub(super) const FLAGS_EXT: u16 = 15;
}

/// NTF_SELF, NTF_MASTER and NTF_OFFLOADED (linux/neighbour.h).
const SELF: u8 = 0x02;
const MASTER: u8 = 0x04;
const OFFLOADED: u8 = 0x20;

/// States of neighbours (linux/neighbour.h).
const REACHABLE: u16 = 0x02;
const STALE: u16 = 0x04;
const DELAY_OR_PROBE: u16 = 0x08 | 0x10;
const NOARP: u16 = 0x40;
const PERMANENT: u16 = 0x80;

/// A message that creates an object, without values that the kernel sets itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Replay {
    noun: Noun,
    fixed: Vec<u8>,
    attributes: BTreeMap<u16, Vec<u8>>,
}

impl Replay {
    fn of(noun: Noun, message: &[u8]) -> Option<Replay> {
        let (fixed, rest) = message.split_at_checked(noun.fixed_len())?;
        let attributes = attributes::all(rest).map(|(kind, value)| (kind, value.to_vec())).collect();
        let mut replay = Replay { noun, fixed: fixed.to_vec(), attributes };
        match noun {
            Noun::Addr => replay.tidy_addr(),
            Noun::Route => replay.tidy_route(),
            Noun::Policy => replay.tidy_rule(),
            Noun::Neigh => replay.tidy_neigh(),
            Noun::Fdb => replay.tidy_fdb(),
        }
        Some(replay)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.fixed.clone();
        for (kind, value) in &self.attributes {
            let nested = if self.noun.nested() == Some(*kind) { attributes::NESTED } else { 0 };
            attributes::put(&mut bytes, kind | nested, value);
        }
        bytes
    }

    fn remove(&mut self, kinds: &[u16]) {
        self.attributes.retain(|kind, _| !kinds.contains(kind));
    }

    /// Removes attributes that are zero, which is their default.
    fn remove_zero(&mut self, kinds: &[u16]) {
        self.attributes.retain(|kind, value| !kinds.contains(kind) || value.iter().any(|byte| *byte != 0));
    }

    fn tidy_addr(&mut self) {
        let flags = self.attributes.get(&ifa::FLAGS).and_then(|flags| number(flags)).unwrap_or(self.fixed[2].into());
        self.attributes.insert(ifa::FLAGS, (flags & ADDR_FLAGS).to_ne_bytes().to_vec());
        self.fixed[2] = 0;
        if i32::from(self.fixed[0]) == nix::libc::AF_INET6 {
            // The kernel derives the scope from the address.
            self.fixed[3] = 0;
        }
        // Without a peer, both are the same, and IPv6 lists one of them.
        for (kind, other) in [(ifa::LOCAL, ifa::ADDRESS), (ifa::ADDRESS, ifa::LOCAL)] {
            if let (None, Some(value)) = (self.attributes.get(&kind), self.attributes.get(&other).cloned()) {
                self.attributes.insert(kind, value);
            }
        }
        if let Some(label) = self.attributes.get_mut(&ifa::LABEL) {
            label.retain(|byte| *byte != 0);
        }
        // `struct ifa_cacheinfo`: preferred and valid lifetime, and two times of changes.
        if let Some(times) = self.attributes.remove(&ifa::CACHEINFO)
            && let (Some(preferred), Some(valid)) = (number(&times), times.get(4..).and_then(number))
            && (preferred, valid) != (u32::MAX, u32::MAX)
        {
            // The kernel refuses the lifetime 0 of an address that it is about to remove.
            let times = [preferred.to_ne_bytes(), valid.max(1).to_ne_bytes(), [0; 4], [0; 4]];
            self.attributes.insert(ifa::CACHEINFO, times.concat());
        }
        self.remove(&[ifa::TARGET_NETNSID]);
        self.remove_zero(&[ifa::FLAGS, ifa::RT_PRIORITY, ifa::PROTO]);
    }

    fn tidy_route(&mut self) {
        let table = self.attributes.get(&rta::TABLE).and_then(|table| number(table)).unwrap_or(self.fixed[4].into());
        self.attributes.insert(rta::TABLE, table.to_ne_bytes().to_vec());
        self.fixed[4] = 0;
        self.keep_onlink();
        let (dst_len, src_len, kind) = (self.fixed[1], self.fixed[2], self.fixed[7]);
        if dst_len == 0 {
            self.remove(&[rta::DST]);
        }
        if src_len == 0 {
            self.remove(&[rta::SRC]);
        }
        if DISCARDING.contains(&kind) {
            self.remove(&[rta::OIF, rta::GATEWAY, rta::VIA, rta::MULTIPATH]);
        }
        // The kernel lists the nexthops of a nexthop object too, and refuses both together.
        if self.attributes.contains_key(&rta::NH_ID) {
            self.fixed[8..].fill(0);
            let expanded = [rta::OIF, rta::GATEWAY, rta::VIA, rta::MULTIPATH, rta::FLOW, rta::ENCAP, rta::ENCAP_TYPE];
            self.remove(&expanded);
        }
        if let Some(seconds) = self.attributes.remove(&rta::CACHEINFO).as_deref().and_then(expiry) {
            self.attributes.insert(rta::EXPIRES, seconds.to_ne_bytes().to_vec());
        }
        self.remove(&[rta::IIF]);
        self.remove_zero(&[rta::PRIORITY, rta::PREF]);
    }

    /// Keeps only the flag `onlink`, of the route and of each nexthop.
    fn keep_onlink(&mut self) {
        let onlink = u32::from_ne_bytes([self.fixed[8], self.fixed[9], self.fixed[10], self.fixed[11]]);
        let onlink = onlink & u32::from(ONLINK);
        self.fixed[8..].copy_from_slice(&onlink.to_ne_bytes());
        if let Some(hops) = self.attributes.get_mut(&rta::MULTIPATH) {
            each_nexthop(hops, &mut |hop| hop[2] &= ONLINK);
        }
    }

    fn tidy_rule(&mut self) {
        let table = self.attributes.get(&fra::TABLE).and_then(|table| number(table)).unwrap_or(self.fixed[4].into());
        self.attributes.insert(fra::TABLE, table.to_ne_bytes().to_vec());
        self.fixed[4] = 0;
        let flags = u32::from_ne_bytes([self.fixed[8], self.fixed[9], self.fixed[10], self.fixed[11]]) & RULE_FLAGS;
        self.fixed[8..].copy_from_slice(&flags.to_ne_bytes());
        if self.fixed[1] == 0 {
            self.remove(&[fra::DST]);
        }
        if self.fixed[2] == 0 {
            self.remove(&[fra::SRC]);
        }
        // The kernel does not list the priority 0, and chooses one if there is none.
        self.attributes.entry(fra::PRIORITY).or_insert_with(|| vec![0; 4]);
        for name in [fra::IIFNAME, fra::OIFNAME] {
            self.attributes.entry(name).and_modify(|name| name.retain(|byte| *byte != 0));
        }
        // No suppression, and whole ports.
        let is_whole = |kind: &u16| *kind == fra::SUPPRESS_PREFIXLEN || policy::PORT_MASKS.contains(kind);
        self.attributes.retain(|kind, value| !is_whole(kind) || value.iter().any(|byte| *byte != 0xff));
        self.remove(&[policy::PAD]);
        self.remove_zero(&[fra::TABLE, fra::FWMARK, fra::PROTOCOL]);
    }

    fn tidy_neigh(&mut self) {
        let mut state = self.state();
        if state & DELAY_OR_PROBE != 0 {
            state = STALE;
        }
        self.set_state(state);
        self.fixed[10] &= !OFFLOADED;
        self.tidy_entry();
    }

    fn tidy_fdb(&mut self) {
        let flags = self.fixed[10];
        let of_bridge = self.attributes.contains_key(&nda::MASTER) || flags & MASTER != 0;
        let whose = if of_bridge { MASTER } else { SELF };
        self.fixed[10] = flags & !(SELF | MASTER | OFFLOADED) | whose;
        let state = self.state();
        self.set_state(match state {
            // A link's own table takes both bits as one.
            _ if !of_bridge && state & PERMANENT != 0 => state & !NOARP,
            // No entry can be added as stale.
            STALE => REACHABLE,
            state => state,
        });
        if self.attributes.contains_key(&nda::NH_ID) {
            self.remove(&[nda::DST, nda::PORT, nda::VNI, nda::IFINDEX]);
        }
        self.remove(&[nda::MASTER, nda::LINK_NETNSID]);
        self.tidy_entry();
    }

    fn tidy_entry(&mut self) {
        // `ndm_type`: the kernel sets it.
        self.fixed[11] = 0;
        self.remove(&[nda::CACHEINFO, nda::PROBES]);
        self.remove_zero(&[nda::FLAGS_EXT]);
    }

    fn state(&self) -> u16 {
        u16::from_ne_bytes([self.fixed[8], self.fixed[9]])
    }

    fn set_state(&mut self, state: u16) {
        self.fixed[8..10].copy_from_slice(&state.to_ne_bytes());
    }

    /// The indexes of the links in the message.
    fn links(&self) -> Vec<u32> {
        let mut links = Vec::new();
        self.clone().each_link(&mut |index| links.push(*index));
        links
    }

    /// Calls a function with each link's index, which it may change.
    fn each_link(&mut self, f: &mut dyn FnMut(&mut u32)) {
        match self.noun {
            Noun::Addr | Noun::Neigh => in_bytes(&mut self.fixed[4..8], f),
            // Rules name their links.
            Noun::Policy => {}
            Noun::Fdb => {
                in_bytes(&mut self.fixed[4..8], f);
                self.attributes.get_mut(&nda::IFINDEX).into_iter().for_each(|index| in_bytes(index, f));
            }
            Noun::Route => {
                self.attributes.get_mut(&rta::OIF).into_iter().for_each(|index| in_bytes(index, f));
                let tunnel = self.attributes.get(&rta::ENCAP_TYPE).cloned();
                if let (Some(tunnel), Some(encap)) = (tunnel, self.attributes.get_mut(&rta::ENCAP)) {
                    each_link_of_encap(&tunnel, encap, f);
                }
                let hops = self.attributes.get_mut(&rta::MULTIPATH);
                hops.into_iter().for_each(|hops| {
                    each_nexthop(hops, &mut |hop| {
                        in_bytes(&mut hop[4..8], f);
                        let find = |kind| attributes::all(&hop[NEXTHOP..]).find(|(found, _)| *found == kind);
                        let Some(tunnel) = find(rta::ENCAP_TYPE).map(|(_, tunnel)| tunnel.to_vec()) else { return };
                        attributes::all_mut(&mut hop[NEXTHOP..])
                            .filter(|(kind, _)| *kind == rta::ENCAP)
                            .for_each(|(_, encap)| each_link_of_encap(&tunnel, encap, f));
                    });
                });
            }
        }
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn in_bytes(bytes: &mut [u8], f: &mut dyn FnMut(&mut u32)) {
    if let Some(bytes) = bytes.first_chunk_mut() {
        let mut index = u32::from_ne_bytes(*bytes);
        f(&mut index);
        *bytes = index.to_ne_bytes();
    }
}

/// The seconds after which a route expires, from its `struct rta_cacheinfo`. At least 1: the kernel takes 0 as never.
fn expiry(times: &[u8]) -> Option<u32> {
    let ticks = times.get(8..)?.first_chunk().map(|ticks| i32::from_ne_bytes(*ticks))?;
    let seconds = u32::try_from(ticks / TICKS).unwrap_or(0);
    (ticks != 0).then_some(seconds.max(1))
}

/// The length of `struct rtnexthop`: length, flags, weight, index.
const NEXTHOP: usize = 8;

/// Calls a function with each nexthop in an `RTA_MULTIPATH`: a `struct rtnexthop` with its attributes.
fn each_nexthop(mut hops: &mut [u8], f: &mut dyn FnMut(&mut [u8])) {
    while let Some(length) = hops.first_chunk().map(|length| usize::from(u16::from_ne_bytes(*length))) {
        if length < NEXTHOP || length > hops.len() {
            return;
        }
        let end = length.next_multiple_of(4).min(hops.len());
        let (hop, rest) = hops.split_at_mut(end);
        f(&mut hop[..length]);
        hops = rest;
    }
}

/// The links of an encapsulation (`RTA_ENCAP`), by its type (linux/lwtunnel.h).
fn each_link_of_encap(tunnel: &[u8], encap: &mut [u8], f: &mut dyn FnMut(&mut u32)) {
    const SEG6_LOCAL: u16 = 7;
    const XFRM: u16 = 10;
    let links: &[u16] = match tunnel.first_chunk().map(|tunnel| u16::from_ne_bytes(*tunnel)) {
        // SEG6_LOCAL_IIF, SEG6_LOCAL_OIF
        Some(SEG6_LOCAL) => &[6, 7],
        // LWT_XFRM_LINK
        Some(XFRM) => &[2],
        Some(_) | None => &[],
    };
    attributes::all_mut(encap).filter(|(kind, _)| links.contains(kind)).for_each(|(_, index)| in_bytes(index, f));
}

/// The message that restores a listed object. `None` if the operation restores all of its properties. `links` are the
/// links that the operation names, with their indexes.
pub(crate) fn needed(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    op: &NamedOp,
    links: &[(IfName, u32)],
    listed: &[u8],
) -> Outcome<Option<KernelMessage>> {
    let Some(noun) = Noun::of(op) else { return Ok(None) };
    let Some(whole) = Replay::of(noun, listed) else { return Ok(None) };
    let by_op = composed(op, links).and_then(|message| Replay::of(noun, &payload(message)));
    if by_op.as_ref() == Some(&whole) {
        return Ok(None);
    }
    let mut others = whole.links();
    others.retain(|index| links.iter().all(|(_, named)| named != index));
    let mut message = KernelMessage { payload: hex(listed), links: Vec::new() };
    if !others.is_empty() {
        let names = link::names(namespaces.route_socket(netns)?)?;
        message.links = others.iter().filter_map(|index| Some((names.get(index)?.clone(), *index))).collect();
    }
    Ok(Some(message))
}

/// The message by which an operation creates its object.
fn composed(op: &NamedOp, links: &[(IfName, u32)]) -> Option<RouteNetlinkMessage> {
    let index = |name: &IfName| links.iter().find(|(named, _)| named == name).map(|(_, index)| *index);
    match op {
        NamedOp::Addr(AddrOp::Add(dev, spec)) => {
            let mut spec = spec.clone();
            if spec.local.family() == Family::V4 {
                // The kernel's default.
                spec.label.get_or_insert_with(|| dev.to_string());
            }
            Some(addr::new_message(index(dev)?, &spec))
        }
        NamedOp::Route(RouteOp::Add(route) | RouteOp::Replace(route)) => Some(route::new_message(route, links)),
        NamedOp::Policy(PolicyOp::Add(rule)) => Some(policy::new_message(rule)),
        NamedOp::Neigh(NeighOp::Add(neighbour) | NeighOp::Replace(neighbour)) => {
            Some(neigh::new_message(index(&neighbour.dev)?, neighbour))
        }
        NamedOp::Fdb(FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Replace(entry)) => {
            Some(fdb::new_message(index(&entry.dev)?, entry))
        }
        NamedOp::Addr(AddrOp::Del(..))
        | NamedOp::Route(RouteOp::Del(_) | RouteOp::Flush(..))
        | NamedOp::Neigh(NeighOp::Del(..))
        | NamedOp::Fdb(FdbOp::Del(_))
        | NamedOp::Policy(PolicyOp::Del(_))
        | NamedOp::Link(_) => None,
    }
}

/// The same message for an object whose link has another index.
pub(crate) fn moved(op: &NamedOp, message: &KernelMessage, from: u32, to: u32) -> KernelMessage {
    let replay = Noun::of(op).and_then(|noun| Replay::of(noun, &unhex(&message.payload)));
    let payload = replay.map(|mut replay| {
        replay.each_link(&mut |index| {
            if *index == from {
                *index = to;
            }
        });
        hex(&replay.bytes())
    });
    KernelMessage { payload: payload.unwrap_or_default(), links: message.links.clone() }
}

/// Restores an object from the kernel's message of it. `links` are the links that the operation names; their indexes
/// have been checked.
pub(crate) fn send(
    namespaces: &mut Namespaces,
    netns: &NetnsRef,
    op: &NamedOp,
    links: &[(IfName, u32)],
    message: &KernelMessage,
) -> Outcome {
    let replay = Noun::of(op).and_then(|noun| Replay::of(noun, &unhex(&message.payload)));
    let (Some(replay), Some(flags)) = (replay, flags(op)) else {
        return Err(Rejection::from(Errno::EINVAL).text("the journal's message cannot be read".to_owned()));
    };
    let mut known: Vec<u32> = links.iter().map(|(_, index)| *index).collect();
    for (name, index) in &message.links {
        if link::index(namespaces, netns, name)? == *index {
            known.push(*index);
        }
    }
    if let Some(index) = replay.links().into_iter().find(|index| !known.contains(index)) {
        let text = format!("the link with the index {index} is gone or has another name");
        return Err(Rejection::from(Errno::ENODEV).text(text));
    }
    namespaces.route_socket(netns)?.change_bytes(replay.noun.message_kind(), &replay.bytes(), flags)
}

/// The flags with which an object is restored.
fn flags(op: &NamedOp) -> Option<u16> {
    match op {
        NamedOp::Addr(AddrOp::Add(..)) => Some(NLM_F_CREATE | NLM_F_EXCL),
        NamedOp::Route(RouteOp::Add(route)) => Some(route::put_back_flags(route)),
        NamedOp::Route(RouteOp::Replace(_)) => Some(NLM_F_CREATE | NLM_F_REPLACE),
        NamedOp::Policy(PolicyOp::Add(_)) => Some(NLM_F_CREATE | NLM_F_EXCL),
        NamedOp::Neigh(NeighOp::Add(_)) => Some(NLM_F_CREATE | NLM_F_EXCL),
        NamedOp::Neigh(NeighOp::Replace(_)) => Some(NLM_F_CREATE | NLM_F_REPLACE),
        NamedOp::Fdb(op) => fdb::flags(op),
        NamedOp::Addr(AddrOp::Del(..))
        | NamedOp::Route(RouteOp::Del(_) | RouteOp::Flush(..))
        | NamedOp::Neigh(NeighOp::Del(..))
        | NamedOp::Policy(PolicyOp::Del(_))
        | NamedOp::Link(_) => None,
    }
}

/// Whether a listed route is for packets from every source: netscript's routes have no `from`.
pub(crate) fn has_no_source(route: &[u8]) -> bool {
    // `struct rtmsg`: rtm_src_len.
    matches!(route, [_, _, 0, ..])
}

/// Whether a listed route expires.
pub(crate) fn expires(route: &[u8]) -> bool {
    let times = attributes::all(route.get(Noun::Route.fixed_len()..).unwrap_or(&[]));
    times.into_iter().any(|(kind, times)| kind == rta::CACHEINFO && expiry(times).is_some())
}
