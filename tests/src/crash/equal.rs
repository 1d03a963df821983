//! Removes what may differ between two snapshots of a machine (as `netscript_net::state::equality` does): values that
//! change by themselves, and values derived from random hardware addresses.
//!
//! - Timers and counters; the queue, which a link gets when it is first up; whether duplicate address detection is
//!   still running.
//! - Numbers of a bridge's ports: the lowest free one when a port joins.
//! - Link-local addresses derived from random hardware addresses, with their routes, except the one of a link with a
//!   carrier that matches its own hardware address. A link gets one with its first carrier and keeps it until it goes
//!   down; a bridge derives one from a port's address. Those derived from an address that a program set (`02:00:00:…`) do
//!   count.
//! - The order of equal IPv6 routes over several links, which is the order in which the links became ready.

use serde_json::{Map, Value};

/// Keys whose values change by themselves.
const LEFT_OUT: [&str; 8] =
    ["tentative", "permaddr", "gc_timer", "hello_timer", "tcn_timer", "topology_change_timer", "packets", "bytes"];

/// Keys with the number of a bridge's port.
const PORT_NUMBERS: [&str; 3] = ["id", "no", "designated_port"];

/// JSON output of `ip`, one object per line, without the values that do not count.
pub(super) fn tidy(command: &str, json: &str) -> String {
    let Ok(Value::Array(mut things)) = serde_json::from_str(json) else { return json.to_owned() };
    let v6_routes = command.starts_with("ip -6") && command.contains(" route ");
    if v6_routes {
        things.retain(|route| !is_chance(route));
    }
    for thing in &mut things {
        forget(thing);
        forget_addresses(thing);
    }
    let mut lines: Vec<String> = things.iter().map(|thing| format!("{thing}\n")).collect();
    if v6_routes {
        lines.sort();
    }
    lines.concat()
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !LEFT_OUT.contains(&key.as_str()));
            map.retain(|key, value| key != "qdisc" || *value != "noop" && *value != "noqueue");
            if let Some(Value::Object(port)) = map.get_mut("info_slave_data") {
                port.retain(|key, _| !PORT_NUMBERS.contains(&key.as_str()));
            }
            map.values_mut().for_each(forget);
        }
        Value::Array(all) => all.iter_mut().for_each(forget),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Removes a link's addresses that are derived from a random one.
fn forget_addresses(link: &mut Value) {
    let Value::Object(link) = link else { return };
    let own = text(link, "address").and_then(link_local).filter(|_| has_flag(link, "LOWER_UP"));
    let Some(Value::Array(addrs)) = link.get_mut("addr_info") else { return };
    addrs.retain(|addr| {
        let local = addr.get("local").and_then(Value::as_str).unwrap_or_default();
        own.is_some_and(|own| local.parse() == Ok(own)) || !is_made_by_kernel(local)
    });
}

/// Whether a route belongs to a link-local address derived from a random one, or comes with the first carrier.
fn is_chance(route: &Value) -> bool {
    let Value::Object(route) = route else { return false };
    let by_kernel = text(route, "protocol") == Some("kernel");
    by_kernel
        && match (text(route, "type"), text(route, "dst").unwrap_or_default()) {
            (Some("local"), dst) => is_made_by_kernel(dst),
            (Some("anycast"), dst) => dst == "fe80::",
            (Some("unicast"), dst) => dst == "fe80::/64" && has_flag(route, "linkdown"),
            (Some("multicast"), dst) => dst == "ff00::/8" && has_flag(route, "linkdown"),
            _ => false,
        }
}

/// Whether an address is `fe80::` and the modified EUI-64 of a random hardware address.
fn is_made_by_kernel(addr: &str) -> bool {
    let Ok(addr) = addr.parse::<std::net::Ipv6Addr>() else { return false };
    let octets = addr.octets();
    addr.is_unicast_link_local() && octets[11..13] == [0xff, 0xfe] && octets[8..11] != [0, 0, 0]
}

/// The link-local address that the kernel makes of a hardware address (RFC 4291, appendix A).
fn link_local(mac: &str) -> Option<std::net::Ipv6Addr> {
    let parts: Vec<u16> = mac.split(':').filter_map(|part| u16::from_str_radix(part, 16).ok()).collect();
    let [a, b, c, d, e, f] = parts.try_into().ok()?;
    Some(std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, (a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f))
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    map.get(key).and_then(Value::as_str)
}

fn has_flag(map: &Map<String, Value>, flag: &str) -> bool {
    map.get("flags").and_then(Value::as_array).is_some_and(|flags| flags.iter().any(|have| have == flag))
}
