//! Connections: whether something listens on a port.

use std::time::Duration;

use netscript_lang::diagnostics::{Error, Invalid, Result, Within};
use netscript_lang::interpreter::at;
use netscript_net::world::Connect;
use netscript_net::world::Connected;
use netscript_net::world::Transport;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::options::{Known, Options, one_of};
use crate::unknown;
use crate::{Netns, RhaiResult, args, probe};

/// The options of the words of this file.
pub(crate) const OPTIONS: Known = &[("connect", &[&["proto", "timeout"]])];

pub(crate) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(words).into());
}

fn transport(word: &str) -> Option<Transport> {
    match word {
        "tcp" => Some(Transport::Tcp),
        "udp" => Some(Transport::Udp),
        _ => None,
    }
}

fn request(netns: &Netns, target: &Dynamic, port: &Dynamic, options: Map) -> Result<Connect> {
    let mut o = Options::new(OPTIONS, "connect", options)?;
    let port = args::port("a port", port).argument(1)?;
    if port == 0 {
        return Err(Error::Invalid(Invalid::Port { given: "0".into(), why: "nothing can listen there".into() }))
            .argument(1);
    }
    Ok(Connect {
        target: probe::target(netns.session(), target).argument(0)?,
        port,
        transport: o.choice("proto", || one_of(&["tcp", "udp"]), transport)?.unwrap_or(Transport::Tcp),
        timeout: Duration::from_secs_f64(o.with("timeout", args::seconds)?.unwrap_or(2.0)),
    })
}

fn result(connected: Connected) -> Map {
    let mut map = Map::new();
    map.insert("ok".into(), connected.error.is_none().into());
    map.insert("rtt_ms".into(), connected.rtt.map_or(Dynamic::UNIT, |rtt| probe::milliseconds(rtt).into()));
    map.insert("error".into(), connected.error.map_or(Dynamic::UNIT, Dynamic::from));
    map
}

#[export_module]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Opens a TCP connection, waits two seconds at most, and closes it again: `#{ ok, rtt_ms, error }`.
    /// `.error` is `"Connection refused"` (the host is there, nothing listens), `"timed out"`
    /// (silence: nothing came back), `"Network is unreachable"` or `"No route to host"`.
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

    /// Opens a connection. Options: `proto` (`"tcp"` or `"udp"`), `timeout` in seconds (2). With
    /// UDP, an empty datagram is sent: `.ok` when something comes back, `"Connection refused"` when
    /// an ICMP message says that nothing listens, `"no answer"` when nothing comes back, which says
    /// little: a server need not answer, and a firewall may drop.
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
        let request = request(netns, &target, &port, options)?;
        netns.tell(|netns| netscript_dialect::connect(netns, &request))?;
        let connected = netns.ask(at(&ctx), |world, netns| world.connect(netns, &request))?;
        let connected = connected.map_err(|error| probe::blamed(netns, error));
        Ok(unknown::map(connected, result)?)
    }
}
