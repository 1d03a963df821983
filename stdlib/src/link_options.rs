//! What a link was made with, read back as the word that makes it takes it.

use netscript_lang::diagnostics::{Error, Invalid, Result};
use netscript_lang::interpreter::add_words;
use netscript_net::op::{Bridge, IfName, Vxlan};
use netscript_net::state::{LinkType, Peer};
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::{Link, RhaiResult};

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

/// A value, or `()`.
fn some<T>(value: Option<T>, shown: impl FnOnce(T) -> Dynamic) -> Dynamic {
    value.map_or(Dynamic::UNIT, shown)
}

fn name_of(peer: &Peer) -> Dynamic {
    some(peer.name.as_ref(), |name: &IfName| name.to_string().into())
}

fn map<const N: usize>(entries: [(&str, Dynamic); N]) -> Map {
    entries.into_iter().map(|(key, value)| (key.into(), value)).collect()
}

fn bridge(options: Bridge) -> Map {
    let Bridge { stp, forward_delay, hello_time, max_age, ageing_time, priority, vlan_filtering } = options;
    let number = |value: Option<u32>| some(value, |value| i64::from(value).into());
    map([
        ("stp", some(stp, Dynamic::from)),
        ("forward_delay", number(forward_delay)),
        ("hello_time", number(hello_time)),
        ("max_age", number(max_age)),
        ("ageing_time", number(ageing_time)),
        ("priority", some(priority, |priority| i64::from(priority).into())),
        ("vlan_filtering", some(vlan_filtering, Dynamic::from)),
    ])
}

fn vxlan(options: Vxlan) -> Map {
    let Vxlan { id, local, remote, group, dev, port, ttl, learning } = options;
    let addr = |addr: Option<std::net::IpAddr>| some(addr, |addr| addr.to_string().into());
    map([
        ("id", i64::from(id.get()).into()),
        ("local", addr(local)),
        ("remote", addr(remote)),
        ("group", addr(group)),
        ("dev", some(dev, |dev| dev.to_string().into())),
        ("port", i64::from(port).into()),
        ("ttl", some(ttl, |ttl| i64::from(ttl).into())),
        // The kernel's default.
        ("learning", learning.unwrap_or(true).into()),
    ])
}

fn options(kind: LinkType) -> Map {
    match kind {
        LinkType::Bridge { options, id: _, root_id: _ } => bridge(options),
        LinkType::Vxlan(options) => vxlan(options),
        LinkType::Veth(peer) => map([("peer", some(peer.as_ref(), name_of))]),
        LinkType::Macvlan(parent, mode) => map([("link", name_of(&parent)), ("mode", mode.word().into())]),
        LinkType::Ipvlan(parent, mode) => map([("link", name_of(&parent)), ("mode", mode.word().into())]),
        LinkType::Vlan(parent, id) => map([("link", name_of(&parent)), ("id", i64::from(id.get()).into())]),
        LinkType::Vrf(table) => map([("table", crate::route::number_or_name(table.to_string()))]),
        LinkType::Tun(mode) => map([("mode", mode.word().into())]),
        LinkType::Loopback | LinkType::Dummy | LinkType::Other(_) | LinkType::Physical => Map::new(),
    }
}

fn mode(link: &Link) -> Result<&'static str> {
    let kind = link.look()?.kind;
    kind.mode().ok_or_else(|| {
        Error::Invalid(Invalid::Conflict {
            message: format!("`{link}` is a {} link, and only macvlan, ipvlan and tun links have a mode", kind.word()),
            help: "`.options` has what a link was made with".into(),
        })
    })
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Its options: a map with the options of the word that makes links of its kind.
    /// Defaults are included; links are given by name.
    ///
    /// ```
    /// let vx0 = vxlan("vx0", #{ id: 42, remote: "192.0.2.1" });
    /// let options = vx0.options;
    /// assert(options.id == 42 && options.remote == "192.0.2.1" && options.port == 4789);
    /// assert(bridge("br0").options.forward_delay == 1500);
    /// ```
    #[rhai_fn(get = "options", pure, return_raw)]
    pub fn get_options(link: &mut Link) -> RhaiResult<Map> {
        Ok(options(link.look()?.kind))
    }

    /// The mode of a macvlan, ipvlan or tun link.
    ///
    /// ```
    /// let v1 = veth("v1", "c1");
    /// assert(macvlan("mv0", #{ link: v1, mode: "bridge" }).mode == "bridge");
    /// ```
    #[rhai_fn(get = "mode", pure, return_raw)]
    pub fn get_mode(link: &mut Link) -> RhaiResult<String> {
        Ok(mode(link)?.to_owned())
    }
}
