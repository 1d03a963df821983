//! Routes.

use std::net::IpAddr;

use netscript_lang::diagnostics::{Error, Invalid, Result, Within};
use netscript_lang::interpreter::at;
use netscript_net::op::{Family, NetnsRef, Nexthop, Prefix, Route, RouteKind, RouteOp, RouteProto, Scope, TableId};
use netscript_net::world::Part;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use crate::options::{Known, Options, one_of};
use crate::{Netns, RhaiResult, args};

const ROUTE: &[&str] = &["via", "dev", "src", "metric", "table", "scope", "kind", "nexthops", "onlink", "proto", "mtu"];

/// The options of the words of this file.
pub(crate) const OPTIONS: Known = &[
    ("route", &[ROUTE]),
    ("replace_route", &[ROUTE]),
    ("del_route", &[ROUTE]),
    ("nexthops", &[&["via", "dev", "weight", "onlink"]]),
    ("flush_routes", &[&["table"]]),
];

pub(crate) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(words).into());
}

/// A table: a number, or the name of one that every machine has.
pub(crate) fn table(what: &str, value: &Dynamic) -> Result<TableId> {
    let word = if value.is_int() { value.to_string() } else { args::text(what, value)? };
    TableId::from_word(&word).ok_or_else(|| Error::OptionValue {
        key: "table".into(),
        given: format!("{word:?}"),
        wanted: "a number from 1 to 4294967295, \"main\", \"local\" or \"default\"".into(),
    })
}

/// A table, a scope or a protocol as a script writes it: a number where it has no name.
pub(crate) fn number_or_name(word: String) -> Dynamic {
    match word.parse::<i64>() {
        Ok(number) => number.into(),
        Err(_) => word.into(),
    }
}

fn parse(word: &'static str, netns: &Netns, dst: &Dynamic, options: Map) -> Result<Route> {
    let mut o = Options::new(OPTIONS, word, options)?;
    let reference = netns.reference()?;
    let wanted = if is_default(dst) { None } else { Some(args::prefix("a destination", dst).argument(0)?) };
    let family = wanted.map(|dst| dst.family());
    let src = o.with("src", |what, value| args::address(netns.session(), what, value, family))?;
    let nexthops = nexthops(netns, &reference, &mut o, family.or(src.map(Family::of)))?;
    let kind = o.choice("kind", || one_of(&RouteKind::ALL.map(RouteKind::word)), RouteKind::from_word)?;
    let dst = wanted.unwrap_or_else(|| Prefix::all(default_family(&nexthops, src)));
    let kind = kind.unwrap_or(RouteKind::Unicast);
    let route = Route {
        dst,
        kind,
        nexthops,
        src,
        metric: o.number("metric", 0, i64::from(u32::MAX))?,
        table: o.with("table", table)?.unwrap_or(default_table(kind)),
        scope: o.choice(
            "scope",
            || "\"global\", \"site\", \"link\", \"host\", \"nowhere\" or a number".to_owned(),
            Scope::from_word,
        )?,
        proto: o.choice(
            "proto",
            || "\"boot\", \"static\", \"kernel\", \"ra\" or a number".to_owned(),
            RouteProto::from_word,
        )?,
        mtu: o.number("mtu", 0, i64::from(u32::MAX))?,
    };
    check(&route)?;
    Ok(route)
}

fn is_default(dst: &Dynamic) -> bool {
    dst.is_string() && dst.to_string() == "default"
}

/// Where `ip route` puts a route of a kind when nothing is said (iproute2's ip/iproute.c).
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

/// "default" is of the family of what it is given with; IPv4 when that says nothing.
fn default_family(nexthops: &[Nexthop], src: Option<IpAddr>) -> Family {
    let via = nexthops.iter().find_map(|hop| hop.via);
    via.or(src).map_or(Family::V4, Family::of)
}

fn nexthops(netns: &Netns, place: &NetnsRef, o: &mut Options, family: Option<Family>) -> Result<Vec<Nexthop>> {
    if let Some(list) = o.take("nexthops") {
        if o.has("via") || o.has("dev") || o.has("onlink") {
            return Err(Error::Invalid(Invalid::Conflict {
                message: "`nexthops` takes the place of `via`, `dev` and `onlink`".into(),
                help: "move them into the list: `nexthops: [#{ via: …, dev: … }, …]`".into(),
            }));
        }
        let hops = args::list(list);
        let hop = |(number, hop)| one_of_several(netns, place, hop, family).element(number).option("nexthops");
        return hops.iter().enumerate().map(hop).collect();
    }
    if !(o.has("via") || o.has("dev") || o.has("onlink")) {
        return Ok(Vec::new());
    }
    Ok(vec![nexthop(netns, place, o, family)?])
}

fn one_of_several(netns: &Netns, place: &NetnsRef, hop: &Dynamic, family: Option<Family>) -> Result<Nexthop> {
    let mut o = Options::new(OPTIONS, "nexthops", args::map("a nexthop", hop)?)?;
    nexthop(netns, place, &mut o, family)
}

fn nexthop(netns: &Netns, place: &NetnsRef, o: &mut Options, family: Option<Family>) -> Result<Nexthop> {
    Ok(Nexthop {
        via: o.with("via", |what, value| args::address(netns.session(), what, value, family))?,
        dev: o.link("dev", place)?,
        weight: o.number("weight", 1, 256)?.unwrap_or(1),
        onlink: o.boolean("onlink")?.unwrap_or(false),
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
fn destination(dst: &Prefix) -> String {
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
    crate::unknown::known(netns.session(), &reference, Part::Routes(table))?;
    let mut routes = netns.session().lab().world().routes(&reference, Family::V4)?;
    routes.extend(netns.session().lab().world().routes(&reference, Family::V6)?);
    Ok(routes.into_iter().filter(|route| route.table == table).map(row).collect())
}

#[export_module]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Adds a route. `dst` is a network, an address or `"default"`. Options: `via` (gateway),
    /// `dev` (link), `src`, `metric`, `table`, `scope`, `kind` (`"blackhole"`, `"unreachable"`,
    /// `"prohibit"`, `"throw"`, `"local"`, …), `onlink`, `proto`, `mtu`, or `nexthops`: a list of
    /// maps with `via`, `dev`, `weight`, `onlink`.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.route("10.1.0.0/16", #{ via: "10.0.0.2" });
    /// host.route("10.2.0.0/16", #{ dev: br0, metric: 10 });
    /// host.route("10.3.0.0/16", #{ kind: "blackhole" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn route(ctx: NativeCallContext, netns: &mut Netns, dst: Dynamic, options: Map) -> RhaiResult<()> {
        let route = parse("route", netns, &dst, options)?;
        Ok(netns.submit(RouteOp::Add(route), at(&ctx))?)
    }

    /// Adds a route, or puts it in the place of one to the same destination with the same metric.
    /// The options are those of `route`.
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
        let route = parse("replace_route", netns, &dst, options)?;
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
        let route = parse("del_route", netns, &dst, Map::new())?;
        Ok(netns.submit(RouteOp::Del(route), at(&ctx))?)
    }

    /// Removes the first route to a destination that fits the options, which are those of `route`.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.route("10.1.0.0/16", #{ via: "10.0.0.2", metric: 5 });
    /// host.del_route("10.1.0.0/16", #{ metric: 5 });
    /// ```
    #[rhai_fn(name = "del_route", pure, return_raw)]
    pub fn del_route_with(ctx: NativeCallContext, netns: &mut Netns, dst: Dynamic, options: Map) -> RhaiResult<()> {
        let route = parse("del_route", netns, &dst, options)?;
        Ok(netns.submit(RouteOp::Del(route), at(&ctx))?)
    }

    /// Removes every route of a table, of both families. Option: `table` (needed).
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.route("10.1.0.0/16", #{ via: "10.0.0.2", table: 100 });
    /// host.flush_routes(#{ table: 100 });
    /// assert(host.routes(100) == []);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn flush_routes(ctx: NativeCallContext, netns: &mut Netns, options: Map) -> RhaiResult<()> {
        let mut o = Options::new(OPTIONS, "flush_routes", options)?;
        let table = o.need("table", "#{ table: 100 }", table)?;
        for family in [Family::V4, Family::V6] {
            netns.submit(RouteOp::Flush(family, table), at(&ctx))?;
        }
        Ok(())
    }

    /// The routes of the main table, IPv4 first: maps with `dst`, `family`, `via`, `dev`, `src`,
    /// `metric`, `mtu`, `table`, `scope`, `proto`, `kind`, `onlink`, and `nexthops` where there
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
