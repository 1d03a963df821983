//! Addresses: each form of the word against `ip addr`.

use netscript_tests::{Case, case, check};

const ADDRESSES: &[Case] = &[
    case(r#"bridge("br0").addr("10.0.0.1/24");"#, "ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0"),
    case(r#"bridge("br0").up().addr("10.0.0.1/24");"#, "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.1/24 dev br0"),
    case(
        r#"bridge("br0").addr("192.168.1.10/24", #{ broadcast: "+" });"#,
        "ip link add br0 type bridge; ip addr add 192.168.1.10/24 brd + dev br0",
    ),
    case(
        r#"bridge("br0").addr("192.168.1.10/24", #{ broadcast: "192.168.1.200" });"#,
        "ip link add br0 type bridge; ip addr add 192.168.1.10/24 brd 192.168.1.200 dev br0",
    ),
    case(
        r#"bridge("br0").addr("192.168.1.10/31", #{ broadcast: "+" }).addr("192.168.2.1", #{ broadcast: "+" });"#,
        "ip link add br0 type bridge; ip addr add 192.168.1.10/31 brd + dev br0; ip addr add 192.168.2.1 brd + dev br0",
    ),
    case(
        r#"bridge("br0").up().addr("10.0.0.1", #{ peer: "10.0.0.2" });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.1 peer 10.0.0.2 dev br0",
    ),
    case(
        r#"bridge("br0").up().addr("10.0.0.1", #{ peer: "10.1.0.0/24", broadcast: "+" });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.1 peer 10.1.0.0/24 brd + dev br0",
    ),
    case(
        r#"bridge("br0").addr("10.0.0.1/24", #{ scope: "link" }).addr("10.0.1.1/24", #{ scope: "host" });"#,
        "ip link add br0 type bridge; ip addr add 10.0.0.1/24 scope link dev br0; ip addr add 10.0.1.1/24 scope host dev br0",
    ),
    case(
        r#"bridge("br0").addr("10.0.0.1/24", #{ label: "br0:web" });"#,
        "ip link add br0 type bridge; ip addr add 10.0.0.1/24 label br0:web dev br0",
    ),
    case(r#"host.lo.addr("127.0.0.2/8").up();"#, "ip addr add 127.0.0.2/8 dev lo; ip link set lo up"),
    case(
        r#"bridge("br0").addr("10.0.0.1/24").addr("10.0.0.2/24").up();"#,
        "ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0; ip addr add 10.0.0.2/24 dev br0; ip link set br0 up",
    ),
    case(
        r#"bridge("br0").addr("10.0.0.1/24").addr("10.0.0.2/24").del_addr("10.0.0.2/24");"#,
        "ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0",
    ),
    case(
        r#"bridge("br0").addr("10.0.0.1/24").addr("10.0.0.2/24").del_addr("10.0.0.1/24");"#,
        "ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0; ip addr add 10.0.0.2/24 dev br0; ip addr del 10.0.0.1/24 dev br0",
    ),
    case(
        r#"bridge("br0").addr("2001:db8::1/64");"#,
        "ip link add br0 type bridge; ip addr add 2001:db8::1/64 dev br0 nodad",
    ),
    case(
        r#"let v1 = veth("v1", "c1").up(); v1.peer.up(); v1.addr("2001:db8::1/64").addr("fe80::1/64").addr("fd00::1");"#,
        "ip link add v1 type veth peer name c1; ip link set v1 up; ip link set c1 up
         ip addr add 2001:db8::1/64 dev v1 nodad; ip addr add fe80::1/64 dev v1 nodad; ip addr add fd00::1 dev v1 nodad",
    ),
    case(
        r#"let v1 = veth("v1", "c1").up(); v1.peer.up(); v1.addr("2001:db8::1/64", #{ dad: true });"#,
        "ip link add v1 type veth peer name c1; ip link set v1 up; ip link set c1 up; ip addr add 2001:db8::1/64 dev v1",
    ),
    case(
        r#"bridge("br0").up().addr("2001:db8::1", #{ peer: "2001:db8::2/128" });"#,
        "ip link add br0 type bridge; ip link set br0 up; ip addr add 2001:db8::1 peer 2001:db8::2/128 dev br0 nodad",
    ),
    case(
        r#"let br0 = bridge("br0").addr("2001:db8::1/64").addr("2001:db8::2/64"); br0.del_addr("2001:db8::1/64");"#,
        "ip link add br0 type bridge; ip addr add 2001:db8::2/64 dev br0 nodad",
    ),
    case(
        r#"let red = netns("red"); veth("v1", "c1").peer.move_to(red).addr("10.0.0.2/24").up();"#,
        "ip netns add red; ip link add v1 type veth peer name c1; ip link set c1 netns red
         ip -n red addr add 10.0.0.2/24 dev c1; ip -n red link set c1 up",
    ),
];

#[test]
fn addresses() {
    check(ADDRESSES);
}
