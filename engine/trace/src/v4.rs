//! IPv4: the choice of a route (net/ipv4/route.c, net/ipv4/fib_trie.c, net/ipv4/fib_semantics.c).

use std::net::{IpAddr, Ipv4Addr};

use netscript_net::error::Errno;
use netscript_net::op::{Family, IfName, Nexthop, Route, RouteKind, Scope, TableId};
use netscript_net::state::{Link, Netns};
use netscript_net::world::{ChosenRoute, RouteGet};

use crate::lookup::{Known, Lookup, TableAnswer, Unknown};
use crate::policy::{self, Flow, Walk};
use crate::{read, source};

/// The protocol that `ip route get` asks for by default (`inet_rtm_getroute`).
const UDP: u8 = 17;

/// Multicast and the reserved networks: a route for all of them is none of their own (`__mkroute_output`).
const MULTICAST_LENGTH: u8 = 4;

/// What the lookup finds.
type Found<'a> = TableAnswer<'a, &'a Nexthop>;

/// The bits of a type of service that lookups of older kernels compare (`IPTOS_RT_MASK`, include/net/route.h).
const TOS_MASK: u8 = 0x1c;

/// The choice for a packet. Newer kernels compare more bits of its type of service.
pub(crate) fn route_get<'a>(netns: &'a Netns, dst: Ipv4Addr, request: &RouteGet) -> Known<Lookup<'a>> {
    let old = RouteGet { tos: request.tos & TOS_MASK, ..request.clone() };
    let found = output(netns, dst, &old)?;
    if old.tos != request.tos && found != output(netns, dst, request)? {
        return Err(Unknown::new("which bits of the type of service the kernel compares: that depends on its version"));
    }
    Ok(found)
}

/// `ip_route_output_key_hash_rcu`
fn output<'a>(netns: &'a Netns, dst: Ipv4Addr, request: &RouteGet) -> Known<Lookup<'a>> {
    let src = request.src.and_then(v4).filter(|src| !src.is_unspecified());
    if let Some(src) = src {
        if src.is_multicast() || src.is_broadcast() {
            return Ok(Lookup::refused(Errno::EINVAL));
        }
        // Linux 6.18; older kernels answer EINVAL.
        let Some(dev) = link_of_own(netns, src)? else { return Ok(Lookup::refused(Errno::ENETUNREACH)) };
        if request.oif.is_none() && (dst.is_multicast() || dst.is_broadcast()) {
            if source::links_of(netns, src).nth(1).is_some() {
                return Err(Unknown::new(format!("which of the links with the address {src} the packet takes")));
            }
            return sent(netns, dst, dev, None, Some(src), RouteKind::Unicast);
        }
    }
    let oif = match &request.oif {
        Some(name) => match netns.link(name) {
            Some(link) if link.up && has_ipv4(link) => Some(link),
            Some(_) => return Ok(Lookup::refused(Errno::ENETUNREACH)),
            None => return Ok(Lookup::refused(Errno::ENODEV)),
        },
        None => None,
    };
    if let Some(link) = oif.filter(|_| is_local_multicast(dst) || dst.is_broadcast()) {
        let src = source_or(src, || source::select4(netns, link, None, Scope::Link))?;
        return sent(netns, dst, link.name.clone(), None, src, RouteKind::Unicast);
    }
    if dst.is_unspecified() {
        let src = match oif {
            Some(link) => source_or(src, || source::select4(netns, link, None, Scope::Host))?,
            None => src,
        };
        return Ok(to_nowhere(netns, src));
    }
    lookup(netns, dst, src, oif, request)
}

/// A packet to 0.0.0.0 goes to its source address, or to the loopback link.
fn to_nowhere(netns: &Netns, src: Option<Ipv4Addr>) -> Lookup<'_> {
    let addr = src.unwrap_or(Ipv4Addr::LOCALHOST);
    match policy::loopback(netns) {
        Some(lo) => answer(netns, kind_to(addr, RouteKind::Local), lo.clone(), None, Some(addr)),
        None => Lookup::refused(Errno::ENETUNREACH),
    }
}

fn lookup<'a>(
    netns: &'a Netns,
    dst: Ipv4Addr,
    mut src: Option<Ipv4Addr>,
    oif: Option<&'a Link>,
    request: &RouteGet,
) -> Known<Lookup<'a>> {
    if let Some(link) = oif.filter(|_| dst.is_multicast()) {
        src = source_or(src, || source::select4(netns, link, None, Scope::Global))?;
    }
    let flow = Flow {
        dst: dst.into(),
        src: src.map(IpAddr::V4),
        oif: oif.map(|link| link.name.clone()),
        mark: request.mark,
        tos: request.tos,
        ipproto: request.ipproto.unwrap_or(UDP),
        sport: request.sport.unwrap_or(0),
        dport: request.dport.unwrap_or(0),
    };
    let (rule, found) = match find(netns, &flow)? {
        Walk::Found(rule, found) => (Some(rule), found),
        Walk::Refused(_, _) | Walk::Nothing if oif.is_some() => (None, TableAnswer::Nothing),
        Walk::Refused(rule, errno) => return Ok(Lookup { answer: Err(errno), rule: Some(rule), route: None }),
        Walk::Nothing => return Ok(Lookup::refused(Errno::ENETUNREACH)),
    };
    let (route, hop) = match (found, oif) {
        (TableAnswer::Found(route, hop), _) => (route, hop),
        // With a link, the target is taken for a neighbour on it.
        (TableAnswer::Refused(..) | TableAnswer::Nothing, Some(link)) => {
            let src = source_or(src, || source::select4(netns, link, None, Scope::Link))?;
            return sent(netns, dst, link.name.clone(), None, src, RouteKind::Unicast);
        }
        (TableAnswer::Refused(route, errno), None) => {
            return Ok(Lookup { answer: Err(errno), rule, route: Some(route) });
        }
        (TableAnswer::Nothing, None) => return Ok(Lookup::refused(Errno::ENETUNREACH)),
    };
    if route.opaque {
        return Err(Unknown::new(format!("the route to {}: it has unknown properties", route.dst)));
    }
    let Some(dev) = &hop.dev else {
        return Err(Unknown::new(format!("the link of the route to {}", route.dst)));
    };
    if route.kind == RouteKind::Local {
        let Some(lo) = policy::loopback(netns) else { return Ok(Lookup::refused(Errno::ENETUNREACH)) };
        let own = || route.src.and_then(v4).unwrap_or(dst);
        let kind = kind_to(dst, RouteKind::Local);
        let found = answer(netns, kind, lo.clone(), None, Some(src.unwrap_or_else(own)));
        return Ok(Lookup { rule, route: Some(route), ..found });
    }
    if oif.is_none() {
        check_only_choice(netns, route, &flow)?;
    }
    let src = source_or(src, || chosen_source(netns, route, hop, dev))?;
    let to_all = kind_to(dst, route.kind) == RouteKind::Broadcast;
    let to_group = dst.is_multicast() && route.dst.len() < MULTICAST_LENGTH;
    let via = hop.via.filter(|_| !to_all && !to_group);
    if let Some(IpAddr::V4(gateway)) = via
        && (policy::loopback(netns) == Some(dev) || link_of_own(netns, gateway)?.is_some())
    {
        // The nexthop's scope (`nhc_scope`) is set when the route is made.
        return Err(Unknown::new(format!("whether {gateway} was an address of the namespace when its route was made")));
    }
    Ok(Lookup { rule, route: Some(route), ..sent(netns, dst, dev.clone(), via, src, route.kind)? })
}

/// Whether the state alone decides between the route and others like it (`fib_select_path`).
fn check_only_choice(netns: &Netns, route: &Route, flow: &Flow) -> Known<()> {
    if route.nexthops.iter().filter(|hop| is_alive(netns, route, hop)).count() > 1 {
        return Err(Unknown::new(format!("which nexthop of the route to {} the packet takes", route.dst)));
    }
    // fib_select_default: of several default routes, one whose gateway answers. After one of the packet's type of service,
    // those of every metric count.
    let rival = |other: &&Route| {
        other.table == route.table
            && other.dst == route.dst
            && other.kind == RouteKind::Unicast
            && (other.tos == 0 || other.tos == flow.tos)
            && (metric(other) == metric(route) || route.tos != 0)
    };
    let several = netns.routes.iter().filter(rival).count() > 1;
    if several && route.dst.is_all() && flow.oif.is_none() {
        return Err(Unknown::new("which of several default routes the packet takes: one whose gateway answers"));
    }
    Ok(())
}

/// `fib_result_prefsrc`
fn chosen_source(netns: &Netns, route: &Route, hop: &Nexthop, dev: &IfName) -> Known<Option<Ipv4Addr>> {
    let Some(link) = netns.link(dev) else { return Ok(None) };
    let select = || source::select4(netns, link, hop.via.and_then(v4), route.scope.unwrap_or(Scope::Global));
    source_or(route.src.and_then(v4), select)
}

/// The given source address, or one to be chosen.
fn source_or(src: Option<Ipv4Addr>, select: impl FnOnce() -> Known<Option<Ipv4Addr>>) -> Known<Option<Ipv4Addr>> {
    src.map_or_else(select, |src| Ok(Some(src)))
}

/// `__mkroute_output`
fn sent<'a>(
    netns: &Netns,
    dst: Ipv4Addr,
    dev: IfName,
    via: Option<IpAddr>,
    src: Option<Ipv4Addr>,
    kind: RouteKind,
) -> Known<Lookup<'a>> {
    let on_loopback = policy::loopback(netns) == Some(&dev);
    if src.is_some_and(|src| src.is_loopback()) && !on_loopback {
        match read::routes_localnet(netns, &dev) {
            Some(true) => {}
            Some(false) => return Ok(Lookup::refused(Errno::EINVAL)),
            None => {
                return Err(Unknown::new(format!("whether `{dev}` takes packets from 127.0.0.0/8 (route_localnet)")));
            }
        }
    }
    Ok(answer(netns, kind_to(dst, kind), dev, via, src))
}

/// The type of a route to an address, which some addresses decide themselves.
fn kind_to(dst: Ipv4Addr, kind: RouteKind) -> RouteKind {
    match dst {
        dst if dst.is_broadcast() => RouteKind::Broadcast,
        dst if dst.is_multicast() => RouteKind::Multicast,
        _ => kind,
    }
}

fn answer<'a>(netns: &Netns, kind: RouteKind, dev: IfName, via: Option<IpAddr>, src: Option<Ipv4Addr>) -> Lookup<'a> {
    if netns.link(&dev).is_some_and(|link| !has_ipv4(link)) {
        return Lookup::refused(Errno::EINVAL);
    }
    Lookup { answer: Ok(ChosenRoute { kind, dev, via, src: src.map(IpAddr::V4) }), rule: None, route: None }
}

/// `fib_lookup`. Until a rule is added, the tables `local` and `main` are one (`fib_trie_unmerge`), so that a more
/// specific route of `main` comes before one of `local`.
fn find<'a>(netns: &'a Netns, flow: &Flow) -> Known<Walk<'a, &'a Nexthop>> {
    let separate = policy::walk(netns, Family::V4, flow, |table| look(netns, &[table], flow))?;
    if !only_default_rules(netns) {
        return Ok(separate);
    }
    let merged = policy::walk(netns, Family::V4, flow, |table| match table {
        TableId::LOCAL => look(netns, &[TableId::LOCAL, TableId::MAIN], flow),
        table => look(netns, &[table], flow),
    })?;
    let route = |walk: &Walk<'a, &'a Nexthop>| match walk {
        Walk::Found(_, TableAnswer::Found(route, _) | TableAnswer::Refused(route, _)) => {
            Some(std::ptr::from_ref(*route))
        }
        Walk::Found(_, TableAnswer::Nothing) | Walk::Refused(..) | Walk::Nothing => None,
    };
    if route(&separate) != route(&merged) {
        return Err(rules_unknown());
    }
    Ok(separate)
}

/// `fib_table_lookup`: the longest matching prefix; of two equal ones that of the first table.
fn look<'a>(netns: &'a Netns, tables: &[TableId], flow: &Flow) -> Known<Found<'a>> {
    let mut fitting: Vec<&Route> = netns
        .routes
        .iter()
        .filter(|route| tables.contains(&route.table) && route.dst.contains(flow.dst))
        .filter(|route| route.tos == 0 || route.tos == flow.tos)
        .collect();
    let table = |route: &Route| tables.iter().position(|table| *table == route.table);
    fitting.sort_by_key(|route| {
        let reverse = std::cmp::Reverse;
        (reverse(route.dst.len()), table(route), reverse(route.tos), metric(route))
    });
    for route in fitting {
        match Errno::of_route(route.kind) {
            Some(Errno::EAGAIN) => return Ok(TableAnswer::Nothing),
            Some(errno) => return Ok(TableAnswer::Refused(route, errno)),
            None => {}
        }
        for hop in route.nexthops.iter().filter(|hop| is_alive(netns, route, hop)) {
            if flow.oif.is_some() && hop.dev != flow.oif {
                continue;
            }
            if !ignores_carrier(netns, route, hop)? {
                return Ok(TableAnswer::Found(route, hop));
            }
        }
    }
    Ok(TableAnswer::Nothing)
}

/// `RTNH_F_DEAD` is not set: nexthops over a link that is down are dead, apart from those of local addresses.
fn is_alive(netns: &Netns, route: &Route, hop: &Nexthop) -> bool {
    let link = hop.dev.as_ref().and_then(|dev| netns.link(dev));
    link.is_none_or(|link| link.up) || route.scope == Some(Scope::Host)
}

/// Whether a nexthop is left out because its link has no carrier. Those of local addresses never are.
fn ignores_carrier(netns: &Netns, route: &Route, hop: &Nexthop) -> Known<bool> {
    let link = hop.dev.as_ref().and_then(|dev| netns.link(dev));
    match link.filter(|link| link.up && !link.carrier && route.scope != Some(Scope::Host)) {
        Some(link) => read::ignores_routes_without_carrier(netns, Family::V4, &link.name).ok_or_else(|| {
            Unknown::new(format!("whether routes over `{}`, which has no carrier, are used", link.name))
        }),
        None => Ok(false),
    }
}

fn metric(route: &Route) -> u32 {
    route.metric.unwrap_or(0)
}

/// The link of an address that belongs to the namespace (`__ip_dev_find`).
fn link_of_own(netns: &Netns, addr: Ipv4Addr) -> Known<Option<IfName>> {
    if let Some(link) = source::links_of(netns, addr).next() {
        return Ok(Some(link.name.clone()));
    }
    let flow = Flow { dst: addr.into(), src: None, oif: None, mark: 0, tos: 0, ipproto: 0, sport: 0, dport: 0 };
    let dev = |tables: &[TableId]| -> Known<Option<IfName>> {
        Ok(match look(netns, tables, &flow)? {
            TableAnswer::Found(route, hop) if route.kind == RouteKind::Local => hop.dev.clone(),
            TableAnswer::Found(..) | TableAnswer::Refused(..) | TableAnswer::Nothing => None,
        })
    };
    let separate = dev(&[TableId::LOCAL])?;
    match only_default_rules(netns) && separate != dev(&[TableId::LOCAL, TableId::MAIN])? {
        true => Err(rules_unknown()),
        false => Ok(separate),
    }
}

/// Whether the namespace has only the kernel's rules, so that the tables `local` and `main` are one, unless there was
/// another rule before.
fn only_default_rules(netns: &Netns) -> bool {
    policy::rules(netns, Family::V4).into_iter().all(policy::is_default)
}

fn rules_unknown() -> Unknown {
    Unknown::new("whether a routing rule has ever been added, which separates `local` from `main`")
}

/// A link has IPv4 while its MTU suffices (`inetdev_valid_mtu`).
fn has_ipv4(link: &Link) -> bool {
    link.mtu >= 68
}

/// 224.0.0.0/24 (`ipv4_is_local_multicast`)
fn is_local_multicast(addr: Ipv4Addr) -> bool {
    addr.octets()[..3] == [224, 0, 0]
}

fn v4(addr: IpAddr) -> Option<Ipv4Addr> {
    match addr {
        IpAddr::V4(addr) => Some(addr),
        IpAddr::V6(_) => None,
    }
}
