//! Links as the model holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::addr::{Addr4, Addr6};
use super::hw_addr::HwAddrs;
use super::slab::Number;
use super::space::SpaceId;
use netscript_net::op::{Bridge, IfName, IpvlanMode, Mac, MacvlanMode, TunMode, VlanId, Vxlan};
use netscript_net::state::Hardware;

/// A link; it keeps its id through renames and moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct DevId(pub(super) u32);

impl Number for DevId {
    fn number(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) space: SpaceId,
    /// It was there before the lab, with a number of somebody else's.
    pub(super) found: bool,
    /// Where it was made: a tunnel stays bound to that.
    pub(super) born: SpaceId,
    pub(super) index: u32,
    pub(super) name: IfName,
    pub(super) kind: Kind,
    pub(super) mac: Hardware,
    /// Its own, while a passthru macvlan on it may give it another.
    pub(super) own_mac: Option<Hardware>,
    pub(super) mtu: u32,
    pub(super) up: bool,
    pub(super) arp: bool,
    pub(super) promisc: bool,
    pub(super) alias: Option<String>,
    pub(super) master: Option<DevId>,
    pub(super) hairpin: bool,
    /// `netif_carrier_ok`
    pub(super) carrier: bool,
    /// Links that stand on this one: macvlan, ipvlan, vlan, vxlan.
    pub(super) uppers: BTreeSet<DevId>,
    pub(super) addrs4: Vec<Addr4>,
    pub(super) addrs6: Vec<Addr6>,
    /// `IF_READY` of net/ipv6: up, with a carrier, configured.
    pub(super) ready6: bool,
    pub(super) disable6: bool,
    pub(super) forwarding6: bool,
    /// Joined anycast addresses and how often.
    pub(super) anycast6: BTreeMap<IpAddr, u32>,
    /// Hardware addresses that it takes besides its own: `bridge fdb add … self`.
    pub(super) hw_addrs: HwAddrs,
    /// A tunnel's forwarding table.
    pub(super) fdb: Vec<Forward>,
}

/// An entry of a tunnel's forwarding table (`struct vxlan_rdst`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Forward {
    pub(super) mac: Mac,
    pub(super) dst: IpAddr,
    /// Over the link that carries the tunnel, as its own destination is.
    pub(super) over: Option<DevId>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
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
pub(super) struct BridgePart {
    pub(super) options: Bridge,
    pub(super) ports: BTreeSet<DevId>,
    pub(super) mac_set: bool,
    /// Its last port left and took the address with it: all zeros.
    pub(super) mac_zero: bool,
    pub(super) mtu_set: bool,
    /// It has been without a carrier once; until then nobody asked about its state.
    pub(super) lost_carrier: bool,
    /// Static entries of the forwarding table.
    pub(super) fdb: BTreeMap<Mac, DevId>,
}

impl Device {
    pub(super) fn is_loopback(&self) -> bool {
        matches!(self.kind, Kind::Loopback)
    }

    /// `ARPHRD_ETHER`
    pub(super) fn is_ethernet(&self) -> bool {
        !matches!(self.kind, Kind::Loopback | Kind::Tun(TunMode::Tun))
    }

    /// `netif_running` and `netif_oper_up`
    pub(super) fn ready(&self) -> bool {
        self.up && self.carrier
    }

    pub(super) fn bridge(&self) -> Option<&BridgePart> {
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

    pub(super) fn bridge_mut(&mut self) -> Option<&mut BridgePart> {
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
    pub(super) fn lower(&self) -> Option<DevId> {
        match &self.kind {
            Kind::Vxlan(_, lower) => *lower,
            Kind::Macvlan(lower, _) | Kind::Ipvlan(lower, _) | Kind::Vlan(lower, _) => Some(*lower),
            Kind::Loopback | Kind::Veth(_) | Kind::Bridge(_) | Kind::Dummy | Kind::Tun(_) | Kind::Physical => None,
        }
    }

    /// The link that it tells of the hardware addresses that it takes.
    pub(super) fn listener(&self) -> Option<DevId> {
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
    pub(super) fn mtu_limits(&self) -> (u32, u32) {
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
    pub(super) fn new(space: SpaceId, name: IfName, kind: Kind, mac: Hardware, mtu: u32) -> Device {
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
