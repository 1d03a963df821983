//! Kinds of links: a file for each, which says how it behaves and how it is made.
//!
//! The rest of the model asks [`facts`](Model::facts) or [`behaviour`](DeviceKind::behaviour). A new kind is a variant
//! of [`DeviceKind`] and a file here; the compiler asks for the rest.

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
mod vxlan;

use crate::Model;
use crate::data::ids::DevId;
use crate::data::kinds::DeviceKind;
use behaviour::{Behaviour, Facts};

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
        }
    }
}

impl Model {
    /// What a link is like.
    pub(crate) fn facts(&self, id: DevId) -> Facts {
        self.device(id).kind.behaviour().facts()
    }
}
