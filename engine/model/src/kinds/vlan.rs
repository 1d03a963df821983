//! Tagged VLANs (net/8021q/).

use super::behaviour::{
    Behaviour, Below, Carrier, ETHERNET_MAX_MTU, Facts, Fdb, Follows, FollowsMac, FollowsMtu, Ipv6, OperStateRule,
    Origin,
};
use crate::data::ids::{DevId, NetnsId};
use crate::data::kinds::{DeviceKind, Vlan};
use crate::{Model, Outcome, refused};
use netscript_net::error::Errno;
use netscript_net::op::{IfName, NetnsRef, VlanId};
use netscript_net::state::LinkType;

/// `vlan_device_event`, `vlan_sync_address`
const FOLLOWS: Follows = Follows { up: true, mtu: FollowsMtu::Down, mac: FollowsMac::WhileSame };

impl Behaviour for Vlan {
    fn facts(&self) -> Facts {
        Facts {
            origin: Origin::Made,
            below: Below::Stacked(self.lower, FOLLOWS),
            master: None,
            handler: None,
            takes_handler: true,
            ethernet: true,
            carries_vlans: true,
            movable: true,
            ends_with_birthplace: false,
            carrier: Carrier::Told,
            state: OperStateRule::Carrier,
            mac_settable: true,
            mac_validated: true,
            mac_borrowed: false,
            mac_zero: false,
            mtu: (0, ETHERNET_MAX_MTU),
            fdb: Fdb::ORDINARY,
            one_neighbour: false,
            ipv6: Ipv6::LinkLocal,
            multicast6: true,
        }
    }

    fn describe(&self, model: &Model, seen_from: &NetnsRef) -> LinkType {
        LinkType::Vlan(model.peer(seen_from, self.lower), self.id)
    }

    /// `vlan_dev_open`
    fn check_up(&self, model: &Model, _id: DevId) -> Outcome {
        if model.device(self.lower).up { Ok(()) } else { Err(Errno::ENETDOWN.into()) }
    }

    /// `vlan_dev_change_mtu`
    fn check_mtu(&self, model: &Model, mtu: u32) -> Outcome {
        if mtu <= model.device(self.lower).mtu { Ok(()) } else { Err(Errno::ERANGE.into()) }
    }
}

impl Model {
    /// `register_vlan_dev`, `vlan_check_real_dev`
    pub(crate) fn add_vlan(&mut self, netns: NetnsId, name: &IfName, lower: DevId, id: VlanId) -> Outcome {
        self.check_name_is_free(netns, name)?;
        if !self.facts(lower).carries_vlans {
            return Err(refused(Errno::EOPNOTSUPP, "8021q: VLANs not supported on device"));
        }
        let below = self.device(lower);
        let is_same = |upper: &DevId| matches!(self.device(*upper).kind, DeviceKind::Vlan(other) if other.id == id);
        if below.uppers.iter().any(is_same) {
            return Err(refused(Errno::EEXIST, "8021q: VLAN device already exists"));
        }
        let (mac, mtu, arp) = (below.mac, below.mtu, below.arp);
        let link = self.add_upper(netns, name, lower, DeviceKind::Vlan(Vlan { lower, id }), mac, mtu)?;
        // vlan_dev_init
        self.device_mut(link).arp = arp;
        Ok(())
    }
}
