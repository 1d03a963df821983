//! Probes: packets of our own, sent from inside a namespace.

use std::net::IpAddr;
use std::time::Duration;

use netscript_engine::diagnostics::{Error, Result};
use netscript_engine::interpreter::Session;
use netscript_engine::op::{Family, NetnsName, NetnsRef, parse_ip};
use netscript_engine::{Ping, Pong};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use crate::options::{Known, Options};
use crate::{Netns, RhaiResult, args};

/// The options of the words of this file.
pub(crate) const OPTIONS: Known =
    &[("ping", &[&["count", "timeout", "src", "size", "dev", "ttl"]]), ("traceroute", &[&["hops", "timeout"]])];

pub(crate) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(words).into());
}

/// Where a probe goes: an address, a namespace (its first address, or its name), or a link.
pub(crate) fn target(session: &Session, value: &Dynamic) -> Result<IpAddr> {
    if !value.is_string() {
        return args::address(session, "a target", value, None);
    }
    let text = value.to_string();
    let known = NetnsName::parse(&text)
        .ok()
        .filter(|name| session.lab().world().netns_names().is_ok_and(|names| names.contains(name)));
    match (parse_ip(&text), known) {
        (Ok(addr), _) => Ok(addr),
        (Err(_), Some(name)) => {
            let netns = Dynamic::from(Netns::new(session, &NetnsRef::Named(name)));
            args::address(session, "a target", &netns, None)
        }
        (Err(_), None) => Err(Error::Target {
            given: format!("{text:?}"),
            why: "it is neither an address nor the name of a namespace".into(),
        }),
    }
}

/// The most data that fits into a packet of 65,535 bytes after the IPv4 and ICMP headers.
const MAX_SIZE: i64 = 65_507;

fn request(netns: &Netns, to: &Dynamic, options: Map) -> Result<Ping> {
    let mut o = Options::new("ping", options)?;
    let to = target(netns.session(), to)?;
    let family = Some(Family::of(to));
    Ok(Ping {
        target: to,
        dev: o.link("dev", &netns.reference()?)?,
        count: o.number("count", 1, i64::from(u16::MAX))?.unwrap_or(1),
        timeout: Duration::from_secs_f64(o.with("timeout", args::seconds)?.unwrap_or(1.0)),
        src: o.with("src", |what, value| match args::address(netns.session(), what, value, family)? {
            addr if Some(Family::of(addr)) == family => Ok(addr),
            addr => Err(Error::WrongFamily { given: addr.to_string(), wanted: Family::of(to), instead: None }),
        })?,
        size: o.number("size", 0, MAX_SIZE)?.unwrap_or(56),
        ttl: o.number("ttl", 1, 255)?,
    })
}

fn answer(pong: Pong) -> Map {
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

/// One step of a traceroute: who answered a request that may pass so many routers.
fn hop(ttl: u8, pong: &Pong) -> Map {
    let mut map = Map::new();
    map.insert("ttl".into(), i64::from(ttl).into());
    map.insert("addr".into(), pong.from.map_or(Dynamic::UNIT, |from| from.to_string().into()));
    map.insert("ok".into(), (pong.received > 0).into());
    map
}

fn trace(netns: &Netns, to: &Dynamic, options: Map) -> Result<Array> {
    let mut o = Options::new("traceroute", options)?;
    let hops: u8 = o.number("hops", 1, 255)?.unwrap_or(30);
    let timeout = Duration::from_secs_f64(o.with("timeout", args::seconds)?.unwrap_or(1.0));
    let mut request = request(netns, to, Map::new())?;
    request.timeout = timeout;
    let reference = netns.reference()?;
    let mut list = Array::new();
    for ttl in 1..=hops {
        request.ttl = Some(ttl);
        let pong = netns.session().lab().world().ping(&reference, &request)?;
        list.push(hop(ttl, &pong).into());
        if pong.received > 0 || (pong.sent == 0 && pong.error.is_some()) {
            break;
        }
    }
    Ok(list)
}

fn mean_ms(times: &[Duration]) -> Option<f64> {
    let count = u32::try_from(times.len()).ok().filter(|count| *count > 0)?;
    Some(times.iter().map(Duration::as_secs_f64).sum::<f64>() * 1000.0 / f64::from(count))
}

#[export_module]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Sends one ICMP echo request and waits a second for the answer:
    /// `#{ ok, sent, received, rtt_ms, ttl, from, error }`. The target is an address, a namespace or a link.
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.ping("127.0.0.1").ok);
    /// assert(host.ping("::1").ok);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn ping(netns: &mut Netns, target: Dynamic) -> RhaiResult<Map> {
        ping_with(netns, target, Map::new())
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
    pub fn ping_with(netns: &mut Netns, target: Dynamic, options: Map) -> RhaiResult<Map> {
        let request = request(netns, &target, options)?;
        let reference = netns.reference()?;
        Ok(answer(netns.session().lab().world().ping(&reference, &request)?))
    }

    /// Who is on the way to a target: ICMP echo requests that may pass 1, 2, … routers, until the
    /// target answers: a list of `#{ ttl, addr, ok }`, `addr` being `()` where nobody answered.
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.traceroute("127.0.0.1").map(|h| h.addr) == ["127.0.0.1"]);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn traceroute(netns: &mut Netns, target: Dynamic) -> RhaiResult<Array> {
        Ok(trace(netns, &target, Map::new())?)
    }

    /// Who is on the way to a target. Options: `hops` (how far to look, 30), `timeout` (seconds
    /// for each answer, 1).
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.traceroute("::1", #{ hops: 3, timeout: 0.5 })[0].ok);
    /// ```
    #[rhai_fn(name = "traceroute", pure, return_raw)]
    pub fn traceroute_with(netns: &mut Netns, target: Dynamic, options: Map) -> RhaiResult<Array> {
        Ok(trace(netns, &target, options)?)
    }
}
