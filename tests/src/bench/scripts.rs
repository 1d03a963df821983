//! The networks of the benchmark in the language of each way.

use std::fmt::Write as _;

use crate::floor::{address, numbered};

/// Where a run finds its files: `/run` of its own sandbox.
pub(super) const DIR: &str = "/run/bench";

/// The lab of one bridge and `namespaces` namespaces, in the order of a tutorial.
pub(super) fn lab(namespaces: u32) -> String {
    format!(
        r#"let br0 = bridge("br0").up().addr("10.0.0.1/16");
for n in 0..{namespaces} {{
    let node = netns(`n${{n}}`);
    let port = veth(`v${{n}}`, `p${{n}}`);
    port.peer.move_to(node).rename("eth0");
    port.master(br0).up();
    node.lo.up();
    port.peer.addr(`10.0.${{(n + 2) / 256}}.${{(n + 2) % 256}}/16`).up();
    node.route("default", #{{ via: "10.0.0.1" }});
}}
"#
    )
}

/// `ip -batch`, with the pairs' ends born where they belong, or moved there as in a tutorial: one
/// batch for the host, and one for each namespace, since a batch has one namespace.
pub(super) fn ip_batch(namespaces: u32, born_in_place: bool) -> Vec<(String, String)> {
    let mut host = "link add br0 type bridge\nlink set br0 up\naddr add 10.0.0.1/16 dev br0\n".to_owned();
    let mut script = format!("set -e\nip -batch {DIR}/host\n");
    let mut files = Vec::new();
    for n in 0..namespaces {
        let _ = writeln!(host, "netns add n{n}");
        let _ = match born_in_place {
            true => writeln!(host, "link add v{n} master br0 up type veth peer name eth0 netns n{n}"),
            false => writeln!(
                host,
                "link add v{n} type veth peer name p{n}\nlink set p{n} netns n{n} name eth0\nlink set v{n} master br0\nlink set v{n} up"
            ),
        };
        let _ = writeln!(script, "ip -n n{n} -batch {DIR}/{n}");
        let inside = format!(
            "link set lo up\naddr add {}/16 dev eth0\nlink set eth0 up\nroute add default via 10.0.0.1\n",
            address(n)
        );
        files.push((n.to_string(), inside));
    }
    files.extend([("host".to_owned(), host), ("run".to_owned(), script)]);
    files
}

/// pyroute2, by its own documented interface.
pub(super) fn pyroute2(namespaces: u32, born_in_place: bool) -> String {
    let pair = match born_in_place {
        true => {
            "    ip.link('add', ifname=f'v{n}', kind='veth', master=br, state='up', peer={'ifname': 'eth0', 'net_ns_fd': f'n{n}'})\n"
        }
        false => {
            "    ip.link('add', ifname=f'v{n}', kind='veth', peer=f'p{n}')\n    far = ip.link_lookup(ifname=f'p{n}')[0]\n    ip.link('set', index=far, net_ns_fd=f'n{n}', ifname='eth0')\n    near = ip.link_lookup(ifname=f'v{n}')[0]\n    ip.link('set', index=near, master=br)\n    ip.link('set', index=near, state='up')\n"
        }
    };
    format!(
        "from pyroute2 import IPRoute, NetNS, netns\nip = IPRoute()\nip.link('add', ifname='br0', kind='bridge')\nbr = ip.link_lookup(ifname='br0')[0]\nip.link('set', index=br, state='up')\nip.addr('add', index=br, address='10.0.0.1', prefixlen=16)\nfor n in range({namespaces}):\n    netns.create(f'n{{n}}')\n{pair}    with NetNS(f'n{{n}}') as ns:\n        ns.link('set', index=1, state='up')\n        end = ns.link_lookup(ifname='eth0')[0]\n        ns.addr('add', index=end, address=f'10.0.{{(n + 2) // 256}}.{{(n + 2) % 256}}', prefixlen=16)\n        ns.link('set', index=end, state='up')\n        ns.route('add', dst='default', gateway='10.0.0.1')\nip.close()\n"
    )
}

/// mininet, with its own Linux bridge and hosts.
pub(super) fn mininet(namespaces: u32) -> String {
    format!(
        "from mininet.net import Mininet\nfrom mininet.nodelib import LinuxBridge\nnet = Mininet(switch=LinuxBridge, controller=None, ipBase='10.0.0.0/16')\ns = net.addSwitch('br0')\nfor n in range({namespaces}):\n    net.addLink(net.addHost(f'n{{n}}', defaultRoute='via 10.0.0.1'), s)\nnet.start()\nimport os\nos._exit(0)\n"
    )
}

/// The three-tier exercise, without the tests at its end.
pub(super) const THREE_TIER: &str = r#"fn tier(name, net, node, short) {
    let bridge = bridge(`${name}-bridge`).addr(`192.168.${net}.1/24`).up();
    let node = netns(node);
    let port = veth(`veth-${short}`, `eth-${short}`).master(bridge).up();
    port.peer.move_to(node).addr(`192.168.${net}.10/24`).up();
    node.lo.up();
    node.route("default", #{ via: `192.168.${net}.1` });
    node
}
let web = tier("frontend", 10, "web-server", "web");
let api = tier("backend", 20, "api-server", "api");
let db = tier("database", 30, "db-server", "db");
host.sysctl("net.ipv4.ip_forward", 1);
host.filter.forward.accept(#{ src: "192.168.10.0/24", dst: "192.168.20.0/24" });
host.filter.forward.accept(#{ src: "192.168.20.0/24", dst: "192.168.10.0/24" });
host.filter.forward.accept(#{ src: "192.168.20.0/24", dst: "192.168.30.0/24" });
host.filter.forward.accept(#{ src: "192.168.30.0/24", dst: "192.168.20.0/24" });
host.filter.forward.drop(#{ src: "192.168.10.0/24", dst: "192.168.30.0/24" });
host.nat.masquerade(#{ src: "192.168.10.0/24" });
host.nat.dnat(#{ proto: "tcp", dport: 80, to: "192.168.10.10:80" });
"#;

/// 1,000 rules in one chain.
pub(super) const NAT_RULES: &str =
    "for n in 0..1000 { host.nat.dnat(#{ proto: \"tcp\", dport: 1000 + n, to: `10.0.0.2:${2000 + n}` }); }\n";

/// The same, a command for each.
pub(super) fn iptables() -> String {
    let rules = (0..1000).map(|n| {
        format!(
            "iptables -t nat -A PREROUTING -p tcp --dport {} -j DNAT --to-destination 10.0.0.2:{}\n",
            1000 + n,
            2000 + n
        )
    });
    rules.collect()
}

/// 10,000 addresses on one link.
pub(super) const ADDRESSES: &str = "let br0 = bridge(\"br0\");\nfor n in 1..10001 { br0.addr(`10.${64 + n / 65536}.${n / 256 % 256}.${n % 256}/32`); }\n";

/// 10,000 routes by one router.
pub(super) const ROUTES: &str = "let br0 = bridge(\"br0\").addr(\"10.0.0.1/16\").up();\nfor n in 1..10001 { host.route(`10.${64 + n / 65536}.${n / 256 % 256}.${n % 256}/32`, #{ via: \"10.0.0.2\" }); }\n";

/// The addresses for `ip -batch`.
pub(super) fn ip_addresses() -> String {
    let addresses = (0..10_000).map(|n| format!("addr add {}/32 dev br0\n", numbered(n)));
    ["link add br0 type bridge\n".to_owned()].into_iter().chain(addresses).collect()
}

/// The routes for `ip -batch`.
pub(super) fn ip_routes() -> String {
    let start = "link add br0 type bridge\naddr add 10.0.0.1/16 dev br0\nlink set br0 up\n".to_owned();
    let routes = (0..10_000).map(|n| format!("route add {}/32 via 10.0.0.2\n", numbered(n)));
    [start].into_iter().chain(routes).collect()
}
