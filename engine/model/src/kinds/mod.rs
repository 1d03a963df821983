//! Kinds of links. Each has a file that defines how it behaves and how it is made.
//!
//! The rest of the model asks [`facts`](Model::facts) or [`behaviour`](DeviceKind::behaviour). A new kind needs a
//! variant of [`DeviceKind`] and a file here; compile errors in this file show the rest.

pub(crate) mod behaviour;
mod bridge;
mod dummy;
mod ipvlan;
mod loopback;
mod macvlan;
mod physical;
mod tun;
mod veth;
mod vlan;
mod vrf;
mod vxlan;

use std::collections::BTreeMap;

use crate::data::ids::DevId;
use crate::data::kinds::{Bridge, DeviceKind, Ipvlan, Macvlan, Veth, Vlan, Vrf, Vxlan};
use crate::{Model, Outcome};
use behaviour::{Behaviour, Facts};
use netscript_net::op::{IfName, LinkSpec, NetnsRef};
use netscript_net::state::{Link, LinkType, OperState, Peer};

impl DeviceKind {
    /// How a link of this kind behaves.
    pub(crate) fn behaviour(&self) -> &dyn Behaviour {
        match self {
            DeviceKind::Loopback => &loopback::Loopback,
            DeviceKind::Physical => &physical::Physical,
            DeviceKind::Veth(veth) => veth,
            DeviceKind::Bridge(bridge) => bridge,
            DeviceKind::Vxlan(vxlan) => vxlan,
            DeviceKind::Macvlan(macvlan) => macvlan,
            DeviceKind::Ipvlan(ipvlan) => ipvlan,
            DeviceKind::Vlan(vlan) => vlan,
            DeviceKind::Dummy => &dummy::Dummy,
            DeviceKind::Tun(mode) => mode,
            DeviceKind::Vrf(vrf) => vrf,
        }
    }
}

impl Model {
    /// The properties of a link's kind.
    pub(crate) fn facts(&self, id: DevId) -> Facts {
        self.device(id).kind.behaviour().facts()
    }

    /// `ip link add`
    pub(crate) fn add_link(&mut self, netns: &NetnsRef, name: &IfName, spec: &LinkSpec) -> Outcome {
        let device_id = |model: &Model, lower| model.device_id(netns, lower);
        let netns = self.netns_id(netns)?;
        match spec {
            LinkSpec::Veth(veth) => self.add_veth(netns, name, veth),
            LinkSpec::Bridge(options) => self.add_bridge(netns, name, options),
            LinkSpec::Vxlan(vxlan) => {
                let lower = vxlan.dev.as_ref().map(|dev| device_id(self, dev)).transpose()?;
                self.add_vxlan(netns, name, vxlan, lower)
            }
            LinkSpec::Macvlan(lower, mode) => {
                let lower = device_id(self, lower)?;
                self.add_macvlan(netns, name, lower, *mode)
            }
            LinkSpec::Ipvlan(lower, mode) => {
                let lower = device_id(self, lower)?;
                self.add_ipvlan(netns, name, lower, *mode)
            }
            LinkSpec::Vlan(vlan) => {
                let lower = device_id(self, &vlan.link)?;
                self.add_vlan(netns, name, lower, vlan.id)
            }
            LinkSpec::Dummy => self.add_dummy(netns, name),
            LinkSpec::Tun(mode) => self.add_tun(netns, name, *mode),
            LinkSpec::Vrf(table) => self.add_vrf(netns, name, *table),
        }
    }
}

/// The kind of a link that was read. If the link below is unknown, it counts as a dummy.
pub(crate) fn found(
    link: &Link,
    end: impl Fn(&Peer) -> Option<DevId>,
    here: impl Fn(&IfName) -> Option<DevId>,
) -> DeviceKind {
    let stacked = |peer: &Peer, kind: &dyn Fn(DevId) -> DeviceKind| end(peer).map_or(DeviceKind::Dummy, kind);
    match &link.kind {
        LinkType::Loopback => DeviceKind::Loopback,
        LinkType::Veth(peer) => DeviceKind::Veth(Veth { peer: peer.as_ref().and_then(&end) }),
        LinkType::Bridge { options, id: _, root_id: _ } => DeviceKind::Bridge(Bridge {
            options: options.clone(),
            // Whether a user set them is unknown: the address counts as set, the MTU does not.
            mac_set: true,
            mac_zero: false,
            mtu_set: false,
            lost_carrier: link.state != OperState::Unknown,
            fdb: BTreeMap::new(),
        }),
        LinkType::Vxlan(vxlan) => {
            DeviceKind::Vxlan(Vxlan { options: vxlan.clone(), lower: vxlan.dev.as_ref().and_then(here) })
        }
        LinkType::Macvlan(peer, mode) => stacked(peer, &|lower| DeviceKind::Macvlan(Macvlan { lower, mode: *mode })),
        LinkType::Ipvlan(peer, mode) => stacked(peer, &|lower| DeviceKind::Ipvlan(Ipvlan { lower, mode: *mode })),
        LinkType::Vlan(peer, id) => stacked(peer, &|lower| DeviceKind::Vlan(Vlan { lower, id: *id })),
        LinkType::Dummy => DeviceKind::Dummy,
        LinkType::Tun(mode) => DeviceKind::Tun(*mode),
        LinkType::Vrf(table) => DeviceKind::Vrf(Vrf { table: *table }),
        LinkType::Other(_) | LinkType::Physical => DeviceKind::Physical,
    }
}
