//! `route_get` against `ip route get`.

use serde_json::Value;

use super::journal::Machine;

/// Two links with addresses and default routes, in two tables, and rules that choose between them.
const NETWORK: &str = "
    sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0; ip link set lo up
    ip link add v0 type veth peer name c0; ip link set v0 up; ip link set c0 up
    ip link add v1 type veth peer name c1; ip link set v1 up; ip link set c1 up
    ip addr add 10.0.0.1/24 dev v0; ip addr add 10.0.1.1/24 dev v1; ip addr add 10.7.0.1/32 dev v1
    ip addr add fd00::1/64 dev v0; ip addr add fd01::1/64 dev v1
    ip route add default via 10.0.0.254; ip route add default via 10.0.1.254 table 100
    ip -6 route add default via fd00::fe; ip -6 route add default via fd01::fe table 100
    ip route add 10.8.0.0/16 via 10.0.0.253 src 10.7.0.1; ip route add 10.8.0.0/16 tos 0x10 via 10.0.1.253
    ip route add unreachable 192.0.2.0/24; ip route add prohibit 198.51.100.0/24; ip route add blackhole 203.0.113.0/24
    ip -6 route add unreachable fd02::/64; ip route add throw 10.6.0.0/16 table 100
    ip rule add priority 50 fwmark 7 lookup 100; ip rule add priority 60 from 10.0.1.1 lookup 100
    ip rule add priority 70 ipproto tcp dport 443 lookup 100; ip rule add priority 80 to 10.5.0.0/16 prohibit
    ip -6 rule add priority 50 fwmark 7 lookup 100; ip -6 rule add priority 60 from fd01::1 lookup 100
    for link in v0 c0 v1 c1; do
        for i in $(seq 100); do ip -6 route show dev $link | grep -q fe80 && break; sleep 0.1; done
    done";

/// The options of a script, those of `ip route get`, and the table and the priority of the rule by which the kernel
/// chooses; 0: no rule does.
const PACKETS: &[(&str, &str, &str, &str, u32)] = &[
    ("8.8.8.8", "#{}", "", "main", 32766),
    ("8.8.8.8", "#{ mark: 7 }", "mark 7", "100", 50),
    ("8.8.8.8", r#"#{ from: "10.0.1.1" }"#, "from 10.0.1.1", "100", 60),
    ("8.8.8.8", r#"#{ ipproto: "tcp", dport: 443 }"#, "ipproto tcp dport 443", "100", 70),
    ("8.8.8.8", r#"#{ ipproto: "tcp", dport: 80 }"#, "ipproto tcp dport 80", "main", 32766),
    ("8.8.8.8", r#"#{ oif: "v1" }"#, "oif v1", "", 0),
    ("10.8.1.1", "#{}", "", "main", 32766),
    ("10.8.1.1", "#{ tos: 16 }", "tos 0x10", "main", 32766),
    ("10.6.1.1", "#{ mark: 7 }", "mark 7", "main", 32766),
    ("10.0.0.7", "#{}", "", "main", 32766),
    ("10.0.0.1", "#{}", "", "local", 0),
    ("127.0.0.5", "#{}", "", "local", 0),
    ("10.0.0.255", "#{}", "", "local", 0),
    ("224.0.0.5", r#"#{ oif: "v0" }"#, "oif v0", "", 0),
    ("255.255.255.255", r#"#{ from: "10.0.1.1" }"#, "from 10.0.1.1", "", 0),
    ("8.8.8.8", r#"#{ from: "10.9.9.9" }"#, "from 10.9.9.9", "", 0),
    ("192.0.2.1", "#{}", "", "main", 32766),
    ("198.51.100.1", "#{}", "", "main", 32766),
    ("203.0.113.1", "#{}", "", "main", 32766),
    ("10.5.0.1", "#{}", "", "", 80),
    ("2001:db8::1", "#{}", "", "main", 32766),
    ("2001:db8::1", "#{ mark: 7 }", "mark 7", "100", 50),
    ("2001:db8::1", r#"#{ from: "fd01::1" }"#, "from fd01::1", "100", 60),
    ("fd00::7", "#{}", "", "main", 32766),
    ("fd01::1", "#{}", "", "local", 0),
    ("::1", "#{}", "", "local", 0),
    ("fe80::7", r#"#{ oif: "v1" }"#, "oif v1", "main", 32766),
    ("fd02::1", "#{}", "", "main", 32766),
];

#[test]
fn the_choice_is_the_kernels() {
    let machine = Machine::new();
    machine.ok(NETWORK);
    let asked = |(target, options, ..): &(&str, &str, &str, &str, u32)| {
        format!("print(host.route_get(\"{target}\", {options}).to_json());\n")
    };
    machine.script("lab", &PACKETS.iter().map(asked).collect::<String>());
    let told = machine.ok("netscript lab.rhai");
    let told: Vec<Value> =
        told.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), PACKETS.len());
    for ((target, options, arguments, table, priority), told) in PACKETS.iter().zip(&told) {
        let what = format!("{target} {options}: {told}");
        let asked = machine.run(&format!("ip -j -d route get {target} {arguments}"));
        assert_eq!(told["ok"], asked.status.success(), "{what}");
        if asked.status.success() {
            let kernel: Value = serde_json::from_slice(&asked.stdout).unwrap();
            let kernel = &kernel[0];
            let given = kernel["from"].as_str().is_some_and(|from| from != "::");
            let src = if given { &kernel["from"] } else { &kernel["prefsrc"] };
            let kernel = [&kernel["type"], &kernel["dev"], &kernel["gateway"], src];
            assert_eq!([&told["kind"], &told["dev"], &told["via"], &told["src"]], kernel, "{what}");
        } else {
            let kernel = String::from_utf8_lossy(&asked.stderr);
            assert!(kernel.contains(told["error"].as_str().unwrap()), "{what}: {kernel}");
        }
        let found = told["table"].as_str().map(str::to_owned).or(told["table"].as_u64().map(|table| table.to_string()));
        assert_eq!(found.unwrap_or_default(), *table, "{what}");
        if *priority != 0 {
            assert!(told["rule"].as_str().unwrap().starts_with(&format!("{priority}: ")), "{what}");
        }
    }
}

/// A dry run chooses the same routes, and says what it does not know.
#[test]
fn a_dry_run_chooses_routes_and_says_what_it_does_not_know() {
    let machine = Machine::new();
    machine.script(
        "lab",
        r#"let red = netns("red");
           let v = veth("v", #{ peer: "eth0", netns: red }).addr("10.0.0.1/24").up();
           v.peer.addr("10.0.0.2/24").up();
           red.route("default", #{ via: "10.0.0.1" });
           red.route("10.9.0.0/16", #{ nexthops: [#{ via: "10.0.0.3" }, #{ via: "10.0.0.4" }] });
           let chosen = red.route_get("8.8.8.8");
           assert(chosen.via == "10.0.0.1" && chosen.dev == "eth0" && chosen.src == "10.0.0.2" && chosen.table == "main");
           assert(!red.route_get("2001:db8::1").ok);
           print(red.route_get("10.9.0.1"));"#,
    );
    let told = machine.ok("netscript --dry-run lab.rhai");
    assert!(told.contains("which nexthop of the route to 10.9.0.0/16 the packet takes"), "{told}");
    machine.ok("netscript lab.rhai && netscript down lab");
}

/// A route over the loopback link is removed again. Linux 5.10 takes a gateway for it and does not keep it.
#[test]
fn a_route_over_loopback_is_removed() {
    let machine = Machine::new();
    machine.ok("ip link set lo up; ip -6 addr add fd00::4/128 dev lo");
    let routes = || machine.ok("ip -6 route show table all | sort");
    let before = routes();
    machine.script(
        "lab",
        r#"try { host.route("fd09::/48", #{ via: "fd00::4", dev: "lo", table: 200 }); } catch {}
           host.route("fd08::/48", #{ dev: "lo", table: 200 });"#,
    );
    machine.ok("netscript lab.rhai");
    assert_ne!(routes(), before);
    machine.ok("netscript down lab");
    assert_eq!(routes(), before);
}

/// Two links with addresses of both families, as a script makes them.
const LINKS: &str = r#"
    host.lo.up();
    let a = veth("a", #{ peer: "ax" }).addr("10.0.0.1/24").addr("fd00::1/64").up(); a.peer.up();
    let b = veth("b", #{ peer: "bx" }).addr("10.1.0.1/24").addr("fd01::1/64").up(); b.peer.up();
"#;

/// Further lines of a script, the packet, and whether a dry run knows its route.
const PREDICTED: &[(&str, &str, bool)] = &[
    (r#"host.route("default", #{ via: "10.0.0.254" });"#, r#""255.255.255.255""#, true),
    (r#"host.route("default", #{ via: "10.0.0.254" });"#, r#""8.8.8.8", #{ ipproto: "icmp" }"#, true),
    ("", r#""fd00::9", #{ ipproto: "icmp" }"#, true),
    (
        r#"host.sysctl("net.ipv4.conf.all.ignore_routes_with_linkdown", 1); a.peer.down(); sleep(1.5);"#,
        r#""10.0.0.1""#,
        true,
    ),
    (
        r#"host.sysctl("net.ipv4.conf.all.ignore_routes_with_linkdown", 1); a.peer.down(); sleep(1.5);"#,
        r#""10.0.0.9""#,
        true,
    ),
    (
        r#"host.sysctl("net.ipv6.conf.a.ignore_routes_with_linkdown", 1); a.peer.down(); sleep(1.5);"#,
        r#""fd00::1""#,
        true,
    ),
    ("a.peer.down(); sleep(1.5);", r#""10.0.0.9""#, false),
    (
        r#"host.route("default", #{ via: "fd00::fe", metric: 5 }); host.route("default", #{ via: "fd01::fe", metric: 10 });
           host.ping("2001:db8::1"); sleep(4);"#,
        r#""2001:db8::1""#,
        false,
    ),
    (
        r#"host.route("default", #{ via: "10.0.0.254", tos: 16 }); host.route("default", #{ via: "10.1.0.254" });"#,
        r#""8.8.8.8", #{ tos: 16 }"#,
        false,
    ),
    (r#"b.addr("10.0.0.1/24");"#, r#""239.1.1.1", #{ from: "10.0.0.1" }"#, false),
    (
        r#"host.sysctl("net.ipv6.conf.b.use_oif_addrs_only", 1); host.sysctl("net.ipv6.conf.all.use_oif_addrs_only", 0);
           b.del_addr("fd01::1/64").addr("fd01::7/64"); host.route("2001:db8::/32", #{ dev: "b" });"#,
        r#""2001:db8::1""#,
        true,
    ),
    (r#"host.rule(#{ priority: 5, tos: 16, kind: "prohibit" });"#, r#""8.8.8.8", #{ tos: 16 }"#, true),
    (
        r#"host.rule(#{ priority: 5, goto_priority: 9 }); host.rule(#{ priority: 6, kind: "prohibit" });
           host.rule(#{ priority: 9, table: 100 }); host.route("default", #{ via: "10.1.0.254", table: 100 });"#,
        r#""8.8.8.8""#,
        true,
    ),
];

#[test]
fn what_a_dry_run_predicts_happens() {
    for (lines, packet, known) in PREDICTED {
        let machine = Machine::new();
        machine.script("lab", &format!("{LINKS}{lines}\nprint(host.route_get({packet}).to_json());"));
        let chosen = |told: &str| {
            let line = told.lines().find(|line| line.starts_with("{\""))?.to_owned();
            let told: Value = serde_json::from_str(&line).unwrap();
            Some(["ok", "kind", "dev", "via", "src", "error"].map(|key| told[key].clone()))
        };
        let predicted = machine.run("netscript --dry-run lab.rhai");
        let happened = chosen(&machine.ok("netscript lab.rhai")).expect("the kernel answers");
        let predicted = chosen(&String::from_utf8_lossy(&predicted.stderr));
        assert_eq!(predicted.is_some(), *known, "{lines} {packet}");
        assert!(predicted.is_none_or(|predicted| predicted == happened), "{lines} {packet}: {happened:?}");
    }
}

/// Routes and addresses of the machine with properties that a dry run does not know.
#[test]
fn a_dry_run_from_the_host_does_not_guess() {
    let machine = Machine::new();
    machine.ok(NETWORK);
    machine.ok(
        "ip -6 route add fd09::/64 from fd00::/64 via fd00::9; ip addr add 2001:db8:7::5/64 dev v1 preferred_lft 0 nodad",
    );
    machine.script(
        "lab",
        r#"print(host.route_get("fd09::1", #{ from: "fd00::1" })); print(host.route_get("2001:db8:7::9"));"#,
    );
    let told = machine.ok("netscript --dry-run --from-host lab.rhai");
    assert!(told.contains("the route to fd09::/64: it has unknown properties"), "{told}");
    assert!(told.contains("one of several is deprecated"), "{told}");
}

/// A route that others put in the place of the lab's stays, and so do their others of another metric.
#[test]
fn a_route_of_others_in_the_place_of_the_labs_stays() {
    let machine = Machine::new();
    machine
        .ok("ip link add e type veth peer name f; ip link set e up; ip link set f up; ip addr add 10.0.0.1/24 dev e");
    for (kind, tos) in [("blackhole", "tos 0x10"), ("unreachable", "")] {
        let number = if tos.is_empty() { 0 } else { 16 };
        machine.script("lab", &format!("host.route(\"10.4.0.0/16\", #{{ kind: \"{kind}\", tos: {number} }});"));
        machine.ok("netscript lab.rhai");
        machine.ok(&format!(
            "ip route add {kind} 10.4.0.0/16 {tos} metric 5; ip route replace 10.4.0.0/16 {tos} via 10.0.0.9"
        ));
        let routes = machine.ok("ip route");
        machine.ok("netscript down lab");
        assert_eq!(machine.ok("ip route"), routes);
        machine.ok(&format!("ip route del {kind} 10.4.0.0/16 {tos} metric 5; ip route del 10.4.0.0/16 {tos}"));
    }
}
