//! Switches (net/bridge/).

use std::collections::BTreeMap;

use super::behaviour::{
    Behaviour, Below, Carrier, ETHERNET_MAX_MTU, ETHERNET_MIN_MTU, Facts, Fdb, Handler, Ipv6, OperStateRule, Origin,
};
use crate::data::device::{Device, ETHERNET_MTU};
use crate::data::ids::{DevId, NetnsId};
use crate::data::kinds::{Bridge, DeviceKind};
use crate::{Model, Outcome, Rejection, refused};
use netscript_net::error::Errno;
use netscript_net::op::{self, IfName, NetnsRef};
use netscript_net::state::{Hardware, LinkType, Master};

/// How many ports a bridge can have: `BR_MAX_PORTS` without number 0 (net/bridge/br_private.h).
const MAX_PORTS: usize = 1023;

/// `EXFULL`: a bridge without a free port number.
const EXFULL: Errno = Errno(54);

impl Behaviour for Bridge {
    fn facts(&self) -> Facts {
        Facts {
            origin: Origin::Made,
            below: Below::Nothing,
            master: Some(Master::Bridge),
            handler: Some(Handler::Bridge),
            takes_handler: true,
            ethernet: true,
            carries_vlans: true,
            movable: false,
            ends_with_birthplace: false,
            carrier: Carrier::Told,
            state: if self.lost_carrier { OperStateRule::Carrier } else { OperStateRule::Unknown },
            mac_settable: true,
            mac_validated: false,
            mac_borrowed: !self.mac_set,
            mac_zero: self.mac_zero,
            mtu: (ETHERNET_MIN_MTU, ETHERNET_MAX_MTU),
            fdb: Fdb::Bridge,
            one_neighbour: false,
            ipv6: Ipv6::LinkLocal,
            multicast6: true,
        }
    }

    fn describe(&self, _model: &Model, _seen_from: &NetnsRef) -> LinkType {
        LinkType::Bridge { options: self.options.clone(), id: None, root_id: None }
    }
}

impl Model {
    pub(crate) fn add_bridge(&mut self, netns: NetnsId, name: &IfName, options: &op::Bridge) -> Outcome {
        self.check_name_is_free(netns, name)?;
        let bridge = Bridge {
            options: complete(options)?,
            mac_set: false,
            mac_zero: false,
            mtu_set: false,
            lost_carrier: false,
            fdb: BTreeMap::new(),
        };
        self.check_new_name(netns, name)?;
        let kind = DeviceKind::Bridge(bridge);
        let id = self.insert_device(Device::new(netns, name.clone(), kind, Hardware::Unknown, ETHERNET_MTU));
        if options.priority.is_some() || options.stp == Some(true) {
            self.select_ports(id);
        }
        Ok(())
    }

    /// `br_port_state_selection`: a bridge has a carrier while a port forwards, and also until it evaluates its ports
    /// for the first time.
    pub(crate) fn select_ports(&mut self, id: DevId) {
        let device = self.device(id);
        let Some(bridge) = device.bridge() else { return };
        let forwards = |port: &DevId| self.device(*port).ready();
        let carrier = device.up && bridge.options.stp != Some(true) && device.ports.iter().any(forwards);
        self.device_mut(id).carrier = carrier;
        if let Some(bridge) = self.device_mut(id).bridge_mut()
            && !carrier
        {
            bridge.lost_carrier = true;
        }
        if self.device(id).ready() && !self.device(id).ready6 {
            self.configure6(id);
        }
    }

    fn look_at_ports(&mut self, bridge: DevId) {
        self.select_ports(bridge);
        self.follow_carrier(bridge, self.device(bridge).up);
    }

    /// A hardware address is set on the bridge.
    pub(crate) fn bridge_has_mac(&mut self, id: DevId) {
        if let Some(bridge) = self.device_mut(id).bridge_mut() {
            bridge.mac_set = true;
            bridge.mac_zero = false;
            self.look_at_ports(id);
        }
    }

    /// An MTU is set on the bridge.
    pub(crate) fn bridge_has_mtu(&mut self, id: DevId) {
        if let Some(bridge) = self.device_mut(id).bridge_mut() {
            bridge.mtu_set = true;
        }
    }

    /// `br_mtu_auto_adjust`: the smallest of the ports', unless a user set it.
    pub(crate) fn adjust_bridge_mtu(&mut self, id: DevId) {
        if self.device(id).bridge().is_none_or(|bridge| bridge.mtu_set) {
            return;
        }
        let smallest = self.device(id).ports.iter().map(|port| self.device(*port).mtu).min();
        self.change_mtu(id, smallest.unwrap_or(ETHERNET_MTU));
    }

    /// `br_add_if`
    pub(crate) fn join_bridge(&mut self, id: DevId, master: DevId) -> Outcome {
        let (device, facts) = (self.device(id), self.facts(id));
        if !facts.ethernet || self.has_zero_mac(id) {
            return Err(Errno::EINVAL.into());
        }
        if device.bridge().is_some() {
            return Err(refused(Errno::ELOOP, "Can not enslave a bridge to a bridge"));
        }
        if self.handler_on(id).is_some() {
            return Err(Errno::EBUSY.into());
        }
        if !facts.takes_handler {
            return Err(Errno::EINVAL.into());
        }
        self.check_master(id, master)?;
        if self.device(master).ports.len() >= MAX_PORTS {
            return Err(EXFULL.into());
        }
        self.link_master(id, master);
        if let Some(bridge) = self.device_mut(master).bridge_mut() {
            bridge.mac_zero = false;
        }
        self.adjust_bridge_mtu(master);
        // A bridge without an address of its own takes the port's, and evaluates its ports.
        let renamed = self.device(master).bridge().is_some_and(|bridge| !bridge.mac_set);
        if renamed {
            self.flush_neighbours(master, |_| true);
            // It does so before the port forwards.
            if let Some(bridge) = self.device_mut(master).bridge_mut() {
                bridge.lost_carrier = true;
            }
        }
        if renamed || (self.device(master).up && self.device(id).ready()) {
            self.look_at_ports(master);
        }
        Ok(())
    }

    /// `br_del_if`, after the port has left
    pub(crate) fn left_bridge(&mut self, id: DevId, master: DevId) {
        self.device_mut(id).hairpin = false;
        let is_empty = self.device(master).ports.is_empty();
        if let Some(bridge) = self.device_mut(master).bridge_mut() {
            bridge.mac_zero = !bridge.mac_set && is_empty;
            bridge.fdb.retain(|_, port| *port != id);
        }
        self.adjust_bridge_mtu(master);
        if self.device(master).bridge().is_some_and(|bridge| !bridge.mac_set) {
            self.flush_neighbours(master, |_| true);
        }
        self.look_at_ports(master);
    }
}

/// The options, checked, with the kernel's defaults for those that were not given (`br_dev_setup`,
/// `br_stp_timer_init`). Times are in hundredths of a second.
fn complete(options: &op::Bridge) -> Outcome<op::Bridge> {
    let op::Bridge { stp, forward_delay, hello_time, max_age, ageing_time, priority, vlan_filtering } = options;
    let within = |value: Option<u32>, min: u32, max: u32| match value {
        Some(value) if !(min..=max).contains(&value) => Err(Rejection::from(Errno::ERANGE)),
        _ => Ok(()),
    };
    let stp = stp.unwrap_or(false);
    let forward_delay = forward_delay.unwrap_or(1500);
    within(*hello_time, 100, 1000)?;
    within(*max_age, 600, 4000)?;
    Ok(op::Bridge {
        stp: Some(stp),
        // br_stp_start: BR_MIN_FORWARD_DELAY and BR_MAX_FORWARD_DELAY
        forward_delay: Some(if stp { forward_delay.clamp(200, 3000) } else { forward_delay }),
        hello_time: Some(hello_time.unwrap_or(200)),
        max_age: Some(max_age.unwrap_or(2000)),
        ageing_time: Some(ageing_time.unwrap_or(30000)),
        priority: Some(priority.unwrap_or(0x8000)),
        vlan_filtering: Some(vlan_filtering.unwrap_or(false)),
    })
}
