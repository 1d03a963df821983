//! A lab of any size: bridges with namespaces on them.

use netscript_net::op::{
    AddrOp, AddrSpec, Bridge, IfName, LinkFlag, LinkOp, LinkSet, LinkSpec, NetnsName, NetnsOp, NetnsRef, Nexthop, Op,
    Prefix, Route, RouteOp, Veth,
};

/// Namespaces on one bridge; a bridge has room for 1,023 ports.
const ON_A_BRIDGE: usize = 250;

/// The operations of a lab of so many namespaces: ten for each, four for each bridge.
///
/// # Panics
///
/// If there are more than 62,500: the addresses come from 10.0.0.0/8, a network a bridge.
pub fn big_lab(namespaces: usize) -> Vec<Op> {
    (0..namespaces).flat_map(|n| if n % ON_A_BRIDGE == 0 { [bridge(n), node(n)].concat() } else { node(n) }).collect()
}

fn name(text: String) -> IfName {
    IfName::parse(&text).expect("the names are short")
}

fn addr(n: usize, host: usize) -> Prefix {
    Prefix::parse(&format!("10.{}.0.{host}/24", n / ON_A_BRIDGE)).expect("the numbers are small")
}

fn up(netns: &NetnsRef, link: IfName) -> Op {
    Op::new(netns.clone(), LinkOp::Set(link, LinkSet::Flag(LinkFlag::Up, true)))
}

fn bridge(n: usize) -> Vec<Op> {
    let bridge = name(format!("br{}", n / ON_A_BRIDGE));
    vec![
        Op::host(LinkOp::Add(bridge.clone(), LinkSpec::Bridge(Bridge::default()))),
        up(&NetnsRef::Host, bridge.clone()),
        Op::host(LinkOp::Set(bridge.clone(), LinkSet::Mtu(1500))),
        Op::host(AddrOp::Add(bridge, AddrSpec::new(addr(n, 254)))),
    ]
}

fn node(n: usize) -> Vec<Op> {
    let named = NetnsName::parse(&format!("node{n}")).expect("it is a file name");
    let netns = NetnsRef::Named(named.clone());
    let (port, end, moved) = (name(format!("v{n}")), name("eth0".to_owned()), name(format!("c{n}")));
    let mut route = Route::new(Prefix::parse("0.0.0.0/0").expect("it is a prefix"));
    route.nexthops = vec![Nexthop { via: Some(addr(n, 254).addr()), dev: None, weight: 1, onlink: false }];
    let veth = Veth { peer: moved.clone(), netns: None };
    vec![
        Op::host(NetnsOp::Add(named)),
        Op::host(LinkOp::Add(port.clone(), LinkSpec::Veth(veth))),
        Op::host(LinkOp::Set(moved.clone(), LinkSet::Netns(netns.clone()))),
        Op::new(netns.clone(), LinkOp::Set(moved, LinkSet::Name(end.clone()))),
        Op::host(LinkOp::Set(port.clone(), LinkSet::Master(Some(name(format!("br{}", n / ON_A_BRIDGE)))))),
        up(&NetnsRef::Host, port),
        Op::new(netns.clone(), AddrOp::Add(end.clone(), AddrSpec::new(addr(n, 1 + n % ON_A_BRIDGE)))),
        up(&netns, end),
        up(&netns, IfName::lo()),
        Op::new(netns, RouteOp::Add(route)),
    ]
}
