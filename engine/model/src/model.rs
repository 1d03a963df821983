//! The model, and lookups in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::data::device::Device;
use super::data::ids::{DevId, NetnsId};
use super::data::netns::Netns;
use super::data::slab::Slab;
use netscript_net::error::Errno;
use netscript_net::op::{IfName, NetnsName, NetnsRef};
use netscript_net::rejection::{Outcome, Rejection};
use netscript_net::world::{Missing, ProgramId};

/// A network, changed by operations as the kernel would change it.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) names: HashMap<NetnsRef, NetnsId>,
    pub(crate) namespaces: Slab<NetnsId, Netns>,
    pub(crate) devices: Slab<DevId, Device>,
    pub(crate) programs: BTreeMap<ProgramId, NetnsId>,
    pub(crate) resolvers: BTreeMap<NetnsName, Vec<IpAddr>>,
    /// Names under `/run/netns` that are not bound to a namespace.
    pub(crate) leftovers: BTreeSet<NetnsName>,
    pub(crate) next_netns: u32,
    pub(crate) next_device: u32,
    /// The number last given to a link.
    pub(crate) last_index: u32,
}

impl Model {
    /// A model without namespaces, not even the host's.
    pub(crate) fn bare() -> Model {
        Model {
            names: HashMap::new(),
            namespaces: Slab::default(),
            devices: Slab::default(),
            programs: BTreeMap::new(),
            resolvers: BTreeMap::new(),
            leftovers: BTreeSet::new(),
            next_netns: 0,
            next_device: 0,
            last_index: 1,
        }
    }

    pub(crate) fn netns_id(&self, netns: &NetnsRef) -> Outcome<NetnsId> {
        self.names.get(netns).copied().ok_or_else(|| {
            let leftover = netns.name().filter(|name| self.leftovers.contains(name));
            let missing = leftover.map_or(Missing::Netns(netns.clone()), |name| Missing::Leftover(name.clone()));
            Rejection::missing(missing, Errno::ENOENT)
        })
    }

    pub(crate) fn device_id(&self, netns: &NetnsRef, name: &IfName) -> Outcome<DevId> {
        let id = self.netns_id(netns)?;
        self.netns(id)
            .links
            .get(name)
            .copied()
            .ok_or_else(|| Rejection::missing(Missing::Link(netns.clone(), name.clone()), Errno::ENODEV))
    }

    pub(crate) fn netns(&self, id: NetnsId) -> &Netns {
        self.namespaces.get(&id).expect("ids are of namespaces that are there")
    }

    pub(crate) fn netns_mut(&mut self, id: NetnsId) -> &mut Netns {
        self.namespaces.get_mut(&id).expect("ids are of namespaces that are there")
    }

    pub(crate) fn device(&self, id: DevId) -> &Device {
        self.devices.get(&id).expect("ids are of devices that are there")
    }

    pub(crate) fn device_mut(&mut self, id: DevId) -> &mut Device {
        self.devices.get_mut(&id).expect("ids are of devices that are there")
    }

    pub(crate) fn netns_of(&self, id: DevId) -> NetnsId {
        self.device(id).netns
    }
}
