//! A partial model for real runs: it has the things that the lab made, and the names that are taken on the host.

use super::Model;
use super::data::device::{Device, ETHERNET_MTU};
use super::data::kinds::DeviceKind;
use netscript_net::op::{IfName, NetnsRef};
use netscript_net::state::Hardware;

impl Model {
    /// A host with links of these names.
    pub fn with_links(names: impl IntoIterator<Item = IfName>) -> Model {
        let mut model = Model::new();
        let host = model.names[&NetnsRef::Host];
        for name in names.into_iter().filter(|name| *name != IfName::lo()) {
            model.insert_device(Device::new(host, name, DeviceKind::Physical, Hardware::Unknown, ETHERNET_MTU));
        }
        model
    }

    /// Whether a link is there.
    pub fn has_link(&self, netns: &NetnsRef, name: &IfName) -> bool {
        self.device_id(netns, name).is_ok()
    }

    /// Whether a link is on and has a carrier.
    pub fn is_ready(&self, netns: &NetnsRef, name: &IfName) -> bool {
        self.device_id(netns, name).is_ok_and(|link| self.device(link).ready())
    }
}
