//! Making, naming and ending namespaces.

use std::net::IpAddr;

use super::data::device::Device;
use super::data::ids::{DevId, NetnsId};
use super::data::kinds::DeviceKind;
use super::data::netns::Netns;
use super::kinds::behaviour::Origin;
use super::{Model, Outcome, Rejection};
use netscript_net::error::Errno;
use netscript_net::op::{IfName, Mac, NetnsName, NetnsOp, NetnsRef, PidRef};
use netscript_net::world::{Missing, ProgramId};

use netscript_net::state::Hardware;

impl Model {
    pub(super) fn apply_netns(&mut self, op: &NetnsOp) -> Outcome {
        match op {
            NetnsOp::Add(name) => self.name_netns(name, Model::new_netns),
            NetnsOp::Del(name) | NetnsOp::Detach(name) if self.leftovers.remove(name) => Ok(()),
            NetnsOp::Del(name) | NetnsOp::Detach(name) => self.forget(&NetnsRef::Named(name.clone())),
            NetnsOp::Hold(number) => {
                let netns = self.new_netns();
                self.bind(NetnsRef::Held(*number), netns);
                Ok(())
            }
            NetnsOp::Release(number) => self.forget(&NetnsRef::Held(*number)),
            NetnsOp::Attach(name, pid) => {
                let netns = self.netns_of_process(*pid)?;
                self.name_netns(name, |_| netns)
            }
            NetnsOp::Resolver(name, servers) => {
                self.resolvers.insert(name.clone(), servers.clone());
                Ok(())
            }
        }
    }

    /// The name servers that operations have set for a namespace.
    pub fn name_servers(&self, netns: &NetnsRef) -> Vec<IpAddr> {
        netns.name().and_then(|name| self.resolvers.get(name)).cloned().unwrap_or_default()
    }

    /// A process in the namespace of this name, by which the namespace can get its name again.
    pub fn process_in(&self, name: &NetnsName) -> Option<PidRef> {
        let netns = self.names.get(&NetnsRef::Named(name.clone()))?;
        self.netns(*netns).names.iter().find_map(|name| match name {
            NetnsRef::Held(number) => Some(PidRef::Held(*number)),
            NetnsRef::OfPid(pid) => Some(PidRef::Number(*pid)),
            NetnsRef::Host | NetnsRef::Named(_) => None,
        })
    }

    pub(super) fn bind(&mut self, name: NetnsRef, netns: NetnsId) {
        self.netns_mut(netns).names.insert(name.clone());
        self.names.insert(name, netns);
    }

    /// The file's name is taken first (`O_EXCL`).
    fn name_netns(&mut self, name: &NetnsName, netns: impl FnOnce(&mut Model) -> NetnsId) -> Outcome {
        let reference = NetnsRef::Named(name.clone());
        if self.names.contains_key(&reference) || self.leftovers.contains(name) {
            return Err(Errno::EEXIST.into());
        }
        let netns = netns(self);
        self.bind(reference, netns);
        Ok(())
    }

    fn netns_of_process(&self, pid: PidRef) -> Outcome<NetnsId> {
        let known = match pid {
            PidRef::Number(number) => self.names.get(&NetnsRef::OfPid(number)),
            PidRef::Held(number) => self.names.get(&NetnsRef::Held(number)),
            PidRef::Started(number) => self.programs.get(&ProgramId(number)),
        };
        known.copied().ok_or_else(|| Errno::ESRCH.into())
    }

    pub(super) fn new_netns(&mut self) -> NetnsId {
        let id = NetnsId(self.next_netns);
        self.next_netns += 1;
        self.namespaces.insert(id, Netns::new());
        // LOOPBACK: drivers/net/loopback.c
        let lo = Device::new(id, IfName::lo(), DeviceKind::Loopback, Hardware::Known(Mac([0; 6])), 65536);
        self.insert_device(lo);
        id
    }

    /// Removes a name; a namespace without names and processes ends.
    fn forget(&mut self, name: &NetnsRef) -> Outcome {
        let missing = || Rejection::missing(Missing::Netns(name.clone()), Errno::ENOENT);
        let netns = self.names.remove(name).ok_or_else(missing)?;
        self.netns_mut(netns).names.remove(name);
        self.end_unused(netns);
        Ok(())
    }

    pub(super) fn end_unused(&mut self, netns: NetnsId) {
        let used = !self.netns(netns).names.is_empty() || self.programs.values().any(|used| *used == netns);
        if !used {
            self.end(netns);
        }
    }

    /// `default_device_exit_net`: hardware goes back to the host, the rest goes.
    fn end(&mut self, netns: NetnsId) {
        let links: Vec<_> = self.netns(netns).links.values().copied().collect();
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
        for tunnel in self.tunnels_of(netns) {
            if self.devices.contains_key(&tunnel) {
                self.remove_device(tunnel);
            }
        }
        for link in self.netns(netns).links.values().copied().collect::<Vec<_>>() {
            // A tunnel that was moved away may still stand on it.
            for upper in self.device(link).uppers.clone() {
                self.remove_device(upper);
            }
            self.devices.remove(&link);
        }
        self.namespaces.remove(&netns);
    }

    /// The tunnels that were made in a namespace.
    pub(super) fn tunnels_of(&self, netns: NetnsId) -> Vec<DevId> {
        let tunnels = self
            .devices
            .iter()
            .filter(|(_, device)| device.born == netns && device.kind.behaviour().facts().ends_with_birthplace);
        tunnels.map(|(id, _)| DevId(id)).collect()
    }

    /// Notes that a program runs in a namespace, and keeps it alive.
    pub fn program_started(&mut self, netns: &NetnsRef, program: ProgramId) -> Outcome {
        let netns = self.netns_id(netns)?;
        self.programs.insert(program, netns);
        Ok(())
    }

    /// Notes that a program has ended.
    pub fn program_stopped(&mut self, program: ProgramId) {
        if let Some(netns) = self.programs.remove(&program) {
            self.end_unused(netns);
        }
    }
}
