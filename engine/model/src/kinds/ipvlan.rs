//! Links on a parent's Ethernet address (drivers/net/ipvlan/).

use std::net::IpAddr;

use super::behaviour::{
    Behaviour, Below, Carrier, ETHERNET_MAX_MTU, ETHERNET_MIN_MTU, Facts, Fdb, Follows, FollowsMac, FollowsMtu,
    Handler, Ipv6, OperStateRule, Origin,
};
use crate::data::ids::{DevId, NetnsId};
use crate::data::kinds::{DeviceKind, Ipvlan};
use crate::{Model, Outcome};
use netscript_net::error::Errno;
use netscript_net::op::{IfName, IpvlanMode, NetnsRef};
use netscript_net::state::LinkType;

/// `ipvlan_device_event`
const FOLLOWS: Follows = Follows { up: false, mtu: FollowsMtu::Always, mac: FollowsMac::Always };

impl Behaviour for Ipvlan {
    fn facts(&self) -> Facts {
        Facts {
            origin: Origin::Made,
            below: Below::Stacked(self.lower, FOLLOWS),
            master: None,
            handler: Some(Handler::Ipvlan),
            takes_handler: false,
            ethernet: true,
            carries_vlans: false,
            movable: true,
            ends_with_birthplace: false,
            carrier: Carrier::Told,
            state: OperStateRule::Carrier,
            mac_settable: false,
            mac_validated: true,
            mac_borrowed: false,
            mac_zero: false,
            mtu: (ETHERNET_MIN_MTU, ETHERNET_MAX_MTU),
            fdb: Fdb::ORDINARY,
            one_neighbour: false,
            ipv6: Ipv6::Numbered,
            multicast6: true,
        }
    }

    fn describe(&self, model: &Model, seen_from: &NetnsRef) -> LinkType {
        LinkType::Ipvlan(model.peer(seen_from, self.lower), self.mode)
    }
}

impl Model {
    /// `ipvlan_link_new`
    pub(crate) fn add_ipvlan(&mut self, netns: NetnsId, name: &IfName, lower: DevId, mode: IpvlanMode) -> Outcome {
        self.check_name_is_free(netns, name)?;
        // An ipvlan on an ipvlan is stacked on that one's parent.
        let lower = if let DeviceKind::Ipvlan(upper) = self.device(lower).kind { upper.lower } else { lower };
        let facts = self.facts(lower);
        if !facts.ethernet || !facts.takes_handler {
            return Err(Errno::EINVAL.into());
        }
        // netdev_is_rx_handler_busy
        if self.handler_on(lower).is_some_and(|handler| handler != Handler::Ipvlan) {
            return Err(Errno::EBUSY.into());
        }
        let below = self.device(lower);
        let (mac, mtu) = (below.mac, below.mtu);
        self.add_upper(netns, name, lower, DeviceKind::Ipvlan(Ipvlan { lower, mode }), mac, mtu)?;
        Ok(())
    }

    /// `ipvlan_addr_busy`: an address can be on only one of a parent's ipvlan links.
    pub(crate) fn ipvlan_has(&self, id: DevId, addr: IpAddr) -> bool {
        let DeviceKind::Ipvlan(ipvlan) = self.device(id).kind else { return false };
        let siblings = self.device(ipvlan.lower).uppers.iter().map(|upper| self.device(*upper));
        siblings.filter(|device| matches!(device.kind, DeviceKind::Ipvlan(_))).any(|device| match addr {
            IpAddr::V4(addr) => device.addrs4.iter().any(|found| found.local == addr),
            IpAddr::V6(addr) => device.addrs6.iter().any(|found| found.local == Some(addr)),
        })
    }
}
