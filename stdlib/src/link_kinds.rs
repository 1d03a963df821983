//! Making links: a word for each kind, as a method of a namespace and bare, on the host.

use std::net::IpAddr;

use netscript_lang::diagnostics::{At, Error, Invalid, Result, Within};
use netscript_lang::interpreter::{Session, add_words, at};
use netscript_net::op::{
    Bridge, IfName, IpvlanMode, LinkOp, LinkSpec, MacvlanMode, NetnsRef, TableId, TunMode, VXLAN_PORT, Veth, Vlan,
    VlanId, Vni, Vxlan,
};
use rhai::plugin::*;
use rhai::{Engine, Map};

use crate::options::{Key, Literal, Options, Takes, WordOptions, WordsWithOptions, keys};
use crate::{Link, Netns, RhaiResult, args};

keys! {
    /// The options of a pair.
    VETH_KEYS:
    /// The name of the other end
    PEER: Key<IfName> = Key::value("peer", "a string", |given, ()| {
        Ok(IfName::parse(&args::text(&given.what(), given.value)?)?)
    })
    .example("\"eth0\"")
    .needed();
    /// The namespace of the other end; by default that of the first
    NETNS: Key<NetnsRef, Session> = Key::netns("netns").example("red");
}

/// Hundredths of a second. The kernel's own ranges (net/bridge/br_stp.c) are narrower; it rejects values outside of them.
const fn centiseconds(key: &'static str, default: i64) -> Key<u32> {
    Key::number(key, 0, u32::MAX as i64).unit("hundredths of a second").default(Literal::Int(default))
}

keys! {
    /// The options of a bridge.
    BRIDGE_KEYS:
    /// Whether it runs the spanning tree protocol
    STP: Key<bool> = Key::boolean("stp").default(Literal::Bool(false));
    /// The time for which a port listens, and then learns, before it forwards
    FORWARD_DELAY: Key<u32> = centiseconds("forward_delay", 1500).example("400");
    /// How often the root of the spanning tree announces itself
    HELLO_TIME: Key<u32> = centiseconds("hello_time", 200).example("100");
    /// The lifetime of another bridge's announcement
    MAX_AGE: Key<u32> = centiseconds("max_age", 2000).example("600");
    /// The lifetime of a learned address
    AGEING_TIME: Key<u32> = centiseconds("ageing_time", 30_000).example("1000");
    /// Its priority in the spanning tree: the bridge with the smallest value becomes the root
    PRIORITY: Key<u16> = Key::number("priority", 0, u16::MAX as i64).default(Literal::Int(32_768)).example("4096");
    /// Whether it filters by VLAN tags
    VLAN_FILTERING: Key<bool> = Key::boolean("vlan_filtering").default(Literal::Bool(false));
}

keys! {
    /// The options of a vxlan link.
    VXLAN_KEYS:
    /// The network's number (VNI)
    VNI: Key<Vni> = Key::new("id", Takes::Number { min: 0, max: Vni::MAX as i64 }, |given, ()| {
        Ok(Vni::new(args::int(&given.what(), given.value)?)?)
    })
    .example("42")
    .needed();
    /// The source address of the tunnel
    LOCAL: Key<IpAddr> = Key::ip("local").example("\"192.0.2.2\"");
    /// The address of the only remote end
    REMOTE: Key<IpAddr> = Key::ip("remote").example("\"192.0.2.1\"");
    /// The multicast address of all ends; requires `dev`
    GROUP: Key<IpAddr> = Key::ip("group").example("\"239.1.1.1\"");
    /// The link that carries the tunnel's packets
    DEV: Key<IfName, NetnsRef> = Key::link("dev");
    /// The UDP port of the remote ends
    PORT: Key<u16> = Key::port("port").default(Literal::Int(VXLAN_PORT as i64)).example("8472");
    /// The time to live of the tunnel's packets; 0 copies that of the inner packets
    TTL: Key<u8> = Key::number("ttl", 0, 255).example("64");
    /// Whether it learns the remote end of an address from received frames
    LEARNING: Key<bool> = Key::boolean("learning").default(Literal::Bool(true));
}

keys! {
    /// The options of every link on a parent.
    PARENT_KEYS:
    /// The parent
    LINK: Key<IfName, NetnsRef> = Key::link("link").example("eth0").needed();
}

keys! {
    /// The options of a macvlan link, except its parent.
    MACVLAN_KEYS:
    /// How links on the same parent reach each other: not at all (`"private"`), by way of the switch that the
    /// parent is connected to (`"vepa"`), or directly (`"bridge"`); `"passthru"` gives the whole parent to one link
    MACVLAN_MODE: Key<MacvlanMode> =
        Key::new("mode", Takes::Words(|| MacvlanMode::WORDS.to_vec()), |given, ()| given.word(MacvlanMode::from_word))
            .default(Literal::Text("vepa"));
}

keys! {
    /// The options of an ipvlan link, except its parent.
    IPVLAN_KEYS:
    /// Whether it routes (`"l3"`, and `"l3s"` through the host's netfilter too) or switches (`"l2"`)
    IPVLAN_MODE: Key<IpvlanMode> =
        Key::new("mode", Takes::Words(|| IpvlanMode::WORDS.to_vec()), |given, ()| given.word(IpvlanMode::from_word))
            .default(Literal::Text("l3"));
}

keys! {
    /// The options of a VLAN, except its parent.
    VLAN_KEYS:
    /// The VLAN's number in the tag of each frame
    VLAN_ID: Key<VlanId> = Key::new("id", Takes::Number { min: 1, max: 4094 }, |given, ()| {
        Ok(VlanId::new(args::int(&given.what(), given.value)?)?)
    })
    .example("10")
    .needed();
}

keys! {
    /// The options of a VRF.
    VRF_KEYS:
    /// The routing table of its links
    VRF_TABLE: Key<TableId> = crate::route::table_key().example("10").needed();
}

const VETH: WordOptions = WordOptions::new("veth", &[VETH_KEYS]);
const BRIDGE: WordOptions = WordOptions::new("bridge", &[BRIDGE_KEYS]);
const VXLAN: WordOptions = WordOptions::new("vxlan", &[VXLAN_KEYS]);
const MACVLAN: WordOptions = WordOptions::new("macvlan", &[PARENT_KEYS, MACVLAN_KEYS]);
const IPVLAN: WordOptions = WordOptions::new("ipvlan", &[PARENT_KEYS, IPVLAN_KEYS]);
const VLAN: WordOptions = WordOptions::new("vlan", &[PARENT_KEYS, VLAN_KEYS]);
const VRF: WordOptions = WordOptions::new("vrf", &[VRF_KEYS]);

/// The words of this file that take options.
pub(crate) const OPTIONS: WordsWithOptions = &[&VETH, &BRIDGE, &VXLAN, &MACVLAN, &IPVLAN, &VLAN, &VRF];

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

/// Makes a link; `kind` reads the options, which may name links of the namespace.
fn make(
    netns: &Netns,
    at: Option<At>,
    name: &str,
    kind: impl FnOnce(&Session, &NetnsRef) -> Result<LinkSpec>,
) -> RhaiResult<Link> {
    let name = IfName::parse(name).argument(0)?;
    let reference = netns.reference()?;
    let kind = kind(netns.session(), &reference)?;
    netns.submit(LinkOp::Add(name.clone(), kind), at)?;
    Ok(netns.link(&name)?)
}

fn pair(peer: &str) -> Result<LinkSpec> {
    Ok(LinkSpec::Veth(Veth { peer: IfName::parse(peer).argument(1)?, netns: None }))
}

fn pair_with(session: &Session, options: &Map) -> Result<LinkSpec> {
    let o = Options::new(&VETH, options)?;
    Ok(LinkSpec::Veth(Veth { peer: o.need(&PEER)?, netns: o.get_in(&NETNS, session)? }))
}

fn bridge_with(options: &Map) -> Result<LinkSpec> {
    let o = Options::new(&BRIDGE, options)?;
    Ok(LinkSpec::Bridge(Bridge {
        stp: o.get(&STP)?,
        forward_delay: o.get(&FORWARD_DELAY)?,
        hello_time: o.get(&HELLO_TIME)?,
        max_age: o.get(&MAX_AGE)?,
        ageing_time: o.get(&AGEING_TIME)?,
        priority: o.get(&PRIORITY)?,
        vlan_filtering: o.get(&VLAN_FILTERING)?,
    }))
}

fn vxlan_with(netns: &NetnsRef, options: &Map) -> Result<LinkSpec> {
    let o = Options::new(&VXLAN, options)?;
    let vxlan = Vxlan {
        id: o.need(&VNI)?,
        local: o.get(&LOCAL)?,
        remote: o.get(&REMOTE)?,
        group: o.get(&GROUP)?,
        dev: o.get_in(&DEV, netns)?,
        port: o.or_default(&PORT)?,
        ttl: o.get(&TTL)?,
        learning: o.get(&LEARNING)?,
    };
    check_vxlan(&vxlan)?;
    Ok(LinkSpec::Vxlan(vxlan))
}

fn check_vxlan(vxlan: &Vxlan) -> Result<()> {
    let conflict = |message: &str, help: &str| {
        Err(Error::Invalid(Invalid::Conflict { message: message.into(), help: help.into() }))
    };
    if vxlan.remote.is_some() && vxlan.group.is_some() {
        return conflict("a vxlan link has either a `remote` or a `group`", "leave one of them out");
    }
    if vxlan.group.is_some_and(|group| !group.is_multicast()) {
        return conflict("the `group` of a vxlan link is a multicast address", "give one far end as `remote`");
    }
    if vxlan.group.is_some() && vxlan.dev.is_none() {
        return conflict("a vxlan `group` needs a link that carries it", "add `dev: LINK`");
    }
    let families = [vxlan.local, vxlan.remote, vxlan.group].map(|addr| addr.map(|addr| addr.is_ipv4()));
    let mut given = families.into_iter().flatten();
    match given.next() {
        Some(first) if given.any(|other| other != first) => {
            conflict("the addresses of a vxlan link are of one family", "use IPv4 or IPv6 addresses only")
        }
        _ => Ok(()),
    }
}

fn macvlan_with(netns: &NetnsRef, options: &Map) -> Result<LinkSpec> {
    let o = Options::new(&MACVLAN, options)?;
    Ok(LinkSpec::Macvlan(o.need_in(&LINK, netns)?, o.or_default(&MACVLAN_MODE)?))
}

fn ipvlan_with(netns: &NetnsRef, options: &Map) -> Result<LinkSpec> {
    let o = Options::new(&IPVLAN, options)?;
    Ok(LinkSpec::Ipvlan(o.need_in(&LINK, netns)?, o.or_default(&IPVLAN_MODE)?))
}

fn vlan_with(netns: &NetnsRef, options: &Map) -> Result<LinkSpec> {
    let o = Options::new(&VLAN, options)?;
    Ok(LinkSpec::Vlan(Vlan { link: o.need_in(&LINK, netns)?, id: o.need(&VLAN_ID)? }))
}

fn vrf_with(options: &Map) -> Result<LinkSpec> {
    Ok(LinkSpec::Vrf(Options::new(&VRF, options)?.need(&VRF_TABLE)?))
}

fn here(ctx: &NativeCallContext) -> Netns {
    Netns::here(&Session::of(ctx))
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Makes a pair of links in the namespace and returns the first; `.peer` is the other.
    ///
    /// ```
    /// let red = netns("red");
    /// let v1 = red.veth("v1", "c1");
    /// ```
    #[rhai_fn(name = "veth", pure, return_raw)]
    pub fn veth_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, peer: &str) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| pair(peer))
    }

    /// Makes a pair of links on the host and returns the first; `.peer` is the other.
    ///
    /// ```
    /// let veth1 = veth("veth1", "ceth1");
    /// assert(veth1.peer.name == "ceth1");
    /// ```
    #[rhai_fn(name = "veth", return_raw)]
    pub fn veth_on_host(ctx: NativeCallContext, name: &str, peer: &str) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| pair(peer))
    }

    /// Makes a pair of links, with options.
    ///
    /// ```
    /// let red = netns("red");
    /// let blue = netns("blue");
    /// red.veth("v1", #{ peer: "eth0", netns: blue });
    /// ```
    #[rhai_fn(name = "veth", pure, return_raw)]
    pub fn veth_with_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |session, _| pair_with(session, &options))
    }

    /// Makes a pair of links on the host, with options.
    ///
    /// ```
    /// let red = netns("red");
    /// veth("veth1", #{ peer: "eth0", netns: red });
    /// ```
    #[rhai_fn(name = "veth", return_raw)]
    pub fn veth_with_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |session, _| pair_with(session, &options))
    }

    /// Makes a bridge in the namespace: a switch whose ports are links.
    ///
    /// ```
    /// let red = netns("red");
    /// red.bridge("br0");
    /// ```
    #[rhai_fn(name = "bridge", pure, return_raw)]
    pub fn bridge_in(ctx: NativeCallContext, netns: &mut Netns, name: &str) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| Ok(LinkSpec::Bridge(Bridge::default())))
    }

    /// Makes a bridge on the host: a switch whose ports are links.
    ///
    /// ```
    /// let br0 = bridge("br0").up();
    /// ```
    #[rhai_fn(name = "bridge", return_raw)]
    pub fn bridge_on_host(ctx: NativeCallContext, name: &str) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| Ok(LinkSpec::Bridge(Bridge::default())))
    }

    /// Makes a bridge, with options.
    ///
    /// ```
    /// netns("red").bridge("br0", #{ stp: true });
    /// ```
    #[rhai_fn(name = "bridge", pure, return_raw)]
    pub fn bridge_with_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| bridge_with(&options))
    }

    /// Makes a bridge on the host, with options.
    ///
    /// ```
    /// assert(bridge("br0", #{ stp: true }).stp);
    /// ```
    #[rhai_fn(name = "bridge", return_raw)]
    pub fn bridge_with_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| bridge_with(&options))
    }

    /// Makes a vxlan link: Ethernet over UDP.
    ///
    /// ```
    /// netns("red").vxlan("vx0", #{ id: 42, remote: "192.0.2.1" });
    /// ```
    #[rhai_fn(name = "vxlan", pure, return_raw)]
    pub fn vxlan_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, netns| vxlan_with(netns, &options))
    }

    /// Makes a vxlan link on the host: Ethernet over UDP.
    ///
    /// ```
    /// vxlan("vx0", #{ id: 42, local: "192.0.2.2", remote: "192.0.2.1" });
    /// ```
    #[rhai_fn(name = "vxlan", return_raw)]
    pub fn vxlan_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, netns| vxlan_with(netns, &options))
    }

    /// Makes a macvlan link: a link with its own Ethernet address on a parent.
    ///
    /// ```
    /// let red = netns("red");
    /// let v1 = red.veth("v1", "c1");
    /// red.macvlan("mv0", #{ link: v1, mode: "bridge" });
    /// ```
    #[rhai_fn(name = "macvlan", pure, return_raw)]
    pub fn macvlan_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, netns| macvlan_with(netns, &options))
    }

    /// Makes a macvlan link on the host: a link with its own Ethernet address on a parent.
    ///
    /// ```
    /// let v1 = veth("v1", "c1");
    /// macvlan("mv0", #{ link: v1, mode: "bridge" });
    /// ```
    #[rhai_fn(name = "macvlan", return_raw)]
    pub fn macvlan_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, netns| macvlan_with(netns, &options))
    }

    /// Makes an ipvlan link: a link with its parent's Ethernet address.
    ///
    /// ```needs-ipvlan
    /// let red = netns("red");
    /// let v1 = red.veth("v1", "c1");
    /// red.ipvlan("iv0", #{ link: v1, mode: "l2" });
    /// ```
    #[rhai_fn(name = "ipvlan", pure, return_raw)]
    pub fn ipvlan_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, netns| ipvlan_with(netns, &options))
    }

    /// Makes an ipvlan link on the host: a link with its parent's Ethernet address.
    ///
    /// ```needs-ipvlan
    /// let v1 = veth("v1", "c1");
    /// ipvlan("iv0", #{ link: v1, mode: "l2" });
    /// ```
    #[rhai_fn(name = "ipvlan", return_raw)]
    pub fn ipvlan_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, netns| ipvlan_with(netns, &options))
    }

    /// Makes a tagged VLAN on a parent.
    ///
    /// ```needs-vlan
    /// let red = netns("red");
    /// let v1 = red.veth("v1", "c1");
    /// red.vlan("v1.10", #{ link: v1, id: 10 });
    /// ```
    #[rhai_fn(name = "vlan", pure, return_raw)]
    pub fn vlan_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, netns| vlan_with(netns, &options))
    }

    /// Makes a tagged VLAN on a parent, on the host.
    ///
    /// ```needs-vlan
    /// let v1 = veth("v1", "c1");
    /// vlan("v1.10", #{ link: v1, id: 10 });
    /// ```
    #[rhai_fn(name = "vlan", return_raw)]
    pub fn vlan_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, netns| vlan_with(netns, &options))
    }

    /// Makes a VRF: a routing table for the links that `.master` adds to it.
    ///
    /// ```needs-vrf
    /// let red = netns("red");
    /// let blue = red.vrf("blue", #{ table: 10 }).up();
    /// red.veth("v1", "c1").master(blue).addr("10.0.0.1/24").up();
    /// ```
    #[rhai_fn(name = "vrf", pure, return_raw)]
    pub fn vrf_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| vrf_with(&options))
    }

    /// Makes a VRF on the host: a routing table for the links that `.master` adds to it.
    /// The kernel adds a routing rule with a namespace's first VRF, which stays.
    ///
    /// ```needs-vrf
    /// let blue = vrf("blue", #{ table: 10 });
    /// assert(blue.options.table == 10);
    /// ```
    #[rhai_fn(name = "vrf", return_raw)]
    pub fn vrf_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| vrf_with(&options))
    }

    /// Makes a dummy link, which drops every packet: a place for addresses.
    ///
    /// ```needs-dummy
    /// netns("red").dummy("d0");
    /// ```
    #[rhai_fn(name = "dummy", pure, return_raw)]
    pub fn dummy_in(ctx: NativeCallContext, netns: &mut Netns, name: &str) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| Ok(LinkSpec::Dummy))
    }

    /// Makes a dummy link on the host, which drops every packet: a place for addresses.
    ///
    /// ```needs-dummy
    /// dummy("d0").addr("192.0.2.1/32");
    /// ```
    #[rhai_fn(name = "dummy", return_raw)]
    pub fn dummy_on_host(ctx: NativeCallContext, name: &str) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| Ok(LinkSpec::Dummy))
    }

    /// Makes a tap link, whose other end is a program that reads and writes Ethernet frames.
    ///
    /// ```needs-tun
    /// netns("red").tap("t0");
    /// ```
    #[rhai_fn(name = "tap", pure, return_raw)]
    pub fn tap_in(ctx: NativeCallContext, netns: &mut Netns, name: &str) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| Ok(LinkSpec::Tun(TunMode::Tap)))
    }

    /// Makes a tap link on the host, whose other end is a program that reads and writes Ethernet frames.
    ///
    /// ```needs-tun
    /// tap("t0").up();
    /// ```
    #[rhai_fn(name = "tap", return_raw)]
    pub fn tap_on_host(ctx: NativeCallContext, name: &str) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| Ok(LinkSpec::Tun(TunMode::Tap)))
    }

    /// Makes a tun link, whose other end is a program that reads and writes IP packets.
    ///
    /// ```needs-tun
    /// netns("red").tun("t0");
    /// ```
    #[rhai_fn(name = "tun", pure, return_raw)]
    pub fn tun_in(ctx: NativeCallContext, netns: &mut Netns, name: &str) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| Ok(LinkSpec::Tun(TunMode::Tun)))
    }

    /// Makes a tun link on the host, whose other end is a program that reads and writes IP packets.
    ///
    /// ```needs-tun
    /// tun("t0").up();
    /// ```
    #[rhai_fn(name = "tun", return_raw)]
    pub fn tun_on_host(ctx: NativeCallContext, name: &str) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| Ok(LinkSpec::Tun(TunMode::Tun)))
    }
}
