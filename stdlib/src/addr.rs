//! Addresses of links.

use std::net::IpAddr;

use netscript_lang::diagnostics::{Error, Invalid, Result, Within};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::{AddrOp, AddrSpec, Broadcast, Family, IfName, Prefix, Scope};
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::options::{Given, Key, Literal, Options, Takes, WordOptions, WordsWithOptions, keys};
use crate::{Link, RhaiResult, args};

keys! {
    /// The options of an address.
    KEYS:
    /// The broadcast address; `"+"` computes it (all host bits one)
    BROADCAST: Key<Broadcast, Prefix> =
        Key::new("broadcast", Takes::WordsOr(|| vec!["+"], "an IPv4 address"), broadcast).example("\"10.0.0.255\"");
    /// The remote address of a point-to-point link; its prefix length is the network's
    PEER: Key<Prefix, Prefix> =
        Key::value("peer", "an address with a prefix length", peer).example("\"10.0.0.2/32\"");
    /// How far the address is valid
    SCOPE: Key<Scope> = Key::new(
        "scope",
        Takes::WordsOr(|| vec!["global", "site", "link", "host"], "a number"),
        |given, ()| given.word(Scope::from_word),
    );
    /// The label that `ip` shows instead of the link's name: the name, or the name with a suffix
    LABEL: Key<String, (Prefix, IfName)> = Key::value("label", "a string", label).example("\"br0:1\"");
    /// Whether an IPv6 address is checked for duplicates before it is used
    DAD: Key<bool> = Key::boolean("dad").default(Literal::Bool(false));
}

const ADDR: WordOptions = WordOptions::new("addr", &[KEYS]);
const DEL_ADDR: WordOptions = WordOptions::like("del_addr", &ADDR, &[]);

/// The words of this file that take options.
pub(crate) const OPTIONS: WordsWithOptions = &[&ADDR, &DEL_ADDR];

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

fn plain(addr: &Dynamic) -> Result<AddrSpec> {
    Ok(AddrSpec::new(args::prefix("an address", addr).argument(0)?))
}

fn with_options(of: &'static WordOptions, addr: &Dynamic, options: &Map, link: &IfName) -> Result<AddrSpec> {
    let mut spec = plain(addr)?;
    let o = Options::new(of, options)?;
    spec.broadcast = o.get_in(&BROADCAST, &spec.local)?;
    spec.peer = o.get_in(&PEER, &spec.local)?;
    spec.scope = o.get(&SCOPE)?;
    spec.label = o.get_in(&LABEL, &(spec.local, link.clone()))?;
    spec.dad = o.or_default(&DAD)?;
    Ok(spec)
}

fn broadcast(given: &Given<'_>, local: &Prefix) -> Result<Broadcast> {
    if local.family() == Family::V6 {
        return Err(only_v4("broadcast"));
    }
    if given.is("+") {
        return Ok(Broadcast::Derived);
    }
    match args::ip_of(&given.what(), given.value, Family::V4)? {
        IpAddr::V4(addr) => Ok(Broadcast::Address(addr)),
        IpAddr::V6(_) => Err(only_v4("broadcast")),
    }
}

fn only_v4(key: &str) -> Error {
    Error::Invalid(Invalid::Conflict {
        message: format!("IPv6 has no `{key}`"),
        help: "leave it out: it belongs to IPv4 addresses".into(),
    })
}

/// The peer's length is the network's; without one it is a single address.
fn peer(given: &Given<'_>, local: &Prefix) -> Result<Prefix> {
    let peer = args::prefix(&given.what(), given.value)?;
    if peer.family() == local.family() {
        return Ok(peer);
    }
    Err(Error::Invalid(Invalid::WrongFamily { given: peer.addr().to_string(), wanted: local.family(), instead: None }))
}

/// The kernel does not check a label, but `ip` shows it in place of the link's name.
fn label(given: &Given<'_>, (local, link): &(Prefix, IfName)) -> Result<String> {
    if local.family() == Family::V6 {
        return Err(only_v4("label"));
    }
    let label = args::text(&given.what(), given.value)?;
    let fits = label.len() < 16 && !label.contains('\0');
    if fits && (label == link.as_str() || label.starts_with(&format!("{link}:"))) {
        return Ok(label);
    }
    Err(Error::OptionValue {
        key: "label".into(),
        given: format!("{label:?}"),
        wanted: format!("at most 15 bytes: the link's name, or its name with a suffix such as \"{link}:1\""),
    })
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Gives the link an address. IPv6 is usable at once, without duplicate address detection.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24").addr("fd00::1/64");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn addr(ctx: NativeCallContext, link: &mut Link, addr: Dynamic) -> RhaiResult<Link> {
        let spec = plain(&addr)?;
        link.submit(at(&ctx), |name| AddrOp::Add(name, spec))?;
        Ok(link.clone())
    }

    /// Gives the link an address, with options.
    ///
    /// ```
    /// bridge("br0").addr("192.168.1.10/24", #{ broadcast: "+" });
    /// ```
    #[rhai_fn(name = "addr", pure, return_raw)]
    pub fn addr_with(ctx: NativeCallContext, link: &mut Link, addr: Dynamic, options: Map) -> RhaiResult<Link> {
        let spec = with_options(&ADDR, &addr, &options, &link.locate()?.1)?;
        link.submit(at(&ctx), |name| AddrOp::Add(name, spec))?;
        Ok(link.clone())
    }

    /// The n-th address of a network, with the network's prefix length. The first host has number 1.
    ///
    /// ```
    /// assert(nth_addr("10.0.0.0/24", 1) == "10.0.0.1/24");
    /// assert(nth_addr("fd00::/64", 255) == "fd00::ff/64");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn nth_addr(prefix: &str, n: i64) -> RhaiResult<String> {
        let prefix = Prefix::parse(prefix).argument(0)?;
        let max = i64::try_from(prefix.size() - 1).unwrap_or(i64::MAX);
        let nth = u128::try_from(n).ok().and_then(|n| prefix.nth(n)).ok_or_else(|| {
            Error::Invalid(Invalid::OutOfRange {
                what: format!("an address of {}", prefix.network()),
                given: n.to_string(),
                min: 0,
                max,
            })
        });
        let nth = nth.argument(1)?;
        Ok(nth.to_string())
    }

    /// Removes an address from the link.
    ///
    /// ```
    /// let br0 = bridge("br0").addr("10.0.0.1/24");
    /// assert(br0.del_addr("10.0.0.1/24").addrs == []);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn del_addr(ctx: NativeCallContext, link: &mut Link, addr: Dynamic) -> RhaiResult<Link> {
        let spec = plain(&addr)?;
        link.submit(at(&ctx), |name| AddrOp::Del(name, spec))?;
        Ok(link.clone())
    }

    /// Removes an address from the link. The options are those of `addr` and must match.
    ///
    /// ```
    /// let v1 = veth("v1", "c1").addr("10.0.0.1/32", #{ peer: "10.0.0.2" });
    /// v1.del_addr("10.0.0.1/32", #{ peer: "10.0.0.2" });
    /// ```
    #[rhai_fn(name = "del_addr", pure, return_raw)]
    pub fn del_addr_with(ctx: NativeCallContext, link: &mut Link, addr: Dynamic, options: Map) -> RhaiResult<Link> {
        let spec = with_options(&DEL_ADDR, &addr, &options, &link.locate()?.1)?;
        link.submit(at(&ctx), |name| AddrOp::Del(name, spec))?;
        Ok(link.clone())
    }
}
