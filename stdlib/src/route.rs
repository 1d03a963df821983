//! Routes.

use std::net::IpAddr;

use netscript_lang::diagnostics::{Error, Invalid, Result, Within};
use netscript_lang::interpreter::{Session, add_words, at};
use netscript_net::op::{
    Family, IfName, NetnsRef, Nexthop, Prefix, Route, RouteKind, RouteOp, RouteProto, Scope, TableId,
};
use netscript_net::world::StatePart;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use crate::options::{Given, Key, Keys, Literal, Options, Takes, WordOptions, WordsWithOptions, keys};
use crate::{Netns, RhaiResult, args};

keys! {
    /// The next hop of a route.
    HOP_KEYS:
    /// The gateway
    VIA: Key<IpAddr, Near> = own_address("via").example("\"10.0.0.1\"");
    /// The link that packets leave by
    DEV: Key<IfName, NetnsRef> = Key::link("dev");
    /// Whether the gateway is treated as reachable on the link although it is in none of the link's networks
    ONLINK: Key<bool> = Key::boolean("onlink").default(Literal::Bool(false));
}

keys! {
    /// Further options of one of several next hops.
    WEIGHT_KEYS:
    /// The hop's share of the packets, relative to the other hops
    WEIGHT: Key<u16> = Key::number("weight", 1, 256).default(Literal::Int(1)).example("2");
}

keys! {
    /// Further options of a route.
    ROUTE_KEYS:
    /// The preferred source address of packets that the namespace sends
    SRC: Key<IpAddr, Near> = own_address("src").example("\"10.0.0.2\"");
    /// IPv4: only packets with this type of service use the route: the byte of their header, a multiple of 4
    TOS: Key<u8> = Key::number("tos", 0, 252).example("16");
    /// Of several routes to a destination, the one with the smallest metric is used
    METRIC: Key<u32> = Key::number("metric", 0, u32::MAX as i64).example("100");
    /// The routing table; by default `"main"`, or `"local"` for local kinds of routes
    TABLE: Key<TableId> = table_key();
    /// The distance of the destination
    SCOPE: Key<Scope> = Key::new(
        "scope",
        Takes::WordsOr(|| vec!["global", "site", "link", "host", "nowhere"], "a number"),
        |given, ()| given.word(Scope::from_word),
    );
    /// The treatment of the packets
    KIND: Key<RouteKind> = Key::new(
        "kind",
        Takes::Words(|| RouteKind::ALL.map(RouteKind::word).to_vec()),
        |given, ()| given.word(RouteKind::from_word),
    )
    .default(Literal::Text("unicast"));
    /// Several next hops that share the packets, instead of `via`, `dev` and `onlink`
    NEXTHOPS: Key<Vec<Nexthop>, (Netns, Option<Family>)> =
        Key::value("nexthops", "a list of maps", hops)
            .holds(HOPS)
            .example("[#{ via: \"10.0.0.1\" }, #{ via: \"10.0.0.2\" }]");
    /// The origin of the route
    PROTO: Key<RouteProto> = Key::new(
        "proto",
        Takes::WordsOr(|| vec!["boot", "static", "kernel", "ra"], "a number"),
        |given, ()| given.word(RouteProto::from_word),
    )
    .default(Literal::Text("boot"));
    /// The size of the largest packet on this route
    MTU: Key<u32> = Key::number("mtu", 0, u32::MAX as i64).unit("bytes").example("1400");
}

keys! {
    /// The options of `flush_routes`.
    FLUSH_KEYS:
    /// The routing table to empty
    FLUSHED: Key<TableId> = table_key().needed();
}

const ROUTE: WordOptions = WordOptions::new("route", &[HOP_KEYS, ROUTE_KEYS]);
const REPLACE_ROUTE: WordOptions = WordOptions::like("replace_route", &ROUTE, &[]);
const DEL_ROUTE: WordOptions = WordOptions::like("del_route", &ROUTE, &[]);
const HOP: WordOptions = WordOptions::new("nexthops", HOPS);
const HOPS: &[Keys] = &[HOP_KEYS, WEIGHT_KEYS];
const FLUSH_ROUTES: WordOptions = WordOptions::new("flush_routes", &[FLUSH_KEYS]);

/// The words of this file that take options, and the option that takes some.
pub(crate) const OPTIONS: WordsWithOptions = &[&ROUTE, &REPLACE_ROUTE, &DEL_ROUTE, &HOP, &FLUSH_ROUTES];

/// The context of an address: the lab, and the family if it is known.
pub(crate) type Near = (Session, Option<Family>);

/// An address: as text, or that of a link or a namespace.
pub(crate) const fn own_address(key: &'static str) -> Key<IpAddr, Near> {
    Key::value(key, "an address, a link or a namespace", |given, (session, family)| {
        args::address(session, &given.what(), given.value, *family)
    })
}

/// A table: a number, or the name of one that every machine has.
pub(crate) const fn table_key() -> Key<TableId> {
    Key::new("table", Takes::Value(TABLES, || vec!["main", "local", "default"]), |given, ()| {
        given.word(TableId::from_word)
    })
    .example("100")
}

const TABLES: &str = "a number from 1 to 4294967295, \"main\", \"local\" or \"default\"";

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

/// A table: a number, or the name of one that every machine has.
fn table(what: &str, value: &Dynamic) -> Result<TableId> {
    let word = if value.is_int() { value.to_string() } else { args::text(what, value)? };
    TableId::from_word(&word).ok_or_else(|| Error::OptionValue {
        key: "table".into(),
        given: format!("{word:?}"),
        wanted: TABLES.into(),
    })
}

/// A table, a scope or a protocol as a script writes it: a number where it has no name.
pub(crate) fn number_or_name(word: String) -> Dynamic {
    match word.parse::<i64>() {
        Ok(number) => number.into(),
        Err(_) => word.into(),
    }
}

fn parse(of: &'static WordOptions, netns: &Netns, dst: &Dynamic, options: &Map) -> Result<Route> {
    let o = Options::new(of, options)?;
    let wanted = if is_default(dst) { None } else { Some(args::prefix("a destination", dst).argument(0)?) };
    let family = wanted.map(|dst| dst.family());
    let src = o.get_in(&SRC, &(netns.session().clone(), family))?;
    let nexthops = nexthops(netns, &o, family.or(src.map(Family::of)))?;
    let kind = o.or_default(&KIND)?;
    let dst = wanted.unwrap_or_else(|| Prefix::all(default_family(&nexthops, src)));
    let route = Route {
        dst,
        tos: whole_dscp(o.get(&TOS)?.unwrap_or(0)).option("tos")?,
        kind,
        nexthops,
        src,
        metric: o.get(&METRIC)?,
        table: o.get(&TABLE)?.unwrap_or(default_table(kind)),
        scope: o.get(&SCOPE)?,
        proto: o.get(&PROTO)?,
        mtu: o.get(&MTU)?,
        opaque: false,
    };
    check(&route)?;
    Ok(route)
}

fn is_default(dst: &Dynamic) -> bool {
    dst.is_string() && dst.to_string() == "default"
}

/// A type of service without ECN bits, which no lookup compares (`INET_DSCP_MASK`).
pub(crate) fn whole_dscp(tos: u8) -> Result<u8> {
    if tos.is_multiple_of(4) {
        return Ok(tos);
    }
    Err(Error::OptionValue {
        key: "tos".into(),
        given: tos.to_string(),
        wanted: "a multiple of 4 from 0 to 252".into(),
    })
}

/// The default table of `ip route` for a kind of route (iproute2's ip/iproute.c).
fn default_table(kind: RouteKind) -> TableId {
    match kind {
        RouteKind::Local | RouteKind::Broadcast | RouteKind::Anycast => TableId::LOCAL,
        RouteKind::Unicast
        | RouteKind::Multicast
        | RouteKind::Blackhole
        | RouteKind::Unreachable
        | RouteKind::Prohibit
        | RouteKind::Throw => TableId::MAIN,
    }
}

/// "default" has the family of the other options; without one, IPv4.
fn default_family(nexthops: &[Nexthop], src: Option<IpAddr>) -> Family {
    let via = nexthops.iter().find_map(|hop| hop.via);
    via.or(src).map_or(Family::V4, Family::of)
}

fn nexthops(netns: &Netns, o: &Options, family: Option<Family>) -> Result<Vec<Nexthop>> {
    let single = o.has(&VIA) || o.has(&DEV) || o.has(&ONLINK);
    if o.has(&NEXTHOPS) && single {
        return Err(Error::Invalid(Invalid::Conflict {
            message: "`nexthops` takes the place of `via`, `dev` and `onlink`".into(),
            help: "move them into the list: `nexthops: [#{ via: …, dev: … }, …]`".into(),
        }));
    }
    match o.get_in(&NEXTHOPS, &(netns.clone(), family))? {
        Some(several) => Ok(several),
        None if single => Ok(vec![nexthop(netns, o, 1, family)?]),
        None => Ok(Vec::new()),
    }
}

/// The value of `nexthops`: a list, or its only element.
fn hops(given: &Given<'_>, (netns, family): &(Netns, Option<Family>)) -> Result<Vec<Nexthop>> {
    match given.value.read_lock::<Array>() {
        Some(list) => {
            list.iter().enumerate().map(|(number, hop)| self::hop(hop, netns, *family).element(number)).collect()
        }
        None => Ok(vec![hop(given.value, netns, *family)?]),
    }
}

/// One of several next hops.
fn hop(hop: &Dynamic, netns: &Netns, family: Option<Family>) -> Result<Nexthop> {
    let map = args::map("a nexthop", hop)?;
    let o = Options::new(&HOP, &map)?;
    nexthop(netns, &o, o.or_default(&WEIGHT)?, family)
}

fn nexthop(netns: &Netns, o: &Options, weight: u16, family: Option<Family>) -> Result<Nexthop> {
    Ok(Nexthop {
        via: o.get_in(&VIA, &(netns.session().clone(), family))?,
        dev: o.get_in(&DEV, &netns.reference()?)?,
        weight,
        onlink: o.or_default(&ONLINK)?,
    })
}

fn check(route: &Route) -> Result<()> {
    let conflict = |message: String, help: &str| Err(Error::Invalid(Invalid::Conflict { message, help: help.into() }));
    if route.kind.discards() && !route.nexthops.is_empty() {
        return conflict(
            format!("a {} route leads nowhere, so it has neither gateway nor link", route.kind.word()),
            "leave `via`, `dev` and `nexthops` out",
        );
    }
    if route.tos != 0 && route.family() == Family::V6 {
        return conflict("IPv6 routes have no type of service".into(), "leave `tos` out, or use a rule with `tos`");
    }
    if let Some(src) = route.src.filter(|src| Family::of(*src) != route.family()) {
        return Err(Error::Invalid(Invalid::WrongFamily {
            given: src.to_string(),
            wanted: route.family(),
            instead: None,
        }))
        .option("src");
    }
    // IPv4 over an IPv6 gateway is legal (RFC 5549), the other way round is not.
    let vias = route.nexthops.iter().enumerate().filter_map(|(number, hop)| Some((number, hop.via?)));
    if let (Family::V6, Some((number, via))) = (route.family(), vias.into_iter().find(|(_, via)| via.is_ipv4())) {
        let wrong =
            Err(Error::Invalid(Invalid::WrongFamily { given: via.to_string(), wanted: Family::V6, instead: None }))
                .option("via");
        return if route.nexthops.len() == 1 { wrong } else { wrong.element(number).option("nexthops") };
    }
    Ok(())
}

fn row(route: Route) -> Dynamic {
    let text = |value: Option<String>| value.map_or(Dynamic::UNIT, Dynamic::from);
    let mut map = Map::new();
    map.insert("dst".into(), destination(&route.dst).into());
    let family = if route.family() == Family::V4 { "ipv4" } else { "ipv6" };
    map.insert("family".into(), family.into());
    let single = match &route.nexthops[..] {
        [hop] => Some(hop),
        _ => None,
    };
    map.insert("via".into(), text(single.and_then(|hop| hop.via).map(|via| via.to_string())));
    map.insert("dev".into(), text(single.and_then(|hop| hop.dev.as_ref()).map(ToString::to_string)));
    map.insert("onlink".into(), single.is_some_and(|hop| hop.onlink).into());
    map.insert("src".into(), text(route.src.map(|src| src.to_string())));
    map.insert("tos".into(), if route.tos == 0 { Dynamic::UNIT } else { i64::from(route.tos).into() });
    map.insert("metric".into(), route.metric.map_or(Dynamic::UNIT, |metric| i64::from(metric).into()));
    map.insert("mtu".into(), route.mtu.map_or(Dynamic::UNIT, |mtu| i64::from(mtu).into()));
    map.insert("table".into(), number_or_name(route.table.to_string()));
    map.insert("scope".into(), route.scope.map_or(Dynamic::UNIT, |scope| number_or_name(scope.word())));
    map.insert("proto".into(), route.proto.map_or(Dynamic::UNIT, |proto| number_or_name(proto.to_string())));
    map.insert("kind".into(), route.kind.word().into());
    if route.nexthops.len() > 1 {
        map.insert("nexthops".into(), route.nexthops.into_iter().map(hop_row).collect::<Array>().into());
    }
    map.into()
}

fn hop_row(hop: Nexthop) -> Dynamic {
    let mut map = Map::new();
    map.insert("via".into(), hop.via.map_or(Dynamic::UNIT, |via| via.to_string().into()));
    map.insert("dev".into(), hop.dev.map_or(Dynamic::UNIT, |dev| dev.to_string().into()));
    map.insert("weight".into(), i64::from(hop.weight).into());
    map.insert("onlink".into(), hop.onlink.into());
    map.into()
}

/// As `ip route` writes it: `default`, a single address without its length, or the network.
pub(crate) fn destination(dst: &Prefix) -> String {
    if dst.is_all() {
        "default".into()
    } else if dst.is_host() {
        dst.addr().to_string()
    } else {
        dst.to_string()
    }
}

fn list(netns: &Netns, table: TableId) -> Result<Array> {
    let reference = netns.reference()?;
    crate::unknown::known(netns.session(), &reference, StatePart::Routes(table))?;
    let mut routes = netns.session().lab().world().routes(&reference, Family::V4)?;
    routes.extend(netns.session().lab().world().routes(&reference, Family::V6)?);
    Ok(routes.into_iter().filter(|route| route.table == table).map(row).collect())
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Adds a route. `dst` is a network, an address or `"default"`.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.route("10.1.0.0/16", #{ via: "10.0.0.2" });
    /// host.route("10.2.0.0/16", #{ dev: br0, metric: 10 });
    /// host.route("10.3.0.0/16", #{ kind: "blackhole" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn route(ctx: NativeCallContext, netns: &mut Netns, dst: Dynamic, options: Map) -> RhaiResult<()> {
        let route = parse(&ROUTE, netns, &dst, &options)?;
        Ok(netns.submit(RouteOp::Add(route), at(&ctx))?)
    }

    /// Adds a route, or replaces a route to the same destination with the same metric.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.replace_route("10.1.0.0/16", #{ via: "10.0.0.2" });
    /// host.replace_route("10.1.0.0/16", #{ via: "10.0.0.3" });
    /// let found = host.routes.filter(|r| r.dst == "10.1.0.0/16");
    /// assert(found.map(|r| r.via) == ["10.0.0.3"]);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn replace_route(ctx: NativeCallContext, netns: &mut Netns, dst: Dynamic, options: Map) -> RhaiResult<()> {
        let route = parse(&REPLACE_ROUTE, netns, &dst, &options)?;
        Ok(netns.submit(RouteOp::Replace(route), at(&ctx))?)
    }

    /// Removes the first route to a destination.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.route("10.1.0.0/16", #{ via: "10.0.0.2" });
    /// host.del_route("10.1.0.0/16");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn del_route(ctx: NativeCallContext, netns: &mut Netns, dst: Dynamic) -> RhaiResult<()> {
        let route = parse(&DEL_ROUTE, netns, &dst, &Map::new())?;
        Ok(netns.submit(RouteOp::Del(route), at(&ctx))?)
    }

    /// Removes the first route to a destination that matches the options.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.route("10.1.0.0/16", #{ via: "10.0.0.2", metric: 5 });
    /// host.del_route("10.1.0.0/16", #{ metric: 5 });
    /// ```
    #[rhai_fn(name = "del_route", pure, return_raw)]
    pub fn del_route_with(ctx: NativeCallContext, netns: &mut Netns, dst: Dynamic, options: Map) -> RhaiResult<()> {
        let route = parse(&DEL_ROUTE, netns, &dst, &options)?;
        Ok(netns.submit(RouteOp::Del(route), at(&ctx))?)
    }

    /// Removes every route of a table, of both families.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.route("10.1.0.0/16", #{ via: "10.0.0.2", table: 100 });
    /// host.flush_routes(#{ table: 100 });
    /// assert(host.routes(100) == []);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn flush_routes(ctx: NativeCallContext, netns: &mut Netns, options: Map) -> RhaiResult<()> {
        let table = Options::new(&FLUSH_ROUTES, &options)?.need(&FLUSHED)?;
        for family in [Family::V4, Family::V6] {
            netns.submit(RouteOp::Flush(family, table), at(&ctx))?;
        }
        Ok(())
    }

    /// The routes of the main table, IPv4 first: maps with `dst`, `family`, `via`, `dev`, `src`,
    /// `tos`, `metric`, `mtu`, `table`, `scope`, `proto`, `kind`, `onlink`, and `nexthops` if there
    /// are several.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// let route = host.routes[0];
    /// assert(route.dst == "10.0.0.0/24" && route.dev == "br0" && route.src == "10.0.0.1");
    /// ```
    #[rhai_fn(get = "routes", pure, return_raw)]
    pub fn get_routes(netns: &mut Netns) -> RhaiResult<Array> {
        Ok(list(netns, TableId::MAIN)?)
    }

    /// The routes of a table, given by its number or as `"main"`, `"local"` or `"default"`.
    ///
    /// ```
    /// host.lo.up();
    /// assert(host.routes("local").some(|r| r.dst == "127.0.0.1"));
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn routes(netns: &mut Netns, table: Dynamic) -> RhaiResult<Array> {
        let table = crate::route::table("a table", &table)?;
        Ok(list(netns, table)?)
    }
}
