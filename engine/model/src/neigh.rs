//! Neighbours (net/core/neighbour.c).

use std::net::{IpAddr, Ipv4Addr};

use super::data::ids::DevId;
use super::{Model, Outcome, refused};
use netscript_net::error::Errno;
use netscript_net::op::{NeighOp, NetnsRef};

impl Model {
    pub(super) fn apply_neigh(&mut self, netns: &NetnsRef, op: &NeighOp) -> Outcome {
        match op {
            NeighOp::Add(neighbour) | NeighOp::Replace(neighbour) => {
                let id = self.device_id(netns, &neighbour.dev)?;
                // ndisc_allow_add
                if neighbour.dst.is_ipv6() && (!self.has_ipv6(id) || self.device(id).disable6) {
                    return Err(refused(Errno::EINVAL, "IPv6 is disabled on this device"));
                }
                if neighbour.dst.is_ipv4() && !self.has_ipv4(id) {
                    return Err(Errno::EINVAL.into());
                }
                let netns = self.netns_of(id);
                let alone = self.facts(id).one_neighbour;
                let neighbours = &mut self.netns_mut(netns).neighbours;
                if alone && neighbour.dst.is_ipv4() {
                    // arp_constructor: such a link has one neighbour for all addresses.
                    neighbours.insert((id, Ipv4Addr::UNSPECIFIED.into()), neighbour.mac);
                    return Ok(());
                }
                if matches!(op, NeighOp::Add(_)) && neighbours.contains_key(&(id, neighbour.dst)) {
                    return Err(Errno::EEXIST.into());
                }
                neighbours.insert((id, neighbour.dst), neighbour.mac);
                Ok(())
            }
            NeighOp::Del(dst, dev) => {
                let id = self.device_id(netns, dev)?;
                let netns = self.netns_of(id);
                match self.netns_mut(netns).neighbours.remove(&(id, *dst)) {
                    Some(_) => Ok(()),
                    None => Err(Errno::ENOENT.into()),
                }
            }
        }
    }

    /// `neigh_changeaddr`, `neigh_ifdown`
    pub(super) fn flush_neighbours(&mut self, id: DevId, of: impl Fn(IpAddr) -> bool) {
        let netns = self.netns_of(id);
        let neighbours = &mut self.netns_mut(netns).neighbours;
        let first = (id, IpAddr::from([0, 0, 0, 0]));
        let doomed: Vec<_> = neighbours
            .range(first..)
            .map(|(key, _)| *key)
            .take_while(|(dev, _)| *dev == id)
            .filter(|(_, addr)| of(*addr))
            .collect();
        for key in doomed {
            neighbours.remove(&key);
        }
    }
}
