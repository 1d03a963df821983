//! Fallback tunnels, which the kernel creates in each namespace while their modules are loaded (`sit0`, `gre0`, …;
//! `ip_tunnel_init_net`, `sit_init_net`, `ip6_tnl_init_net`, `ip6gre_init_net`, `vti6_init_net`). They can be neither
//! moved nor deleted, and end with their namespace.

use netlink_packet_route::link::{InfoKind, LinkInfo, LinkMessage};

use super::message::{info, name};
use netscript_net::state::Link;

/// Their names and kinds. No other link of that kind can have the name, which is always taken.
const FALLBACK: [(&str, &str); 9] = [
    ("sit0", "sit"),
    ("gre0", "gre"),
    ("gretap0", "gretap"),
    ("erspan0", "erspan"),
    ("tunl0", "ipip"),
    ("ip6tnl0", "ip6tnl"),
    ("ip_vti0", "vti"),
    ("ip6gre0", "ip6gre"),
    ("ip6_vti0", "vti6"),
];

/// Whether the kernel created a link by itself.
pub(super) fn is_fallback(message: &LinkMessage) -> bool {
    let kind =
        info(message, |info| if let LinkInfo::Kind(kind) = info { Some(InfoKind::to_string(kind)) } else { None });
    let (Some(name), Some(kind)) = (name(message), kind) else { return false };
    FALLBACK.contains(&(name.as_str(), kind.as_str()))
}

/// Whether a link has never been used: it is down, without a bridge and without addresses.
pub(super) fn is_idle(link: &Link) -> bool {
    !link.up && link.master.is_none() && link.addrs.is_empty()
}
