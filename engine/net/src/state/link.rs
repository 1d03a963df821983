//! Links and their addresses.

use std::net::IpAddr;

use crate::op::{
    Bridge, IfName, IpvlanMode, LinkKind, LinkSpec, Mac, MacvlanMode, NetnsRef, Prefix, Scope, TableId, TunMode, Veth,
    Vlan, VlanId, Vxlan,
};

/// A link as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: IfName,
    /// Its number in the namespace; `None`: nobody knows, in a dry run.
    pub index: Option<u32>,
    /// What it is.
    pub kind: LinkType,
    /// Its hardware address.
    pub mac: Hardware,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// `IFF_UP`: switched on, whether or not there is a carrier.
    pub up: bool,
    /// `IFF_LOWER_UP`: there is a carrier.
    pub carrier: bool,
    /// Not `IFF_NOARP`.
    pub arp: bool,
    /// `IFF_PROMISC`, as a user switched it.
    pub promisc: bool,
    /// What the kernel thinks it can do (RFC 2863).
    pub state: OperState,
    /// A text for people.
    pub alias: Option<String>,
    /// The bridge that it is a port of.
    pub master: Option<IfName>,
    /// Whether a port sends frames back where they came from.
    pub hairpin: bool,
    /// Its addresses, in the kernel's order.
    pub addrs: Vec<Addr>,
    /// It has, or will have, an fe80 address that nobody can know: this is a dry run, and the kernel
    /// makes it of a hardware address that it chose.
    pub unknown_addr: bool,
}

/// A hardware address, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hardware {
    /// The kind of link has none.
    None,
    /// This one.
    Known(Mac),
    /// The kernel chooses it at random, and this is a dry run.
    Unknown,
}

impl Hardware {
    /// The address, if there is one and it is known.
    pub fn known(self) -> Option<Mac> {
        match self {
            Hardware::Known(mac) => Some(mac),
            Hardware::None | Hardware::Unknown => None,
        }
    }
}

/// What a link is, as the kernel tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// The loopback device.
    Loopback,
    /// One end of a pair; the other end, if it can be found.
    Veth(Option<Peer>),
    /// A switch, with its options and ids.
    Bridge {
        /// Every option is known here.
        options: Bridge,
        /// Priority and address: `8000.02:00:00:00:00:01` without the colons.
        id: Option<String>,
        /// The id of the root bridge, its own without spanning tree.
        root_id: Option<String>,
    },
    /// Ethernet over UDP.
    Vxlan(Vxlan),
    /// One more address on a parent.
    Macvlan(Peer, MacvlanMode),
    /// One more link on a parent's address.
    Ipvlan(Peer, IpvlanMode),
    /// A tagged VLAN on a parent.
    Vlan(Peer, VlanId),
    /// Swallows what it is given.
    Dummy,
    /// Ends at a program.
    Tun(TunMode),
    /// The routing table of the links that are in it.
    Vrf(TableId),
    /// A kind that netscript makes none of, such as `ifb`, by the kernel's name.
    Other(String),
    /// Without a kind: hardware.
    Physical,
}

impl LinkType {
    /// The kind's name as `ip -d link` shows it; `"loopback"` and `"ether"` for links without one.
    pub fn word(&self) -> &str {
        let kind = match self {
            LinkType::Loopback => return "loopback",
            LinkType::Other(kind) => return kind,
            LinkType::Physical => return "ether",
            LinkType::Veth(_) => LinkKind::Veth,
            LinkType::Bridge { .. } => LinkKind::Bridge,
            LinkType::Vxlan(_) => LinkKind::Vxlan,
            LinkType::Macvlan(..) => LinkKind::Macvlan,
            LinkType::Ipvlan(..) => LinkKind::Ipvlan,
            LinkType::Vlan(..) => LinkKind::Vlan,
            LinkType::Dummy => LinkKind::Dummy,
            LinkType::Tun(_) => LinkKind::Tun,
            LinkType::Vrf(_) => LinkKind::Vrf,
        };
        kind.word()
    }

    /// The kind with the number that tells its links apart, as `vlan 10`.
    pub fn label(&self) -> String {
        let number = match self {
            LinkType::Vxlan(vxlan) => vxlan.id.get(),
            LinkType::Vlan(_, id) => id.get().into(),
            LinkType::Vrf(TableId(table)) => *table,
            LinkType::Loopback
            | LinkType::Veth(_)
            | LinkType::Bridge { .. }
            | LinkType::Macvlan(..)
            | LinkType::Ipvlan(..)
            | LinkType::Dummy
            | LinkType::Tun(_)
            | LinkType::Other(_)
            | LinkType::Physical => return self.word().to_owned(),
        };
        format!("{} {number}", self.word())
    }

    /// The other end of a pair.
    pub fn peer(&self) -> Option<&Peer> {
        match self {
            LinkType::Veth(peer) => peer.as_ref(),
            LinkType::Loopback
            | LinkType::Bridge { .. }
            | LinkType::Vxlan(_)
            | LinkType::Macvlan(..)
            | LinkType::Ipvlan(..)
            | LinkType::Vlan(..)
            | LinkType::Dummy
            | LinkType::Tun(_)
            | LinkType::Vrf(_)
            | LinkType::Other(_)
            | LinkType::Physical => None,
        }
    }

    /// The link that it stands on. `netns` is its own namespace, where what carries a VXLAN is looked for.
    pub fn lower(&self, netns: &NetnsRef) -> Option<Peer> {
        match self {
            LinkType::Vxlan(vxlan) => {
                let name = vxlan.dev.clone()?;
                Some(Peer { netns: Some(netns.clone()), index: None, name: Some(name) })
            }
            LinkType::Macvlan(lower, _) | LinkType::Ipvlan(lower, _) | LinkType::Vlan(lower, _) => Some(lower.clone()),
            LinkType::Loopback
            | LinkType::Veth(_)
            | LinkType::Bridge { .. }
            | LinkType::Dummy
            | LinkType::Tun(_)
            | LinkType::Vrf(_)
            | LinkType::Other(_)
            | LinkType::Physical => None,
        }
    }

    /// The link that it leads to or stands on, which may be in another namespace.
    pub(super) fn elsewhere_mut(&mut self) -> Option<&mut Peer> {
        match self {
            LinkType::Veth(peer) => peer.as_mut(),
            LinkType::Macvlan(lower, _) | LinkType::Ipvlan(lower, _) | LinkType::Vlan(lower, _) => Some(lower),
            LinkType::Loopback
            | LinkType::Bridge { .. }
            | LinkType::Vxlan(_)
            | LinkType::Dummy
            | LinkType::Tun(_)
            | LinkType::Vrf(_)
            | LinkType::Other(_)
            | LinkType::Physical => None,
        }
    }

    /// What it makes of the links whose master it is; `None`: it can have none.
    pub fn master(&self) -> Option<Master> {
        match self {
            LinkType::Bridge { .. } => Some(Master::Bridge),
            LinkType::Vrf(_) => Some(Master::Vrf),
            LinkType::Loopback
            | LinkType::Veth(_)
            | LinkType::Vxlan(_)
            | LinkType::Macvlan(..)
            | LinkType::Ipvlan(..)
            | LinkType::Vlan(..)
            | LinkType::Dummy
            | LinkType::Tun(_)
            | LinkType::Other(_)
            | LinkType::Physical => None,
        }
    }

    /// The word of its mode, if its kind has modes.
    pub fn mode(&self) -> Option<&'static str> {
        match self {
            LinkType::Macvlan(_, mode) => Some(mode.word()),
            LinkType::Ipvlan(_, mode) => Some(mode.word()),
            LinkType::Tun(mode) => Some(mode.word()),
            LinkType::Loopback
            | LinkType::Veth(_)
            | LinkType::Bridge { .. }
            | LinkType::Vxlan(_)
            | LinkType::Vlan(..)
            | LinkType::Dummy
            | LinkType::Vrf(_)
            | LinkType::Other(_)
            | LinkType::Physical => None,
        }
    }

    /// Whether the kernel makes its fe80 address of a secret of its own, not of a hardware address alone.
    pub fn has_secret_fe80(&self) -> bool {
        match self {
            // It has its parent's hardware address, and a number beside it (`dev_id`).
            LinkType::Ipvlan(..) => true,
            // It has no hardware address.
            LinkType::Tun(mode) => *mode == TunMode::Tun,
            LinkType::Loopback
            | LinkType::Veth(_)
            | LinkType::Bridge { .. }
            | LinkType::Vxlan(_)
            | LinkType::Macvlan(..)
            | LinkType::Vlan(..)
            | LinkType::Dummy
            | LinkType::Vrf(_)
            | LinkType::Other(_)
            | LinkType::Physical => false,
        }
    }
}

impl LinkType {
    /// What a link is, as it is made; `None`: netscript makes none of that kind.
    pub fn made_as(&self) -> Option<LinkSpec> {
        let beside = |peer: &Peer| peer.name.clone();
        Some(match self {
            LinkType::Veth(Some(Peer { netns, index: _, name: Some(name) })) => {
                LinkSpec::Veth(Veth { peer: name.clone(), netns: netns.clone() })
            }
            LinkType::Bridge { options, id: _, root_id: _ } => {
                let mut options = options.clone();
                // Kernels without the feature take no word of it.
                options.vlan_filtering = options.vlan_filtering.filter(|on| *on);
                LinkSpec::Bridge(options)
            }
            LinkType::Vxlan(vxlan) => LinkSpec::Vxlan(vxlan.clone()),
            LinkType::Macvlan(parent, mode) => LinkSpec::Macvlan(beside(parent)?, *mode),
            LinkType::Ipvlan(parent, mode) => LinkSpec::Ipvlan(beside(parent)?, *mode),
            LinkType::Vlan(parent, id) => LinkSpec::Vlan(Vlan { link: beside(parent)?, id: *id }),
            LinkType::Dummy => LinkSpec::Dummy,
            LinkType::Tun(mode) => LinkSpec::Tun(*mode),
            LinkType::Vrf(table) => LinkSpec::Vrf(*table),
            LinkType::Veth(_) | LinkType::Loopback | LinkType::Other(_) | LinkType::Physical => return None,
        })
    }
}

/// What a link makes of the links whose master it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Master {
    /// Ports of a switch.
    Bridge,
    /// Links with routes in a table of their own. They lose theirs, and what else comes with being up, when they join it
    /// or leave.
    Vrf,
}

/// A link in the same or another namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where; `None`: in a namespace that has no name here.
    pub netns: Option<NetnsRef>,
    /// Its index there, if it is known.
    pub index: Option<u32>,
    /// Its name, if the namespace could be looked into.
    pub name: Option<IfName>,
}

/// The operational state of a link (`IF_OPER_*`, linux/if.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperState {
    /// The driver does not say; `lo` is always so.
    Unknown,
    /// Can pass packets.
    Up,
    /// Switched off, or without a carrier.
    Down,
    /// The other end, or the parent, is down.
    LowerLayerDown,
    /// Waiting for something, such as authentication.
    Dormant,
    /// A part is missing.
    NotPresent,
    /// In a test mode.
    Testing,
}

impl OperState {
    /// The word of a script, lower case: `"up"`, `"down"`, `"lowerlayerdown"`, `"unknown"`.
    pub fn word(self) -> &'static str {
        match self {
            OperState::Unknown => "unknown",
            OperState::Up => "up",
            OperState::Down => "down",
            OperState::LowerLayerDown => "lowerlayerdown",
            OperState::Dormant => "dormant",
            OperState::NotPresent => "notpresent",
            OperState::Testing => "testing",
        }
    }
}

/// An address of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addr {
    /// The link's own address and the length of its network.
    pub local: Prefix,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// IPv4 broadcast address.
    pub broadcast: Option<IpAddr>,
    /// How far it reaches.
    pub scope: Scope,
    /// IPv4 label, where it differs from the link's name.
    pub label: Option<String>,
    /// IPv6: made without duplicate address detection.
    pub nodad: bool,
    /// Given by a user, not by the kernel or an advertisement: `IFA_F_PERMANENT`.
    pub permanent: bool,
    /// Waits for duplicate address detection, or failed it: `IFA_F_TENTATIVE`.
    pub tentative: bool,
    /// `IFA_F_SECONDARY`: another address of the same network came first.
    pub secondary: bool,
    /// Who gave it (`IFA_PROTO`, linux/if_addr.h): 3 is the kernel's own link-local address. Linux before 5.18 does
    /// not tell, nor does a dry run.
    pub proto: Option<u8>,
}
