//! Pairs (drivers/net/veth.c).

use super::behaviour::{
    Behaviour, Below, Carrier, ETHERNET_MAX_MTU, ETHERNET_MIN_MTU, Facts, Fdb, Ipv6, OperStateRule, Origin,
};
use crate::data::device::{Device, ETHERNET_MTU};
use crate::data::ids::NetnsId;
use crate::data::kinds::{DeviceKind, Veth};
use crate::{Model, Outcome};
use netscript_net::error::Errno;
use netscript_net::op::{self, IfName, NetnsRef};
use netscript_net::state::{Hardware, LinkType};

impl Behaviour for Veth {
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
            carrier: Carrier::Pair(self.peer),
            state: OperStateRule::Carrier,
            mac_settable: true,
            mac_validated: true,
            mac_borrowed: false,
            mac_zero: false,
            mtu: (ETHERNET_MIN_MTU, ETHERNET_MAX_MTU),
            fdb: Fdb::ORDINARY,
            one_neighbour: false,
            ipv6: Ipv6::LinkLocal,
            multicast6: true,
        }
    }

    fn describe(&self, model: &Model, seen_from: &NetnsRef) -> LinkType {
        LinkType::Veth(self.peer.map(|peer| model.peer(seen_from, peer)))
    }
}

impl Model {
    /// `veth_newlink`: the far end is made first.
    pub(crate) fn add_veth(&mut self, netns: NetnsId, name: &IfName, veth: &op::Veth) -> Outcome {
        let op::Veth { peer, netns: far } = veth;
        let far_netns = match far {
            Some(far) => self.netns_id(far)?,
            None => netns,
        };
        self.check_name_is_free(netns, name)?;
        self.check_name_is_free(far_netns, peer)?;
        if (netns, name) == (far_netns, peer) {
            return Err(Errno::EEXIST.into());
        }
        self.check_new_name(far_netns, peer)?;
        self.check_new_name(netns, name)?;
        let end = |netns, name: &IfName| {
            let kind = DeviceKind::Veth(Veth { peer: None });
            let mut end = Device::new(netns, name.clone(), kind, Hardware::Unknown, ETHERNET_MTU);
            end.carrier = false;
            end
        };
        // netscript sets the indexes: the near end has the lower one.
        let near = self.insert_device(end(netns, name));
        let far = self.insert_device(end(far_netns, peer));
        self.device_mut(far).kind = DeviceKind::Veth(Veth { peer: Some(near) });
        self.device_mut(near).kind = DeviceKind::Veth(Veth { peer: Some(far) });
        Ok(())
    }
}
