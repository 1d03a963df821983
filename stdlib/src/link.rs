//! Links: handles on them, changing them, and what they are.

use std::fmt;

use netscript_lang::LinkId;
use netscript_lang::diagnostics::{At, Error, Invalid, Result, Within};
use netscript_lang::interpreter::{Session, add_words, at};
use netscript_net::op::{Action, IfName, LinkFlag, LinkOp, LinkSet, NetnsRef, Op, raw};
use netscript_net::state::{self, Hardware, LinkType, OperState, Peer};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine};

use crate::{Netns, RhaiResult, args};

/// A handle to a link. It refers to the same link after a rename or a move.
#[derive(Clone)]
pub struct Link {
    session: Session,
    id: LinkId,
}

impl Link {
    pub(crate) fn new(session: &Session, id: LinkId) -> Link {
        Link { session: session.clone(), id }
    }

    /// Its current namespace and name.
    pub fn locate(&self) -> Result<(NetnsRef, IfName)> {
        self.session.lab().locate(self.id)
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Applies an operation in the link's namespace.
    pub(crate) fn submit<A: Into<Action>>(&self, at: Option<At>, action: impl FnOnce(IfName) -> A) -> Result<()> {
        let (netns, name) = self.locate()?;
        self.session.lab().submit(Op::new(netns, action(name)), at)
    }

    fn set(&self, ctx: &NativeCallContext, set: LinkSet) -> RhaiResult<Link> {
        self.submit(at(ctx), |name| LinkOp::Set(name, set))?;
        Ok(self.clone())
    }

    /// The link's current state.
    pub fn look(&self) -> Result<state::Link> {
        let (netns, name) = self.locate()?;
        let found = self.session.lab().world().link(&netns, &name)?;
        found.ok_or_else(|| self.session.lab().no_such_link(&netns, name.as_str()))
    }

    fn at_peer(&self, peer: &Peer) -> Result<Link> {
        match (&peer.netns, &peer.name) {
            (Some(netns), Some(name)) => {
                let id = self.session.lab().link_id(netns, name);
                Ok(Link::new(&self.session, id))
            }
            _ => Err(Error::NotThere {
                what: format!("namespace with a name that holds the other end, {}", of_number(peer.index)),
                known: Vec::new(),
            }),
        }
    }
}

/// What a dry run may not know.
fn known<T>(value: Option<T>, what: impl FnOnce() -> String) -> Result<T> {
    value.ok_or_else(|| Error::NotSimulated { what: what() })
}

/// A link of which nothing but the number may be known.
fn of_number(index: Option<u32>) -> String {
    index.map_or("a link".to_owned(), |index| format!("link number {index}"))
}

impl PartialEq for Link {
    fn eq(&self, other: &Link) -> bool {
        self.session.same(&other.session) && self.id == other.id
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.locate() {
            Ok((_, name)) => name.fmt(f),
            Err(_) => f.write_str("(removed)"),
        }
    }
}

pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Link>("Link");
    add_words(engine, exported_manifest!(words));
}

/// A handle to an existing link.
fn existing(netns: &Netns, name: &str) -> Result<Link> {
    let name = IfName::parse(name).argument(0)?;
    let reference = netns.reference()?;
    let found = netns.session().lab().world().link_name(&reference, &name)?;
    match found {
        Some(name) => netns.link(&name),
        None => Err(netns.session().lab().no_such_link(&reference, name.as_str())).argument(0),
    }
}

/// The largest MTU that `ip` accepts. The kernel may accept less for a link.
const MTU_MAX: i64 = 0x7fff_ffff;

/// Longest alias in bytes (`IFALIASZ` − 1, linux/if.h).
const ALIAS_MAX: usize = 255;

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// A handle to an existing link of the namespace.
    ///
    /// ```
    /// let red = netns("red");
    /// red.link("lo").up();
    /// ```
    #[rhai_fn(name = "link", pure, return_raw)]
    pub fn link_in(netns: &mut Netns, name: &str) -> RhaiResult<Link> {
        Ok(existing(netns, name)?)
    }

    /// A handle to an existing link of the host.
    ///
    /// ```
    /// link("lo").up();
    /// ```
    #[rhai_fn(name = "link", return_raw)]
    pub fn link_on_host(ctx: NativeCallContext, name: &str) -> RhaiResult<Link> {
        Ok(existing(&Netns::here(&Session::of(&ctx)), name)?)
    }

    /// The loopback device of the namespace.
    ///
    /// ```
    /// netns("red").lo.up();
    /// ```
    #[rhai_fn(get = "lo", pure, return_raw)]
    pub fn get_lo(netns: &mut Netns) -> RhaiResult<Link> {
        Ok(netns.link(&IfName::lo())?)
    }

    /// Switches the link on.
    ///
    /// ```
    /// let br0 = bridge("br0").up();
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn up(ctx: NativeCallContext, link: &mut Link) -> RhaiResult<Link> {
        link.set(&ctx, LinkSet::Flag(LinkFlag::Up, true))
    }

    /// Switches the link off. This removes its routes.
    ///
    /// ```
    /// let br0 = bridge("br0").up();
    /// br0.down();
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn down(ctx: NativeCallContext, link: &mut Link) -> RhaiResult<Link> {
        link.set(&ctx, LinkSet::Flag(LinkFlag::Up, false))
    }

    /// Moves the link into a namespace. It loses its addresses and routes, and is switched off.
    ///
    /// ```
    /// let red = netns("red");
    /// veth("v1", "c1").peer.move_to(red);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn move_to(ctx: NativeCallContext, link: &mut Link, netns: Dynamic) -> RhaiResult<Link> {
        let to = args::netns(link.session(), "a namespace", &netns).argument(0)?;
        link.set(&ctx, LinkSet::Netns(to))
    }

    /// Adds the link to a bridge or a VRF in the same namespace.
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// veth("v1", "c1").master(br0);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn master(ctx: NativeCallContext, link: &mut Link, bridge: Dynamic) -> RhaiResult<Link> {
        let (netns, _) = link.locate()?;
        let bridge = args::link_in(&netns, "a bridge", &bridge).argument(0)?;
        link.set(&ctx, LinkSet::Master(Some(bridge)))
    }

    /// Removes the link from its bridge or VRF.
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// veth("v1", "c1").master(br0).nomaster();
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn nomaster(ctx: NativeCallContext, link: &mut Link) -> RhaiResult<Link> {
        link.set(&ctx, LinkSet::Master(None))
    }

    /// Renames the link. Its handles stay valid.
    ///
    /// ```
    /// let v1 = veth("v1", "c1").rename("eth0");
    /// assert(v1.name == "eth0");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn rename(ctx: NativeCallContext, link: &mut Link, name: &str) -> RhaiResult<Link> {
        let name = IfName::parse(name).argument(0)?;
        link.set(&ctx, LinkSet::Name(name))
    }

    /// Sets the hardware address.
    ///
    /// ```
    /// veth("v1", "c1").set_mac("02:00:00:00:00:01");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn set_mac(ctx: NativeCallContext, link: &mut Link, mac: Dynamic) -> RhaiResult<Link> {
        let mac = args::mac("a hardware address", &mac).argument(0)?;
        link.set(&ctx, LinkSet::Mac(mac))
    }

    /// Sets the size of the largest packet, in bytes.
    ///
    /// ```
    /// assert(veth("v1", "c1").set_mtu(1400).mtu == 1400);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn set_mtu(ctx: NativeCallContext, link: &mut Link, bytes: Dynamic) -> RhaiResult<Link> {
        let mtu = args::int_in("an MTU", &bytes, 0, MTU_MAX).argument(0)?;
        link.set(&ctx, LinkSet::Mtu(mtu))
    }

    /// Switches ARP on or off.
    ///
    /// ```
    /// veth("v1", "c1").arp(false);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn arp(ctx: NativeCallContext, link: &mut Link, on: bool) -> RhaiResult<Link> {
        link.set(&ctx, LinkSet::Flag(LinkFlag::Arp, on))
    }

    /// Switches promiscuous mode on or off: whether the link accepts frames for other receivers.
    ///
    /// ```
    /// veth("v1", "c1").promisc(true);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn promisc(ctx: NativeCallContext, link: &mut Link, on: bool) -> RhaiResult<Link> {
        link.set(&ctx, LinkSet::Flag(LinkFlag::Promisc, on))
    }

    /// Sets the alias, a description of at most 255 bytes; an empty text removes it.
    ///
    /// ```
    /// veth("v1", "c1").set_alias("to the database");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn set_alias(ctx: NativeCallContext, link: &mut Link, text: &str) -> RhaiResult<Link> {
        if text.len() > ALIAS_MAX || text.contains('\0') {
            let wrong = Err(Error::OptionValue {
                key: "the alias".into(),
                given: format!("a text of {} bytes", text.len()),
                wanted: format!("a text of at most {ALIAS_MAX} bytes without NUL"),
            });
            return Ok(wrong.argument(0)?);
        }
        link.set(&ctx, LinkSet::Alias(text.to_owned()))
    }

    /// Switches hairpin mode of a bridge's port on or off: whether a frame may leave by the port that it came from.
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// veth("v1", "c1").master(br0).hairpin(true);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn hairpin(ctx: NativeCallContext, link: &mut Link, on: bool) -> RhaiResult<Link> {
        link.set(&ctx, LinkSet::Hairpin(on))
    }

    /// Removes the link, and the other end of a pair.
    ///
    /// ```
    /// veth("v1", "c1").delete();
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn delete(ctx: NativeCallContext, link: &mut Link) -> RhaiResult<()> {
        Ok(link.submit(at(&ctx), LinkOp::Del)?)
    }

    /// Its name.
    ///
    /// ```
    /// assert(veth("v1", "c1").name == "v1");
    /// ```
    #[rhai_fn(get = "name", pure, return_raw)]
    pub fn get_name(link: &mut Link) -> RhaiResult<String> {
        Ok(link.locate()?.1.to_string())
    }

    /// Its index in the namespace.
    ///
    /// ```
    /// assert(host.lo.index == 1);
    /// ```
    #[rhai_fn(get = "index", pure, return_raw)]
    pub fn get_index(link: &mut Link) -> RhaiResult<i64> {
        let found = link.look()?;
        Ok(i64::from(known(found.index, || format!("the number of `{}`", found.name))?))
    }

    /// Its kind, as in `ip -d link`: `"veth"`, `"bridge"`, …
    ///
    /// ```
    /// assert(bridge("br0").kind == "bridge");
    /// ```
    #[rhai_fn(get = "kind", pure, return_raw)]
    pub fn get_kind(link: &mut Link) -> RhaiResult<String> {
        Ok(link.look()?.kind.word().to_owned())
    }

    /// Its hardware address; `()` for links without one.
    ///
    /// ```
    /// let v1 = veth("v1", "c1").set_mac("02:00:00:00:00:01");
    /// assert(v1.mac == "02:00:00:00:00:01");
    /// ```
    #[rhai_fn(get = "mac", pure, return_raw)]
    pub fn get_mac(link: &mut Link) -> RhaiResult {
        let found = link.look()?;
        match found.mac {
            Hardware::Known(mac) => Ok(mac.to_string().into()),
            Hardware::None => Ok(Dynamic::UNIT),
            Hardware::Unknown => {
                Ok(known(None, || format!("the hardware address of `{}`, which was not set", found.name))?)
            }
        }
    }

    /// The size of the largest packet, in bytes.
    ///
    /// ```
    /// assert(veth("v1", "c1").mtu == 1500);
    /// ```
    #[rhai_fn(get = "mtu", pure, return_raw)]
    pub fn get_mtu(link: &mut Link) -> RhaiResult<i64> {
        Ok(i64::from(link.look()?.mtu))
    }

    /// Its state: `"up"`, `"down"`, `"lowerlayerdown"` (the other end is down) or `"unknown"` (as of `lo`).
    ///
    /// ```
    /// let v1 = veth("v1", "c1");
    /// assert(v1.state == "down");
    /// v1.up();
    /// assert(v1.state == "lowerlayerdown");
    /// v1.peer.up();
    /// wait_until(2, || v1.state == "up");
    /// ```
    #[rhai_fn(get = "state", pure, return_raw)]
    pub fn get_state(link: &mut Link) -> RhaiResult<String> {
        let link = link.look()?;
        // A link that is off says "down" at once, whatever its last operational state was.
        let state = if link.up { link.state } else { OperState::Down };
        Ok(state.word().to_owned())
    }

    /// Its alias, or `()`.
    ///
    /// ```
    /// assert(veth("v1", "c1").set_alias("to the database").alias == "to the database");
    /// ```
    #[rhai_fn(get = "alias", pure, return_raw)]
    pub fn get_alias(link: &mut Link) -> RhaiResult {
        Ok(link.look()?.alias.map_or(Dynamic::UNIT, |alias| raw::shown(&alias).into_owned().into()))
    }

    /// Its addresses with their prefix lengths.
    ///
    /// ```
    /// assert(bridge("br0").addr("10.0.0.1/24").addrs == ["10.0.0.1/24"]);
    /// ```
    #[rhai_fn(get = "addrs", pure, return_raw)]
    pub fn get_addrs(link: &mut Link) -> RhaiResult<Array> {
        let link = link.look()?;
        if link.unknown_addr {
            return Err(Error::NotSimulated {
                what: format!("the fe80 address that the kernel gives `{}`", link.name),
            }
            .into());
        }
        Ok(link.addrs.iter().map(|addr| addr.local.to_string().into()).collect())
    }

    /// Its namespace.
    ///
    /// ```
    /// assert(host.lo.netns == host);
    /// ```
    #[rhai_fn(get = "netns", pure, return_raw)]
    pub fn get_netns(link: &mut Link) -> RhaiResult<Netns> {
        let (netns, _) = link.locate()?;
        Ok(Netns::new(link.session(), &netns))
    }

    /// The other end of a pair, in any namespace.
    ///
    /// ```
    /// let v1 = veth("v1", "c1");
    /// assert(v1.peer.name == "c1");
    /// assert(v1.peer.peer == v1);
    /// ```
    #[rhai_fn(get = "peer", pure, return_raw)]
    pub fn get_peer(link: &mut Link) -> RhaiResult<Link> {
        let (_, name) = link.locate()?;
        let known = link.session().lab().peer(link.id);
        if let Some(id) = known {
            return Ok(Link::new(link.session(), id));
        }
        match link.look()?.kind {
            LinkType::Veth(Some(peer)) => Ok(link.at_peer(&peer)?),
            LinkType::Veth(None) => Err(Error::NotThere {
                what: format!("other end of `{name}` that can be seen from here"),
                known: Vec::new(),
            }
            .into()),
            other => Err(Error::Invalid(Invalid::Conflict {
                message: format!("`{name}` is a {} link, and only one of a pair has a peer", other.word()),
                help: "make pairs with `veth(\"a\", \"b\")`".into(),
            })
            .into()),
        }
    }

    /// Its bridge or VRF, or `()`.
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// assert(veth("v1", "c1").master(br0).master == br0);
    /// ```
    #[rhai_fn(get = "master", pure, return_raw)]
    pub fn get_master(link: &mut Link) -> RhaiResult {
        let (netns, _) = link.locate()?;
        let Some(master) = link.look()?.master else { return Ok(Dynamic::UNIT) };
        let id = link.session().lab().link_id(&netns, &master);
        Ok(Dynamic::from(Link::new(link.session(), id)))
    }

    /// The ports of a bridge, in the order of their indexes.
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// let v1 = veth("v1", "c1").master(br0);
    /// assert(br0.ports == [v1]);
    /// ```
    #[rhai_fn(get = "ports", pure, return_raw)]
    pub fn get_ports(link: &mut Link) -> RhaiResult<Array> {
        let (netns, name) = link.locate()?;
        let links = link.session().lab().world().links(&netns)?;
        let mut ports = Array::new();
        for port in links.iter().filter(|port| port.master.as_ref() == Some(&name)) {
            let id = link.session().lab().link_id(&netns, &port.name);
            ports.push(Dynamic::from(Link::new(link.session(), id)));
        }
        Ok(ports)
    }

    /// The id of a bridge, as `brctl show` writes it: `"8000.020000000001"`.
    ///
    /// ```
    /// assert(bridge("br0").set_mac("02:00:00:00:00:01").bridge_id == "8000.020000000001");
    /// ```
    #[rhai_fn(get = "bridge_id", pure, return_raw)]
    pub fn get_bridge_id(link: &mut Link) -> RhaiResult<String> {
        match link.look()?.kind {
            LinkType::Bridge { id, .. } => Ok(known(id, || "the id of a bridge".to_owned())?),
            other => Err(not_a_bridge(link, other.word()).into()),
        }
    }

    /// Whether a bridge uses the spanning tree protocol.
    ///
    /// ```
    /// assert(!bridge("br0").stp);
    /// ```
    #[rhai_fn(get = "stp", pure, return_raw)]
    pub fn get_stp(link: &mut Link) -> RhaiResult<bool> {
        match link.look()?.kind {
            LinkType::Bridge { options, .. } => Ok(options.stp == Some(true)),
            other => Err(not_a_bridge(link, other.word()).into()),
        }
    }

    /// The link's name as text.
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn to_string(link: &mut Link) -> String {
        link.to_string()
    }

    /// Whether two handles refer to the same link.
    #[rhai_fn(global, name = "==", pure)]
    pub fn eq(a: &mut Link, b: Link) -> bool {
        *a == b
    }

    /// Whether two handles refer to different links.
    #[rhai_fn(global, name = "!=", pure)]
    pub fn ne(a: &mut Link, b: Link) -> bool {
        *a != b
    }
}

fn not_a_bridge(link: &Link, kind: &str) -> Error {
    Error::Invalid(Invalid::Conflict {
        message: format!("`{link}` is a {kind} link, not a bridge"),
        help: "bridges are made with `bridge(\"br0\")`".into(),
    })
}
