//! Links and their addresses.

use std::net::IpAddr;

use crate::op::{
    Bridge, IfName, IpvlanMode, LinkKind, LinkSpec, Mac, MacvlanMode, NetnsRef, Prefix, Scope, TableId, TunMode, Veth,
    Vlan, VlanId, Vxlan,
};

/// A link's current state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: IfName,
    /// Its index in the namespace; `None`: unknown, in a dry run.
    pub index: Option<u32>,
    /// Its kind.
    pub kind: LinkType,
    /// Its hardware address.
    pub mac: Hardware,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// `IFF_UP`: switched on, with or without a carrier.
    pub up: bool,
    /// `IFF_LOWER_UP`: there is a carrier.
    pub carrier: bool,
    /// Whether it uses ARP: `IFF_NOARP` is off.
    pub arp: bool,
    /// `IFF_PROMISC`, if a user set it.
    pub promisc: bool,
    /// The kernel's operational state (RFC 2863).
    pub state: OperState,
    /// A text for people.
    pub alias: Option<String>,
    /// The bridge that it is a port of.
    pub master: Option<IfName>,
    /// Whether a bridge port sends frames back the way they came.
    pub hairpin: bool,
    /// Its addresses, in the kernel's order.
    pub addrs: Vec<Addr>,
    /// It has, or will have, an unknown fe80 address: this is a dry run, and the kernel derives the address from a
    /// hardware address that it chooses.
    pub unknown_addr: bool,
}

impl Link {
    /// The link-local address that the kernel derives from a hardware address, unless the link has that address.
    pub fn lacks_link_local(&self, mac: Mac) -> Option<Prefix> {
        let addr = Prefix::new(mac.link_local().into(), 64)?;
        (!self.addrs.iter().any(|have| have.local == addr)).then_some(addr)
    }
}

/// A hardware address, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hardware {
    /// The kind of link has none.
    None,
    /// A known address.
    Known(Mac),
    /// Unknown: the kernel chooses it at random, and this is a dry run.
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

/// A link's kind, as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// The loopback device.
    Loopback,
    /// One end of a pair, with the other end if it can be found.
    Veth(Option<Peer>),
    /// A switch, with its options and ids.
    Bridge {
        /// All options are set here.
        options: Bridge,
        /// Priority and address: `8000.02:00:00:00:00:01` without the colons.
        id: Option<String>,
        /// The id of the root bridge; without spanning tree its own.
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
    /// Discards all packets.
    Dummy,
    /// A program reads and writes its packets.
    Tun(TunMode),
    /// A routing table for the links that belong to it.
    Vrf(TableId),
    /// A kind that netscript does not create, such as `ifb`, by the kernel's name.
    Other(String),
    /// No kind: hardware.
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

    /// The kind and the number that distinguishes its links, such as `vlan 10`.
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

    /// The link that it is stacked on. `netns` is its own namespace, where a VXLAN's lower link is looked up.
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

    /// The link that it leads to or is stacked on, which may be in another namespace.
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

    /// What it is to links of which it is the master; `None`: it cannot be a master.
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

    /// Whether the kernel derives its fe80 address from a secret of its own, not from a hardware address alone.
    pub fn has_secret_fe80(&self) -> bool {
        match self {
            // It shares its parent's hardware address and adds a number (`dev_id`).
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
    /// The specification to create such a link; `None`: netscript creates no link of that kind.
    pub fn made_as(&self) -> Option<LinkSpec> {
        let beside = |peer: &Peer| peer.name.clone();
        Some(match self {
            LinkType::Veth(Some(Peer { netns, index: _, name: Some(name) })) => {
                LinkSpec::Veth(Veth { peer: name.clone(), netns: netns.clone() })
            }
            LinkType::Bridge { options, id: _, root_id: _ } => {
                let mut options = options.clone();
                // Kernels without the feature reject the option, even to switch it off.
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

/// What a master is to its links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Master {
    /// Ports of a switch.
    Bridge,
    /// A VRF: its links have their routes in a table of their own. A link that joins or leaves loses its routes, and
    /// everything else that depends on being up.
    Vrf,
}

/// A link in the same or another namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its namespace; `None`: one without a name here.
    pub netns: Option<NetnsRef>,
    /// Its index there, if it is known.
    pub index: Option<u32>,
    /// Its name, if the namespace could be read.
    pub name: Option<IfName>,
}

/// The operational state of a link (`IF_OPER_*`, linux/if.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperState {
    /// The driver does not report it, as for `lo`.
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
    /// `IFA_F_PERMANENT`: added by a user, not by the kernel or a router advertisement.
    pub permanent: bool,
    /// `IFA_F_TENTATIVE`: duplicate address detection is running or has failed.
    pub tentative: bool,
    /// `IFA_F_DEPRECATED`: its preferred lifetime is over, so new connections prefer another address.
    pub deprecated: bool,
    /// `IFA_F_SECONDARY`: another address of the same network was added first.
    pub secondary: bool,
    /// Who added it (`IFA_PROTO`, linux/if_addr.h): 3 is the kernel's own link-local address. Linux before 5.18 does
    /// not report it, nor does a dry run.
    pub proto: Option<u8>,
}
