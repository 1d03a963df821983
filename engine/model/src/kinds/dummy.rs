//! Links that drop every packet (drivers/net/dummy.c).

use super::behaviour::{Behaviour, Below, Carrier, Facts, Fdb, Ipv6, OperStateRule, Origin};
use crate::data::device::{Device, ETHERNET_MTU};
use crate::data::ids::NetnsId;
use crate::data::kinds::DeviceKind;
use crate::{Model, Outcome};
use netscript_net::op::{IfName, NetnsRef};
use netscript_net::state::{Hardware, LinkType};

pub(super) struct Dummy;

impl Behaviour for Dummy {
    fn facts(&self) -> Facts {
        Facts {
            origin: Origin::Made,
            below: Below::Nothing,
            master: None,
            handler: None,
            takes_handler: true,
            ethernet: true,
            carries_vlans: true,
            movable: true,
            ends_with_birthplace: false,
            carrier: Carrier::Always,
            state: OperStateRule::Unknown,
            mac_settable: true,
            mac_validated: true,
            mac_borrowed: false,
            mac_zero: false,
            mtu: (0, 0),
            fdb: Fdb::ORDINARY,
            one_neighbour: false,
            ipv6: Ipv6::LinkLocal,
            multicast6: true,
        }
    }

    fn describe(&self, _model: &Model, _seen_from: &NetnsRef) -> LinkType {
        LinkType::Dummy
    }
}

impl Model {
    pub(crate) fn add_dummy(&mut self, netns: NetnsId, name: &IfName) -> Outcome {
        self.check_new_name(netns, name)?;
        let mut device = Device::new(netns, name.clone(), DeviceKind::Dummy, Hardware::Unknown, ETHERNET_MTU);
        // dummy_setup
        device.arp = false;
        self.insert_device(device);
        Ok(())
    }
}
