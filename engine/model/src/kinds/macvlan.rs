//! Links with Ethernet addresses of their own on a parent (drivers/net/macvlan.c).

use super::behaviour::{
    Behaviour, Below, Carrier, ETHERNET_MAX_MTU, ETHERNET_MIN_MTU, Facts, Fdb, Follows, FollowsMac, FollowsMtu,
    Handler, Ipv6, OperStateRule, Origin,
};
use crate::data::ids::{DevId, NetnsId};
use crate::data::kinds::{DeviceKind, Macvlan};
use crate::{Model, Outcome};
use netscript_net::error::Errno;
use netscript_net::op::{IfName, Mac, MacvlanMode, NetnsRef};
use netscript_net::state::{Hardware, LinkType};

impl Macvlan {
    fn is_passthru(&self) -> bool {
        self.mode == MacvlanMode::Passthru
    }
}

impl Behaviour for Macvlan {
    fn facts(&self) -> Facts {
        let passthru = self.is_passthru();
        let mac = if passthru { FollowsMac::Always } else { FollowsMac::Never };
        Facts {
            origin: Origin::Made,
            below: Below::Stacked(self.lower, Follows { up: false, mtu: FollowsMtu::Down, mac }),
            master: None,
            handler: Some(Handler::Macvlan),
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
            mtu: (ETHERNET_MIN_MTU, ETHERNET_MAX_MTU),
            fdb: Fdb::HwAddrs { replace: false, exclusive: true, unicast: passthru },
            one_neighbour: false,
            ipv6: Ipv6::LinkLocal,
            multicast6: true,
        }
    }

    fn describe(&self, model: &Model, seen_from: &NetnsRef) -> LinkType {
        LinkType::Macvlan(model.peer(seen_from, self.lower), self.mode)
    }

    /// `macvlan_open`
    fn check_up(&self, model: &Model, id: DevId) -> Outcome {
        self.check_mac_is_free(model, id, model.device(id).mac)
    }

    /// `macvlan_set_mac_address`
    fn check_mac(&self, model: &Model, id: DevId, mac: Mac) -> Outcome {
        if model.device(id).up { self.check_mac_is_free(model, id, Hardware::Known(mac)) } else { Ok(()) }
    }

    fn shares_mac_with(&self) -> Option<DevId> {
        self.is_passthru().then_some(self.lower)
    }

    fn check_mtu(&self, model: &Model, mtu: u32) -> Outcome {
        if mtu <= model.device(self.lower).mtu { Ok(()) } else { Err(Errno::EINVAL.into()) }
    }
}

impl Macvlan {
    /// `macvlan_addr_busy`
    fn check_mac_is_free(&self, model: &Model, id: DevId, mac: Hardware) -> Outcome {
        if mac.known().is_none() || self.is_passthru() {
            return Ok(());
        }
        let below = model.device(self.lower);
        let others = below.uppers.iter().filter(|other| **other != id).map(|other| model.device(*other));
        let mut active = others.filter(|other| matches!(other.kind, DeviceKind::Macvlan(_)) && other.up);
        if below.mac == mac || active.any(|other| other.mac == mac) { Err(Errno::EADDRINUSE.into()) } else { Ok(()) }
    }
}

impl Model {
    /// `macvlan_common_newlink`
    pub(crate) fn add_macvlan(&mut self, netns: NetnsId, name: &IfName, lower: DevId, mode: MacvlanMode) -> Outcome {
        self.check_name_is_free(netns, name)?;
        // A macvlan on a macvlan is stacked on that one's parent.
        let lower = if let DeviceKind::Macvlan(upper) = self.device(lower).kind { upper.lower } else { lower };
        let facts = self.facts(lower);
        if !facts.ethernet || !facts.takes_handler {
            return Err(Errno::EINVAL.into());
        }
        if self.handler_on(lower).is_some_and(|handler| handler != Handler::Macvlan) {
            return Err(Errno::EBUSY.into());
        }
        let below = self.device(lower);
        let siblings: Vec<Macvlan> = below
            .uppers
            .iter()
            .filter_map(|upper| if let DeviceKind::Macvlan(it) = self.device(*upper).kind { Some(it) } else { None })
            .collect();
        let passthru = mode == MacvlanMode::Passthru;
        if siblings.iter().any(Macvlan::is_passthru) || (passthru && !siblings.is_empty()) {
            return Err(Errno::EINVAL.into());
        }
        let (mtu, own_mac) = (below.mtu, below.mac);
        let mac = if passthru { own_mac } else { Hardware::Unknown };
        self.add_upper(netns, name, lower, DeviceKind::Macvlan(Macvlan { lower, mode }), mac, mtu)?;
        if passthru {
            self.device_mut(lower).own_mac = Some(own_mac);
        }
        Ok(())
    }
}
