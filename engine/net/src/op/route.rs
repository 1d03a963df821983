//! Routes: `ip route add`, `replace`, `del`, `flush`.

use std::fmt;
use std::net::IpAddr;

use super::{Family, IfName, Prefix, Scope, is_default};

/// A routing table's number (`RT_TABLE_*`, linux/rtnetlink.h).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct TableId(pub u32);

impl TableId {
    /// Table 255, for local and broadcast addresses.
    pub const LOCAL: TableId = TableId(255);
    /// Table 254, the default.
    pub const MAIN: TableId = TableId(254);
    /// Table 253.
    pub const DEFAULT: TableId = TableId(253);
    /// In a rule: the table of the VRF of the packet's link. The kernel has no number for it (`RT_TABLE_UNSPEC`).
    pub const L3MDEV: TableId = TableId(0);

    /// The table of a number, or of a name that every machine has.
    pub fn from_word(word: &str) -> Option<TableId> {
        Some(match word {
            "local" => TableId::LOCAL,
            "main" => TableId::MAIN,
            "default" => TableId::DEFAULT,
            number => TableId(number.parse().ok().filter(|n| *n > 0)?),
        })
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            TableId::LOCAL => f.write_str("local"),
            TableId::MAIN => f.write_str("main"),
            TableId::DEFAULT => f.write_str("default"),
            TableId::L3MDEV => f.write_str("l3mdev"),
            TableId(number) => number.fmt(f),
        }
    }
}

/// The type of a route (`RTN_*`, linux/rtnetlink.h).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub enum RouteKind {
    /// Forwards the packet.
    Unicast,
    /// Delivers it: the address belongs to the machine.
    Local,
    /// Delivers it as a broadcast, or sends it as one.
    Broadcast,
    /// IPv6: delivers it to the nearest of several machines.
    Anycast,
    /// Sends it to a group.
    Multicast,
    /// Drops it silently.
    Blackhole,
    /// Rejects it with "host unreachable".
    Unreachable,
    /// Rejects it with "administratively prohibited".
    Prohibit,
    /// Continues with the next rule's table.
    Throw,
}

impl RouteKind {
    /// Every type.
    pub const ALL: [RouteKind; 9] = [
        RouteKind::Unicast,
        RouteKind::Local,
        RouteKind::Broadcast,
        RouteKind::Anycast,
        RouteKind::Multicast,
        RouteKind::Blackhole,
        RouteKind::Unreachable,
        RouteKind::Prohibit,
        RouteKind::Throw,
    ];

    /// The word of `ip route`.
    pub fn word(self) -> &'static str {
        match self {
            RouteKind::Unicast => "unicast",
            RouteKind::Local => "local",
            RouteKind::Broadcast => "broadcast",
            RouteKind::Anycast => "anycast",
            RouteKind::Multicast => "multicast",
            RouteKind::Blackhole => "blackhole",
            RouteKind::Unreachable => "unreachable",
            RouteKind::Prohibit => "prohibit",
            RouteKind::Throw => "throw",
        }
    }

    /// The type of a word of `ip route`.
    pub fn from_word(word: &str) -> Option<RouteKind> {
        RouteKind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether it never forwards, so that it has neither gateway nor link.
    pub fn discards(self) -> bool {
        matches!(self, RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw)
    }
}

/// The origin of a route (`RTPROT_*`, linux/rtnetlink.h).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct RouteProto(pub u8);

impl RouteProto {
    /// Unspecified, the default of `ip rule add`.
    pub const UNSPEC: RouteProto = RouteProto(0);
    /// The kernel: routes that belong to an address.
    pub const KERNEL: RouteProto = RouteProto(2);
    /// The default of `ip route add`.
    pub const BOOT: RouteProto = RouteProto(3);
    /// An administrator.
    pub const STATIC: RouteProto = RouteProto(4);
    /// Router advertisements.
    pub const RA: RouteProto = RouteProto(9);

    /// The protocol of a word or number of `ip route`.
    pub fn from_word(word: &str) -> Option<RouteProto> {
        Some(match word {
            "kernel" => RouteProto::KERNEL,
            "boot" => RouteProto::BOOT,
            "static" => RouteProto::STATIC,
            "ra" => RouteProto::RA,
            number => RouteProto(number.parse().ok()?),
        })
    }
}

impl fmt::Display for RouteProto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            RouteProto::KERNEL => f.write_str("kernel"),
            RouteProto::BOOT => f.write_str("boot"),
            RouteProto::STATIC => f.write_str("static"),
            RouteProto::RA => f.write_str("ra"),
            RouteProto(number) => number.fmt(f),
        }
    }
}

/// A nexthop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Nexthop {
    /// The gateway. `None`: the destination is on the link. An IPv4 route can have an IPv6 gateway (RFC 5549).
    pub via: Option<IpAddr>,
    /// The link. `None`: the link that leads to the gateway.
    pub dev: Option<IfName>,
    /// Share of the traffic among several nexthops, 1 to 256.
    pub weight: u16,
    /// Treat the gateway as on-link, without a route to it.
    pub onlink: bool,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Route {
    /// The destination.
    pub dst: Prefix,
    /// IPv4: the type of service of its packets, the byte of their header without the two ECN bits. 0: packets that
    /// have no route of their own type of service.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tos: u8,
    /// The type.
    pub kind: RouteKind,
    /// The nexthops; empty for types that discard, and in a deletion that does not specify any.
    pub nexthops: Vec<Nexthop>,
    /// Preferred source address.
    pub src: Option<IpAddr>,
    /// The lowest metric wins. `None` is 0 for IPv4 and 1024 for IPv6.
    pub metric: Option<u32>,
    /// Its table.
    pub table: TableId,
    /// `None`: the default of `ip` for the type and the gateway.
    pub scope: Option<Scope>,
    /// The origin. `None` in a deletion: any.
    pub proto: Option<RouteProto>,
    /// The MTU of this route, in bytes.
    pub mtu: Option<u32>,
    /// Whether the kernel's route has properties that decide on packets and have no field here, such as a source network
    /// or an encapsulation.
    #[serde(default, skip_serializing_if = "is_default")]
    pub opaque: bool,
}

impl Route {
    /// A route in the main table, without options.
    pub fn new(dst: Prefix) -> Route {
        Route {
            dst,
            tos: 0,
            kind: RouteKind::Unicast,
            nexthops: Vec::new(),
            src: None,
            metric: None,
            table: TableId::MAIN,
            scope: None,
            proto: None,
            mtu: None,
            opaque: false,
        }
    }

    /// IPv4 or IPv6.
    pub fn family(&self) -> Family {
        self.dst.family()
    }
}

/// An operation on routes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum RouteOp {
    /// `ip route add …`
    Add(Route),
    /// `ip route replace …`
    Replace(Route),
    /// `ip route del …`: the first route that matches
    Del(Route),
    /// `ip route flush table T`: every route of one family in it
    Flush(Family, TableId),
}
