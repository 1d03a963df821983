//! Routes: `ip route add`, `replace`, `del`, `flush`.

use std::fmt;
use std::net::IpAddr;

use super::{Family, IfName, Prefix, Scope};

/// A routing table's number (`RT_TABLE_*`, linux/rtnetlink.h).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct TableId(pub u32);

impl TableId {
    /// Table 255, of the machine's own addresses.
    pub const LOCAL: TableId = TableId(255);
    /// Table 254, where routes go when nothing else is said.
    pub const MAIN: TableId = TableId(254);
    /// Table 253.
    pub const DEFAULT: TableId = TableId(253);
    /// Of a rule: the table of the VRF that the packet's link is in, which the kernel calls none (`RT_TABLE_UNSPEC`).
    pub const L3MDEV: TableId = TableId(0);

    /// The table of a name that every machine has, or of a number.
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

/// What a route does with a packet (`RTN_*`, linux/rtnetlink.h).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub enum RouteKind {
    /// Forwards it.
    Unicast,
    /// Takes it in: the address is the machine's own.
    Local,
    /// Takes it in as a broadcast, or sends it as one.
    Broadcast,
    /// IPv6: the nearest of several.
    Anycast,
    /// To a group.
    Multicast,
    /// Drops it without a word.
    Blackhole,
    /// Refuses it with "host unreachable".
    Unreachable,
    /// Refuses it with "administratively prohibited".
    Prohibit,
    /// Goes on in the next table.
    Throw,
}

impl RouteKind {
    /// Every kind.
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

    /// The kind of a word of `ip route`.
    pub fn from_word(word: &str) -> Option<RouteKind> {
        RouteKind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether it forwards nothing, so that it has neither gateway nor link.
    pub fn discards(self) -> bool {
        matches!(self, RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw)
    }
}

/// Who made a route (`RTPROT_*`, linux/rtnetlink.h).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct RouteProto(pub u8);

impl RouteProto {
    /// The kernel itself: the routes that come with an address.
    pub const KERNEL: RouteProto = RouteProto(2);
    /// What `ip route add` writes when nothing is said.
    pub const BOOT: RouteProto = RouteProto(3);
    /// An administrator's.
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

/// One way onward.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Nexthop {
    /// The gateway. `None`: the destination is on the link itself. An IPv6 gateway of an IPv4
    /// route is allowed (RFC 5549).
    pub via: Option<IpAddr>,
    /// The link. `None`: the one that leads to the gateway.
    pub dev: Option<IfName>,
    /// Share of the traffic, 1 to 256, among several.
    pub weight: u16,
    /// Believe that the gateway is on the link although no route says so.
    pub onlink: bool,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Route {
    /// Where to.
    pub dst: Prefix,
    /// What happens to the packet.
    pub kind: RouteKind,
    /// Ways onward; empty for kinds that discard, and where a deletion says nothing of it.
    pub nexthops: Vec<Nexthop>,
    /// Preferred source address.
    pub src: Option<IpAddr>,
    /// Lower wins. `None` is 0 for IPv4 and 1024 for IPv6.
    pub metric: Option<u32>,
    /// The table it stands in.
    pub table: TableId,
    /// `None`: what `ip` chooses from the kind and the gateway.
    pub scope: Option<Scope>,
    /// Who made it. `None` in a deletion: whoever.
    pub proto: Option<RouteProto>,
    /// Largest packet in bytes on this route.
    pub mtu: Option<u32>,
}

impl Route {
    /// A route to somewhere in the main table, with nothing else set.
    pub fn new(dst: Prefix) -> Route {
        Route {
            dst,
            kind: RouteKind::Unicast,
            nexthops: Vec::new(),
            src: None,
            metric: None,
            table: TableId::MAIN,
            scope: None,
            proto: None,
            mtu: None,
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
    /// `ip route del …`: the first route that fits what is given
    Del(Route),
    /// `ip route flush table T`: every route of one family in it
    Flush(Family, TableId),
}
