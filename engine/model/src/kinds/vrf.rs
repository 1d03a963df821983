//! Routing tables for the links in them (drivers/net/vrf.c).

use super::behaviour::{Behaviour, Below, Carrier, Facts, Fdb, Ipv6, OperStateRule, Origin};
use crate::data::device::{Device, IPV6_MIN_MTU};
use crate::data::fib4::Dead;
use crate::data::ids::{DevId, NetnsId};
use crate::data::kinds::{DeviceKind, Vrf};
use crate::{Model, Outcome, refused};
use netscript_net::error::Errno;
use netscript_net::op::{Family, IfName, NetnsRef, TableId};
use netscript_net::state::{Hardware, LinkType, Master};

/// `IP6_MAX_MTU`, include/net/ipv6.h: also that of a new one
const MAX_MTU: u32 = 65575;

impl Behaviour for Vrf {
    fn facts(&self) -> Facts {
        Facts {
            origin: Origin::Made,
            below: Below::Nothing,
            master: Some(Master::Vrf),
            handler: None,
            takes_handler: false,
            ethernet: true,
            carries_vlans: false,
            movable: false,
            ends_with_birthplace: false,
            carrier: Carrier::Always,
            state: OperStateRule::Up,
            mac_settable: true,
            mac_validated: false,
            mac_borrowed: false,
            mac_zero: false,
            mtu: (IPV6_MIN_MTU, MAX_MTU),
            fdb: Fdb::ORDINARY,
            one_neighbour: false,
            // addrconf_add_dev, addrconf_addr_gen: netif_is_l3_master
            ipv6: Ipv6::None,
            multicast6: false,
        }
    }

    fn describe(&self, _model: &Model, _seen_from: &NetnsRef) -> LinkType {
        LinkType::Vrf(self.table)
    }
}

impl Model {
    /// `vrf_newlink`
    pub(crate) fn add_vrf(&mut self, netns: NetnsId, name: &IfName, table: TableId) -> Outcome {
        self.check_name_is_free(netns, name)?;
        if table == TableId::L3MDEV {
            return Err(refused(Errno::EINVAL, "Invalid VRF table id"));
        }
        self.check_new_name(netns, name)?;
        let kind = DeviceKind::Vrf(Vrf { table });
        let mut device = Device::new(netns, name.clone(), kind, Hardware::Unknown, MAX_MTU);
        // vrf_dev_init
        device.arp = false;
        self.insert_device(device);
        let netns = self.netns_mut(netns);
        if !std::mem::replace(&mut netns.has_had_vrf, true) {
            netns.rules4.add_l3mdev(Family::V4);
            netns.rules6.add_l3mdev(Family::V6);
        }
        Ok(())
    }

    /// The routing table of the VRF that a link is, or is in (`l3mdev_fib_table`).
    pub(crate) fn vrf_table(&self, id: DevId) -> Option<TableId> {
        let of = |id| if let DeviceKind::Vrf(vrf) = self.device(id).kind { Some(vrf.table) } else { None };
        of(id).or_else(|| self.device(id).master.and_then(of))
    }

    /// `vrf_add_slave`
    pub(crate) fn join_vrf(&mut self, id: DevId, master: DevId) -> Outcome {
        if self.facts(id).master == Some(Master::Vrf) {
            return Err(refused(Errno::EINVAL, "Can not enslave an L3 master device to a VRF"));
        }
        if self.device(id).is_loopback() {
            return Err(refused(Errno::EOPNOTSUPP, "Can not enslave loopback device to a VRF"));
        }
        self.check_master(id, master)?;
        self.link_master(id, master);
        self.changed_vrf(id);
        Ok(())
    }

    /// The link loses its routes and IPv6 addresses (`NETDEV_CHANGEUPPER` in fib_netdev_event and addrconf_notify), and
    /// goes down and up again, so that its routes come into the other table (`cycle_netdev`).
    pub(crate) fn changed_vrf(&mut self, id: DevId) {
        self.sync_down4(id, Dead::Forced);
        self.down6(id);
        self.flush_neighbours(id, |_| true);
        if self.device(id).up {
            self.take_down(id);
            // It was up before, so this is not refused.
            let _ = self.bring_up(id);
        }
    }
}
