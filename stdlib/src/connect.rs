//! Connections: whether something listens on a port.

use std::time::Duration;

use netscript_lang::diagnostics::{Error, Invalid, Result, Within};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::world::Connect;
use netscript_net::world::Connected;
use netscript_net::world::Transport;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::options::{Key, Literal, Options, Takes, WordOptions, WordsWithOptions, keys};
use crate::unknown;
use crate::{Netns, RhaiResult, args, probe};

keys! {
    /// The options of `connect`.
    KEYS:
    /// The protocol of the port
    PROTO: Key<Transport> = Key::new("proto", Takes::Words(|| vec!["tcp", "udp"]), |given, ()| given.word(transport))
        .default(Literal::Text("tcp"));
    /// How long to wait for an answer
    TIMEOUT: Key<f64> = Key::seconds("timeout").default(Literal::Int(2));
}

const CONNECT: WordOptions = WordOptions::new("connect", &[KEYS]);

/// The words of this file that take options.
pub(crate) const OPTIONS: WordsWithOptions = &[&CONNECT];

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

fn transport(word: &str) -> Option<Transport> {
    match word {
        "tcp" => Some(Transport::Tcp),
        "udp" => Some(Transport::Udp),
        _ => None,
    }
}

pub(crate) fn request(netns: &Netns, target: &Dynamic, port: &Dynamic, options: &Map) -> Result<Connect> {
    let o = Options::new(&CONNECT, options)?;
    let port = args::port("a port", port).argument(1)?;
    if port == 0 {
        return Err(Error::Invalid(Invalid::Port { given: "0".into(), why: "nothing can listen there".into() }))
            .argument(1);
    }
    Ok(Connect {
        target: probe::target(netns.session(), target).argument(0)?,
        port,
        transport: o.or_default(&PROTO)?,
        timeout: Duration::from_secs_f64(o.or_default(&TIMEOUT)?),
    })
}

fn result(connected: Connected) -> Map {
    let mut map = Map::new();
    map.insert("ok".into(), connected.ok().into());
    map.insert("rtt_ms".into(), connected.rtt.map_or(Dynamic::UNIT, |rtt| probe::milliseconds(rtt).into()));
    map.insert("error".into(), connected.error.map_or(Dynamic::UNIT, Dynamic::from));
    map
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Opens a TCP connection, with a timeout of two seconds, and closes it: `#{ ok, rtt_ms, error }`.
    /// `.error` is `"Connection refused"` (the host is reachable, but nothing listens), `"timed out"`
    /// (no answer), `"Network is unreachable"` or `"No route to host"`.
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.connect("127.0.0.1", 8080).error == "Connection refused");
    /// host.serve(8080, "hello");
    /// assert(host.connect("127.0.0.1", 8080).ok);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn connect(ctx: NativeCallContext, netns: &mut Netns, target: Dynamic, port: Dynamic) -> RhaiResult {
        connect_with(ctx, netns, target, port, Map::new())
    }

    /// Opens a connection, with options. With UDP, it sends an empty datagram. `.ok` is true after an
    /// answer. `.error` is `"Connection refused"` after an ICMP message that nothing listens, or `"no answer"`.
    /// No answer proves nothing: a server need not answer, and a firewall may drop the datagram.
    ///
    /// ```
    /// host.lo.up();
    /// let reply = host.connect("127.0.0.1", 5353, #{ proto: "udp", timeout: 0.5 });
    /// assert(reply.error == "Connection refused");
    /// ```
    #[rhai_fn(name = "connect", pure, return_raw)]
    pub fn connect_with(
        ctx: NativeCallContext,
        netns: &mut Netns,
        target: Dynamic,
        port: Dynamic,
        options: Map,
    ) -> RhaiResult {
        let request = request(netns, &target, &port, &options)?;
        netns.tell(|netns| netscript_dialect::connect(netns, &request))?;
        let connected = netns.ask(at(&ctx), |world, netns| world.connect(netns, &request))?;
        let connected = connected.map_err(|error| probe::blamed(netns, error));
        Ok(unknown::map(connected, result)?)
    }
}
