//! Links as the model holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::addr::{Addr4, Addr6};
use super::hw_addr::HwAddrs;
use super::ids::{DevId, SpaceId};
use netscript_net::op::{Bridge, IfName, IpvlanMode, Mac, MacvlanMode, TunMode, VlanId, Vxlan};
use netscript_net::state::Hardware;

#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) space: SpaceId,
    /// It was there before the lab, with a number of somebody else's.
    pub(crate) found: bool,
    /// Where it was made: a tunnel stays bound to that.
    pub(crate) born: SpaceId,
    pub(crate) index: u32,
    pub(crate) name: IfName,
    pub(crate) kind: Kind,
    pub(crate) mac: Hardware,
    /// Its own, while a passthru macvlan on it may give it another.
    pub(crate) own_mac: Option<Hardware>,
    pub(crate) mtu: u32,
    pub(crate) up: bool,
    pub(crate) arp: bool,
    pub(crate) promisc: bool,
    pub(crate) alias: Option<String>,
    pub(crate) master: Option<DevId>,
    pub(crate) hairpin: bool,
    /// `netif_carrier_ok`
    pub(crate) carrier: bool,
    /// Links that stand on this one: macvlan, ipvlan, vlan, vxlan.
    pub(crate) uppers: BTreeSet<DevId>,
    pub(crate) addrs4: Vec<Addr4>,
    pub(crate) addrs6: Vec<Addr6>,
    /// `IF_READY` of net/ipv6: up, with a carrier, configured.
    pub(crate) ready6: bool,
    pub(crate) disable6: bool,
    pub(crate) forwarding6: bool,
    /// Joined anycast addresses and how often.
    pub(crate) anycast6: BTreeMap<IpAddr, u32>,
    /// Hardware addresses that it takes besides its own: `bridge fdb add … self`.
    pub(crate) hw_addrs: HwAddrs,
    /// A tunnel's forwarding table.
    pub(crate) fdb: Vec<Forward>,
}

/// An entry of a tunnel's forwarding table (`struct vxlan_rdst`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forward {
    pub(crate) mac: Mac,
    pub(crate) dst: IpAddr,
    /// Over the link that carries the tunnel, as its own destination is.
    pub(crate) over: Option<DevId>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Loopback,
    /// The other end, while it is there.
    Veth(Option<DevId>),
    Bridge(BridgePart),
    Vxlan(Vxlan, Option<DevId>),
    Macvlan(DevId, MacvlanMode),
    Ipvlan(DevId, IpvlanMode),
    Vlan(DevId, VlanId),
    Dummy,
    Tun(TunMode),
    Physical,
}

#[derive(Clone, Debug)]
pub(crate) struct BridgePart {
    pub(crate) options: Bridge,
    pub(crate) ports: BTreeSet<DevId>,
    pub(crate) mac_set: bool,
    /// Its last port left and took the address with it: all zeros.
    pub(crate) mac_zero: bool,
    pub(crate) mtu_set: bool,
    /// It has been without a carrier once; until then nobody asked about its state.
    pub(crate) lost_carrier: bool,
    /// Static entries of the forwarding table.
    pub(crate) fdb: BTreeMap<Mac, DevId>,
}

/// `ETH_DATA_LEN`, linux/if_ether.h
pub(crate) const ETHERNET_MTU: u32 = 1500;

/// Smallest MTU that IPv4 works over (`IPV4_MIN_MTU`).
pub(crate) const IPV4_MIN_MTU: u32 = 68;

/// Smallest MTU that IPv6 works over (RFC 8200, section 5).
pub(crate) const IPV6_MIN_MTU: u32 = 1280;

impl Device {
    pub(crate) fn is_loopback(&self) -> bool {
        matches!(self.kind, Kind::Loopback)
    }

    /// `ARPHRD_ETHER`
    pub(crate) fn is_ethernet(&self) -> bool {
        !matches!(self.kind, Kind::Loopback | Kind::Tun(TunMode::Tun))
    }

    /// `netif_running` and `netif_oper_up`
    pub(crate) fn ready(&self) -> bool {
        self.up && self.carrier
    }

    pub(crate) fn bridge(&self) -> Option<&BridgePart> {
        match &self.kind {
            Kind::Bridge(bridge) => Some(bridge),
            Kind::Loopback
            | Kind::Veth(_)
            | Kind::Vxlan(..)
            | Kind::Macvlan(..)
            | Kind::Ipvlan(..)
            | Kind::Vlan(..)
            | Kind::Dummy
            | Kind::Tun(_)
            | Kind::Physical => None,
        }
    }

    pub(crate) fn bridge_mut(&mut self) -> Option<&mut BridgePart> {
        match &mut self.kind {
            Kind::Bridge(bridge) => Some(bridge),
            Kind::Loopback
            | Kind::Veth(_)
            | Kind::Vxlan(..)
            | Kind::Macvlan(..)
            | Kind::Ipvlan(..)
            | Kind::Vlan(..)
            | Kind::Dummy
            | Kind::Tun(_)
            | Kind::Physical => None,
        }
    }

    /// The link that this one stands on.
    pub(crate) fn lower(&self) -> Option<DevId> {
        match &self.kind {
            Kind::Vxlan(_, lower) => *lower,
            Kind::Macvlan(lower, _) | Kind::Ipvlan(lower, _) | Kind::Vlan(lower, _) => Some(*lower),
            Kind::Loopback | Kind::Veth(_) | Kind::Bridge(_) | Kind::Dummy | Kind::Tun(_) | Kind::Physical => None,
        }
    }

    /// The link that it tells of the hardware addresses that it takes.
    pub(crate) fn listener(&self) -> Option<DevId> {
        match &self.kind {
            Kind::Macvlan(lower, _) | Kind::Ipvlan(lower, _) | Kind::Vlan(lower, _) => Some(*lower),
            Kind::Vxlan(..)
            | Kind::Loopback
            | Kind::Veth(_)
            | Kind::Bridge(_)
            | Kind::Dummy
            | Kind::Tun(_)
            | Kind::Physical => None,
        }
    }

    /// Smallest and largest MTU in bytes (`min_mtu`, `max_mtu`); 0 at the top: no limit.
    pub(crate) fn mtu_limits(&self) -> (u32, u32) {
        // ETH_MIN_MTU and ETH_MAX_MTU, linux/if_ether.h
        const MIN: u32 = 68;
        const MAX: u32 = 65535;
        match self.kind {
            Kind::Loopback => (0, 0),
            Kind::Dummy => (0, 0),
            Kind::Tun(TunMode::Tap) => (MIN, MAX - 14),
            Kind::Tun(TunMode::Tun) => (MIN, MAX),
            Kind::Vlan(..) => (0, MAX),
            Kind::Veth(_)
            | Kind::Bridge(_)
            | Kind::Vxlan(..)
            | Kind::Macvlan(..)
            | Kind::Ipvlan(..)
            | Kind::Physical => (MIN, MAX),
        }
    }
}

impl Device {
    /// A link that is down, as the kernel makes it.
    pub(crate) fn new(space: SpaceId, name: IfName, kind: Kind, mac: Hardware, mtu: u32) -> Device {
        Device {
            space,
            found: false,
            born: space,
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
            hairpin: false,
            carrier: true,
            uppers: BTreeSet::new(),
            addrs4: Vec::new(),
            addrs6: Vec::new(),
            ready6: false,
            disable6: false,
            forwarding6: false,
            anycast6: BTreeMap::new(),
            hw_addrs: HwAddrs::default(),
            fdb: Vec::new(),
        }
    }
}
