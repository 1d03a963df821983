//! Neighbours against `ip neigh`.

use netscript_tests::{Case, case, check};

const NEIGHBOURS: &[Case] = &[
    case(
        r#"let br0 = bridge("br0").up().addr("10.0.0.1/24"); host.neigh("10.0.0.2", "02:00:00:00:00:02", br0);"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.1/24 dev br0
         ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev br0",
    ),
    case(
        r#"let br0 = bridge("br0").up(); host.neigh("2001:db8::2", "02:00:00:00:00:02", br0);"#,
        "ip link add br0 type bridge; ip link set br0 up; ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev br0",
    ),
    case(
        r#"let red = netns("red"); let br0 = red.bridge("br0").up();
           red.neigh("10.0.0.2", "02:00:00:00:00:02", br0); red.neigh("fd00::2", "02:00:00:00:00:03", "br0");
           red.del_neigh("10.0.0.2", br0);"#,
        "ip netns add red; ip -n red link add br0 type bridge; ip -n red link set br0 up
         ip -n red neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev br0
         ip -n red neigh add fd00::2 lladdr 02:00:00:00:00:03 dev br0
         ip -n red neigh del 10.0.0.2 dev br0",
    ),
];

#[test]
fn neighbours() {
    check(NEIGHBOURS);
}

/// The entries that were added by hand, as `ip` and `bridge` list them.
const LISTED: &str = r#"
fn listed() {
    let all = "";
    for command in ["ip -j -d -4 route show table all proto boot", "ip -j -d -6 route show table all proto boot", "ip -j -4 neigh show nud permanent",
                    "ip -j -6 neigh show nud permanent", "bridge -j fdb show dev v0", "bridge -j fdb show dev v1", "bridge -j fdb show dev vx0"] {
        let answer = host.exec(command);
        assert(answer.ok && answer.stdout.contains("\"dst\"") || command.contains("fdb"), command);
        all += answer.stdout;
    }
    all
}
"#;

/// The entries before a replacement.
const BEFORE: &str = r#"
let br0 = bridge("br0"); let v0 = veth("v0", "c0").master(br0); let v1 = veth("v1", "c1").master(br0);
br0.up().addr("10.0.0.1/24").addr("fd00::1/64"); let a = "02:00:00:00:02:01";
let vx0 = vxlan("vx0", #{ id: 1, local: "10.0.0.1" });
br0.add_fdb(a, #{ dev: v0 }); vx0.add_fdb(a, #{ dst: "10.0.0.2" });
host.neigh("10.0.0.7", a, br0); host.neigh("fd00::7", a, br0);
host.route("10.9.0.0/16", #{ via: "10.0.0.2" }); host.route("fd00:9::/64", #{ via: "fd00::2" });
host.route("10.8.0.0/16", #{ kind: "blackhole", table: 7 });
"#;

/// Whether the kernel lets a sandbox remove forwarding entries, by `bridge`: older ones ask for the machine's root.
fn removes_entries() -> bool {
    let script = r#"let v0 = veth("v0", "c0").master(bridge("br0")); host.link("br0").add_fdb("02:00:00:00:02:01", #{ dev: v0 });
        print(host.exec("bridge fdb del 02:00:00:00:02:01 dev v0 master static").ok);"#;
    let run = netscript_tests::program::Place::new().sandboxed(script);
    assert_eq!(run.status, 0, "{}", run.stderr);
    run.stdout == "true\n"
}

/// Undoing a replacement restores the entries before it, as `ip -j` and `bridge -j` show.
#[test]
fn replacing_is_taken_back() {
    let removes_entries = removes_entries();
    if !removes_entries {
        netscript_tests::skip("taking new forwarding entries back: this kernel removes none in a sandbox");
    }
    for replace in [
        r#"host.replace_neigh("10.0.0.7", "02:00:00:00:00:08", br0);"#,
        r#"host.replace_neigh("10.0.0.8", "02:00:00:00:00:08", br0);"#,
        r#"host.replace_neigh("fd00::7", "02:00:00:00:00:08", br0);"#,
        r#"host.replace_neigh("fd00::8", "02:00:00:00:00:08", br0);"#,
        r#"br0.replace_fdb(a, #{ dev: v1 });"#,
        r#"br0.replace_fdb("02:00:00:00:02:09", #{ dev: v1 });"#,
        r#"vx0.replace_fdb(a, #{ dst: "10.0.0.9" });"#,
        r#"vx0.replace_fdb("02:00:00:00:02:09", #{ dst: "10.0.0.9" });"#,
        r#"host.replace_route("10.9.0.0/16", #{ via: "10.0.0.3" });"#,
        r#"host.replace_route("10.9.0.0/16", #{ kind: "unreachable" });"#,
        r#"host.replace_route("10.7.0.0/16", #{ via: "10.0.0.3" });"#,
        r#"host.replace_route("fd00:9::/64", #{ via: "fd00::3" });"#,
        r#"host.replace_route("fd00:7::/64", #{ via: "fd00::3" });"#,
        r#"host.replace_route("10.8.0.0/16", #{ kind: "prohibit", table: 7 });"#,
    ] {
        // These make an entry; the others change one.
        if replace.contains("fdb(\"02:00:00:00:02:09\"") && !removes_entries {
            continue;
        }
        let script = format!(
            "{LISTED}{BEFORE}let before = listed(); let point = checkpoint();\n{replace}\n\
             assert(listed() != before, \"it changes something\");\n\
             rollback(point);\nassert(listed() == before, `${{listed()}}\nwas\n${{before}}`);"
        );
        let run = netscript_tests::program::Place::new().sandboxed(&script);
        assert_eq!(run.status, 0, "{replace}: {}", run.stderr);
    }
}
