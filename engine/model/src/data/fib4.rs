//! IPv4 routes (net/ipv4/fib_trie.c).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::ids::DevId;
use super::policy::{Flow, Suppress};
use netscript_net::error::Errno;
use netscript_net::op::{Prefix, RouteKind, RouteProto, Scope, TableId};
use netscript_net::rejection::Outcome;

/// A nexthop (`struct fib_nh`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nexthop4 {
    pub(crate) dev: Option<DevId>,
    pub(crate) via: Option<IpAddr>,
    pub(crate) weight: u16,
    pub(crate) onlink: bool,
    pub(crate) scope: Scope,
    /// `RTNH_F_DEAD`
    pub(crate) dead: bool,
}

/// A route (`struct fib_info` and `struct fib_alias`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route4 {
    /// `fa_dscp`: of these packets only; 0: of all.
    pub(crate) tos: u8,
    pub(crate) kind: RouteKind,
    pub(crate) scope: Scope,
    pub(crate) metric: u32,
    pub(crate) src: Option<Ipv4Addr>,
    pub(crate) proto: RouteProto,
    pub(crate) mtu: Option<u32>,
    /// [`Route::opaque`](netscript_net::op::Route::opaque), of a route that was found.
    pub(crate) opaque: bool,
    pub(crate) nexthops: Vec<Nexthop4>,
}

/// Why the nexthops over a link die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dead {
    /// The link went down: routes to its own addresses stay.
    Down,
    /// IPv4 left the link, which stays.
    Forced,
    /// The link goes.
    Unregistered,
}

type RouteKey = (TableId, Prefix);

/// The tables of a namespace. Routes to one destination are in lookup order: those of one type of service first, then by
/// metric, then by insertion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fib4 {
    routes: BTreeMap<RouteKey, Vec<Route4>>,
    /// The destinations whose routes use a link, or did.
    by_dev: BTreeMap<DevId, BTreeSet<RouteKey>>,
    /// Whether the local table was ever put into.
    local: bool,
    /// The prefix lengths that were ever used, a bit for each.
    lengths: u64,
}

impl Fib4 {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TableId, &Prefix, &Route4)> {
        self.routes.iter().flat_map(|((table, dst), routes)| routes.iter().map(move |route| (*table, dst, route)))
    }

    fn touch(&mut self, key: RouteKey, route: &Route4) {
        self.local |= key.0 == TableId::LOCAL;
        self.lengths |= 1 << key.1.len();
        for dev in route.nexthops.iter().filter_map(|nexthop| nexthop.dev) {
            self.by_dev.entry(dev).or_default().insert(key);
        }
    }

    /// `NLM_F_APPEND`: after the routes of equal metric; a duplicate is left out.
    pub(crate) fn append(&mut self, table: TableId, dst: Prefix, route: Route4) {
        let key = (table, dst);
        self.touch(key, &route);
        let routes = self.routes.entry(key).or_default();
        if routes.iter().any(|old| old.same(&route)) {
            return;
        }
        let at = routes.iter().position(|old| old.order() > route.order()).unwrap_or(routes.len());
        routes.insert(at, route);
    }

    pub(crate) fn remove_first(&mut self, table: TableId, dst: Prefix, fits: impl Fn(&Route4) -> bool) -> bool {
        let Some(routes) = self.routes.get_mut(&(table, dst)) else { return false };
        let Some(at) = routes.iter().position(fits) else { return false };
        routes.remove(at);
        if routes.is_empty() {
            self.routes.remove(&(table, dst));
        }
        true
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(TableId, &Route4) -> bool) {
        self.routes.retain(|(table, _), routes| {
            routes.retain(|route| keep(*table, route));
            !routes.is_empty()
        });
    }

    pub(crate) fn flush(&mut self, table: TableId) {
        self.routes.retain(|(of, _), _| *of != table);
    }

    /// Whether the local table was ever put into.
    pub(crate) fn has_had_local(&self) -> bool {
        self.local
    }

    /// `fib_table_insert`: where a route of its type of service and metric exists, the new one can only replace it.
    pub(crate) fn insert(&mut self, table: TableId, dst: Prefix, new: Route4, replace: bool) -> Outcome {
        let key = (table, dst);
        self.touch(key, &new);
        let routes = self.routes.entry(key).or_default();
        let first = routes.iter().position(|old| old.order() == new.order());
        match first {
            None => {
                let at = routes.iter().position(|old| old.order() > new.order()).unwrap_or(routes.len());
                routes.insert(at, new);
                Ok(())
            }
            Some(_) if !replace => Err(Errno::EEXIST.into()),
            Some(first) => {
                if let Some(same) = routes.iter().position(|old| old.same(&new)) {
                    return if same == first { Ok(()) } else { Err(Errno::EEXIST.into()) };
                }
                routes[first] = new;
                Ok(())
            }
        }
    }

    /// `fib_sync_down_dev` and `fib_flush`
    pub(crate) fn sync_down(&mut self, id: DevId, why: Dead) {
        for key in self.by_dev.get(&id).cloned().unwrap_or_default() {
            let Some(routes) = self.routes.get_mut(&key) else { continue };
            routes.retain_mut(|route| !dies(route, id, why));
            if routes.is_empty() {
                self.routes.remove(&key);
            }
        }
        if why == Dead::Unregistered {
            self.by_dev.remove(&id);
        }
    }

    /// `fib_sync_up`: dead nexthops over a link that is up come back.
    pub(crate) fn sync_up(&mut self, id: DevId) {
        for key in self.by_dev.get(&id).cloned().unwrap_or_default() {
            for route in self.routes.get_mut(&key).into_iter().flatten() {
                for nexthop in route.nexthops.iter_mut().filter(|nexthop| nexthop.dev == Some(id)) {
                    nexthop.dead = false;
                }
            }
        }
    }

    /// The longest matching prefix in the given tables; of two equal ones, that of the first table.
    pub(crate) fn lookup(
        &self,
        tables: &[TableId],
        flow: &Flow,
        scope: u8,
        suppress: Suppress,
    ) -> Option<Result<(&Route4, &Nexthop4), Errno>> {
        for len in (0..=32).rev().filter(|len| self.lengths & (1 << len) != 0) {
            let Some(dst) = Prefix::new(flow.daddr, len).map(|prefix| prefix.network()) else { continue };
            for table in tables {
                for route in self.routes.get(&(*table, dst)).into_iter().flatten() {
                    // The packets of these lookups have no type of service.
                    if route.tos != 0 || route.scope.number() < scope {
                        continue;
                    }
                    if let Some(errno) = Errno::of_route(route.kind) {
                        return Some(Err(errno));
                    }
                    let fits =
                        |nexthop: &&Nexthop4| !nexthop.dead && flow.oif.is_none_or(|oif| nexthop.dev == Some(oif));
                    if let Some(nexthop) = route.nexthops.iter().find(fits) {
                        let hidden = suppress.hides(len, nexthop.dev.is_some());
                        return (!hidden).then_some(Ok((route, nexthop)));
                    }
                }
            }
        }
        None
    }
}

impl Route4 {
    /// The order of routes to one destination (`fib_find_alias`).
    fn order(&self) -> (Reverse<u8>, u32) {
        (Reverse(self.tos), self.metric)
    }

    /// Whether both are equal, apart from state that changes over time.
    fn same(&self, other: &Route4) -> bool {
        let alive = |route: &Route4| {
            let mut route = route.clone();
            route.nexthops.iter_mut().for_each(|nexthop| nexthop.dead = false);
            route
        };
        alive(self) == alive(other)
    }
}

/// Whether a route ends with its nexthops over a link. If not, those are marked as dead.
fn dies(route: &mut Route4, id: DevId, why: Dead) -> bool {
    if !route.nexthops.iter().any(|nexthop| nexthop.dev == Some(id)) {
        return false;
    }
    if why == Dead::Unregistered {
        return true;
    }
    for nexthop in &mut route.nexthops {
        if nexthop.dev == Some(id) && (why == Dead::Forced || nexthop.scope != Scope::Nowhere) {
            nexthop.dead = true;
        }
    }
    route.nexthops.iter().all(|nexthop| nexthop.dead)
}
