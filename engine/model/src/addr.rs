//! Addresses of links, and the routes that come with them.

mod v4;
mod v6;

use super::{Model, Outcome};
use netscript_net::op::{AddrOp, Family, NetnsRef};

impl Model {
    pub(super) fn apply_addr(&mut self, netns: &NetnsRef, op: &AddrOp) -> Outcome {
        match op {
            AddrOp::Add(link, spec) => {
                let link = self.device_id(netns, link)?;
                match spec.local.family() {
                    Family::V4 => self.add4(link, spec),
                    Family::V6 => self.add6(link, spec),
                }
            }
            AddrOp::Del(link, spec) => {
                let link = self.device_id(netns, link)?;
                match spec.local.family() {
                    Family::V4 => self.del4(link, spec),
                    Family::V6 => self.del6(link, spec),
                }
            }
        }
    }
}
