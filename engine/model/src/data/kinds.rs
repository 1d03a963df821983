//! The data that each kind of link has. The files of [`kinds`](crate::kinds) define how it behaves.

use std::collections::BTreeMap;

use super::ids::DevId;
use netscript_net::op::{self, IpvlanMode, Mac, MacvlanMode, TableId, TunMode, VlanId};

/// What a link is.
#[derive(Clone, Debug)]
pub(crate) enum DeviceKind {
    Loopback,
    Physical,
    Veth(Veth),
    Bridge(Bridge),
    Vxlan(Vxlan),
    Macvlan(Macvlan),
    Ipvlan(Ipvlan),
    Vlan(Vlan),
    Dummy,
    Tun(TunMode),
    Vrf(Vrf),
}

/// One end of a pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Veth {
    /// The other end, while it exists.
    pub(crate) peer: Option<DevId>,
}

/// A switch. Its ports are the device's.
#[derive(Clone, Debug)]
pub(crate) struct Bridge {
    pub(crate) options: op::Bridge,
    pub(crate) mac_set: bool,
    /// Its last port left and took the address with it: all zeros.
    pub(crate) mac_zero: bool,
    pub(crate) mtu_set: bool,
    /// It has been without a carrier once; before that, its operational state was never evaluated.
    pub(crate) lost_carrier: bool,
    /// Static entries of the forwarding table.
    pub(crate) fdb: BTreeMap<Mac, DevId>,
}

/// Ethernet over UDP.
#[derive(Clone, Debug)]
pub(crate) struct Vxlan {
    pub(crate) options: op::Vxlan,
    /// The link that carries the tunnel.
    pub(crate) lower: Option<DevId>,
}

/// One more Ethernet address on a parent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Macvlan {
    pub(crate) lower: DevId,
    pub(crate) mode: MacvlanMode,
}

/// One more link on a parent's Ethernet address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ipvlan {
    pub(crate) lower: DevId,
    pub(crate) mode: IpvlanMode,
}

/// A tagged VLAN on a parent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vlan {
    pub(crate) lower: DevId,
    pub(crate) id: VlanId,
}

/// A routing table for the links in it, which are the device's ports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vrf {
    pub(crate) table: TableId,
}
