//! Routes: the forwarding tables of both families.

mod v4;
mod v6;

use super::data::ids::DevId;
use super::{Model, Outcome};
use netscript_net::op::{Family, NetnsRef, Route, RouteOp};

impl Model {
    pub(super) fn apply_route(&mut self, netns: &NetnsRef, op: &RouteOp) -> Outcome {
        let id = self.netns_id(netns)?;
        match op {
            RouteOp::Add(route) => self.make_route(netns, route, false),
            RouteOp::Replace(route) => self.make_route(netns, route, true),
            RouteOp::Del(route) => {
                let devices = self.devices_of(netns, route)?;
                match route.family() {
                    Family::V4 => self.del_route4(id, route, &devices),
                    Family::V6 => self.del_route6(id, route, &devices),
                }
            }
            RouteOp::Flush(family, table) => {
                let netns = self.netns_mut(id);
                match family {
                    Family::V4 => netns.fib4.flush(*table),
                    Family::V6 => netns.fib6.flush(*table),
                }
                Ok(())
            }
        }
    }

    fn make_route(&mut self, netns: &NetnsRef, route: &Route, replace: bool) -> Outcome {
        let id = self.netns_id(netns)?;
        let devices = self.devices_of(netns, route)?;
        match route.family() {
            Family::V4 => self.make_route4(id, route, &devices, replace),
            Family::V6 => self.make_route6(id, route, &devices, replace),
        }
    }

    /// The links that the nexthops name.
    fn devices_of(&self, netns: &NetnsRef, route: &Route) -> Outcome<Vec<Option<DevId>>> {
        route.nexthops.iter().map(|hop| hop.dev.as_ref().map(|dev| self.device_id(netns, dev)).transpose()).collect()
    }
}
