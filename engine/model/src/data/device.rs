//! Links as the model holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::addr::{Addr4, Addr6};
use super::hw_addr::HwAddrs;
use super::ids::{DevId, NetnsId};
use super::kinds::{Bridge, DeviceKind};
use netscript_net::op::{IfName, Mac};
use netscript_net::state::Hardware;

#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) netns: NetnsId,
    /// It was there before the lab, with an index that is not from the lab's block.
    pub(crate) found: bool,
    /// The namespace in which it was made, to which a tunnel stays bound.
    pub(crate) born: NetnsId,
    pub(crate) index: u32,
    pub(crate) name: IfName,
    pub(crate) kind: DeviceKind,
    pub(crate) mac: Hardware,
    /// Its own hardware address, while a passthru macvlan on it may set another.
    pub(crate) own_mac: Option<Hardware>,
    pub(crate) mtu: u32,
    pub(crate) up: bool,
    pub(crate) arp: bool,
    pub(crate) promisc: bool,
    pub(crate) alias: Option<String>,
    pub(crate) master: Option<DevId>,
    /// The links whose master it is.
    pub(crate) ports: BTreeSet<DevId>,
    pub(crate) hairpin: bool,
    /// `netif_carrier_ok`
    pub(crate) carrier: bool,
    /// Links that stand on this one: macvlan, ipvlan, vlan, vxlan.
    pub(crate) uppers: BTreeSet<DevId>,
    pub(crate) addrs4: Vec<Addr4>,
    pub(crate) addrs6: Vec<Addr6>,
    /// Its link-local address was restored, although the kernel would not assign it now. The address is unknown.
    pub(crate) link_local_kept: bool,
    /// `IF_READY` of net/ipv6: up, with a carrier, configured.
    pub(crate) ready6: bool,
    pub(crate) disable6: bool,
    pub(crate) forwarding6: bool,
    /// The anycast addresses that it has joined, and how often.
    pub(crate) anycast6: BTreeMap<IpAddr, u32>,
    /// Hardware addresses that it accepts besides its own: `bridge fdb add … self`.
    pub(crate) hw_addrs: HwAddrs,
    /// A tunnel's forwarding table.
    pub(crate) fdb: Vec<Forward>,
}

/// An entry of a tunnel's forwarding table (`struct vxlan_rdst`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forward {
    pub(crate) mac: Mac,
    pub(crate) dst: IpAddr,
    /// The link that carries the tunnel, in the entry of the tunnel's own destination.
    pub(crate) over: Option<DevId>,
}

/// `ETH_DATA_LEN`, linux/if_ether.h
pub(crate) const ETHERNET_MTU: u32 = 1500;

/// Smallest MTU that IPv4 works over (`IPV4_MIN_MTU`).
pub(crate) const IPV4_MIN_MTU: u32 = 68;

/// Smallest MTU that IPv6 works over (RFC 8200, section 5).
pub(crate) const IPV6_MIN_MTU: u32 = 1280;

impl Device {
    pub(crate) fn is_loopback(&self) -> bool {
        matches!(self.kind, DeviceKind::Loopback)
    }

    /// `netif_running` and `netif_oper_up`
    pub(crate) fn ready(&self) -> bool {
        self.up && self.carrier
    }

    pub(crate) fn bridge(&self) -> Option<&Bridge> {
        if let DeviceKind::Bridge(bridge) = &self.kind { Some(bridge) } else { None }
    }

    pub(crate) fn bridge_mut(&mut self) -> Option<&mut Bridge> {
        if let DeviceKind::Bridge(bridge) = &mut self.kind { Some(bridge) } else { None }
    }

    /// A link that is down, as the kernel makes it.
    pub(crate) fn new(netns: NetnsId, name: IfName, kind: DeviceKind, mac: Hardware, mtu: u32) -> Device {
        Device {
            netns,
            found: false,
            born: netns,
            index: 0,
            name,
            kind,
            mac,
            own_mac: None,
            mtu,
            up: false,
            arp: true,
            promisc: false,
            alias: None,
            master: None,
            ports: BTreeSet::new(),
            hairpin: false,
            carrier: true,
            uppers: BTreeSet::new(),
            addrs4: Vec::new(),
            addrs6: Vec::new(),
            link_local_kept: false,
            ready6: false,
            disable6: false,
            forwarding6: false,
            anycast6: BTreeMap::new(),
            hw_addrs: HwAddrs::default(),
            fdb: Vec::new(),
        }
    }
}
