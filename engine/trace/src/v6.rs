//! IPv6: the choice of a route (net/ipv6/route.c, net/ipv6/fib6_rules.c).

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv6Addr};

use netscript_net::error::Errno;
use netscript_net::op::{Family, IfName, Nexthop, Route, RouteKind, RouteProto, TableId};
use netscript_net::state::Netns;
use netscript_net::world::{ChosenRoute, RouteGet};

use crate::lookup::{Known, Lookup, Neighbours, TableAnswer, Unknown};
use crate::policy::{self, Flow, Walk};
use crate::{read, source};

/// A link of a route, with its gateway. Routes that discard packets lead to the loopback link.
struct Hop<'a> {
    dev: &'a IfName,
    via: Option<IpAddr>,
}

/// `ip6_route_output`, and what `inet6_rtm_getroute` says of it
pub(crate) fn route_get<'a>(
    netns: &'a Netns,
    dst: Ipv6Addr,
    request: &RouteGet,
    neighbours: Neighbours,
) -> Known<Lookup<'a>> {
    if request.oif.as_ref().is_some_and(|oif| netns.link(oif).is_none()) {
        return Ok(Lookup::refused(Errno::ENODEV));
    }
    let src = request.src.filter(|src| !src.is_unspecified());
    let flow = Flow {
        dst: dst.into(),
        src,
        oif: request.oif.clone(),
        mark: request.mark,
        tos: request.tos,
        ipproto: request.ipproto.unwrap_or(0),
        sport: request.sport.unwrap_or(0),
        dport: request.dport.unwrap_or(0),
    };
    check_local_routes_known(netns, dst)?;
    // RT6_LOOKUP_F_IFACE
    let strict = needs_strict(dst) || (flow.oif.is_some() && flow.src.is_none());
    let (rule, found) = match find(netns, &flow, strict)? {
        Walk::Found(rule, found) => (rule, found),
        Walk::Refused(rule, errno) => return Ok(Lookup { answer: Err(errno), rule: Some(rule), route: None }),
        Walk::Nothing => return Ok(Lookup::refused(Errno::ENETUNREACH)),
    };
    let (route, hop) = match found {
        TableAnswer::Found(route, hop) => (route, hop),
        TableAnswer::Refused(route, errno) => {
            return Ok(Lookup { answer: Err(errno), rule: Some(rule), route: Some(route) });
        }
        TableAnswer::Nothing => return Ok(Lookup::refused(Errno::ENETUNREACH)),
    };
    if route.opaque || (route.kind == RouteKind::Anycast && route.proto != Some(RouteProto::KERNEL)) {
        return Err(Unknown::new(format!("the route to {}: it has unknown properties", route.dst)));
    }
    check_gateway_answers(netns, route, &hop, &flow, neighbours)?;
    let answer = sent(netns, dst, src, route, &hop)?;
    Ok(Lookup { answer: Ok(answer), rule: Some(rule), route: Some(route) })
}

/// `fib6_rule_lookup`. Until a rule is added, the tables `local` and `main` are asked, even if their rules are deleted.
fn find<'a>(netns: &'a Netns, flow: &Flow, strict: bool) -> Known<Walk<'a, Hop<'a>>> {
    let look = |table| look(netns, table, flow, strict);
    let found = policy::walk(netns, Family::V6, flow, look)?;
    let rules = policy::rules(netns, Family::V6);
    let all = [TableId::LOCAL, TableId::MAIN].iter().all(|table| rules.iter().any(|rule| rule.table == *table));
    if all || !rules.into_iter().all(policy::is_default) {
        return Ok(found);
    }
    let route = |answer: &TableAnswer<'a, Hop<'a>>| match answer {
        TableAnswer::Found(route, _) | TableAnswer::Refused(route, _) => Some(std::ptr::from_ref(*route)),
        TableAnswer::Nothing => None,
    };
    let without_rules = match look(TableId::LOCAL)? {
        TableAnswer::Nothing => look(TableId::MAIN)?,
        local => local,
    };
    let by_rules = match &found {
        Walk::Found(_, answer) => route(answer),
        Walk::Refused(..) | Walk::Nothing => None,
    };
    match by_rules == route(&without_rules) {
        true => Ok(found),
        false => {
            Err(Unknown::new("whether a routing rule has ever been added: without one, deleted rules still count"))
        }
    }
}

/// `ip6_rt_get_dev_rcu` and `rt6_fill_node`
fn sent(netns: &Netns, dst: Ipv6Addr, src: Option<IpAddr>, route: &Route, hop: &Hop) -> Known<ChosenRoute> {
    let Some(link) = netns.link(hop.dev) else {
        return Err(Unknown::new(format!("the link `{}`", hop.dev)));
    };
    let lo = policy::loopback(netns);
    let own = matches!(route.kind, RouteKind::Local | RouteKind::Anycast);
    let dev = lo.filter(|_| own).unwrap_or(hop.dev);
    let src = match src.or(route.src) {
        Some(src) => Some(src),
        None => source::select6(netns, link, dst)?.map(IpAddr::V6),
    };
    Ok(ChosenRoute { kind: route.kind, dev: dev.clone(), via: hop.via, src })
}

/// In a dry run some fe80 addresses are not known, and so their local routes.
fn check_local_routes_known(netns: &Netns, dst: Ipv6Addr) -> Known<()> {
    match netns.links.iter().find(|link| link.unknown_addr) {
        Some(link) if dst.is_unicast_link_local() => {
            Err(Unknown::new(format!("whether {dst} is the address of `{}`, which the kernel makes", link.name)))
        }
        Some(_) | None => Ok(()),
    }
}

/// `fib6_table_lookup`: the longest matching prefix that has a usable route.
fn look<'a>(netns: &'a Netns, table: TableId, flow: &Flow, strict: bool) -> Known<TableAnswer<'a, Hop<'a>>> {
    let mut fitting: Vec<&Route> =
        netns.routes.iter().filter(|route| route.table == table && route.dst.contains(flow.dst)).collect();
    fitting.sort_by_key(|route| Reverse(route.dst.len()));
    for same in fitting.chunk_by(|a, b| a.dst.len() == b.dst.len()) {
        match best(netns, same, flow, strict)? {
            TableAnswer::Nothing => {}
            TableAnswer::Refused(_, Errno::EAGAIN) => return Ok(TableAnswer::Nothing),
            found => return Ok(found),
        }
    }
    Ok(TableAnswer::Nothing)
}

/// `find_rr_leaf`: of the routes with the lowest metric of which one is usable, the first over the wanted link.
fn best<'a>(netns: &'a Netns, routes: &[&'a Route], flow: &Flow, strict: bool) -> Known<TableAnswer<'a, Hop<'a>>> {
    let mut routes = routes.to_vec();
    routes.sort_by_key(|route| metric(route));
    for same in routes.chunk_by(|a, b| metric(a) == metric(b)) {
        let mut usable = Vec::new();
        for route in same.iter().copied() {
            for hop in hops(netns, route) {
                let on_link = flow.oif.as_ref().is_none_or(|oif| oif == hop.dev);
                if (strict && !on_link) || !is_usable(netns, route, &hop)? {
                    continue;
                }
                usable.push((on_link, route, hop));
            }
        }
        let on_link = usable.iter().any(|(on_link, ..)| *on_link);
        let mut usable = usable.into_iter().filter(|(is, ..)| *is == on_link);
        let Some((_, route, hop)) = usable.next() else { continue };
        if let Some(errno) = Errno::of_route(route.kind) {
            return Ok(TableAnswer::Refused(route, errno));
        }
        check_only_choice(route, usable)?;
        return Ok(TableAnswer::Found(route, hop));
    }
    Ok(TableAnswer::Nothing)
}

/// Whether the state alone decides between the hop and the others that are equally good.
fn check_only_choice<'a>(route: &Route, others: impl Iterator<Item = (bool, &'a Route, Hop<'a>)>) -> Known<()> {
    for (_, other, _) in others {
        if std::ptr::eq(other, route) {
            return Err(Unknown::new(format!("which nexthop of the route to {} the packet takes", route.dst)));
        }
        if other.opaque {
            return Err(Unknown::new(format!("which route to {} the packet takes", route.dst)));
        }
    }
    Ok(())
}

/// `rt6_check_neigh`: while the namespace does not forward, a gateway that does not answer is left out, if there is another
/// route, be it of a greater metric or a shorter prefix.
fn check_gateway_answers(netns: &Netns, route: &Route, hop: &Hop, flow: &Flow, neighbours: Neighbours) -> Known<()> {
    let Some(via) = hop.via else { return Ok(()) };
    let failed = netns
        .neighbours
        .iter()
        .any(|neighbour| neighbour.dst == via && neighbour.dev == *hop.dev && neighbour.state == "failed");
    let other = |other: &&Route| !std::ptr::eq(*other, route) && other.dst.contains(flow.dst);
    let can_fail = failed || neighbours == Neighbours::Unknown;
    match can_fail && netns.routes.iter().any(|route| other(&route)) {
        true => {
            Err(Unknown::new(format!("whether the gateway {via} answers: without an answer another route is used")))
        }
        false => Ok(()),
    }
}

fn hops<'a>(netns: &'a Netns, route: &'a Route) -> Vec<Hop<'a>> {
    if route.kind.discards() {
        return policy::loopback(netns).map(|dev| Hop { dev, via: None }).into_iter().collect();
    }
    route.nexthops.iter().filter_map(|Nexthop { via, dev, .. }| Some(Hop { dev: dev.as_ref()?, via: *via })).collect()
}

/// `find_match`: neither dead nor over a link without a carrier, if those are left out.
fn is_usable(netns: &Netns, route: &Route, hop: &Hop) -> Known<bool> {
    if route.kind.discards() || matches!(route.kind, RouteKind::Local | RouteKind::Anycast) {
        return Ok(true);
    }
    match netns.link(hop.dev) {
        Some(link) if !link.up => Ok(false),
        Some(link) if !link.carrier => {
            let ignored = read::ignores_routes_without_carrier(netns, Family::V6, &link.name);
            ignored.map(|ignored| !ignored).ok_or_else(|| {
                Unknown::new(format!("whether routes over `{}`, which has no carrier, are used", link.name))
            })
        }
        Some(_) | None => Ok(true),
    }
}

/// `rt6_need_strict`
fn needs_strict(dst: Ipv6Addr) -> bool {
    dst.is_multicast() || dst.is_unicast_link_local() || dst.is_loopback()
}

fn metric(route: &Route) -> u32 {
    route.metric.unwrap_or(0)
}
