//! HTTP: a small server of our own, and asking for a page.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use netscript_lang::diagnostics::{Errno, Error, Invalid, Result, Step, Within};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::{Host, HostName};
use netscript_net::world::Fetch;
use netscript_net::world::Fetched;
use netscript_net::world::Serve;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::options::{Key, Literal, Options, WordOptions, WordsWithOptions, keys};
use crate::unknown;
use crate::{Netns, Process, RhaiResult, args, probe};

keys! {
    /// The options of `fetch`.
    FETCH_KEYS:
    /// How long to wait for the page
    TIMEOUT: Key<f64> = Key::seconds("timeout").default(Literal::Int(2));
}

keys! {
    /// The options of `serve`.
    SERVE_KEYS:
    /// The only address that the server listens on; by default all addresses
    BIND: Key<IpAddr> = Key::ip("bind").example("\"127.0.0.1\"");
}

const FETCH: WordOptions = WordOptions::new("fetch", &[FETCH_KEYS]);
const SERVE: WordOptions = WordOptions::new("serve", &[SERVE_KEYS]);

/// The words of this file that take options.
pub(crate) const OPTIONS: WordsWithOptions = &[&FETCH, &SERVE];

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

/// The default port of a URL (RFC 9110, section 4.2.1).
const HTTP_PORT: u16 = 80;

/// `http://HOST[:PORT][/PATH]`
pub(crate) fn request(url: &str, options: &Map) -> Result<Fetch> {
    let o = Options::new(&FETCH, options)?;
    let timeout = Duration::from_secs_f64(o.or_default(&TIMEOUT)?);
    let wrong = |why: &str| Error::Url { given: format!("{url:?}"), why: why.to_owned() };
    let rest =
        url.strip_prefix("http://").ok_or_else(|| wrong("expected a URL that begins with `http://`")).argument(0)?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let (server, port) = server(authority)
        .ok_or_else(|| wrong("after `http://` comes an address or a name, and perhaps `:PORT`"))
        .argument(0)?;
    if port == 0 {
        return Err(Error::Invalid(Invalid::Port { given: "0".into(), why: "nothing can listen there".into() }))
            .argument(0);
    }
    Ok(Fetch { server, port, authority: authority.to_owned(), path: path.to_owned(), timeout })
}

/// The host and the port that a URL names (RFC 3986, section 3.2).
fn server(authority: &str) -> Option<(Host, u16)> {
    if let Ok(addr) = authority.parse::<SocketAddr>() {
        return Some((Host::Addr(addr.ip()), addr.port()));
    }
    if let Ok(addr) = authority.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Some((Host::Addr(addr), HTTP_PORT));
    }
    let (name, port) = match authority.split_once(':') {
        Some((name, port)) => (name, port.parse().ok()?),
        None => (authority, HTTP_PORT),
    };
    Some((Host::Name(HostName::parse(name)?), port))
}

fn result(fetched: Fetched) -> Map {
    let mut map = Map::new();
    map.insert("ok".into(), fetched.ok().into());
    map.insert("status".into(), fetched.status.map_or(Dynamic::UNIT, |status| i64::from(status).into()));
    map.insert("body".into(), String::from_utf8_lossy(&fetched.body).into_owned().into());
    map.insert("error".into(), fetched.error.map_or(Dynamic::UNIT, Dynamic::from));
    map
}

fn start(ctx: &NativeCallContext, netns: &Netns, port: &Dynamic, body: &str, options: &Map) -> Result<Process> {
    let o = Options::new(&SERVE, options)?;
    let server = Serve { addr: o.get(&BIND)?, port: args::port("a port", port).argument(0)?, body: body.to_owned() };
    if server.port == 0 {
        return Err(Error::Invalid(Invalid::Port {
            given: "0".into(),
            why: "clients could not know where to go".into(),
        }))
        .argument(0);
    }
    let started = netns.ask(at(ctx), |world, netns| world.serve(netns, &server))?;
    let started = started.map_err(|error| match &error {
        Error::Listen { rejection, .. } if rejection.errno == Errno::EADDRNOTAVAIL => {
            error.within(Step::Option(BIND.spec.key.into()))
        }
        _ => error.within(Step::Argument(0)),
    })?;
    Ok(Process::new(netns.session(), started))
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Starts a small HTTP server on a port of the namespace, which answers every request with one
    /// page. It is ready at once and lives as long as the lab.
    ///
    /// ```
    /// host.lo.up();
    /// host.serve(8080, "hello");
    /// assert(host.fetch("http://127.0.0.1:8080/").body == "hello");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn serve(ctx: NativeCallContext, netns: &mut Netns, port: Dynamic, body: &str) -> RhaiResult<Process> {
        Ok(start(&ctx, netns, &port, body, &Map::new())?)
    }

    /// Starts a small HTTP server, with options.
    ///
    /// ```
    /// host.lo.up();
    /// host.serve(8080, "hello", #{ bind: "127.0.0.1" }).stop();
    /// ```
    #[rhai_fn(name = "serve", pure, return_raw)]
    pub fn serve_with(
        ctx: NativeCallContext,
        netns: &mut Netns,
        port: Dynamic,
        body: &str,
        options: Map,
    ) -> RhaiResult<Process> {
        Ok(start(&ctx, netns, &port, body, &options)?)
    }

    /// Requests a page from an HTTP server, with a timeout of two seconds: `#{ ok, status, body, error }`.
    /// The server is an address, or a name that the namespace's own name server knows.
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.fetch("http://127.0.0.1:8080/").error == "Connection refused");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn fetch(ctx: NativeCallContext, netns: &mut Netns, url: &str) -> RhaiResult {
        fetch_with(ctx, netns, url, Map::new())
    }

    /// Requests a page from an HTTP server, with options.
    ///
    /// ```
    /// host.lo.up();
    /// assert(!host.fetch("http://[::1]:8080/", #{ timeout: 0.5 }).ok);
    /// ```
    #[rhai_fn(name = "fetch", pure, return_raw)]
    pub fn fetch_with(ctx: NativeCallContext, netns: &mut Netns, url: &str, options: Map) -> RhaiResult {
        let request = request(url, &options)?;
        netns.tell(|netns| netscript_dialect::fetch(netns, &request))?;
        let fetched = netns.ask(at(&ctx), |world, netns| world.fetch(netns, &request))?;
        let fetched = fetched.map_err(|error| probe::blamed(netns, error));
        Ok(unknown::map(fetched, result)?)
    }
}
