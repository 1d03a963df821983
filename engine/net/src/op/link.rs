//! Links: `ip link add`, `set`, `del`.

use std::net::IpAddr;

use super::{IfName, Mac, NetnsRef, TableId};
use crate::invalid::{Invalid, Result};

/// The other end of a new pair.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Veth {
    /// Its name.
    pub peer: IfName,
    /// Its namespace; `None`: that of the first end.
    pub netns: Option<NetnsRef>,
}

/// Options of a bridge; `None` keeps the kernel's default. Times are in hundredths of a second, as in `ip link`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bridge {
    /// Spanning tree protocol.
    pub stp: Option<bool>,
    /// Time in the listening and learning states.
    pub forward_delay: Option<u32>,
    /// Interval of hello packets.
    pub hello_time: Option<u32>,
    /// Time after which another bridge's information is dropped.
    pub max_age: Option<u32>,
    /// Time after which a learned address is forgotten.
    pub ageing_time: Option<u32>,
    /// Priority in the election of the root.
    pub priority: Option<u16>,
    /// VLAN filtering.
    pub vlan_filtering: Option<bool>,
}

/// A VXLAN network identifier, 0 to 2²⁴ − 1 (RFC 7348).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Vni(u32);

impl Vni {
    /// Largest identifier.
    pub const MAX: u32 = (1 << 24) - 1;

    /// Checks the range.
    pub fn new(id: i64) -> Result<Vni> {
        match u32::try_from(id) {
            Ok(id) if id <= Vni::MAX => Ok(Vni(id)),
            _ => Err(Invalid::OutOfRange {
                what: "a VXLAN id".into(),
                given: id.to_string(),
                min: 0,
                max: Vni::MAX.into(),
            }),
        }
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// Options of a vxlan link.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Vxlan {
    /// The network's identifier.
    pub id: Vni,
    /// Source address of the tunnel.
    pub local: Option<IpAddr>,
    /// The remote end, if there is only one.
    pub remote: Option<IpAddr>,
    /// The multicast group of all ends.
    pub group: Option<IpAddr>,
    /// The link that carries the tunnel.
    pub dev: Option<IfName>,
    /// UDP port of the remote ends: 4789 by RFC 7348. Linux's own default is 8472.
    pub port: u16,
    /// Time to live of the outer packets; `None`: inherited.
    pub ttl: Option<u8>,
    /// Whether remote ends are learned from received packets; `None`: yes.
    pub learning: Option<bool>,
}

/// The port of VXLAN that IANA assigned (RFC 7348, section 5).
pub const VXLAN_PORT: u16 = 4789;

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $type { $($(#[$vdoc])* $variant),* }

        impl $type {
            /// All variants.
            pub const ALL: &'static [$type] = &[$($type::$variant),*];

            /// The words of all variants, as in `ip link`.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word of `ip link`.
            pub fn word(self) -> &'static str {
                match self { $($type::$variant => $word),* }
            }

            /// The variant of a word of `ip link`.
            pub fn from_word(word: &str) -> Option<$type> {
                match word { $($word => Some($type::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// Which links on one parent can reach each other.
    MacvlanMode {
        /// None directly, only through an external switch that reflects frames: the kernel's `vepa`.
        Vepa = "vepa",
        /// All of them, directly.
        Bridge = "bridge",
        /// None.
        Private = "private",
        /// The link takes over the parent.
        Passthru = "passthru",
        /// Links that receive from listed source addresses only.
        Source = "source",
    }
}

words! {
    /// The layer on which ipvlan links share their parent.
    IpvlanMode {
        /// L2: by hardware address.
        L2 = "l2",
        /// L3: by IP address, routed in the parent's namespace.
        L3 = "l3",
        /// L3S: like L3, through the netfilter of the parent's namespace.
        L3s = "l3s",
    }
}

words! {
    /// The unit that a program reads from a tun device and writes to it.
    TunMode {
        /// IP packets.
        Tun = "tun",
        /// Ethernet frames.
        Tap = "tap",
    }
}

/// A VLAN identifier, 1 to 4094 (IEEE 802.1Q; 0 and 4095 are reserved).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct VlanId(u16);

impl VlanId {
    /// Checks the range.
    pub fn new(id: i64) -> Result<VlanId> {
        match u16::try_from(id) {
            Ok(id) if (1..=4094).contains(&id) => Ok(VlanId(id)),
            _ => Err(Invalid::OutOfRange { what: "a VLAN id".into(), given: id.to_string(), min: 1, max: 4094 }),
        }
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

/// Options of a vlan link.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Vlan {
    /// The link that carries the tagged frames.
    pub link: IfName,
    /// The tag.
    pub id: VlanId,
}

/// The specification of a new link.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum LinkSpec {
    /// A pair of Ethernet links: what enters one end leaves the other.
    Veth(Veth),
    /// A switch.
    Bridge(Bridge),
    /// Ethernet over UDP.
    Vxlan(Vxlan),
    /// One more Ethernet address on a parent link.
    Macvlan(IfName, MacvlanMode),
    /// One more link on a parent's Ethernet address.
    Ipvlan(IfName, IpvlanMode),
    /// A tagged VLAN on a parent link.
    Vlan(Vlan),
    /// A link that discards all packets.
    Dummy,
    /// A link whose packets a program reads and writes.
    Tun(TunMode),
    /// A master for links with routes in a table of their own (virtual routing and forwarding).
    Vrf(TableId),
}

words! {
    /// A kind of link that netscript creates, named as in `ip -d link`.
    LinkKind {
        /// A pair of Ethernet links.
        Veth = "veth",
        /// A switch.
        Bridge = "bridge",
        /// Ethernet over UDP.
        Vxlan = "vxlan",
        /// One more Ethernet address on a parent link.
        Macvlan = "macvlan",
        /// One more link on a parent's Ethernet address.
        Ipvlan = "ipvlan",
        /// A tagged VLAN on a parent link.
        Vlan = "vlan",
        /// A link that discards all packets.
        Dummy = "dummy",
        /// A link whose packets a program reads and writes.
        Tun = "tun",
        /// A routing table for the links that belong to it.
        Vrf = "vrf",
    }
}

impl LinkKind {
    /// The kernel's build option for links of this kind, and their module.
    pub fn feature(self) -> (&'static str, &'static str) {
        match self {
            LinkKind::Veth => ("CONFIG_VETH", "veth"),
            LinkKind::Bridge => ("CONFIG_BRIDGE", "bridge"),
            LinkKind::Vxlan => ("CONFIG_VXLAN", "vxlan"),
            LinkKind::Macvlan => ("CONFIG_MACVLAN", "macvlan"),
            LinkKind::Ipvlan => ("CONFIG_IPVLAN", "ipvlan"),
            LinkKind::Vlan => ("CONFIG_VLAN_8021Q", "8021q"),
            LinkKind::Dummy => ("CONFIG_DUMMY", "dummy"),
            LinkKind::Tun => ("CONFIG_TUN", "tun"),
            LinkKind::Vrf => ("CONFIG_NET_VRF", "vrf"),
        }
    }

    /// Whether its links are stacked on another link, whose frames they share and with which they end.
    pub fn is_stacked(self) -> bool {
        match self {
            LinkKind::Macvlan | LinkKind::Ipvlan | LinkKind::Vlan => true,
            LinkKind::Veth | LinkKind::Bridge | LinkKind::Vxlan | LinkKind::Dummy | LinkKind::Tun | LinkKind::Vrf => {
                false
            }
        }
    }

    /// Whether a new link can only fail because of its name: no number, lower link, table or device can be taken.
    pub fn stands_alone(self) -> bool {
        match self {
            LinkKind::Veth | LinkKind::Bridge | LinkKind::Dummy => true,
            LinkKind::Vxlan | LinkKind::Macvlan | LinkKind::Ipvlan | LinkKind::Vlan | LinkKind::Tun | LinkKind::Vrf => {
                false
            }
        }
    }
}

/// The link that a new link is stacked on, which carries its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lower<'a> {
    /// Its name, in the same namespace.
    pub link: &'a IfName,
    /// The option that names it.
    pub option: &'static str,
}

impl LinkSpec {
    /// Its kind.
    pub fn kind(&self) -> LinkKind {
        match self {
            LinkSpec::Veth(_) => LinkKind::Veth,
            LinkSpec::Bridge(_) => LinkKind::Bridge,
            LinkSpec::Vxlan(_) => LinkKind::Vxlan,
            LinkSpec::Macvlan(..) => LinkKind::Macvlan,
            LinkSpec::Ipvlan(..) => LinkKind::Ipvlan,
            LinkSpec::Vlan(_) => LinkKind::Vlan,
            LinkSpec::Dummy => LinkKind::Dummy,
            LinkSpec::Tun(_) => LinkKind::Tun,
            LinkSpec::Vrf(_) => LinkKind::Vrf,
        }
    }

    /// The other end of a pair that is created in `netns`.
    pub fn peer<'a>(&'a self, netns: &'a NetnsRef) -> Option<LinkAt<'a>> {
        match self {
            LinkSpec::Veth(veth) => Some(LinkAt { netns: veth.netns.as_ref().unwrap_or(netns), name: &veth.peer }),
            LinkSpec::Bridge(_)
            | LinkSpec::Vxlan(_)
            | LinkSpec::Macvlan(..)
            | LinkSpec::Ipvlan(..)
            | LinkSpec::Vlan(_)
            | LinkSpec::Dummy
            | LinkSpec::Tun(_)
            | LinkSpec::Vrf(_) => None,
        }
    }

    /// The link that it is stacked on.
    pub fn lower(&self) -> Option<Lower<'_>> {
        match self {
            LinkSpec::Vxlan(vxlan) => vxlan.dev.as_ref().map(|link| Lower { link, option: "dev" }),
            LinkSpec::Macvlan(link, _) | LinkSpec::Ipvlan(link, _) | LinkSpec::Vlan(Vlan { link, id: _ }) => {
                Some(Lower { link, option: "link" })
            }
            LinkSpec::Veth(_) | LinkSpec::Bridge(_) | LinkSpec::Dummy | LinkSpec::Tun(_) | LinkSpec::Vrf(_) => None,
        }
    }
}

/// A link, by its namespace and its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkAt<'a> {
    /// The namespace.
    pub netns: &'a NetnsRef,
    /// The name.
    pub name: &'a IfName,
}

impl LinkAt<'_> {
    /// An owned copy.
    pub fn to_owned(self) -> (NetnsRef, IfName) {
        (self.netns.clone(), self.name.clone())
    }

    /// Whether the link is on the host.
    pub fn on_host(self) -> bool {
        *self.netns == NetnsRef::Host
    }
}

/// A flag of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum LinkFlag {
    /// `up` and `down` (`IFF_UP`).
    Up,
    /// `arp on` and `arp off` (`IFF_NOARP`, inverted).
    Arp,
    /// `promisc on` and `promisc off` (`IFF_PROMISC`).
    Promisc,
}

/// A change of a link.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum LinkSet {
    /// `ip link set dev LINK up`, `arp off`, …
    Flag(LinkFlag, bool),
    /// `ip link set dev LINK netns NS`
    Netns(NetnsRef),
    /// `ip link set dev LINK master MASTER`, or `nomaster`
    Master(Option<IfName>),
    /// `ip link set dev LINK name NAME`
    Name(IfName),
    /// `ip link set dev LINK address MAC`
    Mac(Mac),
    /// `ip link set dev LINK mtu BYTES`
    Mtu(u32),
    /// `ip link set dev LINK alias TEXT`; empty removes it. At most 255 bytes (`IFALIASZ` − 1).
    Alias(String),
    /// `bridge link set dev LINK hairpin on`
    Hairpin(bool),
}

/// An operation on a link.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum LinkOp {
    /// `ip link add NAME type KIND …`
    Add(IfName, LinkSpec),
    /// `ip link set dev NAME …`
    Set(IfName, LinkSet),
    /// `ip link del dev NAME`
    Del(IfName),
}
