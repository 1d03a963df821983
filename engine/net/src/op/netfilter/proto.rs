//! Transport protocols.

use std::fmt;

use super::super::Family;

/// A protocol's number (`IPPROTO_*`, linux/in.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Proto(pub u8);

/// Names of Debian's /etc/protocols. `iptables -S` shows the first name of a number.
const NAMES: &[(u8, &str)] = &[
    (1, "icmp"),
    (2, "igmp"),
    (3, "ggp"),
    (4, "ipencap"),
    (5, "st"),
    (6, "tcp"),
    (8, "egp"),
    (9, "igp"),
    (12, "pup"),
    (17, "udp"),
    (20, "hmp"),
    (22, "xns-idp"),
    (27, "rdp"),
    (29, "iso-tp4"),
    (33, "dccp"),
    (36, "xtp"),
    (37, "ddp"),
    (38, "idpr-cmtp"),
    (41, "ipv6"),
    (43, "ipv6-route"),
    (44, "ipv6-frag"),
    (45, "idrp"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (57, "skip"),
    (58, "ipv6-icmp"),
    (58, "icmpv6"),
    (59, "ipv6-nonxt"),
    (60, "ipv6-opts"),
    (73, "rspf"),
    (81, "vmtp"),
    (88, "eigrp"),
    (89, "ospf"),
    (93, "ax.25"),
    (94, "ipip"),
    (97, "etherip"),
    (98, "encap"),
    (103, "pim"),
    (108, "ipcomp"),
    (112, "vrrp"),
    (115, "l2tp"),
    (124, "isis"),
    (132, "sctp"),
    (133, "fc"),
    (135, "mobility-header"),
    (135, "ipv6-mh"),
    (135, "mh"),
    (136, "udplite"),
    (137, "mpls-in-ip"),
    (138, "manet"),
    (139, "hip"),
    (140, "shim6"),
    (141, "wesp"),
    (142, "rohc"),
    (143, "ethernet"),
];

impl Proto {
    /// ICMP for IPv4: 1.
    pub const ICMP: Proto = Proto(1);
    /// TCP: 6.
    pub const TCP: Proto = Proto(6);
    /// UDP: 17.
    pub const UDP: Proto = Proto(17);
    /// DCCP: 33.
    pub const DCCP: Proto = Proto(33);
    /// ICMP for IPv6: 58.
    pub const ICMPV6: Proto = Proto(58);
    /// SCTP: 132.
    pub const SCTP: Proto = Proto(132);
    /// UDP-Lite: 136.
    pub const UDPLITE: Proto = Proto(136);

    /// The protocol of a name or of a number from 1 to 255. (`all` and 0 mean that there is no match for the protocol.)
    pub fn from_word(word: &str) -> Option<Proto> {
        let lower = word.to_lowercase();
        let named = NAMES.iter().find(|(_, name)| *name == lower).map(|(number, _)| *number);
        named.or_else(|| word.parse().ok()).filter(|number| *number != 0).map(Proto)
    }

    /// Every name.
    pub fn words() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(_, name)| *name)
    }

    /// The ICMP protocol of a family.
    pub fn icmp(family: Family) -> Proto {
        match family {
            Family::V4 => Proto::ICMP,
            Family::V6 => Proto::ICMPV6,
        }
    }

    /// Whether `-m multiport` knows the position of its ports.
    pub fn has_ports(self) -> bool {
        [Proto::TCP, Proto::UDP, Proto::UDPLITE, Proto::SCTP, Proto::DCCP].contains(&self)
    }

    /// Whether NAT can choose its port (SNAT's `portok`, iptables 1.8.9).
    pub fn nat_has_ports(self) -> bool {
        [Proto::TCP, Proto::UDP, Proto::SCTP, Proto::DCCP, Proto::ICMP].contains(&self)
    }
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}
