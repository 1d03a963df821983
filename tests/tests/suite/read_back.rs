//! netscript reads networks that `ip` made as `ip -j` shows them.

use netscript_net::op::netfilter::Proto;
use netscript_net::op::{
    Family, IfName, NetnsName, NetnsRef, Nexthop, PolicyAction, PolicyRule, Prefix, Route, TableId,
};
use netscript_net::state::{Addr, FdbRecord, Link, LinkType, NeighRecord, Peer};
use netscript_tests::Sandbox;
use serde_json::{Value, json};

/// Links of every kind, addresses of every form, and kinds that netscript never makes.
const LINKS: &str = "
    ip link set lo up
    ip link add v1 type veth peer name c1
    ip link set v1 up address 02:00:00:00:00:01 alias 'to the database'
    ip link add v2 type veth peer name c2; ip link set v2 up; ip link set c2 up mtu 1400
    ip link add v3 type veth peer name c3; ip link set c3 arp off promisc on up
    ip link add br0 type bridge stp_state 1 forward_delay 400 priority 4096
    ip link set v3 master br0; bridge link set dev v3 hairpin on; ip link set br0 up
    ip link add vx0 type vxlan id 42 local 192.0.2.1 remote 192.0.2.2 dstport 8472 ttl 9 nolearning
    ip link add vx1 type vxlan id 43 group ff05::7 dev v2 dstport 4789
    ip link add link v2 name mv0 type macvlan mode private
    ip link add ifb0 type ifb 2>/dev/null || ip link add other0 type bridge
    ip tuntap add dev t0 mode tap 2>/dev/null || true
    ip tuntap add dev t1 mode tun 2>/dev/null || true
    ip addr add 10.0.0.1/24 brd + dev v2
    ip addr add 10.0.0.2/24 dev v2
    ip addr add 10.1.0.1 peer 10.1.0.2 dev v2
    ip addr add 10.2.0.1/16 scope link label v2:web dev v2
    ip addr add 2001:db8::1/64 dev v2 nodad
    ip addr add 2001:db8:1::1 peer 2001:db8:1::2 dev v2 nodad";

/// The links that the kernel's tunnel modules make in every namespace (`fb_tunnels_only_for_init_net`, ip-sysctl.rst).
pub(super) const FALLBACKS: [&str; 9] =
    ["sit0", "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"];

#[test]
fn links() {
    let sandbox = Sandbox::new();
    sandbox.shell(LINKS);
    sandbox.settle();
    let seen = sandbox.world(|world| world.links(&NetnsRef::Host).unwrap());
    let shown: Value = serde_json::from_str(&sandbox.shell("ip -d -j addr show")).unwrap();
    // Links that tunnel modules add to every namespace do not count.
    let made = |link: &&Value| !FALLBACKS.contains(&link["ifname"].as_str().unwrap());
    let shown: Vec<&Value> = shown.as_array().unwrap().iter().filter(made).collect();
    assert!(seen.len() > 10);
    assert_eq!(seen.len(), shown.len());
    for (link, shown) in seen.iter().zip(shown) {
        assert_eq!(of_link(link), of_shown_link(shown), "{shown:#}");
        let name = link.name.clone();
        let alone = sandbox.world(move |world| world.link(&NetnsRef::Host, &name).unwrap());
        assert_eq!(alone.as_ref(), Some(link), "one link is read as among all");
    }
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn of_link(link: &Link) -> Value {
    json!({
        "name": link.name.to_string(),
        "index": link.index,
        "kind": link.kind.word(),
        "mac": link.mac.known().map(|mac| mac.to_string()),
        "mtu": link.mtu,
        "up": link.up,
        "carrier": link.carrier,
        "arp": link.arp,
        "promisc": link.promisc,
        "state": link.state.word(),
        "alias": link.alias,
        "master": link.master.as_ref().map(IfName::to_string),
        "hairpin": link.hairpin,
        "details": of_kind(&link.kind),
        "addrs": link.addrs.iter().map(of_addr).collect::<Vec<_>>(),
    })
}

fn of_shown_link(link: &Value) -> Value {
    let flag = |flag: &str| link["flags"].as_array().unwrap().iter().any(|f| f == flag);
    let info = &link["linkinfo"];
    let kind = text(&info["info_kind"]).or(text(&link["link_type"])).unwrap();
    json!({
        "name": link["ifname"],
        "index": link["ifindex"],
        "kind": kind,
        "mac": link.get("address"),
        "mtu": link["mtu"],
        "up": flag("UP"),
        "carrier": flag("LOWER_UP"),
        "arp": !flag("NOARP"),
        "promisc": flag("PROMISC"),
        "state": text(&link["operstate"]).unwrap().to_lowercase(),
        "alias": link.get("ifalias"),
        "master": link.get("master"),
        "hairpin": info["info_slave_data"]["hairpin"].as_bool().unwrap_or(false),
        "details": of_shown_kind(kind, link),
        "addrs": link["addr_info"].as_array().unwrap().iter().map(|a| of_shown_addr(a, link)).collect::<Vec<_>>(),
    })
}

fn of_kind(kind: &LinkType) -> Value {
    let there = |peer: &Peer| peer.name.as_ref().map(IfName::to_string);
    match kind {
        LinkType::Veth(peer) => json!({ "link": peer.as_ref().and_then(there) }),
        LinkType::Macvlan(parent, mode) => json!({ "link": there(parent), "mode": mode.word() }),
        LinkType::Ipvlan(parent, mode) => json!({ "link": there(parent), "mode": mode.word() }),
        LinkType::Vlan(parent, id) => json!({ "link": there(parent), "id": id.get() }),
        LinkType::Tun(mode) => json!({ "mode": mode.word() }),
        LinkType::Vrf(table) => json!({ "table": table.0 }),
        LinkType::Bridge { options, id, root_id } => json!({
            "stp": options.stp, "forward_delay": options.forward_delay, "hello_time": options.hello_time,
            "max_age": options.max_age, "ageing_time": options.ageing_time, "priority": options.priority,
            "vlan_filtering": options.vlan_filtering, "id": id, "root_id": root_id,
        }),
        LinkType::Vxlan(vxlan) => json!({
            "id": vxlan.id.get(), "local": vxlan.local, "far": vxlan.group.or(vxlan.remote),
            "dev": vxlan.dev.as_ref().map(IfName::to_string), "port": vxlan.port, "ttl": vxlan.ttl,
            "learning": vxlan.learning,
        }),
        LinkType::Loopback | LinkType::Dummy | LinkType::Other(_) | LinkType::Physical => Value::Null,
    }
}

fn of_shown_kind(kind: &str, link: &Value) -> Value {
    let data = &link["linkinfo"]["info_data"];
    let either = |a: &str, b: &str| data.get(a).or(data.get(b)).cloned();
    match kind {
        "veth" => json!({ "link": link["link"] }),
        "macvlan" | "ipvlan" => json!({ "link": link["link"], "mode": data["mode"] }),
        "vlan" => json!({ "link": link["link"], "id": data["id"] }),
        "tun" => json!({ "mode": data["type"] }),
        "vrf" => json!({ "table": data["table"] }),
        "bridge" => json!({
            "stp": data["stp_state"] == 1, "forward_delay": data["forward_delay"], "hello_time": data["hello_time"],
            "max_age": data["max_age"], "ageing_time": data["ageing_time"], "priority": data["priority"],
            "vlan_filtering": data["vlan_filtering"] == 1,
            "id": bridge_id(&data["bridge_id"]), "root_id": bridge_id(&data["root_id"]),
        }),
        "vxlan" => json!({
            "id": data["id"], "local": either("local", "local6"),
            "far": either("group", "group6").or(either("remote", "remote6")),
            "dev": data.get("link"), "port": data["port"], "ttl": data["ttl"].as_u64().filter(|ttl| *ttl != 0),
            "learning": data["learning"].as_bool().unwrap_or(true),
        }),
        _ => Value::Null,
    }
}

/// `8000.2:0:0:0:0:1` as `brctl show` writes it.
fn bridge_id(id: &Value) -> String {
    let (priority, mac) = text(id).unwrap().split_once('.').unwrap();
    let bytes: String = mac.split(':').map(|byte| format!("{byte:0>2}")).collect();
    format!("{priority}.{bytes}")
}

fn of_addr(addr: &Addr) -> Value {
    json!({
        "local": addr.local.to_string(),
        "peer": addr.peer,
        "broadcast": addr.broadcast,
        "scope": addr.scope.word(),
        "label": addr.label,
        "nodad": addr.nodad,
        "secondary": addr.secondary,
        "permanent": addr.permanent,
    })
}

fn of_shown_addr(addr: &Value, link: &Value) -> Value {
    json!({
        "local": format!("{}/{}", text(&addr["local"]).unwrap(), addr["prefixlen"]),
        "peer": addr.get("address"),
        "broadcast": addr.get("broadcast"),
        "scope": addr["scope"],
        "label": addr.get("label").filter(|label| **label != link["ifname"]),
        "nodad": addr["nodad"] == true,
        "secondary": addr["secondary"] == true,
        "permanent": addr["dynamic"] != true,
    })
}

#[test]
fn far_ends_in_other_namespaces() {
    let sandbox = Sandbox::new();
    sandbox.shell(
        "ip netns add red; ip netns add blue; ip link add v1 type veth peer name c1 netns red
         ip -n red link add v2 type veth peer name c2 netns blue; ip link add v3 type veth peer name c3
         ip link add link v3 name mv0 type macvlan; ip link set mv0 netns blue
         unshare -n sh -c 'ip link add v4 type veth peer name c4 netns '$$'; sleep 5' >/dev/null 2>&1 &
         while ! ip link show c4 >/dev/null 2>&1; do sleep 0.01; done",
    );
    let named = |name: &str| NetnsRef::Named(NetnsName::parse(name).unwrap());
    let (red, blue) = (named("red"), named("blue"));
    let end = |place: &NetnsRef, name: &str| {
        let (place, name) = (place.clone(), IfName::parse(name).unwrap());
        let link = sandbox.world(move |world| world.link(&place, &name).unwrap().unwrap());
        match link.kind {
            LinkType::Veth(Some(peer)) | LinkType::Macvlan(peer, _) => (peer.netns, peer.name.map(|n| n.to_string())),
            other => panic!("{other:?}"),
        }
    };
    let at = |place: &NetnsRef, name: &str| (Some(place.clone()), Some(name.to_owned()));
    assert_eq!(end(&NetnsRef::Host, "v1"), at(&red, "c1"));
    assert_eq!(end(&red, "c1"), at(&NetnsRef::Host, "v1"));
    assert_eq!(end(&red, "v2"), at(&blue, "c2"));
    assert_eq!(end(&blue, "c2"), at(&red, "v2"));
    assert_eq!(end(&NetnsRef::Host, "v3"), at(&NetnsRef::Host, "c3"));
    assert_eq!(end(&blue, "mv0"), at(&NetnsRef::Host, "v3"));
    assert_eq!(end(&NetnsRef::Host, "c4"), (None, Some("v4".to_owned())), "a namespace without a name");
}

const ROUTES: &str = "
    ip link set lo up
    ip link add br0 type bridge; ip link set br0 up
    ip link add br1 type bridge; ip link set br1 up
    ip addr add 10.0.0.2/24 dev br0; ip addr add 10.0.1.2/24 dev br1
    ip addr add 2001:db8::2/64 dev br0 nodad
    ip route add default via 10.0.0.1
    ip route add 10.1.0.0/16 via 10.0.0.1 src 10.0.0.2 metric 10 mtu 1400 proto static
    ip route add 10.2.0.1 dev br0 table 1000
    ip route add blackhole 10.3.0.0/16; ip route add unreachable 10.4.0.0/16 metric 5
    ip route add prohibit 10.5.0.0/16; ip route add throw 10.6.0.0/16 table 100
    ip route add 10.7.0.0/16 nexthop via 10.0.1.1 weight 3 nexthop via 10.0.0.1
    ip route add 10.8.0.0/16 via 192.0.2.1 dev br0 onlink
    ip route add 10.9.0.0/16 via inet6 2001:db8::1 dev br0
    ip route add default via 2001:db8::1; ip route add 2001:db8:1::/48 dev br1 metric 7
    ip route add blackhole 2001:db8:2::/48
    ip route add 2001:db8:3::/48 nexthop via 2001:db8::1 nexthop via 2001:db8::3 weight 2
    ip route add 2001:db8:4::1 dev br0 table 1000 mtu 1300";

#[test]
fn routes() {
    let sandbox = Sandbox::new();
    sandbox.shell(ROUTES);
    sandbox.settle();
    for (family, command) in
        [(Family::V4, "ip -4 -d -j route show table all"), (Family::V6, "ip -6 -d -j route show table all")]
    {
        let seen = sandbox.world(move |world| world.routes(&NetnsRef::Host, family).unwrap());
        let shown: Value = serde_json::from_str(&sandbox.shell(command)).unwrap();
        let seen: Vec<Value> = seen.iter().map(of_route).collect();
        let shown: Vec<Value> = shown.as_array().unwrap().iter().map(of_shown_route).collect();
        assert!(seen.len() > 8);
        assert_eq!(seen, shown);
    }
}

fn of_route(route: &Route) -> Value {
    json!({
        "dst": destination(&route.dst),
        "kind": route.kind.word(),
        "nexthops": route.nexthops.iter().map(of_nexthop).collect::<Vec<_>>(),
        "src": route.src,
        "metric": route.metric,
        "table": route.table.to_string(),
        "scope": route.scope.map(|scope| scope.word()),
        "proto": route.proto.map(|proto| proto.to_string()),
        "mtu": route.mtu,
    })
}

fn destination(dst: &Prefix) -> String {
    match dst {
        dst if dst.is_all() => "default".into(),
        dst if dst.is_host() => dst.addr().to_string(),
        dst => dst.to_string(),
    }
}

fn of_nexthop(hop: &Nexthop) -> Value {
    let dev = hop.dev.as_ref().map(IfName::to_string);
    json!({ "via": hop.via, "dev": dev, "weight": hop.weight, "onlink": hop.onlink })
}

fn of_shown_route(route: &Value) -> Value {
    let kind = text(&route["type"]).unwrap();
    let single = match route.get("dev") {
        Some(_) if !["blackhole", "unreachable", "prohibit", "throw"].contains(&kind) => vec![of_shown_nexthop(route)],
        _ => Vec::new(),
    };
    let several = route["nexthops"].as_array().map(|hops| hops.iter().map(of_shown_nexthop).collect());
    json!({
        "dst": route["dst"],
        "kind": kind,
        "nexthops": several.unwrap_or(single),
        "src": route.get("prefsrc"),
        "metric": route.get("metric"),
        "table": route["table"],
        "scope": route["scope"],
        "proto": route["protocol"],
        "mtu": route["metrics"][0].get("mtu"),
    })
}

fn of_shown_nexthop(hop: &Value) -> Value {
    let onlink = hop["flags"].as_array().unwrap().iter().any(|flag| flag == "onlink");
    let via = hop.get("gateway").or(hop.get("via").map(|via| &via["host"]));
    json!({ "via": via, "dev": hop["dev"], "weight": hop["weight"].as_u64().unwrap_or(1), "onlink": onlink })
}

#[test]
fn rules() {
    let sandbox = Sandbox::new();
    sandbox.shell(
        "ip rule add from 10.0.0.0/24 to 10.1.0.0/16 iif lo oif eth9 fwmark 7 table 1000
         ip rule add not fwmark 0x10/0xf0 table main priority 5; ip rule add to 10.1.0.1 table local
         ip -6 rule add from 2001:db8::/32 table 7
         ip rule add priority 40 to 10.2.0.0/16 tos 0x10 ipproto tcp sport 80 dport 1000-2000 uidrange 0-0 prohibit
         ip rule add priority 41 iif lo blackhole; ip -6 rule add priority 42 unreachable; ip rule add priority 43 nop
         ip rule add priority 44 goto 32766; ip rule add priority 45 table main suppress_prefixlength 0
         ip -6 rule add priority 46 table main suppress_ifgroup 7 ipproto udp",
    );
    for (family, command) in [(Family::V4, "ip -4 -d -j rule"), (Family::V6, "ip -6 -d -j rule")] {
        let seen = sandbox.world(move |world| world.policy_rules(&NetnsRef::Host, family).unwrap());
        let shown: Value = serde_json::from_str(&sandbox.shell(command)).unwrap();
        let seen: Vec<Value> = seen.iter().map(of_rule).collect();
        let shown: Vec<Value> = shown.as_array().unwrap().iter().map(of_shown_rule).collect();
        assert_eq!(seen, shown);
    }
}

fn of_rule(rule: &PolicyRule) -> Value {
    let name = |name: &Option<IfName>| name.as_ref().map(IfName::to_string);
    let matches = &rule.matches;
    json!({
        "priority": rule.priority,
        "from": matches.from.map_or("all".into(), |from| from.to_string()),
        "to": matches.to.map(|to| to.to_string()),
        "iif": name(&matches.iif),
        "oif": name(&matches.oif),
        "fwmark": matches.fwmark.map(|(mark, _)| format!("{mark:#x}")),
        "mask": matches.fwmark.map(|(_, mask)| format!("{mask:#x}")),
        "tos": matches.tos.map(|tos| format!("{tos:#x}")),
        "ipproto": matches.ipproto.map(|proto| Proto(proto).to_string()),
        "sport": matches.sport.map(|ports| [ports.first, ports.last]),
        "dport": matches.dport.map(|ports| [ports.first, ports.last]),
        "uidrange": matches.uidrange.map(|users| [users.first, users.last]),
        "not": matches.not,
        "table": (rule.action == PolicyAction::Lookup).then(|| rule.table.to_string()),
        "action": rule.action.word(),
        "goto": match rule.action { PolicyAction::Goto(target) => Some(target), _ => None },
        "suppress_prefixlength": rule.suppress_prefixlength,
        "suppress_ifgroup": rule.suppress_ifgroup.map(|group| group.to_string()),
        "opaque": rule.opaque,
    })
}

fn of_shown_rule(rule: &Value) -> Value {
    let network = |addr: &str, len: &str| {
        let host = if rule[addr].as_str().unwrap().contains(':') { 128 } else { 32 };
        let length = rule[len].as_u64().unwrap_or(host);
        format!("{}/{length}", rule[addr].as_str().unwrap())
    };
    let ports = |key: &str| {
        let one = rule.get(key).map(|port| json!([port, port]));
        one.or_else(|| Some(json!([rule.get(format!("{key}_start"))?, rule[format!("{key}_end")]])))
    };
    let nop = json!("nop");
    let from = if rule["src"] == "all" { "all".into() } else { network("src", "srclen") };
    json!({
        "priority": rule["priority"],
        "from": from,
        "to": rule.get("dst").map(|_| network("dst", "dstlen")),
        "iif": rule.get("iif"),
        "oif": rule.get("oif"),
        "fwmark": rule.get("fwmark"),
        "mask": rule.get("fwmark").map(|_| rule["fwmask"].as_str().unwrap_or("0xffffffff")),
        "tos": rule.get("tos"),
        "ipproto": rule.get("ipproto"),
        "sport": ports("sport"),
        "dport": ports("dport"),
        "uidrange": rule.get("uid_start").map(|first| json!([first, rule["uid_end"]])),
        "not": rule.get("not").is_some(),
        "table": rule.get("table"),
        "action": if rule.get("nop").is_some() { Some(&nop) } else { rule.get("action").filter(|a| *a != "goto") },
        "goto": rule.get("goto"),
        "suppress_prefixlength": rule.get("suppress_prefixlen"),
        "suppress_ifgroup": rule.get("suppress_ifgroup"),
        "opaque": false,
    })
}

#[test]
fn neighbours_and_forwarding_tables() {
    let sandbox = Sandbox::new();
    sandbox.shell(
        "ip link add br0 type bridge; ip link add v1 type veth peer name c1; ip link set v1 master br0
         ip link add vx0 type vxlan id 42 dstport 4789; ip link set br0 up; ip link set v1 up
         bridge fdb add 02:00:00:00:00:01 dev v1 master; bridge fdb add 02:00:00:00:00:02 dev v1 master static
         bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.1; bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.2
         bridge fdb add 02:00:00:00:00:03 dev vx0 dst 192.0.2.3
         ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev br0; ip neigh add fd00::2 lladdr 02:00:00:00:00:03 dev br0
         ip neigh add 10.0.0.3 lladdr 02:00:00:00:00:04 nud stale dev br0",
    );
    let neighbours = sandbox.world(|world| world.neighbours(&NetnsRef::Host).unwrap());
    let shown: Value = serde_json::from_str(&sandbox.shell("ip -j neigh show")).unwrap();
    let shown = shown.as_array().unwrap().iter().map(of_shown_neighbour);
    assert_eq!(sorted(neighbours.iter().map(of_neighbour)), sorted(shown));
    let fdb = sandbox.world(|world| world.fdb(&NetnsRef::Host).unwrap());
    let shown: Value = serde_json::from_str(&sandbox.shell("bridge -j fdb show")).unwrap();
    let shown = shown.as_array().unwrap().iter().map(of_shown_fdb);
    assert_eq!(sorted(fdb.iter().map(of_fdb)), sorted(shown));
}

/// Hash tables have no order.
fn sorted(values: impl Iterator<Item = Value>) -> Vec<String> {
    let mut texts: Vec<String> = values.map(|value| value.to_string()).collect();
    texts.sort();
    texts
}

fn of_neighbour(record: &NeighRecord) -> Value {
    let mac = record.mac.map(|mac| mac.to_string());
    json!({ "dst": record.dst, "mac": mac, "dev": record.dev.to_string(), "state": record.state })
}

fn of_shown_neighbour(record: &Value) -> Value {
    let state = text(&record["state"][0]).unwrap().to_lowercase();
    json!({ "dst": record["dst"], "mac": record.get("lladdr"), "dev": record["dev"], "state": state })
}

fn of_fdb(record: &FdbRecord) -> Value {
    json!({
        "mac": record.mac.to_string(),
        "dev": record.dev.to_string(),
        "master": record.master.as_ref().map(IfName::to_string),
        "dst": record.dst,
        "state": record.state,
    })
}

fn of_shown_fdb(record: &Value) -> Value {
    let state = text(&record["state"]).filter(|state| !state.is_empty()).unwrap_or("reachable");
    json!({
        "mac": record["mac"], "dev": record["ifname"], "master": record.get("master"), "dst": record.get("dst"),
        "state": state,
    })
}

#[test]
fn missing_links_namespaces_and_tables_are_reported() {
    let sandbox = Sandbox::new();
    let nowhere = NetnsRef::Named(NetnsName::parse("nowhere").unwrap());
    let name = IfName::parse("v1").unwrap();
    assert_eq!(sandbox.world(move |world| world.link(&NetnsRef::Host, &name).unwrap()), None);
    let error = sandbox.world(move |world| world.links(&nowhere).unwrap_err().describe());
    assert_eq!(error.code.to_string(), "E0303");
    let table = TableId(100);
    let routes = sandbox.world(|world| world.routes(&NetnsRef::Host, Family::V4).unwrap());
    assert!(routes.iter().all(|route| route.table != table));
}
