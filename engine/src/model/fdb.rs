//! Forwarding tables (net/core/rtnetlink.c, net/bridge/br_fdb.c, drivers/net/vxlan/).

use super::device::{DevId, Forward, Kind};
use super::{Model, Outcome, refused};
use crate::diagnostics::Errno;
use crate::op::{FdbEntry, FdbOp, Mac, MacvlanMode, NetnsRef};

impl Model {
    pub(super) fn apply_fdb(&mut self, netns: &NetnsRef, op: &FdbOp) -> Outcome {
        let (FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Del(entry)) = op;
        let id = self.device_id(netns, &entry.dev)?;
        if !self.device(id).is_ethernet() {
            return Err(refused(Errno::EINVAL, "FDB operations are supported only for Ethernet devices"));
        }
        // A bridge's own entries stand in its one table.
        let own = self.device(id).bridge().is_some();
        if own && entry.master {
            return Err(Errno::EOPNOTSUPP.into());
        }
        match (op, entry.master || own) {
            (FdbOp::Add(_) | FdbOp::Append(_), true) => self.add_to_bridge(id, entry, matches!(op, FdbOp::Add(_))),
            (FdbOp::Del(_), true) => self.del_from_bridge(id, entry),
            (FdbOp::Add(_), false) => self.add_to_link(id, entry, false),
            (FdbOp::Append(_), false) => self.add_to_link(id, entry, true),
            (FdbOp::Del(_), false) => self.del_from_link(id, entry),
        }
    }

    /// The bridge in whose table an entry for a port, or for the bridge itself, stands.
    fn bridge_of(&self, id: DevId) -> Option<DevId> {
        if self.device(id).bridge().is_some() { Some(id) } else { self.device(id).master }
    }

    /// `br_fdb_add`
    fn add_to_bridge(&mut self, id: DevId, entry: &FdbEntry, exclusive: bool) -> Outcome {
        let Some(master) = self.bridge_of(id) else { return Err(Errno::EOPNOTSUPP.into()) };
        if is_group(entry.mac) || is_zero(entry.mac) {
            return Err(Errno::EINVAL.into());
        }
        let Some(bridge) = self.device_mut(master).bridge_mut() else { return Err(Errno::EOPNOTSUPP.into()) };
        if exclusive && bridge.fdb.contains_key(&entry.mac) {
            return Err(Errno::EEXIST.into());
        }
        bridge.fdb.insert(entry.mac, id);
        Ok(())
    }

    fn del_from_bridge(&mut self, id: DevId, entry: &FdbEntry) -> Outcome {
        let Some(master) = self.bridge_of(id) else { return Err(Errno::EOPNOTSUPP.into()) };
        let Some(bridge) = self.device_mut(master).bridge_mut() else { return Err(Errno::EOPNOTSUPP.into()) };
        if bridge.fdb.get(&entry.mac) != Some(&id) {
            return Err(Errno::ENOENT.into());
        }
        bridge.fdb.remove(&entry.mac);
        Ok(())
    }

    /// `vxlan_fdb_add`, `ndo_dflt_fdb_add`
    fn add_to_link(&mut self, id: DevId, entry: &FdbEntry, append: bool) -> Outcome {
        let FdbEntry { mac, dev: _, dst, master: _ } = entry;
        let device = self.device_mut(id);
        let there = device.fdb.iter().any(|old| old.mac == *mac);
        match &device.kind {
            Kind::Vxlan(vxlan, _) => {
                let Some(dst) = *dst else { return Err(Errno::EINVAL.into()) };
                let family = vxlan.remote.or(vxlan.group).or(vxlan.local).is_none_or(|addr| addr.is_ipv4());
                if dst.is_ipv4() != family {
                    return Err(Errno::EAFNOSUPPORT.into());
                }
                let several = is_group(*mac) || is_zero(*mac);
                if there && !append {
                    return Err(refused(Errno::EEXIST, "lost race to create"));
                }
                // vxlan_fdb_update_existing: an address of one station keeps its one destination.
                if there && !several {
                    return Ok(());
                }
                let entry = Forward { mac: *mac, dst: Some(dst), over: None };
                if !device.fdb.contains(&entry) {
                    device.fdb.push(entry);
                }
                Ok(())
            }
            Kind::Bridge(_) => Err(Errno::EOPNOTSUPP.into()),
            Kind::Macvlan(_, mode) if *mode != MacvlanMode::Passthru => Err(Errno::EOPNOTSUPP.into()),
            Kind::Loopback
            | Kind::Veth(_)
            | Kind::Macvlan(..)
            | Kind::Ipvlan(..)
            | Kind::Vlan(..)
            | Kind::Dummy
            | Kind::Tun(_)
            | Kind::Physical => {
                if there && !append {
                    return Err(Errno::EEXIST.into());
                }
                if !there {
                    device.fdb.push(Forward { mac: *mac, dst: None, over: None });
                }
                Ok(())
            }
        }
    }

    fn del_from_link(&mut self, id: DevId, entry: &FdbEntry) -> Outcome {
        let device = self.device_mut(id);
        // macvlan_fdb_del
        if matches!(device.kind, Kind::Macvlan(_, mode) if mode != MacvlanMode::Passthru) {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let fits = |old: &Forward| {
            old.mac == entry.mac && (entry.dst.is_none() || (entry.dst == old.dst && old.over.is_none()))
        };
        if !device.fdb.iter().any(|old| old.mac == entry.mac) {
            return Err(Errno::ENOENT.into());
        }
        // A destination that an address does not have is no error (__vxlan_fdb_delete).
        if let Some(at) = device.fdb.iter().position(fits) {
            device.fdb.remove(at);
        }
        Ok(())
    }
}

fn is_group(mac: Mac) -> bool {
    mac.0[0] & 1 == 1
}

fn is_zero(mac: Mac) -> bool {
    mac.0 == [0; 6]
}
