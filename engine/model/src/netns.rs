//! Namespaces: made, named, and what ends with them.

use std::net::IpAddr;

use super::data::device::Device;
use super::data::ids::{DevId, SpaceId};
use super::data::kinds::DeviceKind;
use super::data::netns::Space;
use super::kinds::behaviour::Origin;
use super::{Model, Outcome, Rejection};
use netscript_net::error::Errno;
use netscript_net::op::{IfName, Mac, NetnsName, NetnsOp, NetnsRef, PidRef};
use netscript_net::world::{Missing, ProgramId};

use netscript_net::state::Hardware;

impl Model {
    pub(super) fn apply_netns(&mut self, op: &NetnsOp) -> Outcome {
        match op {
            NetnsOp::Add(name) => self.name_space(name, Model::new_space),
            NetnsOp::Del(name) | NetnsOp::Detach(name) if self.leftovers.remove(name) => Ok(()),
            NetnsOp::Del(name) | NetnsOp::Detach(name) => self.forget(&NetnsRef::Named(name.clone())),
            NetnsOp::Hold(number) => {
                let space = self.new_space();
                self.bind(NetnsRef::Held(*number), space);
                Ok(())
            }
            NetnsOp::Release(number) => self.forget(&NetnsRef::Held(*number)),
            NetnsOp::Attach(name, pid) => {
                let space = self.space_of_process(*pid)?;
                self.name_space(name, |_| space)
            }
            NetnsOp::Resolver(name, servers) => {
                self.resolvers.insert(name.clone(), servers.clone());
                Ok(())
            }
        }
    }

    /// The name servers of a namespace, as far as operations have given it any.
    pub fn name_servers(&self, netns: &NetnsRef) -> Vec<IpAddr> {
        netns.name().and_then(|name| self.resolvers.get(name)).cloned().unwrap_or_default()
    }

    /// A process by which a namespace can be named, should it lose its name.
    pub fn process_in(&self, name: &NetnsName) -> Option<PidRef> {
        let space = self.names.get(&NetnsRef::Named(name.clone()))?;
        self.space(*space).names.iter().find_map(|name| match name {
            NetnsRef::Held(number) => Some(PidRef::Held(*number)),
            NetnsRef::OfPid(pid) => Some(PidRef::Number(*pid)),
            NetnsRef::Host | NetnsRef::Named(_) => None,
        })
    }

    pub(super) fn bind(&mut self, netns: NetnsRef, space: SpaceId) {
        self.space_mut(space).names.insert(netns.clone());
        self.names.insert(netns, space);
    }

    /// The file's name is taken first (`O_EXCL`).
    fn name_space(&mut self, name: &NetnsName, space: impl FnOnce(&mut Model) -> SpaceId) -> Outcome {
        let netns = NetnsRef::Named(name.clone());
        if self.names.contains_key(&netns) || self.leftovers.contains(name) {
            return Err(Errno::EEXIST.into());
        }
        let space = space(self);
        self.bind(netns, space);
        Ok(())
    }

    fn space_of_process(&self, pid: PidRef) -> Outcome<SpaceId> {
        let known = match pid {
            PidRef::Number(number) => self.names.get(&NetnsRef::OfPid(number)),
            PidRef::Held(number) => self.names.get(&NetnsRef::Held(number)),
            PidRef::Started(number) => self.programs.get(&ProgramId(number)),
        };
        known.copied().ok_or_else(|| Errno::ESRCH.into())
    }

    pub(super) fn new_space(&mut self) -> SpaceId {
        let id = SpaceId(self.next_space);
        self.next_space += 1;
        self.spaces.insert(id, Space::new());
        // LOOPBACK: drivers/net/loopback.c
        let lo = Device::new(id, IfName::lo(), DeviceKind::Loopback, Hardware::Known(Mac([0; 6])), 65536);
        self.insert_device(lo);
        id
    }

    /// Takes a name away; a namespace without names and processes ends.
    fn forget(&mut self, netns: &NetnsRef) -> Outcome {
        let space =
            self.names.remove(netns).ok_or_else(|| Rejection::missing(Missing::Netns(netns.clone()), Errno::ENOENT))?;
        self.space_mut(space).names.remove(netns);
        self.end_unused(space);
        Ok(())
    }

    pub(super) fn end_unused(&mut self, space: SpaceId) {
        let used = !self.space(space).names.is_empty() || self.programs.values().any(|used| *used == space);
        if !used {
            self.end(space);
        }
    }

    /// `default_device_exit_net`: hardware goes back to the host, the rest goes.
    fn end(&mut self, space: SpaceId) {
        let links: Vec<_> = self.space(space).links.values().copied().collect();
        for link in links {
            if !self.devices.contains_key(&link) {
                continue;
            }
            match self.facts(link).origin {
                Origin::Kernel => {}
                Origin::Hardware => self.give_back(link),
                Origin::Made => self.remove_device(link),
            }
        }
        // vxlan_exit_batch_rtnl: tunnels that were made here end, wherever they are.
        for tunnel in self.tunnels_of(space) {
            if self.devices.contains_key(&tunnel) {
                self.remove_device(tunnel);
            }
        }
        for link in self.space(space).links.values().copied().collect::<Vec<_>>() {
            // A tunnel that was moved away may still stand on it.
            for upper in self.device(link).uppers.clone() {
                self.remove_device(upper);
            }
            self.devices.remove(&link);
        }
        self.spaces.remove(&space);
    }

    /// The tunnels that were made in a namespace.
    pub(super) fn tunnels_of(&self, space: SpaceId) -> Vec<DevId> {
        let tunnels = self
            .devices
            .iter()
            .filter(|(_, device)| device.born == space && device.kind.behaviour().facts().ends_with_birthplace);
        tunnels.map(|(id, _)| DevId(id)).collect()
    }

    /// A program runs in a namespace, and keeps it alive.
    pub fn program_started(&mut self, netns: &NetnsRef, program: ProgramId) -> Outcome {
        let space = self.space_id(netns)?;
        self.programs.insert(program, space);
        Ok(())
    }

    /// A program has ended.
    pub fn program_stopped(&mut self, program: ProgramId) {
        if let Some(space) = self.programs.remove(&program) {
            self.end_unused(space);
        }
    }
}
