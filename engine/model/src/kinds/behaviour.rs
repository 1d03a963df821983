//! The interface between a kind of link and the rest of the model.

use crate::Model;
use crate::data::ids::DevId;
use netscript_net::op::{Mac, NetnsRef};
use netscript_net::rejection::Outcome;
use netscript_net::state::{LinkType, Master};

/// The properties of a kind of link. Every kind sets all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// How it comes and goes.
    pub(crate) origin: Origin,
    /// The link below, which carries its frames.
    pub(crate) below: Below,
    /// What it does to its ports (`ndo_add_slave`).
    pub(crate) master: Option<Master>,
    /// The receive handler that it puts on its ports, or on the link below (`netdev_rx_handler_register`). A link has
    /// one at most.
    pub(crate) handler: Option<Handler>,
    /// Whether another link's receive handler can be put on it (no `IFF_NO_RX_HANDLER`).
    pub(crate) takes_handler: bool,
    /// `ARPHRD_ETHER`
    pub(crate) ethernet: bool,
    /// Whether VLANs can be made on it (no `NETIF_F_VLAN_CHALLENGED`).
    pub(crate) carries_vlans: bool,
    /// Whether it can be moved to another namespace (no `NETIF_F_NETNS_LOCAL`).
    pub(crate) movable: bool,
    /// Whether it ends with the namespace in which it was made, wherever it is.
    pub(crate) ends_with_birthplace: bool,
    /// Where its carrier comes from.
    pub(crate) carrier: Carrier,
    /// What its operational state follows.
    pub(crate) state: OperStateRule,
    /// Whether its hardware address can be set (`ndo_set_mac_address`).
    pub(crate) mac_settable: bool,
    /// Whether it refuses to come up with an invalid hardware address (`ndo_validate_addr`).
    pub(crate) mac_validated: bool,
    /// Whether it uses another link's hardware address.
    pub(crate) mac_borrowed: bool,
    /// Whether its own hardware address is all zeros.
    pub(crate) mac_zero: bool,
    /// Smallest and largest MTU in bytes (`min_mtu`, `max_mtu`); 0 at the top: no limit.
    pub(crate) mtu: (u32, u32),
    /// The forwarding table that `bridge fdb add … self` changes.
    pub(crate) fdb: Fdb,
    /// Whether all IPv4 neighbours are one (`arp_constructor`: `IFF_LOOPBACK`, `IFF_POINTOPOINT`).
    pub(crate) one_neighbour: bool,
    /// The IPv6 addresses that the kernel gives it.
    pub(crate) ipv6: Ipv6,
    /// Whether IPv6 multicast is routed over it (`addrconf_add_mroute`).
    pub(crate) multicast6: bool,
}

/// How a link comes and goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// With its namespace.
    Kernel,
    /// It is a device of the machine, and goes back to the host when its namespace ends.
    Hardware,
    /// It was made by `ip link add`, and can be deleted.
    Made,
}

/// The link below.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Below {
    Nothing,
    /// It carries a tunnel, which ends when that link is moved or removed.
    Tunnel(DevId),
    /// It is shared by the links stacked on it, which have its carrier (`netif_stacked_transfer_operstate`) and whose
    /// hardware addresses it accepts.
    Stacked(DevId, Follows),
}

/// How a link follows changes of the link that it is stacked on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Follows {
    /// Whether it goes up and down with that link.
    pub(crate) up: bool,
    pub(crate) mtu: FollowsMtu,
    pub(crate) mac: FollowsMac,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FollowsMtu {
    /// It is lowered where it would be larger than the other's.
    Down,
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FollowsMac {
    Never,
    /// Until an address of its own is set.
    WhileSame,
    Always,
}

impl Below {
    pub(crate) fn link(self) -> Option<DevId> {
        match self {
            Below::Nothing => None,
            Below::Tunnel(lower) | Below::Stacked(lower, _) => Some(lower),
        }
    }

    pub(crate) fn stacked(self) -> Option<(DevId, Follows)> {
        match self {
            Below::Stacked(lower, follows) => Some((lower, follows)),
            Below::Nothing | Below::Tunnel(_) => None,
        }
    }
}

/// Who takes what a link receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handler {
    Bridge,
    Macvlan,
    Ipvlan,
}

/// Where a carrier comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carrier {
    Always,
    Never,
    /// Both ends must be up.
    Pair(Option<DevId>),
    /// The carrier is set by others: the ports, or the link below.
    Told,
}

/// What an operational state follows (`default_operstate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperStateRule {
    /// No carrier state was ever set.
    Unknown,
    Carrier,
    /// The driver sets it to up.
    Up,
}

/// A link's own forwarding table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fdb {
    /// The one table of a switch and its ports.
    Bridge,
    /// Far ends of a tunnel over IPv4 or, otherwise, over IPv6.
    Tunnel { ipv4: bool },
    /// The hardware addresses that the link takes besides its own.
    HwAddrs {
        /// Whether `NLM_F_REPLACE` is accepted.
        replace: bool,
        /// Whether an existing entry is refused even without `NLM_F_EXCL`.
        exclusive: bool,
        /// Whether unicast addresses are accepted, not only groups.
        unicast: bool,
    },
}

impl Fdb {
    /// `ndo_dflt_fdb_add`
    pub(crate) const ORDINARY: Fdb = Fdb::HwAddrs { replace: true, exclusive: false, unicast: true };
}

/// The addresses that IPv6 gives a link when it comes up (`addrconf_init_auto_addrs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ipv6 {
    /// `::1`
    Loopback,
    None,
    /// An fe80 address, made of the hardware address.
    LinkLocal,
    /// An fe80 address that contains a number chosen by the kernel (`dev_id`).
    Numbered,
}

/// `ETH_MIN_MTU`, linux/if_ether.h
pub(crate) const ETHERNET_MIN_MTU: u32 = 68;

/// `ETH_MAX_MTU`, linux/if_ether.h
pub(crate) const ETHERNET_MAX_MTU: u32 = 65535;

/// A kind of link.
pub(crate) trait Behaviour {
    /// Its properties.
    fn facts(&self) -> Facts;

    /// Its type and options, as the kernel reports them in a namespace.
    fn describe(&self, model: &Model, seen_from: &NetnsRef) -> LinkType;

    /// Whether it can be brought up now.
    fn check_up(&self, _model: &Model, _id: DevId) -> Outcome {
        Ok(())
    }

    /// Whether it can be given a hardware address other than its present one.
    fn check_mac(&self, _model: &Model, _id: DevId, _mac: Mac) -> Outcome {
        Ok(())
    }

    /// The link whose hardware address changes along with its own.
    fn shares_mac_with(&self) -> Option<DevId> {
        None
    }

    /// Whether it can be given an MTU that is within its limits.
    fn check_mtu(&self, _model: &Model, _mtu: u32) -> Outcome {
        Ok(())
    }
}
