//! Links: `ip link add`, `set`, `del`.

use std::net::IpAddr;

use super::{IfName, Mac, NetnsRef};
use crate::invalid::{Invalid, Result};

/// The other end of a new pair.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Veth {
    /// Its name.
    pub peer: IfName,
    /// Where it is born; `None`: beside the first end.
    pub netns: Option<NetnsRef>,
}

/// Options of a bridge; `None` leaves the kernel's default. Times are in hundredths of a second,
/// as `ip link` has them.
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
    /// The far end, when there is one.
    pub remote: Option<IpAddr>,
    /// The multicast group of all ends.
    pub group: Option<IpAddr>,
    /// The link that carries the tunnel.
    pub dev: Option<IfName>,
    /// UDP port of the far ends. 4789 by RFC 7348 (Linux's own default is 8472).
    pub port: u16,
    /// Time to live of the outer packets; `None`: inherited.
    pub ttl: Option<u8>,
    /// Whether far ends are learned from what arrives; `None` is yes.
    pub learning: Option<bool>,
}

/// The port of VXLAN that IANA assigned (RFC 7348, section 5).
pub const VXLAN_PORT: u16 = 4789;

macro_rules! modes {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $type { $($(#[$vdoc])* $variant),* }

        impl $type {
            /// Every word of it, as `ip link` writes them.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word of `ip link`.
            pub fn word(self) -> &'static str {
                match self { $($type::$variant => $word),* }
            }

            /// The meaning of a word of `ip link`.
            pub fn from_word(word: &str) -> Option<$type> {
                match word { $($word => Some($type::$variant),)* _ => None }
            }
        }
    };
}

modes! {
    /// Who on one parent link may talk to whom.
    MacvlanMode {
        /// Only through an external switch that reflects frames: the kernel's `vepa`.
        Vepa = "vepa",
        /// Directly.
        Bridge = "bridge",
        /// Nobody.
        Private = "private",
        /// One link owns the parent.
        Passthru = "passthru",
        /// From the listed source addresses only.
        Source = "source",
    }
}

modes! {
    /// On which layer an ipvlan link divides its parent.
    IpvlanMode {
        /// By hardware address.
        L2 = "l2",
        /// By IP address, routed in the parent.
        L3 = "l3",
        /// The same, through the parent's netfilter.
        L3s = "l3s",
    }
}

modes! {
    /// What a program at a tun device reads and writes.
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

/// What a new link is, with what must be known to make it.
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
    /// A link that swallows what it is given.
    Dummy,
    /// A link whose other end is a program.
    Tun(TunMode),
}

impl LinkSpec {
    /// The kind's name as `ip -d link` shows it.
    pub fn word(&self) -> &'static str {
        match self {
            LinkSpec::Veth(_) => "veth",
            LinkSpec::Bridge(_) => "bridge",
            LinkSpec::Vxlan(_) => "vxlan",
            LinkSpec::Macvlan(..) => "macvlan",
            LinkSpec::Ipvlan(..) => "ipvlan",
            LinkSpec::Vlan(_) => "vlan",
            LinkSpec::Dummy => "dummy",
            LinkSpec::Tun(_) => "tun",
        }
    }
}

/// A flag of a link that a script switches.
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
    /// `ip link set dev LINK master BRIDGE`, or `nomaster`
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
