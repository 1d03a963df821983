//! Forwarding tables (net/core/rtnetlink.c, net/bridge/br_fdb.c, drivers/net/vxlan/,
//! drivers/net/macvlan.c).

use super::data::device::Forward;
use super::data::hw_addr::HwAddrs;
use super::data::ids::DevId;
use super::kinds::behaviour::Fdb;
use super::{Model, Outcome, refused};
use netscript_net::error::Errno;
use netscript_net::op::{FdbEntry, FdbOp, Mac, NetnsRef};

/// How an entry is put into a table.
#[derive(Clone, Copy, PartialEq)]
enum Verb {
    /// `NLM_F_EXCL`
    Add,
    /// `NLM_F_APPEND`
    Append,
    /// `NLM_F_REPLACE`
    Replace,
}

impl Model {
    pub(super) fn apply_fdb(&mut self, netns: &NetnsRef, op: &FdbOp) -> Outcome {
        let (FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Replace(entry) | FdbOp::Del(entry)) = op;
        let id = self.device_id(netns, &entry.dev)?;
        if !self.facts(id).ethernet {
            return Err(refused(Errno::EINVAL, "FDB operations are supported only for Ethernet devices"));
        }
        // A bridge's own entries stand in its one table.
        let own = self.device(id).bridge().is_some();
        if own && entry.master {
            return Err(Errno::EOPNOTSUPP.into());
        }
        match (op, entry.master || own) {
            (FdbOp::Add(_) | FdbOp::Append(_) | FdbOp::Replace(_), true) => {
                self.add_to_bridge(id, entry, matches!(op, FdbOp::Add(_)))
            }
            (FdbOp::Del(_), true) => self.del_from_bridge(id, entry),
            (FdbOp::Add(_), false) => self.add_to_link(id, entry, Verb::Add),
            (FdbOp::Append(_), false) => self.add_to_link(id, entry, Verb::Append),
            (FdbOp::Replace(_), false) => self.add_to_link(id, entry, Verb::Replace),
            (FdbOp::Del(_), false) => self.del_from_link(id, entry),
        }
    }

    /// The bridge whose table has the entries for a link: its master, or the link itself.
    fn bridge_of(&self, id: DevId) -> Option<DevId> {
        if self.device(id).bridge().is_some() { Some(id) } else { self.device(id).master }
    }

    /// `br_fdb_add`
    fn add_to_bridge(&mut self, id: DevId, entry: &FdbEntry, exclusive: bool) -> Outcome {
        let Some(master) = self.bridge_of(id) else { return Err(Errno::EOPNOTSUPP.into()) };
        if is_zero(entry.mac) {
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

    fn add_to_link(&mut self, id: DevId, entry: &FdbEntry, verb: Verb) -> Outcome {
        match self.facts(id).fdb {
            Fdb::Bridge => Err(Errno::EOPNOTSUPP.into()),
            Fdb::Tunnel { ipv4 } => self.add_to_tunnel(id, entry, ipv4, verb),
            Fdb::HwAddrs { replace: false, .. } if verb == Verb::Replace => Err(Errno::EOPNOTSUPP.into()),
            Fdb::HwAddrs { unicast: false, .. } if !is_group(entry.mac) => Err(Errno::EOPNOTSUPP.into()),
            Fdb::HwAddrs { exclusive, .. } => self.add_hw_addr(id, entry.mac, exclusive || verb == Verb::Add),
        }
    }

    /// `vxlan_fdb_add`
    fn add_to_tunnel(&mut self, id: DevId, entry: &FdbEntry, v4: bool, verb: Verb) -> Outcome {
        let FdbEntry { mac, dev: _, dst, master: _ } = entry;
        let Some(dst) = *dst else { return Err(Errno::EINVAL.into()) };
        if dst.is_ipv4() != v4 {
            return Err(Errno::EAFNOSUPPORT.into());
        }
        let forwards = &mut self.device_mut(id).fdb;
        let there = forwards.iter().position(|old| old.mac == *mac);
        let several = is_group(*mac) || is_zero(*mac);
        let entry = Forward { mac: *mac, dst, over: None };
        // vxlan_fdb_update_existing, vxlan_fdb_update_create
        match (verb, there) {
            (Verb::Add, Some(_)) => return Err(refused(Errno::EEXIST, "lost race to create")),
            (Verb::Replace, Some(_)) if several => {
                return Err(refused(Errno::EOPNOTSUPP, "Cannot replace non-unicast fdb entries"));
            }
            (Verb::Replace, None) if several => return Err(Errno::EOPNOTSUPP.into()),
            // vxlan_fdb_replace
            (Verb::Replace, Some(first)) => {
                forwards[first] = entry;
                return Ok(());
            }
            // A unicast address keeps its only destination.
            (Verb::Append, Some(_)) if !several => return Ok(()),
            (Verb::Add | Verb::Append | Verb::Replace, _) => {}
        }
        if !forwards.contains(&entry) {
            forwards.push(entry);
        }
        Ok(())
    }

    /// `ndo_dflt_fdb_add`
    fn add_hw_addr(&mut self, id: DevId, mac: Mac, exclusive: bool) -> Outcome {
        if !self.device_mut(id).hw_addrs.add(mac) && exclusive {
            return Err(Errno::EEXIST.into());
        }
        self.sync_hw_addrs(id);
        Ok(())
    }

    /// `__dev_set_rx_mode`: the link below must accept the addresses of the links above it.
    pub(super) fn sync_hw_addrs(&mut self, id: DevId) {
        let Some((below, _)) = self.facts(id).below.stacked().filter(|_| self.device(id).up) else { return };
        self.with_hw_addrs_of(id, below, HwAddrs::sync_to);
        self.sync_hw_addrs(below);
    }

    /// Takes the addresses read from the link below as passed by the link above.
    pub(super) fn adopt_hw_addrs(&mut self, id: DevId) {
        if let Some((below, _)) = self.facts(id).below.stacked().filter(|_| self.device(id).up) {
            self.with_hw_addrs_of(id, below, HwAddrs::adopt);
        }
    }

    /// `macvlan_stop`
    pub(super) fn unsync_hw_addrs(&mut self, id: DevId) {
        let Some((below, _)) = self.facts(id).below.stacked() else { return };
        self.with_hw_addrs_of(id, below, HwAddrs::unsync_from);
        self.sync_hw_addrs(below);
    }

    fn with_hw_addrs_of(&mut self, id: DevId, below: DevId, change: fn(&mut HwAddrs, &mut HwAddrs)) {
        let mut addrs = std::mem::take(&mut self.device_mut(id).hw_addrs);
        change(&mut addrs, &mut self.device_mut(below).hw_addrs);
        self.device_mut(id).hw_addrs = addrs;
    }

    fn del_from_link(&mut self, id: DevId, entry: &FdbEntry) -> Outcome {
        match self.facts(id).fdb {
            Fdb::Bridge => Err(Errno::EOPNOTSUPP.into()),
            Fdb::Tunnel { .. } => self.del_from_tunnel(id, entry),
            Fdb::HwAddrs { unicast: false, .. } if !is_group(entry.mac) => Err(Errno::EOPNOTSUPP.into()),
            Fdb::HwAddrs { .. } => {
                if !self.device_mut(id).hw_addrs.del(entry.mac) {
                    return Err(Errno::ENOENT.into());
                }
                self.sync_hw_addrs(id);
                Ok(())
            }
        }
    }

    /// `vxlan_fdb_delete`
    fn del_from_tunnel(&mut self, id: DevId, entry: &FdbEntry) -> Outcome {
        let forwards = &mut self.device_mut(id).fdb;
        if !forwards.iter().any(|old| old.mac == entry.mac) {
            return Err(Errno::ENOENT.into());
        }
        let fits = |old: &Forward| {
            old.mac == entry.mac && (entry.dst.is_none() || (entry.dst == Some(old.dst) && old.over.is_none()))
        };
        // Deleting a destination that the address does not have is no error (__vxlan_fdb_delete).
        if let Some(at) = forwards.iter().position(fits) {
            forwards.remove(at);
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
