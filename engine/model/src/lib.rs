//! A model of the kernel: what every operation does to everything else, and which error number
//! the kernel gives when it refuses.
//!
//! It needs no Linux, no privilege, no clock and no files. The rules are those of the kernel's
//! own functions, which the comments name; `cargo xtask equivalence` compares the two.

mod addr;
mod device;
mod fdb;
mod hw_addr;
mod import;
mod link;
mod neigh;
mod netfilter;
mod netns;
mod outline;
mod policy;
mod route;
mod settings;
mod slab;
mod snapshot;
mod space;
mod sysctl;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use device::{DevId, Device};
use slab::Slab;
use space::{Space, SpaceId};

use netscript_net::error::{Errno, Refusal};
use netscript_net::failure::{Failure, Outcome};
use netscript_net::op::{Action, IfName, NetnsName, NetnsRef, Op};
use netscript_net::world::{Absent, Failed, Started};

/// The network that operations are believed to have made.
#[derive(Clone, Debug)]
pub struct Model {
    names: HashMap<NetnsRef, SpaceId>,
    spaces: Slab<SpaceId, Space>,
    devices: Slab<DevId, Device>,
    programs: BTreeMap<Started, SpaceId>,
    resolvers: BTreeMap<NetnsName, Vec<IpAddr>>,
    /// Names under `/run/netns` that stand for nothing any more.
    leftovers: BTreeSet<NetnsName>,
    next_space: u32,
    next_device: u32,
    /// The number last given to a link.
    last_index: u32,
}

/// A refusal with the text of the kernel's extended acknowledgement.
fn refused(errno: Errno, text: &str) -> Failure {
    Failure { refusal: Refusal { errno, text: Some(text.to_owned()), missing: None }, absent: None }
}

impl Default for Model {
    fn default() -> Model {
        Model::new()
    }
}

impl Model {
    /// A host whose `lo` is switched off.
    fn empty() -> Model {
        let mut model = Model {
            names: HashMap::new(),
            spaces: Slab::default(),
            devices: Slab::default(),
            programs: BTreeMap::new(),
            resolvers: BTreeMap::new(),
            leftovers: BTreeSet::new(),
            next_space: 0,
            next_device: 0,
            last_index: 1,
        };
        let host = model.new_space();
        model.bind(NetnsRef::Host, host);
        model
    }

    /// A host that has nothing but `lo`, which is up.
    pub fn new() -> Model {
        let mut model = Model::empty();
        let host = model.names[&NetnsRef::Host];
        for link in model.space(host).links.values().copied().collect::<Vec<_>>() {
            // Nothing refuses this to a loopback device.
            let _ = model.bring_up(link);
        }
        model
    }

    /// Does operations in order, up to the first that the kernel would refuse.
    pub fn apply(&mut self, ops: &[Op]) -> Result<(), Failed> {
        for (index, op) in ops.iter().enumerate() {
            self.apply_one(op).map_err(|failure| Failed { index, refusal: failure.refusal, absent: failure.absent })?;
        }
        Ok(())
    }

    fn apply_one(&mut self, op: &Op) -> Outcome {
        match &op.action {
            Action::Netns(op) => self.apply_netns(op),
            Action::Link(link) => self.apply_link(&op.netns, link),
            Action::Addr(addr) => self.apply_addr(&op.netns, addr),
            Action::Route(route) => self.apply_route(&op.netns, route),
            Action::Policy(policy) => self.apply_policy(&op.netns, policy),
            Action::Neigh(neigh) => self.apply_neigh(&op.netns, neigh),
            Action::Fdb(fdb) => self.apply_fdb(&op.netns, fdb),
            Action::Netfilter(netfilter) => self.apply_netfilter(&op.netns, netfilter),
            Action::Sysctl(sysctl) => self.apply_sysctl(&op.netns, sysctl),
        }
    }

    fn space_id(&self, netns: &NetnsRef) -> Outcome<SpaceId> {
        self.names.get(netns).copied().ok_or_else(|| {
            let leftover = netns.name().filter(|name| self.leftovers.contains(name));
            let absent = leftover.map_or(Absent::Netns(netns.clone()), |name| Absent::Leftover(name.clone()));
            Failure::absent(absent, Errno::ENOENT)
        })
    }

    fn device_id(&self, netns: &NetnsRef, name: &IfName) -> Outcome<DevId> {
        let space = self.space_id(netns)?;
        self.space(space)
            .links
            .get(name)
            .copied()
            .ok_or_else(|| Failure::absent(Absent::Link(netns.clone(), name.clone()), Errno::ENODEV))
    }

    fn space(&self, id: SpaceId) -> &Space {
        self.spaces.get(&id).expect("ids are of spaces that are there")
    }

    fn space_mut(&mut self, id: SpaceId) -> &mut Space {
        self.spaces.get_mut(&id).expect("ids are of spaces that are there")
    }

    fn device(&self, id: DevId) -> &Device {
        self.devices.get(&id).expect("ids are of devices that are there")
    }

    fn device_mut(&mut self, id: DevId) -> &mut Device {
        self.devices.get_mut(&id).expect("ids are of devices that are there")
    }

    fn space_of(&self, id: DevId) -> SpaceId {
        self.device(id).space
    }
}
