//! The route that a namespace chooses for a packet.

use std::net::IpAddr;

use netscript_lang::diagnostics::{Errno, Error, Invalid, Result, Step, Within};
use netscript_lang::interpreter::{Session, add_words};
use netscript_net::op::netfilter::Proto;
use netscript_net::op::{Family, IfName, NetnsRef, PolicyRule, Route};
use netscript_net::world::{ChosenRoute, RouteGet};
use netscript_trace::Neighbours;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::options::{Key, Literal, Options, Takes, WordOptions, WordsWithOptions, keys};
use crate::route::{Near, destination, number_or_name, own_address};
use crate::{Netns, RhaiResult, args, route, unknown};

keys! {
    /// The options of `route_get`.
    KEYS:
    /// The packet's source address, as for a socket that is bound to it
    FROM: Key<IpAddr, Near> = own_address("from").example("\"10.0.0.2\"");
    /// The link that the sending socket is bound to
    OIF: Key<IfName, NetnsRef> = Key::link("oif");
    /// The packet's mark
    MARK: Key<u32> = Key::number("mark", 0, u32::MAX as i64).default(Literal::Int(0)).example("7");
    /// The packet's type of service: the byte of the IPv4 header, or the traffic class of IPv6, a multiple of 4
    TOS: Key<u8> = Key::number("tos", 0, 252).default(Literal::Int(0)).example("16");
    /// The packet's transport protocol, by default UDP for IPv4 and none for IPv6
    IPPROTO: Key<u8> =
        Key::new("ipproto", Takes::Words(|| PROTOCOLS.to_vec()), |given, ()| given.word(protocol)).example("\"tcp\"");
    /// The packet's source port
    SPORT: Key<u16> = Key::number("sport", 1, u16::MAX as i64).example("1000");
    /// The packet's destination port
    DPORT: Key<u16> = Key::number("dport", 1, u16::MAX as i64).example("443");
}

/// The protocols for which the kernel chooses a route (`rtm_getroute_parse_ip_proto`).
const PROTOCOLS: [&str; 3] = ["tcp", "udp", "icmp"];

fn protocol(word: &str) -> Option<u8> {
    PROTOCOLS.contains(&word).then(|| Proto::from_word(word).map(|proto| proto.0)).flatten()
}

const ROUTE_GET: WordOptions = WordOptions::new("route_get", &[KEYS]);

/// The word of this file, which takes options.
pub(crate) const OPTIONS: WordsWithOptions = &[&ROUTE_GET];

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

fn request(netns: &Netns, dst: &Dynamic, options: &Map) -> Result<RouteGet> {
    let o = Options::new(&ROUTE_GET, options)?;
    let dst = args::address(netns.session(), "a destination", dst, None).argument(0)?;
    let family = Family::of(dst);
    let src = o.get_in(&FROM, &(netns.session().clone(), Some(family)))?;
    if let Some(src) = src.filter(|src| Family::of(*src) != family) {
        let wrong = Error::Invalid(Invalid::WrongFamily { given: src.to_string(), wanted: family, instead: None });
        return Err(wrong.within(Step::Option(FROM.spec.key.into())));
    }
    let request = RouteGet {
        dst,
        src,
        oif: o.get_in(&OIF, &netns.reference()?)?,
        mark: o.or_default(&MARK)?,
        tos: route::whole_dscp(o.or_default(&TOS)?).option("tos")?,
        ipproto: o.get(&IPPROTO)?.map(|proto| match (family, Proto(proto)) {
            (Family::V6, Proto::ICMP) => Proto::ICMPV6.0,
            _ => proto,
        }),
        sport: o.get(&SPORT)?,
        dport: o.get(&DPORT)?,
    };
    Ok(request)
}

/// What is told about the choice.
#[derive(Default)]
struct Chosen {
    route: Option<ChosenRoute>,
    error: Option<Errno>,
    /// The entry of the routing table, if it is known.
    entry: Option<Route>,
    /// The routing rule, if it is known.
    rule: Option<PolicyRule>,
}

fn choose(session: &Session, netns: &NetnsRef, request: &RouteGet) -> Result<Chosen> {
    let mut lab = session.lab();
    let answer = lab.world().route_get(netns, request)?;
    let state = netscript_trace::read_routing(lab.world(), netns)?;
    // The kernel does not say which rule decided.
    // A dry run has already refused what it does not know.
    let explained =
        netscript_trace::route_get(&state, request, Neighbours::Known).ok().filter(|lookup| lookup.answer == answer);
    let (entry, rule) = match explained {
        Some(lookup) => (lookup.route.cloned(), lookup.rule.cloned()),
        None => (None, None),
    };
    Ok(Chosen { error: answer.as_ref().err().copied(), route: answer.ok(), entry, rule })
}

fn row(Chosen { route, error, entry, rule }: Chosen) -> Map {
    let text = |value: Option<String>| value.map_or(Dynamic::UNIT, Dynamic::from);
    let mut map = Map::new();
    map.insert("ok".into(), route.is_some().into());
    map.insert("kind".into(), text(route.as_ref().map(|route| route.kind.word().to_owned())));
    map.insert("dev".into(), text(route.as_ref().map(|route| route.dev.to_string())));
    map.insert("via".into(), text(route.as_ref().and_then(|route| route.via).map(|via| via.to_string())));
    map.insert("src".into(), text(route.as_ref().and_then(|route| route.src).map(|src| src.to_string())));
    map.insert("error".into(), text(error.map(|errno| errno.text().map_or_else(|| errno.to_string(), str::to_owned))));
    map.insert("dst".into(), text(entry.as_ref().map(|entry| destination(&entry.dst))));
    map.insert("table".into(), entry.map_or(Dynamic::UNIT, |entry| number_or_name(entry.table.to_string())));
    map.insert("rule".into(), text(rule.map(|rule| rule.to_string())));
    map
}

fn get(netns: &Netns, dst: &Dynamic, options: &Map) -> Result<Dynamic> {
    let request = request(netns, dst, options)?;
    let chosen = choose(netns.session(), &netns.reference()?, &request);
    unknown::map(chosen.map_err(|error| crate::probe::with_link_option(netns, error, &OIF)), row)
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// The route that the namespace chooses for a packet to an address: a map with `ok`, `kind`, `dev`, `via`, `src`,
    /// `error`, and, if they are known, `dst` and `table` of the entry in the routing table, and the routing `rule`
    /// that chose the table.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.route("default", #{ via: "10.0.0.254" });
    /// let chosen = host.route_get("8.8.8.8");
    /// assert(chosen.dev == "br0" && chosen.via == "10.0.0.254");
    /// assert(chosen.src == "10.0.0.1");
    /// assert(chosen.dst == "default" && chosen.table == "main");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn route_get(netns: &mut Netns, dst: Dynamic) -> RhaiResult {
        Ok(get(netns, &dst, &Map::new())?)
    }

    /// The same for a packet with further properties.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.route("default", #{ via: "10.0.0.254", table: 100 });
    /// host.rule(#{ fwmark: 7, table: 100, priority: 50 });
    /// assert(host.route_get("8.8.8.8").error == "Network is unreachable");
    /// let chosen = host.route_get("8.8.8.8", #{ mark: 7 });
    /// assert(chosen.table == 100 && chosen.rule == "50: from all fwmark 0x7 lookup 100");
    /// ```
    #[rhai_fn(name = "route_get", pure, return_raw)]
    pub fn route_get_with(netns: &mut Netns, dst: Dynamic, options: Map) -> RhaiResult {
        Ok(get(netns, &dst, &options)?)
    }
}
