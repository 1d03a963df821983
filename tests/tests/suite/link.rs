//! Links: each word compared with its `ip` command.

use netscript_lang::diagnostics::{Code, Description};
use netscript_tests::{Case, Feature, Sandbox, case, case_with, check, difference, snapshot};

const DUMMY: Feature = Feature { probe: "ip link add d0 type dummy", named: "CONFIG_DUMMY" };
const VLAN: Feature = Feature {
    probe: "ip link add v1 type veth peer name c1; ip link add link v1 name v1.10 type vlan id 10",
    named: "CONFIG_VLAN_8021Q",
};
const IPVLAN: Feature = Feature {
    probe: "ip link add v1 type veth peer name c1; ip link add link v1 name iv0 type ipvlan",
    named: "CONFIG_IPVLAN",
};
const VRF: Feature = Feature { probe: "ip link add blue type vrf table 10", named: "CONFIG_NET_VRF" };
const VLAN_FILTERING: Feature =
    Feature { probe: "ip link add br0 type bridge vlan_filtering 1", named: "CONFIG_BRIDGE_VLAN_FILTERING" };
const TUN: Feature = Feature { probe: "ip tuntap add dev t0 mode tap", named: "/dev/net/tun" };

const PAIRS: &[Case] = &[
    case(r#"veth("veth1", "ceth1");"#, "ip link add veth1 type veth peer name ceth1"),
    case(
        r#"let red = netns("red"); veth("veth1", #{ peer: "eth0", netns: red });"#,
        "ip netns add red; ip link add veth1 type veth peer name eth0 netns red",
    ),
    case(
        r#"let red = netns("red"); red.veth("v1", #{ peer: "c1", netns: host });"#,
        // `ip` can name the namespace in which it was started only by a process number.
        "ip netns add red; ip -n red link add v1 type veth peer name c1 netns $$",
    ),
    case(
        r#"let red = netns("red"); let blue = netns("blue"); red.veth("v1", #{ peer: "v1", netns: blue }).up().peer.up();"#,
        "ip netns add red; ip netns add blue
         ip -n red link add v1 type veth peer name v1 netns blue
         ip -n red link set dev v1 up; ip -n blue link set dev v1 up",
    ),
    case(
        r#"let red = netns("red"); red.veth("v1", #{ peer: "c1", netns: red });"#,
        "ip netns add red; ip -n red link add v1 type veth peer name c1",
    ),
    case(
        r#"veth("up", "-a"); link("-a").up(); link("up").up();"#,
        "ip link add name up type veth peer name -a; ip link set dev -a up; ip link set dev up up",
    ),
    case(
        r#"veth("dev", "name").peer.set_mtu(1400);"#,
        "ip link add name dev type veth peer name name; ip link set dev name mtu 1400",
    ),
    case(
        r#"let red = netns("red"); veth("v1", "c1").peer.move_to(red);"#,
        "ip netns add red; ip link add v1 type veth peer name c1; ip link set c1 netns red",
    ),
    case(
        r#"let red = netns("red"); let v = veth("v1", "c1").up(); v.peer.addr("10.0.0.1/24").up().move_to(red).addr("10.0.0.2/24").up();"#,
        "ip netns add red; ip link add v1 type veth peer name c1; ip link set v1 up
         ip addr add 10.0.0.1/24 dev c1; ip link set c1 up; ip link set c1 netns red
         ip -n red addr add 10.0.0.2/24 dev c1; ip -n red link set c1 up",
    ),
    case(r#"veth("v1", "c1").delete();"#, "ip link add v1 type veth peer name c1; ip link del v1"),
];

#[test]
fn pairs() {
    check(PAIRS);
}

const KINDS: &[Case] = &[
    case(r#"bridge("br0");"#, "ip link add br0 type bridge"),
    case(r#"netns("red").bridge("br0");"#, "ip netns add red; ip -n red link add br0 type bridge"),
    case(
        r#"bridge("br0", #{ stp: true, forward_delay: 400, hello_time: 100, max_age: 1000, ageing_time: 12000, priority: 4096 });"#,
        "ip link add br0 type bridge stp_state 1 forward_delay 400 hello_time 100 max_age 1000 ageing_time 12000 priority 4096",
    ),
    case(r#"bridge("br0", #{ stp: false, ageing_time: 0 });"#, "ip link add br0 type bridge stp_state 0 ageing_time 0"),
    case_with(
        VLAN_FILTERING,
        r#"bridge("br0", #{ vlan_filtering: true });"#,
        "ip link add br0 type bridge vlan_filtering 1",
    ),
    case_with(
        VLAN_FILTERING,
        r#"bridge("br0", #{ vlan_filtering: false });"#,
        "ip link add br0 type bridge vlan_filtering 0",
    ),
    case(r#"vxlan("vx0", #{ id: 42 });"#, "ip link add vx0 type vxlan id 42 dstport 4789"),
    case(
        r#"vxlan("vx0", #{ id: 42, local: "192.0.2.1", remote: "192.0.2.2", port: 8472, ttl: 64, learning: false });"#,
        "ip link add vx0 type vxlan id 42 local 192.0.2.1 remote 192.0.2.2 dstport 8472 ttl 64 nolearning",
    ),
    case(
        r#"let v1 = veth("v1", "c1").up(); vxlan("vx0", #{ id: 16777215, group: "239.1.1.1", dev: v1, learning: true });"#,
        "ip link add v1 type veth peer name c1; ip link set v1 up
         ip link add vx0 type vxlan id 16777215 group 239.1.1.1 dev v1 dstport 4789 learning",
    ),
    case(
        r#"vxlan("vx0", #{ id: 7, local: "2001:db8::1", remote: "2001:db8::2" });"#,
        "ip link add vx0 type vxlan id 7 local 2001:db8::1 remote 2001:db8::2 dstport 4789",
    ),
    case(
        r#"let v1 = veth("v1", "c1"); netns("red"); vxlan("vx0", #{ id: 7, group: "ff05::7", dev: "v1" });"#,
        "ip link add v1 type veth peer name c1; ip netns add red
         ip link add vx0 type vxlan id 7 group ff05::7 dev v1 dstport 4789",
    ),
    case(
        r#"let v1 = veth("v1", "c1"); macvlan("mv0", #{ link: v1, mode: "bridge" });"#,
        "ip link add v1 type veth peer name c1; ip link add link v1 name mv0 type macvlan mode bridge",
    ),
    case(
        r#"let red = netns("red"); let v1 = veth("v1", "c1"); macvlan("mv0", #{ link: v1, mode: "private" }).move_to(red);"#,
        "ip netns add red; ip link add v1 type veth peer name c1
         ip link add link v1 name mv0 type macvlan mode private; ip link set mv0 netns red",
    ),
    case(
        r#"let v1 = veth("v1", "c1"); macvlan("mv0", #{ link: v1 }); macvlan("mv1", #{ link: v1, mode: "source" });"#,
        "ip link add v1 type veth peer name c1; ip link add link v1 name mv0 type macvlan
         ip link add link v1 name mv1 type macvlan mode source",
    ),
    case(
        r#"let v1 = veth("v1", "c1"); macvlan("mv0", #{ link: v1, mode: "passthru" });"#,
        "ip link add v1 type veth peer name c1; ip link add link v1 name mv0 type macvlan mode passthru",
    ),
    case_with(
        IPVLAN,
        r#"let v1 = veth("v1", "c1"); ipvlan("iv0", #{ link: v1, mode: "l2" });"#,
        "ip link add v1 type veth peer name c1; ip link add link v1 name iv0 type ipvlan mode l2",
    ),
    case_with(
        IPVLAN,
        r#"let v1 = veth("v1", "c1"); ipvlan("iv0", #{ link: v1 });"#,
        "ip link add v1 type veth peer name c1; ip link add link v1 name iv0 type ipvlan",
    ),
    case_with(
        VLAN,
        r#"let v1 = veth("v1", "c1").up(); vlan("v1.10", #{ link: v1, id: 10 }).up();"#,
        "ip link add v1 type veth peer name c1; ip link add link v1 name v1.10 type vlan id 10; ip link set v1 up; ip link set v1.10 up",
    ),
    case_with(
        DUMMY,
        r#"dummy("d0").addr("192.0.2.1/32").up();"#,
        "ip link add d0 type dummy; ip addr add 192.0.2.1/32 dev d0; ip link set d0 up",
    ),
    case_with(VRF, r#"vrf("blue", #{ table: 10 }).up();"#, "ip link add blue type vrf table 10; ip link set blue up"),
    case_with(
        VRF,
        r#"let blue = vrf("blue", #{ table: 10 }).up(); let v1 = veth("v1", "c1").up(); v1.peer.up();
           v1.addr("10.0.0.1/24").addr("fd00::1/64", #{ dad: false }).master(blue).addr("fd00::2/64", #{ dad: false });
           host.route("10.9.0.0/16", #{ via: "10.0.0.2", table: 10 });"#,
        "ip link add blue type vrf table 10; ip link set blue up
         ip link add v1 type veth peer name c1; ip link set v1 up; ip link set c1 up
         ip addr add 10.0.0.1/24 dev v1; ip addr add fd00::1/64 dev v1 nodad; ip link set v1 master blue
         ip addr add fd00::2/64 dev v1 nodad; ip route add 10.9.0.0/16 via 10.0.0.2 table 10",
    ),
    case_with(
        VRF,
        r#"let red = netns("red"); let v1 = red.veth("v1", "c1").addr("10.0.0.1/24").up(); v1.peer.up();
           v1.master(red.vrf("blue", #{ table: 100000 })).nomaster();"#,
        "ip netns add red; ip -n red link add v1 type veth peer name c1; ip -n red addr add 10.0.0.1/24 dev v1
         ip -n red link set v1 up; ip -n red link set c1 up; ip -n red link add blue type vrf table 100000
         ip -n red link set v1 master blue; ip -n red link set v1 nomaster",
    ),
    case_with(TUN, r#"tap("t0");"#, "ip tuntap add dev t0 mode tap"),
    case_with(
        TUN,
        r#"tun("t0").addr("10.0.0.1/24").up();"#,
        "ip tuntap add dev t0 mode tun; ip addr add 10.0.0.1/24 dev t0; ip link set t0 up",
    ),
    case_with(
        TUN,
        r#"let red = netns("red"); red.tap("t0");"#,
        "ip netns add red; ip -n red tuntap add dev t0 mode tap",
    ),
];

#[test]
fn kinds() {
    check(KINDS);
}

const CHANGES: &[Case] = &[
    case("host.lo.up();", "ip link set lo up"),
    case("host.lo.up(); host.lo.down();", "ip link set lo up; ip link set lo down"),
    case(r#"netns("red").lo.up();"#, "ip netns add red; ip -n red link set lo up"),
    case(
        r#"let br0 = bridge("br0"); let v1 = veth("v1", "c1").master(br0); br0.up(); v1.up();"#,
        "ip link add br0 type bridge; ip link add v1 type veth peer name c1
         ip link set v1 master br0; ip link set br0 up; ip link set v1 up",
    ),
    case(
        r#"bridge("br0"); veth("v1", "c1").master("br0").nomaster();"#,
        "ip link add br0 type bridge; ip link add v1 type veth peer name c1
         ip link set v1 master br0; ip link set v1 nomaster",
    ),
    case(r#"veth("v1", "c1").rename("eth0");"#, "ip link add v1 type veth peer name c1; ip link set v1 name eth0"),
    case(
        r#"let v1 = veth("v1", "c1").set_mac("02:00:00:00:00:01"); v1.peer.set_mac("02:00:00:00:00:02").up(); v1.up();"#,
        "ip link add v1 type veth peer name c1; ip link set v1 address 02:00:00:00:00:01
         ip link set c1 address 02:00:00:00:00:02; ip link set c1 up; ip link set v1 up",
    ),
    case(
        r#"veth("v1", "c1").set_mtu(1400).set_mtu(9000);"#,
        "ip link add v1 type veth peer name c1; ip link set v1 mtu 9000",
    ),
    case(
        r#"veth("v1", "c1").arp(false).up();"#,
        "ip link add v1 type veth peer name c1; ip link set v1 arp off; ip link set v1 up",
    ),
    case(
        r#"veth("v1", "c1").arp(false).arp(true);"#,
        "ip link add v1 type veth peer name c1; ip link set v1 arp off; ip link set v1 arp on",
    ),
    case(r#"veth("v1", "c1").promisc(true);"#, "ip link add v1 type veth peer name c1; ip link set v1 promisc on"),
    case(
        r#"veth("v1", "c1").promisc(true).promisc(false);"#,
        "ip link add v1 type veth peer name c1; ip link set v1 promisc on; ip link set v1 promisc off",
    ),
    case(
        r#"veth("v1", "c1").set_alias("to the database");"#,
        "ip link add v1 type veth peer name c1; ip link set v1 alias 'to the database'",
    ),
    case(
        r#"veth("v1", "c1").set_alias("old").set_alias("");"#,
        "ip link add v1 type veth peer name c1; ip link set v1 alias old; ip link set v1 alias ''",
    ),
    case(
        r#"let text = ""; for i in 0..255 { text += "x"; } veth("v1", "c1").set_alias(text);"#,
        "ip link add v1 type veth peer name c1; ip link set v1 alias $(head -c 255 /dev/zero | tr '\\0' x)",
    ),
    case(
        r#"let br0 = bridge("br0"); veth("v1", "c1").master(br0).hairpin(true);"#,
        "ip link add br0 type bridge; ip link add v1 type veth peer name c1; ip link set v1 master br0
         bridge link set dev v1 hairpin on",
    ),
    case(
        r#"let br0 = bridge("br0"); veth("v1", "c1").master(br0).hairpin(true).hairpin(false);"#,
        "ip link add br0 type bridge; ip link add v1 type veth peer name c1; ip link set v1 master br0
         bridge link set dev v1 hairpin on; bridge link set dev v1 hairpin off",
    ),
    case(r#"bridge("br0").delete();"#, "ip link add br0 type bridge; ip link del br0"),
];

#[test]
fn changes() {
    check(CHANGES);
}

const FORWARDING: &[Case] = &[
    case(
        r#"let br0 = bridge("br0"); let v1 = veth("v1", "c1").master(br0); br0.add_fdb("02:00:00:00:00:01", #{ dev: v1 });"#,
        "ip link add br0 type bridge; ip link add v1 type veth peer name c1; ip link set v1 master br0
         bridge fdb add 02:00:00:00:00:01 dev v1 master static",
    ),
    case(
        r#"let br0 = bridge("br0"); let v1 = veth("v1", "c1").master(br0);
           br0.add_fdb("02:00:00:00:00:01", #{ dev: v1 }); br0.del_fdb("02:00:00:00:00:01", #{ dev: v1 });"#,
        "ip link add br0 type bridge; ip link add v1 type veth peer name c1; ip link set v1 master br0
         bridge fdb add 02:00:00:00:00:01 dev v1 master static; bridge fdb del 02:00:00:00:00:01 dev v1 master static",
    ),
    case(
        r#"let vx0 = vxlan("vx0", #{ id: 42 }); vx0.add_fdb("02:00:00:00:00:01", #{ dst: "192.0.2.1" });"#,
        "ip link add vx0 type vxlan id 42 dstport 4789; bridge fdb add 02:00:00:00:00:01 dev vx0 dst 192.0.2.1",
    ),
    case(
        r#"let vx0 = vxlan("vx0", #{ id: 42 });
           vx0.append_fdb("00:00:00:00:00:00", #{ dst: "192.0.2.1" }); vx0.append_fdb("00:00:00:00:00:00", #{ dst: "192.0.2.2" });"#,
        "ip link add vx0 type vxlan id 42 dstport 4789
         bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.1; bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.2",
    ),
    case(
        r#"let vx0 = vxlan("vx0", #{ id: 42, local: "2001:db8::1" });
           vx0.add_fdb("02:00:00:00:00:01", #{ dst: "2001:db8::2" }); vx0.add_fdb("02:00:00:00:00:02", #{ dst: "2001:db8::3" });
           vx0.del_fdb("02:00:00:00:00:01", #{ dst: "2001:db8::2" });"#,
        "ip link add vx0 type vxlan id 42 local 2001:db8::1 dstport 4789
         bridge fdb add 02:00:00:00:00:02 dev vx0 dst 2001:db8::3",
    ),
];

#[test]
fn forwarding() {
    check(FORWARDING);
}

/// Commands for the network, a script that fails, and its code. The network must not change.
const REFUSED: &[(&str, &str, &str)] = &[
    (r#"veth("v1", "c1");"#, r#"veth("v2", "c1");"#, "E0301"),
    (r#"netns("red").bridge("c1");"#, r#"veth("v1", #{ peer: "c1", netns: "red" });"#, "E0301"),
    ("", r#"veth("v1", "v1");"#, "E0301"),
    (r#"bridge("br0");"#, r#"bridge("br0");"#, "E0301"),
    ("", r#"bridge("br0", #{ hello_time: 1 });"#, "E0305"),
    ("", r#"veth("v1", #{ peer: "c1", netns: "nowhere" });"#, "E0303"),
    (r#"veth("v1", "c1");"#, r#"link("v1").move_to("nowhere");"#, "E0303"),
    (r#"veth("v1", "c1");"#, r#"link("v1").master("nowhere");"#, "E0302"),
    (r#"veth("v1", "c1");"#, r#"link("v1").master("c1");"#, "E0305"),
    (r#"veth("v1", "c1");"#, r#"link("v1").hairpin(true);"#, "E0305"),
    (r#"veth("v1", "c1");"#, r#"link("v1").rename("c1");"#, "E0301"),
    (r#"veth("v1", "c1");"#, r#"link("v1").set_mtu(1);"#, "E0305"),
    (r#"netns("red").bridge("v1"); veth("v1", "c1");"#, r#"link("v1").move_to("red");"#, "E0301"),
    ("", r#"macvlan("mv0", #{ link: "nowhere" });"#, "E0302"),
    ("", r#"vxlan("vx0", #{ id: 1, dev: "nowhere" });"#, "E0302"),
    (r#"vxlan("vx0", #{ id: 1 });"#, r#"vxlan("vx1", #{ id: 1 });"#, "E0301"),
    ("", "host.lo.delete();", "E0305"),
    ("", r#"host.lo.move_to(netns_open("red"));"#, "E0303"),
];

#[test]
fn refusals() {
    for (before, script, code) in REFUSED {
        let failure = refused(before, script);
        assert_eq!(failure.code.to_string(), *code, "{script}\n{failure:?}");
    }
}

/// The error of a script that must fail and change nothing.
fn refused(before: &str, script: &str) -> Box<Description> {
    let sandbox = Sandbox::new();
    sandbox.script(before).unwrap();
    let was = snapshot(&sandbox, "");
    let failure = sandbox.script(script).expect_err(script);
    let is = snapshot(&sandbox, "");
    assert!(was == is, "{script}\n{}", difference(&is, &was));
    failure
}

#[test]
fn a_taken_name_is_refused_to_tun_links() {
    for before in [r#"bridge("t0");"#, r#"tun("t0");"#] {
        if Sandbox::new().script(before).is_err_and(|failure| failure.code == Code::E0402) {
            println!("there are no tun links here: `kinds` checks the error");
            continue;
        }
        let failure = refused(before, r#"tap("t0");"#);
        assert!([Code::E0301, Code::E0402].contains(&failure.code), "{failure:?}");
    }
}

#[test]
fn a_bridge_that_lacks_its_feature_is_not_left_behind() {
    let sandbox = Sandbox::new();
    match sandbox.script(r#"bridge("br0", #{ vlan_filtering: true });"#) {
        Ok(()) => println!("this kernel's bridges filter VLANs: `kinds` checks the bridge"),
        Err(failure) => assert_eq!((failure.code, sandbox.shell("ip -br link").lines().count()), (Code::E0402, 1)),
    }
}
