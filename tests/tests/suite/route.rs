//! Routes and the rules that choose a routing table, against `ip route` and `ip rule`.

use netscript_tests::{Case, Sandbox, case, check};

const ROUTES: &[Case] = &[
    case(
        r#"bridge("br0").up().addr("10.0.0.2/24"); host.route("default", #{ via: "10.0.0.1" });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.2/24 dev br0; ip route add default via 10.0.0.1",
    ),
    case(
        r#"let br0 = bridge("br0").up().addr("10.0.0.2/24"); host.route("10.1.0.0/16", #{ dev: br0 });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.2/24 dev br0; ip route add 10.1.0.0/16 dev br0",
    ),
    case(
        r#"let br0 = bridge("br0").up().addr("10.0.0.2/24").addr("10.9.0.1/32");
           host.route("10.1.0.0/16", #{ via: "10.0.0.1", dev: br0, src: "10.9.0.1", metric: 10, mtu: 1400, proto: "static" });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.2/24 dev br0; ip addr add 10.9.0.1/32 dev br0
         ip route add 10.1.0.0/16 via 10.0.0.1 dev br0 src 10.9.0.1 metric 10 mtu 1400 proto static",
    ),
    case(
        r#"let br0 = bridge("br0").up(); host.route("10.1.0.1", #{ dev: br0, scope: "global", table: 100 });
           host.route("10.2.0.0/16", #{ dev: br0, scope: "host", table: 1000 }); host.route("10.2.0.0/16", #{ dev: br0, table: "local" });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip route add 10.1.0.1 dev br0 scope global table 100
         ip route add 10.2.0.0/16 dev br0 scope host table 1000; ip route add 10.2.0.0/16 dev br0 table local",
    ),
    case(
        r#"bridge("br0").up().addr("10.0.0.2/24"); host.route("10.1.0.0/16", #{ via: "10.0.0.1", tos: 16 });
           host.route("10.1.0.0/16", #{ via: "10.0.0.3" }); host.route("10.1.0.0/16", #{ via: "10.0.0.4", tos: 8, metric: 5 });
           host.replace_route("10.1.0.0/16", #{ via: "10.0.0.5", tos: 16 }); host.route("10.2.0.0/16", #{ via: "10.0.0.1", tos: 8 });
           host.route("10.2.0.0/16", #{ via: "10.0.0.1" }); host.del_route("10.2.0.0/16", #{ tos: 8 });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.2/24 dev br0; ip route add 10.1.0.0/16 via 10.0.0.3
         ip route add 10.1.0.0/16 tos 0x10 via 10.0.0.5; ip route add 10.1.0.0/16 tos 0x08 via 10.0.0.4 metric 5
         ip route add 10.2.0.0/16 via 10.0.0.1",
    ),
    case(
        r#"host.route("10.1.0.0/16", #{ kind: "blackhole" }); host.route("10.2.0.0/16", #{ kind: "unreachable" });
           host.route("10.3.0.0/16", #{ kind: "prohibit", metric: 7 }); host.route("10.4.0.0/16", #{ kind: "throw", table: 100 });"#,
        "ip route add blackhole 10.1.0.0/16; ip route add unreachable 10.2.0.0/16
         ip route add prohibit 10.3.0.0/16 metric 7; ip route add throw 10.4.0.0/16 table 100",
    ),
    case(
        r#"let br0 = bridge("br0").up(); host.route("10.1.0.1", #{ kind: "local", dev: br0, table: "local" });
           host.route("10.1.0.255", #{ kind: "broadcast", dev: br0, table: "local" }); host.route("239.1.0.0/16", #{ kind: "multicast", dev: br0 });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip route add local 10.1.0.1 dev br0
         ip route add broadcast 10.1.0.255 dev br0; ip route add multicast 239.1.0.0/16 dev br0",
    ),
    case(
        r#"let br0 = bridge("br0").up().addr("10.0.0.2/24"); let br1 = bridge("br1").up().addr("10.0.1.2/24");
           host.route("default", #{ nexthops: [#{ via: "10.0.1.1", weight: 3 }, #{ via: "10.0.0.1", dev: br0 }] });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.2/24 dev br0
         ip link add br1 type bridge; ip link set br1 up; ip addr add 10.0.1.2/24 dev br1
         ip route add default nexthop via 10.0.1.1 weight 3 nexthop via 10.0.0.1 dev br0",
    ),
    case(
        r#"let br0 = bridge("br0").up(); let br1 = bridge("br1").up().addr("10.5.0.1/24");
           host.route("10.1.0.0/16", #{ nexthops: [#{ dev: br0, weight: 256 }, #{ via: "10.8.0.1", dev: br1, onlink: true }] });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip link add br1 type bridge; ip link set br1 up; ip addr add 10.5.0.1/24 dev br1
         ip route add 10.1.0.0/16 nexthop dev br0 weight 256 nexthop via 10.8.0.1 dev br1 onlink",
    ),
    case(
        r#"let br0 = bridge("br0").up().addr("10.5.0.1/24"); host.route("10.1.0.0/16", #{ via: "192.0.2.1", dev: br0, onlink: true });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.5.0.1/24 dev br0; ip route add 10.1.0.0/16 via 192.0.2.1 dev br0 onlink",
    ),
    case(
        r#"let br0 = bridge("br0").up().addr("2001:db8::2/64"); host.route("10.1.0.0/16", #{ via: "2001:db8::1", dev: br0 });
           host.route("10.2.0.0/16", #{ nexthops: [#{ via: "2001:db8::1", dev: br0 }, #{ via: "2001:db8::3", dev: br0 }] });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 2001:db8::2/64 dev br0 nodad
         ip route add 10.1.0.0/16 via inet6 2001:db8::1 dev br0
         ip route add 10.2.0.0/16 nexthop via inet6 2001:db8::1 dev br0 nexthop via inet6 2001:db8::3 dev br0",
    ),
    case(
        r#"let br0 = bridge("br0").up(); host.route("0.0.0.0/0", #{ via: "2001:db8::1", dev: br0, onlink: true });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip route add 0.0.0.0/0 via inet6 2001:db8::1 dev br0 onlink",
    ),
    case(
        r#"bridge("br0").up().addr("10.0.0.2/24"); host.route("10.1.0.0/16", #{ via: "10.0.0.1" });
           host.replace_route("10.1.0.0/16", #{ via: "10.0.0.3" }); host.replace_route("10.2.0.0/16", #{ via: "10.0.0.3" });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.2/24 dev br0; ip route add 10.1.0.0/16 via 10.0.0.1
         ip route replace 10.1.0.0/16 via 10.0.0.3; ip route replace 10.2.0.0/16 via 10.0.0.3",
    ),
    case(
        r#"bridge("br0").up().addr("10.0.0.2/24"); host.route("10.1.0.0/16", #{ via: "10.0.0.1" });
           host.route("10.1.0.0/16", #{ via: "10.0.0.1", metric: 5 }); host.route("10.2.0.0/16", #{ kind: "blackhole" });
           host.del_route("10.1.0.0/16"); host.del_route("10.2.0.0/16");"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.2/24 dev br0; ip route add 10.1.0.0/16 via 10.0.0.1
         ip route add 10.1.0.0/16 via 10.0.0.1 metric 5; ip route add blackhole 10.2.0.0/16
         ip route del 10.1.0.0/16; ip route del 10.2.0.0/16",
    ),
    case(
        r#"bridge("br0").up().addr("10.0.0.2/24"); host.route("10.1.0.0/16", #{ via: "10.0.0.1", metric: 5 });
           host.route("10.1.0.0/16", #{ via: "10.0.0.3", metric: 6, proto: "static" });
           host.del_route("10.1.0.0/16", #{ via: "10.0.0.3" }); host.del_route("10.0.0.0/24");"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.2/24 dev br0; ip route add 10.1.0.0/16 via 10.0.0.1 metric 5
         ip route add 10.1.0.0/16 via 10.0.0.3 metric 6 proto static
         ip route del 10.1.0.0/16 via 10.0.0.3; ip route del 10.0.0.0/24",
    ),
    case(
        r#"let red = netns("red"); red.bridge("br0").up().addr("10.0.0.2/24"); red.route("default", #{ via: "10.0.0.1" });"#,
        "ip netns add red; ip -n red link add br0 type bridge; ip -n red link set br0 up
         ip -n red addr add 10.0.0.2/24 dev br0; ip -n red route add default via 10.0.0.1",
    ),
];

#[test]
fn routes_of_ipv4() {
    check(ROUTES);
}

const ROUTES6: &[Case] = &[
    case(
        r#"bridge("br0").up().addr("2001:db8::2/64"); host.route("default", #{ via: "2001:db8::1" });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 2001:db8::2/64 dev br0 nodad; ip route add default via 2001:db8::1",
    ),
    case(
        r#"let br0 = bridge("br0").up(); host.route("2001:db8:1::/48", #{ dev: br0 }); host.route("default", #{ via: "fe80::1", dev: br0 });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip route add 2001:db8:1::/48 dev br0; ip route add default via fe80::1 dev br0",
    ),
    case(
        r#"let br0 = bridge("br0").up().addr("2001:db8::2/64");
           host.route("2001:db8:1::/48", #{ via: "2001:db8::1", src: "2001:db8::2", metric: 10, mtu: 1400, proto: "static" });
           host.route("2001:db8:2::/48", #{ dev: br0, table: 1000 });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 2001:db8::2/64 dev br0 nodad
         ip route add 2001:db8:1::/48 via 2001:db8::1 src 2001:db8::2 metric 10 mtu 1400 proto static
         ip route add 2001:db8:2::/48 dev br0 table 1000",
    ),
    case(
        r#"host.lo.up(); host.route("2001:db8:1::/48", #{ kind: "blackhole" }); host.route("2001:db8:2::/48", #{ kind: "unreachable" });
           host.route("2001:db8:3::/48", #{ kind: "prohibit" }); host.route("2001:db8:4::/48", #{ kind: "throw", table: 100 });"#,
        "ip link set lo up; ip route add blackhole 2001:db8:1::/48; ip route add unreachable 2001:db8:2::/48
         ip route add prohibit 2001:db8:3::/48; ip route add throw 2001:db8:4::/48 table 100",
    ),
    case(
        r#"let br0 = bridge("br0").up().addr("2001:db8::2/64");
           host.route("2001:db8:9::/48", #{ nexthops: [#{ via: "2001:db8::3", weight: 2 }, #{ via: "2001:db8::1", dev: br0 }] });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 2001:db8::2/64 dev br0 nodad
         ip route add 2001:db8:9::/48 nexthop via 2001:db8::3 weight 2 nexthop via 2001:db8::1 dev br0",
    ),
    case(
        r#"let br0 = bridge("br0").up(); host.route("2001:db8:1::1", #{ kind: "local", dev: br0, table: "local" });
           host.route("2001:db8:5::/48", #{ via: "2001:db8::1", dev: br0, onlink: true });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip route add local 2001:db8:1::1 dev br0
         ip route add 2001:db8:5::/48 via 2001:db8::1 dev br0 onlink",
    ),
    case(
        r#"bridge("br0").up().addr("2001:db8::2/64"); host.route("2001:db8:1::/48", #{ via: "2001:db8::1" });
           host.replace_route("2001:db8:1::/48", #{ via: "2001:db8::3" }); host.route("2001:db8:2::/48", #{ via: "2001:db8::1", metric: 7 });
           host.route("2001:db8:2::/48", #{ via: "2001:db8::3", metric: 8 }); host.del_route("2001:db8:2::/48", #{ metric: 8 });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 2001:db8::2/64 dev br0 nodad; ip route add 2001:db8:1::/48 via 2001:db8::1
         ip route replace 2001:db8:1::/48 via 2001:db8::3; ip route add 2001:db8:2::/48 via 2001:db8::1 metric 7
         ip route add 2001:db8:2::/48 via 2001:db8::3 metric 8; ip route del 2001:db8:2::/48 metric 8",
    ),
    case(
        r#"bridge("br0").up().addr("2001:db8::2/64"); host.route("2001:db8:2::/48", #{ via: "2001:db8::1", metric: 7 });
           host.route("2001:db8:3::/48", #{ kind: "blackhole" }); host.del_route("2001:db8:2::/48"); host.del_route("2001:db8:3::/48");"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 2001:db8::2/64 dev br0 nodad",
    ),
];

#[test]
fn routes_of_ipv6() {
    check(ROUTES6);
}

const FLUSHES: &[Case] = &[
    case(
        r#"let br0 = bridge("br0").up(); for i in 0..20 { host.route(`10.${i}.0.0/16`, #{ dev: br0, table: 100 }); }
           host.route("2001:db8:1::/48", #{ dev: br0, table: 100 }); host.route("10.1.0.0/16", #{ dev: br0, table: 101 });
           host.flush_routes(#{ table: 100 });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip route add 10.1.0.0/16 dev br0 table 101",
    ),
    case(
        r#"bridge("br0").up().addr("10.0.0.2/24").addr("2001:db8::2/64"); host.route("default", #{ via: "10.0.0.1" });
           host.flush_routes(#{ table: "main" });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.2/24 dev br0; ip addr add 2001:db8::2/64 dev br0 nodad
         ip route add default via 10.0.0.1; ip -4 route flush table main; ip -6 route flush table main",
    ),
];

#[test]
fn flushes() {
    check(FLUSHES);
}

const RULES: &[Case] = &[
    case(
        r#"host.rule(#{ from: "10.0.0.0/24", priority: 100, table: 100 });"#,
        "ip rule add from 10.0.0.0/24 priority 100 table 100",
    ),
    case(
        r#"host.rule(#{ from: "10.0.0.0/24", to: "10.1.0.0/16", iif: "lo", oif: "eth9", fwmark: 7, table: 1000 });"#,
        "ip rule add from 10.0.0.0/24 to 10.1.0.0/16 iif lo oif eth9 fwmark 7 table 1000",
    ),
    case(
        r#"host.rule(#{ fwmark: "0x10/0xf0", table: "main" }); host.rule(#{ to: "10.1.0.1", table: "local" }); host.rule(#{ iif: "up", table: 5 });"#,
        "ip rule add fwmark 0x10/0xf0 table main; ip rule add to 10.1.0.1 table local; ip rule add iif up table 5",
    ),
    case(
        r#"host.rule(#{ invert: true, from: "10.0.0.0/24", table: 7, priority: 7 });"#,
        "ip rule add not from 10.0.0.0/24 table 7 priority 7",
    ),
    case(
        r#"host.rule(#{ from: "2001:db8::/32", priority: 100, table: 100 }); host.rule(#{ family: "ipv6", fwmark: 7, table: 300 });"#,
        "ip -6 rule add from 2001:db8::/32 priority 100 table 100; ip -6 rule add fwmark 7 table 300",
    ),
    case(
        r#"host.rule(#{ from: "10.0.0.0/24", priority: 100, table: 100 }); host.rule(#{ from: "10.0.0.0/24", priority: 101, table: 100 });
           host.rule(#{ from: "2001:db8::/32", table: 100 });
           host.del_rule(#{ from: "10.0.0.0/24", table: 100 }); host.del_rule(#{ from: "2001:db8::/32", table: 100 });"#,
        "ip rule add from 10.0.0.0/24 priority 101 table 100",
    ),
    case(
        r#"let red = netns("red"); red.rule(#{ to: "10.0.0.0/24", priority: 5, table: 200 });"#,
        "ip netns add red; ip -n red rule add to 10.0.0.0/24 priority 5 table 200",
    ),
];

#[test]
fn rules() {
    check(RULES);
}

/// Each fails, with this code.
const REFUSED: &[(&str, &str)] = &[
    (r#"host.route("default", #{ via: "10.0.0.1" });"#, "E0304"),
    (r#"host.route("10.0.0.0/8", #{ dev: "nowhere" });"#, "E0302"),
    (r#"host.route("10.0.0.0/8", #{ nexthops: [#{ dev: "lo" }, #{ dev: "nowhere" }] });"#, "E0302"),
    (r#"host.route("10.0.0.0/8", #{ kind: "blackhole" }); host.route("10.0.0.0/8", #{ kind: "blackhole" });"#, "E0301"),
    (r#"host.del_route("10.0.0.0/8");"#, "E0306"),
    (r#"host.del_route("2001:db8::/32");"#, "E0306"),
    (r#"host.del_rule(#{ from: "10.0.0.0/8" });"#, "E0306"),
    (r#"host.rule(#{ from: "10.0.0.0/8", priority: 5 }); host.rule(#{ from: "10.0.0.0/8", priority: 5 });"#, "E0301"),
    (r#"host.neigh("10.0.0.1", "02:00:00:00:00:01", "nowhere");"#, "E0302"),
    (r#"host.lo.del_addr("10.0.0.1/8");"#, "E0306"),
];

#[test]
fn refusals() {
    for (script, code) in REFUSED {
        let failure = Sandbox::new().script(script).expect_err(script);
        assert_eq!(failure.code.to_string(), *code, "{script}\n{failure:?}");
    }
}
