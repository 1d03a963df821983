//! Kernel settings that routes and addresses depend on.

use super::device::DevId;
use super::space::SpaceId;
use super::{Model, Outcome};
use crate::op::{IfName, NetnsRef, SysctlKey, SysctlOp};

impl Model {
    pub(super) fn apply_sysctl(&mut self, netns: &NetnsRef, op: &SysctlOp) -> Outcome {
        let space = self.space_id(netns)?;
        let SysctlOp::Write(key, value) = op;
        self.space_mut(space).sysctls.insert(key.clone(), value.clone());
        let path = key.relative_path();
        let parts: Vec<&str> = path.split('/').collect();
        if let ["net", "ipv6", "conf", whose, setting] = parts[..] {
            let on = value.trim() != "0";
            match setting {
                "forwarding" => self.write_forwarding6(space, whose, on),
                "disable_ipv6" => self.write_disable6(space, whose, on),
                _ => {}
            }
        }
        Ok(())
    }

    fn links_of(&self, space: SpaceId) -> Vec<DevId> {
        self.space(space).links.values().copied().collect()
    }

    fn named(&self, space: SpaceId, name: &str) -> Option<DevId> {
        self.space(space).links.get(&IfName::parse(name).ok()?).copied()
    }

    /// `addrconf_fixup_forwarding`
    fn write_forwarding6(&mut self, space: SpaceId, whose: &str, on: bool) {
        match whose {
            "all" => {
                self.space_mut(space).default_forwarding6 = on;
                for link in self.links_of(space) {
                    self.set_forwarding6(link, on);
                }
            }
            "default" => self.space_mut(space).default_forwarding6 = on,
            name => {
                if let Some(link) = self.named(space, name) {
                    self.set_forwarding6(link, on);
                }
            }
        }
    }

    /// `addrconf_disable_ipv6`
    fn write_disable6(&mut self, space: SpaceId, whose: &str, on: bool) {
        match whose {
            "all" => {
                self.space_mut(space).default_disable6 = on;
                for link in self.links_of(space) {
                    self.set_disable6(link, on);
                }
            }
            "default" => self.space_mut(space).default_disable6 = on,
            name => {
                if let Some(link) = self.named(space, name) {
                    self.set_disable6(link, on);
                }
            }
        }
    }

    /// The value of a setting that a script wrote, or that the kernel is known to begin with.
    pub(crate) fn read_sysctl(&self, netns: &NetnsRef, key: &SysctlKey) -> Outcome<Option<String>> {
        let space = self.space_id(netns)?;
        Ok(self.space(space).sysctls.get(key).cloned())
    }
}
