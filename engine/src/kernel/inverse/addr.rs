//! Inverses of operations on addresses.

use super::super::{Kernel, Outcome, link as links};
use super::link::by_index;
use crate::journal::Undo;
use crate::op::{AddrOp, AddrSpec, Broadcast, NetnsRef, Prefix};
use crate::state::Addr;

impl Kernel {
    pub(super) fn inverse_of_addr(&mut self, netns: &NetnsRef, op: &AddrOp) -> Outcome<Vec<Undo>> {
        let (AddrOp::Add(name, spec) | AddrOp::Del(name, spec)) = op;
        if self.goes_with_link(netns, name) {
            return Ok(Vec::new());
        }
        let Some(link) = links::find(&mut self.namespaces, netns, name)? else { return Ok(Vec::new()) };
        let place = self.namespaces.place(netns)?;
        let has = link.addrs.iter().any(|addr| addr.local == spec.local);
        match op {
            AddrOp::Add(..) if has => Ok(Vec::new()),
            AddrOp::Add(..) => Ok(vec![by_index(&place, &link, AddrOp::Del(name.clone(), spec.clone()))]),
            // With an address go others of its network, and routes.
            AddrOp::Del(..) => self.contents(&place, &link),
        }
    }
}

impl Addr {
    /// The address as it is given.
    pub(in super::super) fn spec(&self) -> AddrSpec {
        let Addr { local, peer, broadcast, scope, label, nodad, permanent: _, tentative: _, secondary: _ } = self;
        AddrSpec {
            local: *local,
            peer: peer.and_then(|peer| Prefix::new(peer, local.len())),
            broadcast: match broadcast {
                Some(std::net::IpAddr::V4(addr)) => Some(Broadcast::Address(*addr)),
                Some(std::net::IpAddr::V6(_)) | None => None,
            },
            scope: Some(*scope),
            label: label.clone(),
            dad: !nodad,
        }
    }
}
