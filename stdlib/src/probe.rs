//! Probes: packets of our own, sent from inside a namespace.

use std::time::Duration;

use netscript_lang::diagnostics::{Errno, Error, Invalid, Result, Step, Within};
use netscript_lang::interpreter::{Session, at};
use netscript_net::op::{Family, Host, HostName, NetnsName, NetnsRef, parse_ip};
use netscript_net::world::Hop;
use netscript_net::world::Ping;
use netscript_net::world::Pong;
use netscript_net::world::Trace;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::options::{Known, Options};
use crate::unknown;
use crate::{Netns, RhaiResult, args};

/// The options of the words of this file.
pub(crate) const OPTIONS: Known =
    &[("ping", &[&["count", "timeout", "src", "size", "dev", "ttl"]]), ("traceroute", &[&["hops", "timeout"]])];

pub(crate) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(words).into());
}

/// Where a probe goes: an address, a namespace (its first address, or its name), a link, or the
/// name of a host.
pub(crate) fn target(session: &Session, value: &Dynamic) -> Result<Host> {
    if !value.is_string() {
        return args::address(session, "a target", value, None).map(Host::Addr);
    }
    let text = value.to_string();
    if let Ok(addr) = parse_ip(&text) {
        return Ok(Host::Addr(addr));
    }
    let known = NetnsName::parse(&text)
        .ok()
        .filter(|name| session.lab().world().netns_names().is_ok_and(|names| names.contains(name)));
    match (known, HostName::parse(&text)) {
        (Some(name), _) => {
            let netns = Dynamic::from(Netns::new(session, &NetnsRef::Named(name)));
            args::address(session, "a target", &netns, None).map(Host::Addr)
        }
        (None, Some(name)) => Ok(Host::Name(name)),
        (None, None) => Err(Error::Target {
            given: format!("{text:?}"),
            why: "it is neither an address nor the name of a namespace or a host".into(),
        }),
    }
}

/// The most data that fits into a packet of 65,535 bytes after the IPv4 and ICMP headers.
const MAX_SIZE: i64 = 65_507;

fn request(netns: &Netns, to: &Dynamic, options: Map) -> Result<Ping> {
    let mut o = Options::new(OPTIONS, "ping", options)?;
    let to = target(netns.session(), to).argument(0)?;
    let family = match &to {
        Host::Addr(addr) => Some(Family::of(*addr)),
        Host::Name(_) => None,
    };
    Ok(Ping {
        target: to,
        dev: o.link("dev", &netns.reference()?)?,
        count: o.number("count", 1, i64::from(u16::MAX))?.unwrap_or(1),
        timeout: Duration::from_secs_f64(o.with("timeout", args::seconds)?.unwrap_or(1.0)),
        src: o.with("src", |what, value| {
            let addr = args::address(netns.session(), what, value, family)?;
            match family {
                Some(wanted) if Family::of(addr) != wanted => {
                    Err(Error::Invalid(Invalid::WrongFamily { given: addr.to_string(), wanted, instead: None }))
                }
                Some(_) | None => Ok(addr),
            }
        })?,
        size: o.number("size", 0, MAX_SIZE)?.unwrap_or(56),
        ttl: o.number("ttl", 1, 255)?,
    })
}

/// The error of a probe as one of what it was given, with what there is instead.
pub(crate) fn blamed(netns: &Netns, error: Error) -> Error {
    match error {
        error @ Error::Target { .. } => error.within(Step::Argument(0)),
        Error::NoSuchLink { name, .. } => {
            let known = netns.reference().map(|reference| netns.session().lab().no_such_link(&reference, &name));
            known.unwrap_or_else(|error| error).within(Step::Option("dev".into()))
        }
        error @ Error::Probe { .. } if error.errno() == Some(Errno::EADDRNOTAVAIL.0) => {
            error.within(Step::Option("src".into()))
        }
        error => error,
    }
}

fn result(pong: Pong) -> Map {
    let mut map = Map::new();
    map.insert("ok".into(), (pong.received > 0).into());
    map.insert("sent".into(), i64::from(pong.sent).into());
    map.insert("received".into(), i64::from(pong.received).into());
    map.insert("rtt_ms".into(), mean_ms(&pong.rtts).map_or(Dynamic::UNIT, Dynamic::from));
    map.insert("ttl".into(), pong.ttl.map_or(Dynamic::UNIT, |ttl| i64::from(ttl).into()));
    map.insert("from".into(), pong.from.map_or(Dynamic::UNIT, |from| from.to_string().into()));
    map.insert("error".into(), pong.error.map_or(Dynamic::UNIT, Dynamic::from));
    map
}

/// One step of a traceroute.
fn hop(hop: Hop) -> Dynamic {
    let mut map = Map::new();
    map.insert("ttl".into(), i64::from(hop.ttl).into());
    map.insert("addr".into(), hop.addr.map_or(Dynamic::UNIT, |addr| addr.to_string().into()));
    map.insert("ok".into(), hop.reached.into());
    map.into()
}

fn trace(ctx: &NativeCallContext, netns: &Netns, to: &Dynamic, options: Map) -> Result<Dynamic> {
    let mut o = Options::new(OPTIONS, "traceroute", options)?;
    let hops: u8 = o.number("hops", 1, 255)?.unwrap_or(30);
    let timeout = Duration::from_secs_f64(o.with("timeout", args::seconds)?.unwrap_or(1.0));
    let trace = Trace { target: target(netns.session(), to).argument(0)?, hops, timeout };
    netns.tell(|netns| netscript_dialect::traceroute(netns, &trace))?;
    let list = netns.ask(at(ctx), |world, netns| world.traceroute(netns, &trace))?;
    let list = list.map_err(|error| blamed(netns, error));
    unknown::list(list, hop)
}

fn mean_ms(times: &[Duration]) -> Option<f64> {
    let count = u32::try_from(times.len()).ok().filter(|count| *count > 0)?;
    Some(milliseconds(times.iter().sum::<Duration>() / count))
}

/// Milliseconds to the microsecond, as `ping` shows them: more would be noise in what is printed.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[export_module]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Sends one ICMP echo request and waits a second for the answer:
    /// `#{ ok, sent, received, rtt_ms, ttl, from, error }`. The target is an address, a namespace, a link,
    /// or a name that the namespace's own name server knows.
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.ping("127.0.0.1").ok);
    /// assert(host.ping("::1").ok);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn ping(ctx: NativeCallContext, netns: &mut Netns, target: Dynamic) -> RhaiResult {
        ping_with(ctx, netns, target, Map::new())
    }

    /// Sends ICMP echo requests. Options: `count` (1), `timeout` (seconds for each answer, 1),
    /// `src` (source address), `size` (bytes of data, 56), `dev` (the link of a link-local
    /// target), `ttl` (how many routers they may pass). `.ok` when any was answered; `.error`
    /// says why one was not, and `.from` who said so.
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.ping("127.0.0.1", #{ count: 3 }).received == 3);
    /// ```
    #[rhai_fn(name = "ping", pure, return_raw)]
    pub fn ping_with(ctx: NativeCallContext, netns: &mut Netns, target: Dynamic, options: Map) -> RhaiResult {
        let request = request(netns, &target, options)?;
        netns.tell(|netns| netscript_dialect::ping(netns, &request))?;
        let pong = netns.ask(at(&ctx), |world, netns| world.ping(netns, &request))?;
        let pong = pong.map_err(|error| blamed(netns, error));
        Ok(unknown::map(pong, result)?)
    }

    /// Who is on the way to a target: ICMP echo requests that may pass 1, 2, … routers, until the
    /// target answers: a list of `#{ ttl, addr, ok }`, `addr` being `()` where nobody answered.
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.traceroute("127.0.0.1").map(|h| h.addr) == ["127.0.0.1"]);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn traceroute(ctx: NativeCallContext, netns: &mut Netns, target: Dynamic) -> RhaiResult {
        Ok(trace(&ctx, netns, &target, Map::new())?)
    }

    /// Who is on the way to a target. Options: `hops` (how far to look, 30), `timeout` (seconds
    /// for each answer, 1).
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.traceroute("::1", #{ hops: 3, timeout: 0.5 })[0].ok);
    /// ```
    #[rhai_fn(name = "traceroute", pure, return_raw)]
    pub fn traceroute_with(ctx: NativeCallContext, netns: &mut Netns, target: Dynamic, options: Map) -> RhaiResult {
        Ok(trace(&ctx, netns, &target, options)?)
    }
}
