//! Names of hosts: which servers a namespace asks, and a small server of our own.

use std::collections::BTreeMap;
use std::net::IpAddr;

use netscript_lang::diagnostics::{Error, Invalid, Result, Within};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::{HostName, NetnsName, NetnsOp, NetnsRef, Op};
use netscript_net::world::ServeDns;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use crate::options::{Key, Options, WordOptions, WordsWithOptions, keys};
use crate::{Netns, Process, RhaiResult, args};

keys! {
    /// The options of `serve_dns`.
    KEYS:
    /// The only address that the server listens on; by default all addresses
    BIND: Key<IpAddr> = Key::ip("bind").example("\"127.0.0.1\"");
}

const SERVE_DNS: WordOptions = WordOptions::new("serve_dns", &[KEYS]);

/// The words of this file that take options.
pub(crate) const OPTIONS: WordsWithOptions = &[&SERVE_DNS];

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

/// Only such a namespace has files of its own in `/etc/netns`.
fn named(netns: &Netns) -> Result<NetnsName> {
    match netns.reference()? {
        NetnsRef::Named(name) => Ok(name),
        NetnsRef::Host => Err(Error::Invalid(Invalid::Conflict {
            message: "the host asks the name servers of the machine, which a script leaves alone".into(),
            help: "give a name server to a namespace of its own: `netns(\"red\").resolver(\"8.8.8.8\")`".into(),
        })),
        NetnsRef::Held(_) | NetnsRef::OfPid(_) => Err(Error::Invalid(Invalid::Conflict {
            message: "a namespace without a name has no files of its own under /etc/netns".into(),
            help: "make it with a name, or name it with `netns_attach`".into(),
        })),
    }
}

fn servers(netns: &Netns, value: Dynamic) -> Result<Vec<IpAddr>> {
    /// `MAXNS` of resolv.h.
    const MOST: usize = 3;
    let several = value.is_array();
    let list = args::list(value);
    if list.is_empty() || list.len() > MOST {
        return Err(Error::Invalid(Invalid::OutOfRange {
            what: "the number of name servers".into(),
            given: list.len().to_string(),
            min: 1,
            max: 3,
        }))
        .argument(0);
    }
    let server = |(number, server)| {
        in_list(number, several, args::address(netns.session(), "a name server", server, None)).argument(0)
    };
    list.iter().enumerate().map(server).collect()
}

/// What came of an element of a list, or of a single value.
fn in_list<T>(number: usize, several: bool, result: Result<T>) -> Result<T> {
    if several { result.element(number) } else { result }
}

fn records(netns: &Netns, map: Map) -> Result<BTreeMap<HostName, Vec<IpAddr>>> {
    let record = |(key, value): (rhai::Identifier, Dynamic)| {
        let name = HostName::parse(&key).ok_or_else(|| Error::OptionValue {
            key: "the name of a host".into(),
            given: format!("{:?}", key.as_str()),
            wanted: "labels of letters, digits and `-`, with dots between them,".into(),
        });
        let name = name.key(&key).argument(0)?;
        let several = value.is_array();
        let addrs = args::list(value);
        let addr = |(number, value)| {
            in_list(number, several, args::address(netns.session(), "a host's address", value, None))
                .option(&key)
                .argument(0)
        };
        Ok((name, addrs.iter().enumerate().map(addr).collect::<Result<_>>()?))
    };
    map.into_iter().map(record).collect()
}

fn start(ctx: &NativeCallContext, netns: &Netns, map: Map, options: &Map) -> Result<Process> {
    let o = Options::new(&SERVE_DNS, options)?;
    let server = ServeDns { addr: o.get(&BIND)?, records: records(netns, map)? };
    let started = netns.ask(at(ctx), |world, netns| world.serve_dns(netns, &server))??;
    Ok(Process::new(netns.session(), started))
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Sets the namespace's name servers: writes `/etc/netns/NAME/resolv.conf`, which its programs
    /// see as `/etc/resolv.conf`. A server is an address, a namespace or a link, or an array of up to
    /// three. The file is removed with the namespace.
    ///
    /// ```
    /// let red = netns("red").resolver("8.8.8.8");
    /// assert(red.exec("cat /etc/resolv.conf").stdout.contains("nameserver 8.8.8.8"));
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn resolver(ctx: NativeCallContext, netns: &mut Netns, server: Dynamic) -> RhaiResult<Netns> {
        let name = named(netns)?;
        let servers = servers(netns, server)?;
        netns.session().lab().submit(Op::host(NetnsOp::Resolver(name, servers)), at(&ctx))?;
        Ok(netns.clone())
    }

    /// The namespace's own name servers.
    ///
    /// ```
    /// let red = netns("red").resolver(["8.8.8.8", "fd00::1"]);
    /// assert(red.resolver == ["8.8.8.8", "fd00::1"]);
    /// ```
    #[rhai_fn(get = "resolver", pure, return_raw)]
    pub fn get_resolver(netns: &mut Netns) -> RhaiResult<Array> {
        let reference = netns.reference()?;
        let servers = netns.session().lab().world().name_servers(&reference)?;
        Ok(servers.into_iter().map(|server| server.to_string().into()).collect())
    }

    /// Starts a small name server on port 53 of the namespace, for UDP and TCP. It knows only these
    /// names; a name may have several addresses, in an array. The server is ready at
    /// once and lives as long as the lab.
    ///
    /// ```
    /// let red = netns("red");
    /// red.lo.up();
    /// red.serve(80, "hello");
    /// red.serve_dns(#{ "example.test": "127.0.0.1" });
    /// red.resolver("127.0.0.1");
    /// assert(red.fetch("http://example.test/").body == "hello");
    /// let page = red.fetch("http://other.test/");
    /// assert(page.error == "Could not resolve host: other.test");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn serve_dns(ctx: NativeCallContext, netns: &mut Netns, records: Map) -> RhaiResult<Process> {
        Ok(start(&ctx, netns, records, &Map::new())?)
    }

    /// Starts a small name server, with options.
    ///
    /// ```
    /// host.lo.up();
    /// let names = #{ "example.test": ["192.0.2.10", "2001:db8::10"] };
    /// host.serve_dns(names, #{ bind: "127.0.0.1" });
    /// ```
    #[rhai_fn(name = "serve_dns", pure, return_raw)]
    pub fn serve_dns_with(
        ctx: NativeCallContext,
        netns: &mut Netns,
        records: Map,
        options: Map,
    ) -> RhaiResult<Process> {
        Ok(start(&ctx, netns, records, &options)?)
    }
}
