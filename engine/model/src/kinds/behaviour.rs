//! What the rest of the model asks of a kind of link.

use crate::Model;
use crate::data::ids::DevId;
use netscript_net::op::{Mac, NetnsRef};
use netscript_net::rejection::Outcome;
use netscript_net::state::{LinkType, Master};

/// What a kind of link is like. Every kind answers all of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// How it comes and goes.
    pub(crate) origin: Origin,
    /// The link below, which carries its frames.
    pub(crate) below: Below,
    /// What it makes of links whose master it is (`ndo_add_slave`).
    pub(crate) master: Option<Master>,
    /// What takes the packets of its ports, or of the link below (`netdev_rx_handler_register`): one for each link.
    pub(crate) handler: Option<Handler>,
    /// Whether another's receive handler can be put on it (no `IFF_NO_RX_HANDLER`).
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
    pub(crate) state: State,
    /// Whether its hardware address can be set (`ndo_set_mac_address`).
    pub(crate) mac_settable: bool,
    /// Whether it refuses to come up with an invalid hardware address (`ndo_validate_addr`).
    pub(crate) mac_validated: bool,
    /// Whether its hardware address is another link's, which may be any.
    pub(crate) mac_borrowed: bool,
    /// Whether it has a hardware address of all zeros, as its own.
    pub(crate) mac_zero: bool,
    /// Smallest and largest MTU in bytes (`min_mtu`, `max_mtu`); 0 at the top: no limit.
    pub(crate) mtu: (u32, u32),
    /// The forwarding table that `bridge fdb add … self` is about.
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
    /// By itself: it goes back to the host when its namespace ends.
    Hardware,
    /// Somebody made it, and anybody can delete it.
    Made,
}

/// The link below.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Below {
    Nothing,
    /// It carries a tunnel, which ends when that link is moved away or goes.
    Tunnel(DevId),
    /// It is shared with others; its carrier is theirs (`netif_stacked_transfer_operstate`), and it takes their
    /// hardware addresses for them.
    Stacked(DevId, Follows),
}

/// What a link does when something changes about the one that it is stacked on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Follows {
    /// Whether it goes up and down with it.
    pub(crate) up: bool,
    pub(crate) mtu: FollowsMtu,
    pub(crate) mac: FollowsMac,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FollowsMtu {
    /// Where it would be larger than the other's.
    Down,
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FollowsMac {
    Never,
    /// Until it is given one of its own.
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
    /// Others tell the link of it: its ports, or the link below.
    Told,
}

/// What an operational state follows (`default_operstate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody has ever said anything about the carrier.
    Unknown,
    Carrier,
    /// The driver says that it is up.
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
        /// `NLM_F_REPLACE` is taken.
        replace: bool,
        /// What exists already is refused even without `NLM_F_EXCL`.
        exclusive: bool,
        /// Other stations' addresses are taken, not groups alone.
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
    /// An fe80 address with a number of the kernel's in it (`dev_id`).
    Numbered,
}

/// `ETH_MIN_MTU`, linux/if_ether.h
pub(crate) const ETHERNET_MIN_MTU: u32 = 68;

/// `ETH_MAX_MTU`, linux/if_ether.h
pub(crate) const ETHERNET_MAX_MTU: u32 = 65535;

/// A kind of link.
pub(crate) trait Behaviour {
    /// What it is like.
    fn facts(&self) -> Facts;

    /// What it is, as the kernel tells somebody in a namespace.
    fn describe(&self, model: &Model, seen_from: &NetnsRef) -> LinkType;

    /// Whether it can be switched on now.
    fn check_up(&self, _model: &Model, _id: DevId) -> Outcome {
        Ok(())
    }

    /// Whether it can be given a hardware address other than its present one.
    fn check_mac(&self, _model: &Model, _id: DevId, _mac: Mac) -> Outcome {
        Ok(())
    }

    /// The link that is given a hardware address along with it.
    fn shares_mac_with(&self) -> Option<DevId> {
        None
    }

    /// Whether it can be given an MTU that is within its limits.
    fn check_mtu(&self, _model: &Model, _mtu: u32) -> Outcome {
        Ok(())
    }
}
