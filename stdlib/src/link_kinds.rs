//! Making links: a word for each kind, as a method of a namespace and bare, on the host.

use netscript_lang::diagnostics::{At, Error, Invalid, Result, Within};
use netscript_lang::interpreter::{Session, at};
use netscript_net::op::{
    Bridge, IfName, IpvlanMode, LinkOp, LinkSpec, MacvlanMode, NetnsRef, TunMode, VXLAN_PORT, Veth, Vlan, VlanId, Vni,
    Vxlan,
};
use rhai::plugin::*;
use rhai::{Engine, Map};

use crate::options::{Known, Options, one_of};
use crate::{Link, Netns, RhaiResult, args};

/// The options of the words of this file.
pub(crate) const OPTIONS: Known = &[
    ("veth", &[&["peer", "netns"]]),
    ("bridge", &[&["stp", "forward_delay", "hello_time", "max_age", "ageing_time", "priority", "vlan_filtering"]]),
    ("vxlan", &[&["id", "local", "remote", "group", "dev", "port", "ttl", "learning"]]),
    ("macvlan", &[&["link", "mode"]]),
    ("ipvlan", &[&["link", "mode"]]),
    ("vlan", &[&["link", "id"]]),
];

pub(crate) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(words).into());
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

fn pair_with(session: &Session, options: Map) -> Result<LinkSpec> {
    let mut options = Options::new(OPTIONS, "veth", options)?;
    let peer =
        options.need("peer", "#{ peer: \"eth0\" }", |what, value| Ok(IfName::parse(&args::text(what, value)?)?))?;
    let netns = options.with("netns", |what, value| args::netns(session, what, value))?;
    Ok(LinkSpec::Veth(Veth { peer, netns }))
}

fn bridge_with(options: Map) -> Result<LinkSpec> {
    let mut o = Options::new(OPTIONS, "bridge", options)?;
    // The kernel's own ranges (net/bridge/br_stp.c) are narrower; it refuses what it does not take.
    let max = i64::from(u32::MAX);
    Ok(LinkSpec::Bridge(Bridge {
        stp: o.boolean("stp")?,
        forward_delay: o.number("forward_delay", 0, max)?,
        hello_time: o.number("hello_time", 0, max)?,
        max_age: o.number("max_age", 0, max)?,
        ageing_time: o.number("ageing_time", 0, max)?,
        priority: o.number("priority", 0, i64::from(u16::MAX))?,
        vlan_filtering: o.boolean("vlan_filtering")?,
    }))
}

fn vxlan_with(netns: &NetnsRef, options: Map) -> Result<LinkSpec> {
    let mut o = Options::new(OPTIONS, "vxlan", options)?;
    let vxlan = Vxlan {
        id: o.need("id", "#{ id: 42 }", |what, value| Ok(Vni::new(args::int(what, value)?)?))?,
        local: o.ip("local")?,
        remote: o.ip("remote")?,
        group: o.ip("group")?,
        dev: o.link("dev", netns)?,
        port: o.with("port", args::port)?.unwrap_or(VXLAN_PORT),
        ttl: o.number("ttl", 0, 255)?,
        learning: o.boolean("learning")?,
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

fn macvlan_with(netns: &NetnsRef, options: Map) -> Result<LinkSpec> {
    let mut o = Options::new(OPTIONS, "macvlan", options)?;
    let parent = o.need("link", "#{ link: eth0 }", |what, value| args::link_in(netns, what, value))?;
    let mode = o.choice("mode", || one_of(MacvlanMode::WORDS), MacvlanMode::from_word)?;
    Ok(LinkSpec::Macvlan(parent, mode.unwrap_or(MacvlanMode::Vepa)))
}

fn ipvlan_with(netns: &NetnsRef, options: Map) -> Result<LinkSpec> {
    let mut o = Options::new(OPTIONS, "ipvlan", options)?;
    let parent = o.need("link", "#{ link: eth0 }", |what, value| args::link_in(netns, what, value))?;
    let mode = o.choice("mode", || one_of(IpvlanMode::WORDS), IpvlanMode::from_word)?;
    Ok(LinkSpec::Ipvlan(parent, mode.unwrap_or(IpvlanMode::L3)))
}

fn vlan_with(netns: &NetnsRef, options: Map) -> Result<LinkSpec> {
    let mut o = Options::new(OPTIONS, "vlan", options)?;
    let link = o.need("link", "#{ link: eth0, id: 10 }", |what, value| args::link_in(netns, what, value))?;
    let id = o.need("id", "#{ link: eth0, id: 10 }", |what, value| Ok(VlanId::new(args::int(what, value)?)?))?;
    Ok(LinkSpec::Vlan(Vlan { link, id }))
}

fn here(ctx: &NativeCallContext) -> Netns {
    Netns::here(&Session::of(ctx))
}

#[export_module]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Makes a pair of links in the namespace and gives the first; `.peer` is the other.
    ///
    /// ```
    /// let red = netns("red");
    /// let v1 = red.veth("v1", "c1");
    /// ```
    #[rhai_fn(name = "veth", pure, return_raw)]
    pub fn veth_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, peer: &str) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| pair(peer))
    }

    /// Makes a pair of links on the host and gives the first; `.peer` is the other.
    ///
    /// ```
    /// let veth1 = veth("veth1", "ceth1");
    /// assert(veth1.peer.name == "ceth1");
    /// ```
    #[rhai_fn(name = "veth", return_raw)]
    pub fn veth_on_host(ctx: NativeCallContext, name: &str, peer: &str) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| pair(peer))
    }

    /// Makes a pair of links. Options: `peer` (name of the other end), `netns` (where it is born).
    ///
    /// ```
    /// let red = netns("red");
    /// let blue = netns("blue");
    /// red.veth("v1", #{ peer: "eth0", netns: blue });
    /// ```
    #[rhai_fn(name = "veth", pure, return_raw)]
    pub fn veth_with_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |session, _| pair_with(session, options))
    }

    /// Makes a pair of links on the host. Options: `peer` (name of the other end), `netns` (where it is born).
    ///
    /// ```
    /// let red = netns("red");
    /// veth("veth1", #{ peer: "eth0", netns: red });
    /// ```
    #[rhai_fn(name = "veth", return_raw)]
    pub fn veth_with_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |session, _| pair_with(session, options))
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

    /// Makes a bridge. Options: `stp`, `vlan_filtering` (bools), `priority`, and in hundredths of
    /// a second `forward_delay`, `hello_time`, `max_age`, `ageing_time`.
    ///
    /// ```
    /// netns("red").bridge("br0", #{ stp: true });
    /// ```
    #[rhai_fn(name = "bridge", pure, return_raw)]
    pub fn bridge_with_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| bridge_with(options))
    }

    /// Makes a bridge on the host. Options: `stp`, `vlan_filtering` (bools), `priority`, and in
    /// hundredths of a second `forward_delay`, `hello_time`, `max_age`, `ageing_time`.
    ///
    /// ```
    /// assert(bridge("br0", #{ stp: true }).stp);
    /// ```
    #[rhai_fn(name = "bridge", return_raw)]
    pub fn bridge_with_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| bridge_with(options))
    }

    /// Makes a vxlan link: Ethernet over UDP. Options: `id` (needed), `local`, `remote` or
    /// `group` (addresses), `dev` (the link that carries it), `port` (4789), `ttl`, `learning`.
    ///
    /// ```
    /// netns("red").vxlan("vx0", #{ id: 42, remote: "192.0.2.1" });
    /// ```
    #[rhai_fn(name = "vxlan", pure, return_raw)]
    pub fn vxlan_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, netns| vxlan_with(netns, options))
    }

    /// Makes a vxlan link on the host: Ethernet over UDP. Options: `id` (needed), `local`,
    /// `remote` or `group` (addresses), `dev` (the link that carries it), `port` (4789), `ttl`,
    /// `learning`.
    ///
    /// ```
    /// vxlan("vx0", #{ id: 42, local: "192.0.2.2", remote: "192.0.2.1" });
    /// ```
    #[rhai_fn(name = "vxlan", return_raw)]
    pub fn vxlan_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, netns| vxlan_with(netns, options))
    }

    /// Makes a link with an Ethernet address of its own on a parent. Options: `link` (the
    /// parent, needed), `mode`: `"vepa"` (the kernel's choice), `"bridge"`, `"private"`,
    /// `"passthru"` or `"source"`.
    ///
    /// ```
    /// let red = netns("red");
    /// let v1 = red.veth("v1", "c1");
    /// red.macvlan("mv0", #{ link: v1, mode: "bridge" });
    /// ```
    #[rhai_fn(name = "macvlan", pure, return_raw)]
    pub fn macvlan_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, netns| macvlan_with(netns, options))
    }

    /// Makes a link with an Ethernet address of its own on a parent, on the host. Options:
    /// `link` (the parent, needed), `mode`: `"vepa"` (the kernel's choice), `"bridge"`,
    /// `"private"`, `"passthru"` or `"source"`.
    ///
    /// ```
    /// let v1 = veth("v1", "c1");
    /// macvlan("mv0", #{ link: v1, mode: "bridge" });
    /// ```
    #[rhai_fn(name = "macvlan", return_raw)]
    pub fn macvlan_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, netns| macvlan_with(netns, options))
    }

    /// Makes a link on a parent's Ethernet address. Options: `link` (the parent, needed),
    /// `mode`: `"l3"` (the kernel's choice), `"l2"` or `"l3s"`.
    ///
    /// ```needs-ipvlan
    /// let red = netns("red");
    /// let v1 = red.veth("v1", "c1");
    /// red.ipvlan("iv0", #{ link: v1, mode: "l2" });
    /// ```
    #[rhai_fn(name = "ipvlan", pure, return_raw)]
    pub fn ipvlan_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, netns| ipvlan_with(netns, options))
    }

    /// Makes a link on a parent's Ethernet address, on the host. Options: `link` (the parent,
    /// needed), `mode`: `"l3"` (the kernel's choice), `"l2"` or `"l3s"`.
    ///
    /// ```needs-ipvlan
    /// let v1 = veth("v1", "c1");
    /// ipvlan("iv0", #{ link: v1, mode: "l2" });
    /// ```
    #[rhai_fn(name = "ipvlan", return_raw)]
    pub fn ipvlan_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, netns| ipvlan_with(netns, options))
    }

    /// Makes a tagged VLAN on a parent. Options, both needed: `link` (the parent), `id` (1 to 4094).
    ///
    /// ```needs-vlan
    /// let red = netns("red");
    /// let v1 = red.veth("v1", "c1");
    /// red.vlan("v1.10", #{ link: v1, id: 10 });
    /// ```
    #[rhai_fn(name = "vlan", pure, return_raw)]
    pub fn vlan_in(ctx: NativeCallContext, netns: &mut Netns, name: &str, options: Map) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, netns| vlan_with(netns, options))
    }

    /// Makes a tagged VLAN on a parent, on the host. Options, both needed: `link` (the parent),
    /// `id` (1 to 4094).
    ///
    /// ```needs-vlan
    /// let v1 = veth("v1", "c1");
    /// vlan("v1.10", #{ link: v1, id: 10 });
    /// ```
    #[rhai_fn(name = "vlan", return_raw)]
    pub fn vlan_on_host(ctx: NativeCallContext, name: &str, options: Map) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, netns| vlan_with(netns, options))
    }

    /// Makes a link that swallows what it is given: a place for addresses.
    ///
    /// ```needs-dummy
    /// netns("red").dummy("d0");
    /// ```
    #[rhai_fn(name = "dummy", pure, return_raw)]
    pub fn dummy_in(ctx: NativeCallContext, netns: &mut Netns, name: &str) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| Ok(LinkSpec::Dummy))
    }

    /// Makes a link on the host that swallows what it is given: a place for addresses.
    ///
    /// ```needs-dummy
    /// dummy("d0").addr("192.0.2.1/32");
    /// ```
    #[rhai_fn(name = "dummy", return_raw)]
    pub fn dummy_on_host(ctx: NativeCallContext, name: &str) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| Ok(LinkSpec::Dummy))
    }

    /// Makes a link whose other end is a program that reads and writes Ethernet frames.
    ///
    /// ```needs-tun
    /// netns("red").tap("t0");
    /// ```
    #[rhai_fn(name = "tap", pure, return_raw)]
    pub fn tap_in(ctx: NativeCallContext, netns: &mut Netns, name: &str) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| Ok(LinkSpec::Tun(TunMode::Tap)))
    }

    /// Makes a link on the host whose other end is a program that reads and writes Ethernet frames.
    ///
    /// ```needs-tun
    /// tap("t0").up();
    /// ```
    #[rhai_fn(name = "tap", return_raw)]
    pub fn tap_on_host(ctx: NativeCallContext, name: &str) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| Ok(LinkSpec::Tun(TunMode::Tap)))
    }

    /// Makes a link whose other end is a program that reads and writes IP packets.
    ///
    /// ```needs-tun
    /// netns("red").tun("t0");
    /// ```
    #[rhai_fn(name = "tun", pure, return_raw)]
    pub fn tun_in(ctx: NativeCallContext, netns: &mut Netns, name: &str) -> RhaiResult<Link> {
        make(netns, at(&ctx), name, |_, _| Ok(LinkSpec::Tun(TunMode::Tun)))
    }

    /// Makes a link on the host whose other end is a program that reads and writes IP packets.
    ///
    /// ```needs-tun
    /// tun("t0").up();
    /// ```
    #[rhai_fn(name = "tun", return_raw)]
    pub fn tun_on_host(ctx: NativeCallContext, name: &str) -> RhaiResult<Link> {
        make(&here(&ctx), at(&ctx), name, |_, _| Ok(LinkSpec::Tun(TunMode::Tun)))
    }
}
