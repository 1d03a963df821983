//! Snapshots of a sandbox by `ip` and `bridge`, without values that may differ (ARCHITECTURE.md, *What is always
//! tested*): numbers of links and namespaces, random hardware addresses and values derived from them, timers, life
//! times, `tentative`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use serde_json::{Map, Value};

use crate::Sandbox;

/// Keys whose values differ from run to run.
const LEFT_OUT: [&str; 15] = [
    "permaddr",
    "ifindex",
    "valid_life_time",
    "preferred_life_time",
    "tentative",
    "optimistic",
    "hello_timer",
    "tcn_timer",
    "topology_change_timer",
    "gc_timer",
    "message_age_timer",
    "forward_delay_timer",
    "hold_timer",
    "expires",
    "cacheinfo",
];

/// The commands that show a namespace, and whether the order of their output counts.
const SHOWN: [(&str, bool); 10] = [
    ("ip -d -j link show", false),
    ("ip -d -j addr show", false),
    ("ip -4 -d -j route show table all", true),
    // Routes to addresses that derive from random ones come in a random order.
    ("ip -6 -d -j route show table all", false),
    ("ip -4 -d -j rule show", true),
    ("ip -6 -d -j rule show", true),
    ("ip -4 -d -j neigh show", false),
    ("ip -6 -d -j neigh show", false),
    ("bridge -d -j fdb show", false),
    ("bridge -d -j link show", false),
];

/// A snapshot of a sandbox: by namespace (`""` is the sandbox's own), then by command.
pub type Snapshot = BTreeMap<String, BTreeMap<&'static str, Value>>;

/// Takes a snapshot. Hardware addresses count only if they occur in `set`.
pub fn snapshot(sandbox: &Sandbox, set: &str) -> Snapshot {
    let places = namespaces(sandbox);
    let raw: BTreeMap<&String, _> = places.iter().map(|place| (place, shown(sandbox, place))).collect();
    let ids = places.iter().map(|place| (place.clone(), ids(sandbox, place))).collect();
    let names = places.iter().map(|place| (place.clone(), names(&raw[place]["ip -d -j link show"]))).collect();
    let around = Around { ids, names, random: raw.values().flat_map(|all| random_macs(all, set)).collect() };
    raw.into_iter().map(|(place, all)| (place.clone(), around.tidy_all(place, all))).collect()
}

fn namespaces(sandbox: &Sandbox) -> Vec<String> {
    let named = sandbox.shell("ip netns list");
    let names = named.lines().filter_map(|line| line.split_whitespace().next());
    let mut places: Vec<String> = [""].into_iter().chain(names).map(str::to_owned).collect();
    places.sort();
    places
}

fn shown(sandbox: &Sandbox, place: &str) -> BTreeMap<&'static str, Value> {
    let within = |command: &str| match place {
        "" => command.to_owned(),
        name => command.replacen(' ', &format!(" -n '{name}' "), 1),
    };
    let script: String = SHOWN.iter().map(|(command, _)| format!("{}; echo; echo ---\n", within(command))).collect();
    let output = sandbox.shell(&script);
    let parts = output.split("---\n");
    SHOWN.iter().zip(parts).map(|((command, _), text)| (*command, parse(command, text))).collect()
}

/// Parses a command's output; no output is an empty list.
fn parse(command: &str, text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Array(Vec::new());
    }
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{command}: {error}:\n{text}"))
}

/// The names of other namespaces by their ids in this one; `host` has no name.
fn ids(sandbox: &Sandbox, place: &str) -> BTreeMap<i64, String> {
    let place = if place.is_empty() { String::new() } else { format!("-n '{place}'") };
    let list = parse("list-id", &sandbox.shell(&format!("ip {place} -j netns list-id")));
    let entry = |entry: &Value| Some((entry["nsid"].as_i64()?, entry["name"].as_str().unwrap_or("").to_owned()));
    list.as_array().into_iter().flatten().filter_map(entry).collect()
}

fn names(links: &Value) -> BTreeMap<i64, String> {
    let entry = |link: &Value| Some((link["ifindex"].as_i64()?, link["ifname"].as_str()?.to_owned()));
    links.as_array().into_iter().flatten().filter_map(entry).collect()
}

/// The random hardware addresses of links: all except constants and those in `set`.
fn random_macs(all: &BTreeMap<&'static str, Value>, set: &str) -> Vec<[u8; 6]> {
    let links = all["ip -d -j link show"].as_array().cloned().unwrap_or_default();
    let macs = links.iter().filter_map(|link| mac(link["address"].as_str()?));
    macs.filter(|mac| *mac != [0; 6] && !set.contains(&text(mac))).collect()
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let bytes: Option<Vec<u8>> = text.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect();
    bytes?.try_into().ok()
}

fn text([a, b, c, d, e, f]: &[u8; 6]) -> String {
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

/// The link-local address that derives from a hardware address (RFC 4291, appendix A).
fn link_local([a, b, c, d, e, f]: &[u8; 6]) -> Ipv6Addr {
    let [a, b, c, d, e, f] = [*a, *b, *c, *d, *e, *f];
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

struct Around {
    ids: BTreeMap<String, BTreeMap<i64, String>>,
    names: BTreeMap<String, BTreeMap<i64, String>>,
    random: BTreeSet<[u8; 6]>,
}

impl Around {
    fn tidy_all(&self, place: &str, all: BTreeMap<&'static str, Value>) -> BTreeMap<&'static str, Value> {
        let ordered: BTreeMap<&str, bool> = SHOWN.into_iter().collect();
        all.into_iter().map(|(command, value)| (command, sorted(self.tidy(place, value), ordered[command]))).collect()
    }

    fn tidy(&self, place: &str, value: Value) -> Value {
        match value {
            Value::Object(object) => self.tidy_object(place, object),
            Value::Array(list) => list.into_iter().map(|value| self.tidy(place, value)).filter(is_something).collect(),
            Value::String(text) => Value::String(self.tidy_text(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    /// Replaces numbers of links and namespaces by their names.
    fn tidy_object(&self, place: &str, mut object: Map<String, Value>) -> Value {
        object.retain(|key, _| !LEFT_OUT.contains(&key.as_str()));
        let id = object.get("link_netnsid").and_then(Value::as_i64);
        let elsewhere = id.and_then(|id| self.ids[place].get(&id)).cloned();
        if let Some(index) = object.remove("link_index").and_then(|index| index.as_i64()) {
            let name = self.names.get(elsewhere.as_deref().unwrap_or(place)).and_then(|names| names.get(&index));
            object.insert("link".into(), name.cloned().into());
        }
        if id.is_some() {
            object.insert("link_netnsid".into(), elsewhere.into());
            // The kernel shows one of the two, depending on whether it evaluated the state before or after the move
            // (`default_operstate`, net/core/link_watch.c).
            if object.get("operstate").is_some_and(|state| state == "LOWERLAYERDOWN") {
                object.insert("operstate".into(), "DOWN".into());
            }
        }
        object.into_iter().map(|(key, value)| (key, self.tidy(place, value))).collect()
    }

    fn tidy_text(&self, text: String) -> String {
        let mut text = text;
        for mac in &self.random {
            text = text.replace(&self::text(mac), "MAC").replace(&link_local(mac).to_string(), "fe80::MAC");
            // Bridge ids are written without leading zeros, groups hold the last three bytes.
            let [a, b, c, d, e, f] = mac;
            text = text.replace(&format!("{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{f:x}"), "MAC");
            text = text.replace(&format!("33:33:ff:{d:02x}:{e:02x}:{f:02x}"), "33:33:ff:MAC");
        }
        text
    }
}

/// `ip -j addr` prints an empty map for a link that it leaves out.
fn is_something(value: &Value) -> bool {
    value.as_object().is_none_or(|object| !object.is_empty())
}

fn sorted(value: Value, ordered: bool) -> Value {
    match value {
        Value::Array(mut list) if !ordered => {
            list.sort_by_key(Value::to_string);
            Value::Array(list)
        }
        value => value,
    }
}

/// The lines that only one of two snapshots has, with the namespace and the command.
pub fn difference(ours: &Snapshot, theirs: &Snapshot) -> String {
    let mut lines = Vec::new();
    let places: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    for place in places {
        for (command, _) in SHOWN {
            let pretty = |snapshot: &Snapshot| {
                let value = snapshot.get(place).and_then(|all| all.get(command));
                value.map_or(String::new(), |value| serde_json::to_string_pretty(value).expect("it is JSON"))
            };
            let (ours, theirs) = (pretty(ours), pretty(theirs));
            if ours != theirs {
                lines.push(format!("in {place:?}, {command}:"));
                lines.extend(
                    ours.lines().filter(|line| !theirs.contains(*line)).map(|line| format!("  netscript: {line}")),
                );
                lines.extend(
                    theirs.lines().filter(|line| !ours.contains(*line)).map(|line| format!("  ip:        {line}")),
                );
            }
        }
    }
    lines.join("\n")
}
