//! Links whose other end is a program (drivers/net/tun.c).

use super::behaviour::{
    Behaviour, Below, Carrier, ETHERNET_MAX_MTU, ETHERNET_MIN_MTU, Facts, Fdb, Ipv6, OperStateRule, Origin,
};
use crate::data::device::{Device, ETHERNET_MTU};
use crate::data::ids::NetnsId;
use crate::data::kinds::DeviceKind;
use crate::{Model, Outcome};
use netscript_net::op::{IfName, NetnsRef, TunMode};
use netscript_net::state::{Hardware, LinkType};

/// `ETH_HLEN`, linux/if_ether.h
const ETHERNET_HEADER: u32 = 14;

impl Behaviour for TunMode {
    fn facts(&self) -> Facts {
        let (frames, header, ipv6) = match self {
            TunMode::Tap => (true, ETHERNET_HEADER, Ipv6::LinkLocal),
            TunMode::Tun => (false, 0, Ipv6::None),
        };
        Facts {
            origin: Origin::Made,
            below: Below::Nothing,
            master: None,
            handler: None,
            takes_handler: frames,
            ethernet: frames,
            carries_vlans: frames,
            movable: true,
            ends_with_birthplace: false,
            // No program is attached.
            carrier: Carrier::Never,
            state: OperStateRule::Carrier,
            mac_settable: frames,
            mac_validated: true,
            mac_borrowed: false,
            mac_zero: false,
            mtu: (ETHERNET_MIN_MTU, ETHERNET_MAX_MTU - header),
            fdb: Fdb::ORDINARY,
            one_neighbour: !frames,
            ipv6,
            multicast6: true,
        }
    }

    fn describe(&self, _model: &Model, _seen_from: &NetnsRef) -> LinkType {
        LinkType::Tun(*self)
    }
}

impl Model {
    pub(crate) fn add_tun(&mut self, netns: NetnsId, name: &IfName, mode: TunMode) -> Outcome {
        self.check_new_name(netns, name)?;
        let (mac, arp) = match mode {
            TunMode::Tap => (Hardware::Unknown, true),
            TunMode::Tun => (Hardware::None, false),
        };
        let mut device = Device::new(netns, name.clone(), DeviceKind::Tun(mode), mac, ETHERNET_MTU);
        device.carrier = false;
        // tun_net_initialize
        device.arp = arp;
        self.insert_device(device);
        Ok(())
    }
}
