//! Reading what the choice of a route depends on.

use netscript_net::error::Result;
use netscript_net::op::{Family, IfName, NetnsRef, SysctlKey};
use netscript_net::state::{Link, Netns};
use netscript_net::world::Query;

/// Reads the parts of a namespace that [`route_get`](crate::route_get) looks at.
pub fn read_routing(world: &mut dyn Query, netns: &NetnsRef) -> Result<Netns> {
    let mut contents = Netns { links: world.links(netns)?, ..Netns::default() };
    for family in [Family::V4, Family::V6] {
        contents.routes.extend(world.routes(netns, family)?);
        contents.policy.extend(world.policy_rules(netns, family)?);
    }
    contents.neighbours = world.neighbours(netns)?;
    for key in settings(&contents.links) {
        // A setting that is not known, as in a dry run, is missing in the state.
        if let Ok(value) = world.sysctl(netns, &key) {
            contents.sysctls.insert(key, value);
        }
    }
    Ok(contents)
}

/// The settings that the choice may depend on.
fn settings(links: &[Link]) -> Vec<SysctlKey> {
    let mut keys = vec![setting("ipv4", ALL, ROUTE_LOCALNET)];
    keys.extend(links.iter().map(|link| setting("ipv4", link.name.as_str(), ROUTE_LOCALNET)));
    let without_carrier: Vec<&str> =
        links.iter().filter(|link| link.up && !link.carrier).map(|link| link.name.as_str()).collect();
    if !without_carrier.is_empty() {
        keys.push(setting("ipv4", ALL, LINKDOWN));
    }
    keys.extend(without_carrier.iter().flat_map(|name| ["ipv4", "ipv6"].map(|family| setting(family, name, LINKDOWN))));
    keys.push(setting("ipv6", ALL, OWN_ADDRS));
    keys.extend(links.iter().map(|link| setting("ipv6", link.name.as_str(), OWN_ADDRS)));
    keys.into_iter().flatten().collect()
}

/// The settings for all links.
const ALL: &str = "all";

/// Whether packets from and to 127.0.0.0/8 pass links other than the loopback link.
const ROUTE_LOCALNET: &str = "route_localnet";

/// Whether routes over links without a carrier are left out.
const LINKDOWN: &str = "ignore_routes_with_linkdown";

/// Whether the source address must be one of the outgoing link.
const OWN_ADDRS: &str = "use_oif_addrs_only";

/// `net.FAMILY.conf.WHOSE.NAME`
fn setting(family: &str, whose: &str, name: &str) -> Option<SysctlKey> {
    SysctlKey::parse(&format!("/net/{family}/conf/{whose}/{name}")).ok()
}

/// Whether a setting of a link is on; `None`: it is not known.
fn value(netns: &Netns, family: &str, whose: &str, name: &str) -> Option<bool> {
    netns.sysctls.get(&setting(family, whose, name)?).map(|value| value != "0")
}

/// The larger one of two settings; `None`: it is not known.
fn either(all: Option<bool>, link: Option<bool>) -> Option<bool> {
    match (all, link) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// Whether routes over a link without a carrier are left out; `None`: it is not known.
pub(crate) fn ignores_routes_without_carrier(netns: &Netns, family: Family, link: &IfName) -> Option<bool> {
    match family {
        // IN_DEV_MAXCONF
        Family::V4 => either(value(netns, "ipv4", ALL, LINKDOWN), value(netns, "ipv4", link.as_str(), LINKDOWN)),
        Family::V6 => value(netns, "ipv6", link.as_str(), LINKDOWN),
    }
}

/// Whether the source address of IPv6 packets must be one of the outgoing link; `None`: it is not known.
pub(crate) fn uses_own_addrs_only(netns: &Netns, link: &IfName) -> Option<bool> {
    either(value(netns, "ipv6", ALL, OWN_ADDRS), value(netns, "ipv6", link.as_str(), OWN_ADDRS))
}

/// Whether a link takes packets from and to 127.0.0.0/8; `None`: it is not known.
pub(crate) fn routes_localnet(netns: &Netns, link: &IfName) -> Option<bool> {
    // IN_DEV_ORCONF
    either(value(netns, "ipv4", ALL, ROUTE_LOCALNET), value(netns, "ipv4", link.as_str(), ROUTE_LOCALNET))
}
