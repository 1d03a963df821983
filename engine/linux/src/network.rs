//! Everything that uses netlink: the open namespaces, and reading from them. Operations are in the file of their noun.

use std::net::IpAddr;

use crate::listed::Listed;
use crate::netns::{self, Namespaces};
use crate::{Outcome, fdb, link, neigh, netfilter, policy, replay, resolver, route, sysctl};
use netscript_net::error::{Errno, Result};
use netscript_net::op::{Family, IfName, NetnsName, NetnsRef, PolicyRule, Prefix, Route, SysctlKey, TableId};
use netscript_net::state::{Contents, FdbRecord, ForeignRules, Link, LinkType, NeighRecord, OperState, Ruleset};
use netscript_net::world::{ChosenRoute, Query, RouteGet};

/// The networks of the machine.
pub(crate) struct Network {
    pub(crate) namespaces: Namespaces,
    /// A cache of the host's routes.
    watch: route::Watch,
}

impl Network {
    /// The networks, with the calling thread's namespace as `host`.
    pub(crate) fn new() -> Outcome<Network> {
        Ok(Network { namespaces: Namespaces::new()?, watch: route::Watch::default() })
    }

    /// All names of a namespace's links, including alternative names.
    pub(crate) fn all_link_names(&mut self, netns: &NetnsRef) -> Result<Vec<IfName>> {
        let names = self.namespaces.route_socket(netns).and_then(link::all_names);
        names.map_err(|f| f.into_error(|| format!("list the links of {netns}")))
    }

    /// The routes of a table to a destination.
    pub(crate) fn routes_to(&mut self, netns: &NetnsRef, dst: Prefix, table: TableId) -> Outcome<Vec<Route>> {
        let dst = dst.network();
        if *netns == NetnsRef::Host {
            let there = self.watch.routes_to(&mut self.namespaces, dst, table)?;
            return Ok(there.into_iter().map(|route| route.object).collect());
        }
        let mut there = route::list(&mut self.namespaces, netns, Family::of(dst.addr()))?;
        there.retain(|route| route.dst.network() == dst && route.table == table);
        Ok(there)
    }

    /// The same, with the kernel's messages.
    pub(crate) fn listed_routes_to(
        &mut self,
        netns: &NetnsRef,
        dst: Prefix,
        table: TableId,
    ) -> Outcome<Vec<Listed<Route>>> {
        let dst = dst.network();
        if *netns == NetnsRef::Host {
            let there = self.watch.routes_to(&mut self.namespaces, dst, table)?;
            // The cache does not have the time that is left now.
            if !there.iter().any(|route| replay::expires(&route.message)) {
                return Ok(there);
            }
        }
        let mut there = route::listed(&mut self.namespaces, netns, Family::of(dst.addr()))?;
        there.retain(|Listed { object: route, .. }| route.dst.network() == dst && route.table == table);
        Ok(there)
    }
}

/// Whether the state of a pair's end seems to lag behind its carrier; [`link::settle`] looks closer.
fn seems_unsettled(link: &Link) -> bool {
    let lags = match link.state {
        OperState::Down => true,
        OperState::LowerLayerDown => link.carrier,
        OperState::Up => !link.carrier,
        OperState::Unknown => true,
        OperState::NotPresent | OperState::Testing | OperState::Dormant => false,
    };
    link.up && lags && matches!(link.kind, LinkType::Veth(_))
}

impl Query for Network {
    fn netns_names(&mut self) -> Result<Vec<NetnsName>> {
        netns::names().map_err(|rejection| rejection.into_error(|| "list the namespaces".to_owned()))
    }

    fn has_netns(&mut self, name: &NetnsName) -> Result<bool> {
        Ok(netns::path_of(name).symlink_metadata().is_ok())
    }

    fn netns_contents(&mut self, netns: &NetnsRef) -> Result<Contents> {
        self.namespaces.contents(netns).map_err(|rejection| rejection.into_error(|| format!("look into {netns}")))
    }

    fn links(&mut self, netns: &NetnsRef) -> Result<Vec<Link>> {
        let listed = link::list(&mut self.namespaces, netns).and_then(|links| {
            if !links.iter().any(seems_unsettled) {
                return Ok(links);
            }
            link::settle(self.namespaces.route_socket(netns)?)?;
            link::list(&mut self.namespaces, netns)
        });
        listed.map_err(|f| f.into_error(|| format!("list the links of {netns}")))
    }

    fn link_names(&mut self, netns: &NetnsRef) -> Result<Vec<IfName>> {
        link::names_alone(&self.namespaces, netns).map_err(|f| f.into_error(|| format!("list the links of {netns}")))
    }

    fn link(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<Link>> {
        let found = link::find(&mut self.namespaces, netns, name).and_then(|found| {
            if !found.as_ref().is_some_and(seems_unsettled) {
                return Ok(found);
            }
            link::settle(self.namespaces.route_socket(netns)?)?;
            link::find(&mut self.namespaces, netns, name)
        });
        found.map_err(|f| f.into_error(|| format!("look at `{name}` in {netns}")))
    }

    fn routes(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<Route>> {
        route::list(&mut self.namespaces, netns, family)
            .map_err(|f| f.into_error(|| format!("list the routes of {netns}")))
    }

    fn route_get(&mut self, netns: &NetnsRef, request: &RouteGet) -> Result<Result<ChosenRoute, Errno>> {
        route::get(&mut self.namespaces, netns, request)
            .map_err(|f| f.into_error(|| format!("choose a route in {netns}")))
    }

    fn policy_rules(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<PolicyRule>> {
        policy::list(&mut self.namespaces, netns, family)
            .map_err(|f| f.into_error(|| format!("list the routing rules of {netns}")))
    }

    fn neighbours(&mut self, netns: &NetnsRef) -> Result<Vec<NeighRecord>> {
        neigh::list(&mut self.namespaces, netns).map_err(|f| f.into_error(|| format!("list the neighbours of {netns}")))
    }

    fn fdb(&mut self, netns: &NetnsRef) -> Result<Vec<FdbRecord>> {
        fdb::list(&mut self.namespaces, netns)
            .map_err(|f| f.into_error(|| format!("list the forwarding tables of {netns}")))
    }

    fn foreign_rules(&mut self, netns: &NetnsRef) -> Result<ForeignRules> {
        netfilter::foreign(&mut self.namespaces, netns)
            .map_err(|f| f.into_error(|| format!("list the rules of {netns}")))
    }

    fn ruleset(&mut self, netns: &NetnsRef, family: Family) -> Result<Ruleset> {
        netfilter::list(&mut self.namespaces, netns, family)
            .map_err(|f| f.into_error(|| format!("list the rules of {netns}")))
    }

    fn sysctl(&mut self, netns: &NetnsRef, key: &SysctlKey) -> Result<String> {
        sysctl::read(&mut self.namespaces, netns, key)
    }

    fn name_servers(&mut self, netns: &NetnsRef) -> Result<Vec<IpAddr>> {
        resolver::servers_of(netns)
    }
}
