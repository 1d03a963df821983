//! The key of a route, which distinguishes it from others to the same destination.

use netscript_net::op::{Family, Nexthop, Route};

/// The metric of a route, with the default if it has none.
pub(crate) fn metric(route: &Route) -> u32 {
    match route.family() {
        Family::V4 => route.metric.unwrap_or(0),
        Family::V6 => route.metric.filter(|metric| *metric != 0).unwrap_or(1024),
    }
}

/// Whether two routes have the same key, so that they cannot exist together.
pub(crate) fn has_same_key(there: &Route, route: &Route) -> bool {
    there.dst.network() == route.dst.network()
        && there.tos == route.tos
        && there.table == route.table
        && metric(there) == metric(route)
}

/// Whether a route has every nexthop of another one, comparing only the given fields.
pub(crate) fn has_nexthops(there: &Route, given: &Route) -> bool {
    given.nexthops.iter().all(|hop| {
        let same = |other: &Nexthop| {
            (hop.via.is_none() || hop.via == other.via) && (hop.dev.is_none() || hop.dev == other.dev)
        };
        there.nexthops.iter().any(same)
    })
}
