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
