//! Probes: packets that netscript sends from inside a namespace.

use std::net::IpAddr;
use std::time::Duration;

use netscript_lang::diagnostics::{Errno, Error, Invalid, Result, Step, Within};
use netscript_lang::interpreter::{Session, add_words, at};
use netscript_net::op::{Family, Host, HostName, IfName, NetnsName, NetnsRef, parse_ip};
use netscript_net::world::Hop;
use netscript_net::world::Ping;
use netscript_net::world::PingResult;
use netscript_net::world::Trace;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::options::{Given, Key, Literal, Options, WordOptions, WordsWithOptions, keys};
use crate::unknown;
use crate::{Netns, RhaiResult, args};

keys! {
    /// The options of `ping`.
    PING_KEYS:
    /// Number of requests
    COUNT: Key<u16> = Key::number("count", 1, u16::MAX as i64).default(Literal::Int(1)).example("3");
    /// How long to wait for each answer
    TIMEOUT: Key<f64> = Key::seconds("timeout").default(Literal::Int(1));
    /// The source address
    SRC: Key<IpAddr, (Session, Option<Family>)> =
        Key::value("src", "an address, a link or a namespace", source).example("\"10.0.0.1\"");
    /// Size of the data: at most a packet of 65,535 bytes with IPv4 and ICMP headers
    SIZE: Key<u16> = Key::number("size", 0, 65_507).unit("bytes").default(Literal::Int(56)).example("1400");
    /// The link of a link-local target
    DEV: Key<IfName, NetnsRef> = Key::link("dev");
    /// The time to live of the requests
    TTL: Key<u8> = Key::number("ttl", 1, 255).example("1");
}

keys! {
    /// The options of `traceroute`.
    TRACE_KEYS:
    /// Maximum number of hops
    HOPS: Key<u8> = Key::number("hops", 1, 255).default(Literal::Int(30)).example("5");
    /// How long to wait for each answer
    WAIT: Key<f64> = Key::seconds("timeout").default(Literal::Int(1));
}

const PING: WordOptions = WordOptions::new("ping", &[PING_KEYS]);
const TRACEROUTE: WordOptions = WordOptions::new("traceroute", &[TRACE_KEYS]);

/// The words of this file that take options.
pub(crate) const OPTIONS: WordsWithOptions = &[&PING, &TRACEROUTE];

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

/// The target of a probe: an address, a namespace (its first address, or its name), a link, or a
/// host name.
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

/// A source address, of the target's family if that is known.
fn source(given: &Given<'_>, (session, family): &(Session, Option<Family>)) -> Result<IpAddr> {
    let addr = args::address(session, &given.what(), given.value, *family)?;
    match *family {
        Some(wanted) if Family::of(addr) != wanted => {
            Err(Error::Invalid(Invalid::WrongFamily { given: addr.to_string(), wanted, instead: None }))
        }
        Some(_) | None => Ok(addr),
    }
}

pub(crate) fn request(netns: &Netns, to: &Dynamic, options: &Map) -> Result<Ping> {
    let o = Options::new(&PING, options)?;
    let to = target(netns.session(), to).argument(0)?;
    let family = match &to {
        Host::Addr(addr) => Some(Family::of(*addr)),
        Host::Name(_) => None,
    };
    Ok(Ping {
        target: to,
        dev: o.get_in(&DEV, &netns.reference()?)?,
        count: o.or_default(&COUNT)?,
        timeout: Duration::from_secs_f64(o.or_default(&TIMEOUT)?),
        src: o.get_in(&SRC, &(netns.session().clone(), family))?,
        size: o.or_default(&SIZE)?,
        ttl: o.get(&TTL)?,
    })
}

/// The error of a probe as one of what it was given, with what there is instead.
pub(crate) fn blamed(netns: &Netns, error: Error) -> Error {
    match error {
        error @ Error::Target { .. } => error.within(Step::Argument(0)),
        error @ Error::NoSuchLink { .. } => with_link_option(netns, error, &DEV),
        error @ Error::Probe { .. } if error.errno() == Some(Errno::EADDRNOTAVAIL.0) => {
            error.within(Step::Option(SRC.spec.key.into()))
        }
        error => error,
    }
}

/// The error of a link that an option names and does not exist, with the links that do.
pub(crate) fn with_link_option(netns: &Netns, error: Error, option: &Key<IfName, NetnsRef>) -> Error {
    let Error::NoSuchLink { name, .. } = error else { return error };
    let known = netns.reference().map(|reference| netns.session().lab().no_such_link(&reference, &name));
    known.unwrap_or_else(|error| error).within(Step::Option(option.spec.key.into()))
}

fn ping_map(result: PingResult) -> Map {
    let mut map = Map::new();
    map.insert("ok".into(), result.ok().into());
    map.insert("sent".into(), i64::from(result.sent).into());
    map.insert("received".into(), i64::from(result.received).into());
    map.insert("rtt_ms".into(), mean_ms(&result.rtts).map_or(Dynamic::UNIT, Dynamic::from));
    map.insert("ttl".into(), result.ttl.map_or(Dynamic::UNIT, |ttl| i64::from(ttl).into()));
    map.insert("from".into(), result.from.map_or(Dynamic::UNIT, |from| from.to_string().into()));
    map.insert("error".into(), result.error.map_or(Dynamic::UNIT, Dynamic::from));
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

fn trace(ctx: &NativeCallContext, netns: &Netns, to: &Dynamic, options: &Map) -> Result<Dynamic> {
    let o = Options::new(&TRACEROUTE, options)?;
    let hops = o.or_default(&HOPS)?;
    let timeout = Duration::from_secs_f64(o.or_default(&WAIT)?);
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

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Sends one ICMP echo request and waits up to a second for the answer:
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

    /// Sends ICMP echo requests, with options. `.ok` is true after at least one answer. `.error` is the reason for
    /// a missing answer, and `.from` the address that reported it.
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.ping("127.0.0.1", #{ count: 3 }).received == 3);
    /// ```
    #[rhai_fn(name = "ping", pure, return_raw)]
    pub fn ping_with(ctx: NativeCallContext, netns: &mut Netns, target: Dynamic, options: Map) -> RhaiResult {
        let request = request(netns, &target, &options)?;
        netns.tell(|netns| netscript_dialect::ping(netns, &request))?;
        let result = netns.ask(at(&ctx), |world, netns| world.ping(netns, &request))?;
        let result = result.map_err(|error| blamed(netns, error));
        Ok(unknown::map(result, ping_map)?)
    }

    /// The routers on the path to a target: a list of `#{ ttl, addr, ok }`. It sends ICMP echo requests with a time to
    /// live of 1, 2, … until the target answers. `addr` is `()` if there was no answer.
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.traceroute("127.0.0.1").map(|h| h.addr) == ["127.0.0.1"]);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn traceroute(ctx: NativeCallContext, netns: &mut Netns, target: Dynamic) -> RhaiResult {
        Ok(trace(&ctx, netns, &target, &Map::new())?)
    }

    /// The routers on the path to a target, with options.
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.traceroute("::1", #{ hops: 3, timeout: 0.5 })[0].ok);
    /// ```
    #[rhai_fn(name = "traceroute", pure, return_raw)]
    pub fn traceroute_with(ctx: NativeCallContext, netns: &mut Netns, target: Dynamic, options: Map) -> RhaiResult {
        Ok(trace(&ctx, netns, &target, &options)?)
    }
}
