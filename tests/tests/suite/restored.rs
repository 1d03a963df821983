//! Objects of others with properties that netscript does not read: a script removes or replaces them, and they are
//! restored as `ip -d -j` and `bridge -d -j` showed them.

use std::time::{Duration, Instant};

use netscript_tests::patience;
use serde_json::Value;

use super::journal::{Machine, told};

/// A link with addresses, a bridge with ports, and a vxlan link.
const NETWORK: &str = "
    sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
    ip link add v0 type veth peer name c0; ip link set v0 up; ip link set c0 up
    ip addr add 10.0.0.1/24 dev v0; ip addr add fd00::1/64 dev v0
    ip link add br0 type bridge; ip link set br0 up
    ip link add v1 type veth peer name c1; ip link set v1 master br0; ip link set v1 up; ip link set c1 up
    ip link add v2 type veth peer name c2; ip link set v2 master br0; ip link set v2 up; ip link set c2 up
    ip link add vx0 type vxlan id 1 local 10.0.0.1 dstport 4789; ip link set vx0 up
    for link in v0 c0 br0 c1 c2 vx0; do
        for i in $(seq 100); do ip -6 route show dev $link | grep -q fe80 && break; sleep 0.1; done
    done";

/// The lifetimes in `made` are at most this many seconds, and no test takes as long as their difference to the least.
const LIFETIMES: std::ops::RangeInclusive<u64> = 4000..=5000;

/// Commands that make an object, and lines of a script that remove or replace it.
struct Case {
    made: &'static str,
    removed: &'static [&'static str],
}

/// Whether the kernel lets a sandbox remove forwarding entries.
fn removes_entries(machine: &Machine) -> bool {
    machine
        .run("bridge fdb add 02:00:00:00:00:99 dev vx0 dst 10.0.0.9; bridge fdb del 02:00:00:00:00:99 dev vx0")
        .status
        .success()
}

/// Everything that `ip` and `bridge` list, apart from running lifetimes and what the kernel learns meanwhile.
fn listed(machine: &Machine) -> Vec<Value> {
    let list = |command: &str| -> Vec<Value> {
        let text = machine.ok(command);
        let listed: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command}: {error}: {text}"));
        listed.as_array().unwrap().clone()
    };
    let mut all = list("ip -d -j -4 route show table all");
    // The kernel's own routes of several links have the order in which the links came up.
    let mut routes = list("ip -d -j -6 route show table all");
    routes.sort_by_key(|route| (route["protocol"] == "kernel").then(|| route.to_string()));
    all.extend(routes);
    all.extend(list("ip -d -j -4 rule"));
    all.extend(list("ip -d -j -6 rule"));
    for link in list("ip -d -j addr") {
        let addrs = link["addr_info"].as_array().unwrap().iter();
        all.extend(addrs.map(|addr| serde_json::json!([link["ifname"], addr])));
    }
    for (command, key) in [("ip -d -j neigh show nud all", "dst"), ("bridge -d -j fdb", "mac")] {
        let mut entries = list(command);
        entries.retain(|entry| {
            let value = entry[key].as_str().unwrap();
            ["10.0.0.", "fd00:", "02:00:00:00:00:"].iter().any(|start| value.starts_with(start))
        });
        entries.sort_by_key(Value::to_string);
        all.extend(entries);
    }
    all.iter_mut().for_each(without_times);
    all
}

/// The same when it has stopped changing.
fn settled(machine: &Machine) -> Vec<Value> {
    let mut last = listed(machine);
    loop {
        std::thread::sleep(patience(Duration::from_millis(300)));
        let now = listed(machine);
        if now == last {
            return now;
        }
        last = now;
    }
}

fn without_times(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(without_times),
        Value::Object(values) => {
            for (key, value) in values {
                let seconds = value.as_u64().filter(|seconds| LIFETIMES.contains(seconds));
                if seconds.is_some() && ["expires", "valid_life_time", "preferred_life_time"].contains(&key.as_str()) {
                    *value = "running".into();
                }
                without_times(value);
            }
        }
        _ => {}
    }
}

/// What differs, once the kernel has made its own objects for links that came up.
fn differences(machine: &Machine, before: &[Value]) -> String {
    let end = Instant::now() + patience(Duration::from_secs(3));
    loop {
        let after = listed(machine);
        let only = |these: &[Value], those: &[Value], sign: &str| -> String {
            these.iter().filter(|value| !those.contains(value)).map(|value| format!("{sign} {value}\n")).collect()
        };
        if before == after {
            return String::new();
        }
        if Instant::now() > end {
            let (missing, new) = (only(before, &after, "-"), only(&after, before, "+"));
            return format!("{missing}{new}objects are missing, or new, or have another order");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Removes and restores the objects of each case with `undo()`, by a script that fails, and with `down`.
fn check(cases: &[Case]) {
    for Case { made, removed } in cases {
        let machine = Machine::new();
        machine.ok(NETWORK);
        let output = machine.run(&format!("set -e; {made}"));
        if !output.status.success() {
            let made = made.split_whitespace().collect::<Vec<_>>().join(" ");
            netscript_tests::skip(&format!("restoring what `{made}` makes: {}", told(&output).trim()));
            continue;
        }
        let deletes_entries = removed.iter().any(|removed| removed.contains("del_fdb"));
        if deletes_entries && !removes_entries(&machine) {
            netscript_tests::skip("restoring removed forwarding entries: this kernel removes none in a sandbox");
            continue;
        }
        // The kernel adds the routes of IPv6 addresses a little later.
        machine.ok("for i in $(seq 100); do test -z \"$(ip -6 addr show tentative)\" && break; sleep 0.1; done");
        let before = settled(&machine);
        for removed in *removed {
            let is_restored = |how: &str| {
                let differences = differences(&machine, &before);
                assert_eq!(differences, "", "{made}\n{removed}\n{how}");
            };
            machine.script("lab", &format!("{removed} undo();"));
            machine.ok("netscript --force --rm lab.rhai");
            is_restored("undo()");

            machine.script("lab", &format!("{removed} throw \"enough\";"));
            machine.refused("netscript --force lab.rhai", "E0112");
            is_restored("a script that fails");

            machine.script("lab", removed);
            machine.ok("netscript --force lab.rhai");
            assert!(before != listed(&machine), "{made}: {removed} changes nothing");
            let commands = machine.ok("netscript down --dry-run lab");
            assert!(
                commands.contains("  # the object had more properties; `netscript down` restores all"),
                "{commands}"
            );
            assert_eq!(machine.ok("netscript down lab"), "the lab `lab` is down\n", "{made}");
            is_restored("down");
        }
    }
}

const DEL_OR_REPLACE: &[&str] = &[
    r#"host.del_route("10.9.0.0/24");"#,
    r#"host.replace_route("10.9.0.0/24", #{ via: "10.0.0.3" });"#,
    r#"host.replace_route("10.9.0.0/24", #{ kind: "unreachable" });"#,
    r#"link("v0").down();"#,
];

const DEL_OR_REPLACE_V6: &[&str] = &[
    r#"host.del_route("fd09::/64");"#,
    r#"host.replace_route("fd09::/64", #{ via: "fd00::3" });"#,
    r#"link("v0").down();"#,
];

#[test]
fn routes() {
    check(&[
        Case {
            made: "ip route add 10.9.0.0/24 via 10.0.0.2 advmss 1200 window 3000 mtu lock 1400 initcwnd 20 initrwnd 30 \
                   hoplimit 33 rto_min 40ms quickack 1 reordering 9 realms 5 proto 77",
            removed: DEL_OR_REPLACE,
        },
        Case { made: "ip route add 10.9.0.0/24 dev v0 congctl cubic", removed: DEL_OR_REPLACE },
        Case {
            made: "ip route add 10.9.0.0/24 advmss 1200 nexthop via 10.0.0.2 dev v0 weight 3 nexthop via 10.0.0.3 dev v0 realms 2",
            removed: DEL_OR_REPLACE,
        },
        Case {
            made: "ip route add 10.9.0.0/24 encap ip id 42 dst 192.0.2.9 via 10.0.0.2 dev v0",
            removed: DEL_OR_REPLACE,
        },
        Case {
            made: "ip nexthop add id 5 via 10.0.0.2 dev v0; ip nexthop add id 6 group 5; ip route add 10.9.0.0/24 nhid 6",
            removed: &[
                r#"host.del_route("10.9.0.0/24");"#,
                r#"host.replace_route("10.9.0.0/24", #{ via: "10.0.0.3" });"#,
            ],
        },
        Case {
            made: "ip -6 route add fd09::/64 via fd00::2 dev v0 expires 5000 pref high advmss 1200 hoplimit 33",
            removed: DEL_OR_REPLACE_V6,
        },
        Case {
            made: "ip -6 route add fd09::/64 pref low nexthop via fd00::2 dev v0 nexthop via fd00::4 dev v0 weight 2",
            removed: DEL_OR_REPLACE_V6,
        },
        Case {
            made: "ip -6 route add fd09::/64 metric 50 advmss 1200 nexthop via fd00::2 dev v0 \
                   nexthop via fd00::3 dev v0 weight 3 nexthop via fd00::4 dev v0",
            removed: &[r#"host.del_route("fd09::/64", #{ via: "fd00::3" });"#],
        },
        Case {
            made: "ip -6 route add fd09::/64 encap seg6 mode encap segs fd00::7,fd00::8 via fd00::2 dev v0",
            removed: DEL_OR_REPLACE_V6,
        },
    ]);
}

/// The link of a route's encapsulation, which is not a link of its nexthop.
#[test]
fn links_of_encapsulations() {
    check(&[Case {
        made: "ip -6 route add fd09::/64 encap seg6local action End.DX2 oif c0 dev v0",
        removed: DEL_OR_REPLACE_V6,
    }]);
}

#[test]
fn flushed_tables() {
    check(&[Case {
        made: "ip route add 10.9.0.0/24 tos 0x10 via 10.0.0.2 dev v0 table 700
               ip route add 10.9.0.0/24 via 10.0.0.3 dev v0 table 700
               ip route append 10.9.0.0/24 via 10.0.0.4 dev v0 advmss 1200 table 700
               ip route add 10.8.0.0/24 dev v0 table 700 realms 3 scope link
               ip route add 10.7.0.0/24 via 10.8.0.1 dev v0 onlink window 3000 table 700
               ip route add prohibit 10.6.0.0/24 metric 7 table 700
               ip -6 route add fd09::/64 via fd00::2 dev v0 expires 5000 table 700
               ip -6 route add fd09::/64 via fd00::3 dev v0 metric 5 pref high table 700
               ip -6 route add unreachable fd08::/64 metric 55 table 700
               ip -6 route add fd07::/64 from fd05::/64 via fd00::2 dev v0 table 700
               ip -6 route add fd06::/64 advmss 1200 table 700 nexthop via fd00::2 dev v0 nexthop via fd00::4 dev v0",
        removed: &["host.flush_routes(#{ table: 700 });"],
    }]);
}

/// `tos` belongs to a route's key: an operation without it works on another route.
#[test]
fn a_route_with_tos_is_another_one() {
    let machine = Machine::new();
    machine.ok(NETWORK);
    machine.ok("ip route add 10.9.0.0/24 tos 0x10 via 10.0.0.2 dev v0");
    let before = listed(&machine);
    for change in ["route", "replace_route"] {
        machine.script("lab", &format!(r#"host.{change}("10.9.0.0/24", #{{ via: "10.0.0.3" }});"#));
        machine.ok("netscript lab.rhai; ip route | grep -c 10.9.0.0/24 | grep -x 2; netscript down lab");
        assert_eq!(differences(&machine, &before), "", "{change}");
    }
}

/// The kernel deletes the first rule that has the given properties, whatever else it has.
#[test]
fn a_rule_is_not_removed_in_the_place_of_another_one() {
    let machine = Machine::new();
    let rules = || machine.ok("ip -d rule");
    machine.script("lab", "host.rule(#{ priority: 77, table: 71 });");
    for others in
        ["iif lo", "ipproto tcp sport 7", "uidrange 0-0", "fwmark 5/0xff", "suppress_prefixlength 3", "protocol static"]
    {
        let before = rules();
        machine.ok(&format!("ip rule add priority 77 {others} lookup 71"));
        let with_others = rules();
        machine.ok("netscript lab.rhai");
        let up = rules();
        assert_ne!(up, with_others, "{others}");
        let told = machine.refused("netscript down lab", "E0507");
        assert!(told.contains("would remove the rule `77: from all"), "{told}");
        assert_eq!(rules(), up, "{others}");
        machine.ok("ip rule del priority 77; netscript down lab");
        assert_eq!(rules(), before, "{others}");
        // Somebody else has removed the lab's rule, and added another one.
        machine.ok("netscript lab.rhai; ip rule del priority 77");
        machine.ok(&format!("ip rule add priority 77 {others} lookup 71; netscript down lab"));
        assert_eq!(rules(), with_others, "{others}");
        machine.ok("ip rule del priority 77");
    }
}

#[test]
fn routing_rules() {
    const DEL: &[&str] = &["host.del_rule(#{ priority: 77 });"];
    check(&[
        Case {
            made: "ip rule add from 10.2.0.0/16 iif v0 lookup 78 priority 77 realms 5 protocol static",
            removed: DEL,
        },
        Case { made: "ip rule add fwmark 7/0xff prohibit priority 77 tun_id 5", removed: DEL },
        Case { made: "ip -6 rule add not from fd05::/64 lookup 780 priority 77 protocol 99 tun_id 4", removed: DEL },
    ]);
}

#[test]
fn addresses() {
    const DEL: &[&str] = &[r#"link("v0").del_addr("10.0.1.1/24");"#];
    const DEL_V6: &[&str] = &[r#"link("v0").del_addr("fd01::1/64");"#, r#"link("v0").down();"#];
    check(&[
        Case { made: "ip addr add 10.0.1.1/24 dev v0 valid_lft 5000 preferred_lft 4900", removed: DEL },
        Case {
            made: "ip addr add 10.0.1.1/24 brd + dev v0 label v0:x metric 77 preferred_lft 4900",
            removed: DEL,
        },
        Case {
            made: "ip addr add 10.0.1.1/24 dev v0 noprefixroute; ip addr add 10.0.1.2/24 dev v0 valid_lft 5000 preferred_lft 0
                   ip addr add 10.0.1.3/24 dev v0",
            removed: DEL,
        },
        Case { made: "ip addr add fd01::1/64 dev v0 valid_lft 5000 preferred_lft 4900", removed: DEL_V6 },
        Case { made: "ip addr add fd01::1/64 dev v0 noprefixroute home nodad preferred_lft 0", removed: DEL_V6 },
        Case { made: "ip addr add fd01::1/64 dev v0 metric 77 mngtmpaddr", removed: DEL_V6 },
        Case { made: "ip addr add fd01::1 peer fd01::2/128 dev v0 metric 77", removed: &[r#"link("v0").down();"#] },
    ]);
}

#[test]
fn neighbours() {
    const DEL_OR_REPLACE: &[&str] = &[
        r#"host.del_neigh("10.0.0.7", "v0");"#,
        r#"host.replace_neigh("10.0.0.7", "02:00:00:00:00:08", "v0");"#,
        r#"link("v0").down();"#,
    ];
    check(&[
        Case { made: "ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0 router proto 77", removed: DEL_OR_REPLACE },
        Case {
            made: "ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0 nud reachable extern_learn",
            removed: DEL_OR_REPLACE,
        },
        Case { made: "ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0 nud noarp", removed: DEL_OR_REPLACE },
        Case {
            made: "ip neigh add fd00::7 lladdr 02:00:00:00:00:07 dev v0 router proto 77",
            removed: &[r#"host.del_neigh("fd00::7", "v0");"#, r#"link("v0").down();"#],
        },
    ]);
}

#[test]
fn forwarding_entries() {
    const REPLACE: &[&str] = &[r#"link("br0").replace_fdb("02:00:00:00:00:07", #{ dev: "v1" });"#];
    const DEL: &[&str] = &[r#"link("br0").del_fdb("02:00:00:00:00:07", #{ dev: "v1" });"#];
    const VXLAN: &[&str] = &[r#"link("vx0").replace_fdb("02:00:00:00:00:07", #{ dst: "10.0.0.3" });"#];
    const DEL_VXLAN: &[&str] = &[r#"link("vx0").del_fdb("02:00:00:00:00:07", #{ dst: "10.0.0.2" });"#];
    let vxlan = "bridge fdb append 02:00:00:00:00:07 dev vx0 dst 10.0.0.2 port 5000 vni 9 via v0 router";
    let in_vlan = "ip link set br0 type bridge vlan_filtering 1; bridge vlan add vid 10 dev v1
                   bridge fdb add 02:00:00:00:00:07 dev v1 master static sticky vlan 10";
    check(&[
        Case { made: vxlan, removed: VXLAN },
        Case { made: "bridge fdb append 02:00:00:00:00:07 dev vx0 dst 10.0.0.2 router", removed: DEL_VXLAN },
        Case { made: "bridge fdb add 02:00:00:00:00:07 dev v1 master permanent", removed: DEL },
        Case { made: "bridge fdb add 02:00:00:00:00:07 dev v1 master static sticky", removed: DEL },
        Case {
            made: "bridge fdb add 02:00:00:00:00:07 dev v1 master static sticky",
            removed: &[r#"link("v1").nomaster();"#],
        },
        Case { made: "bridge fdb add 02:00:00:00:00:07 dev v1 master dynamic extern_learn", removed: DEL },
        Case { made: in_vlan, removed: DEL },
        Case { made: "bridge fdb add 02:00:00:00:00:07 dev v2 master static sticky", removed: REPLACE },
    ]);
}

/// What a program of the script made in the lab's own namespace is restored by `undo()` too.
#[test]
fn what_a_program_of_the_script_made() {
    let machine = Machine::new();
    machine.script(
        "lab",
        r#"let red = netns("red"); let v0 = red.veth("v0", "c0"); v0.up(); red.link("c0").up(); v0.addr("10.0.0.1/24");
           let made = red.exec("ip route add 10.9.0.0/24 via 10.0.0.2 advmss 1200 window 3000"); assert(made.ok);
           let listed = || red.exec("ip -d -j route show 10.9.0.0/24").stdout;
           let before = listed.call(); assert(before.contains("1200"), before);
           red.del_route("10.9.0.0/24"); assert(listed.call() != before); undo();
           assert(listed.call() == before, listed.call());"#,
    );
    machine.ok("netscript --rm lab.rhai");
}

/// If the nexthop object of a route is gone, or a link in the message, the rest of the object is restored, and a warning
/// says so.
#[test]
fn what_cannot_be_restored_is_said() {
    let machine = Machine::new();
    machine.ok(NETWORK);
    let made = machine.run("ip nexthop add id 5 via 10.0.0.2 dev v0 && ip route add 10.9.0.0/24 nhid 5");
    if made.status.success() {
        machine.script("lab", r#"host.del_route("10.9.0.0/24");"#);
        machine.ok("netscript --force lab.rhai; ip nexthop del id 5");
        let said = machine.ok("netscript down lab");
        assert!(said.contains("has not restored all properties that the object had: "), "{said}");
        assert_eq!(machine.ok("ip route show 10.9.0.0/24"), "10.9.0.0/24 via 10.0.0.2 dev v0 \n");
    } else {
        netscript_tests::skip(&format!("a route of a nexthop object: {}", told(&made).trim()));
    }
    machine.ok("bridge fdb add 02:00:00:00:00:07 dev vx0 dst 10.0.0.2 via v2");
    machine.script("lab", r#"link("vx0").replace_fdb("02:00:00:00:00:07", #{ dst: "10.0.0.3" });"#);
    machine.ok("netscript --force lab.rhai; ip link set v2 down; ip link set v2 name other; ip link set other up");
    let said = machine.ok("netscript down lab");
    assert!(said.contains("has not restored all properties that the object had: "), "{said}");
    assert_eq!(machine.ok("bridge fdb show dev vx0 | grep 02:00"), "02:00:00:00:00:07 dst 10.0.0.2 self permanent\n");
}
