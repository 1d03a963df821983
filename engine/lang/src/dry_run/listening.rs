//! The lab's servers in a dry run. Two cannot listen on one port of a namespace (`inet_csk_get_port`, EADDRINUSE).

use std::net::IpAddr;

use super::DryRun;
use crate::diagnostics::{Errno, Error, Result};
use netscript_net::op::{NetnsRef, Op};
use netscript_net::world::ProgramId;

/// A server that listens.
pub(super) struct Listening {
    netns: NetnsRef,
    /// `None`: on every address of both families.
    addr: Option<IpAddr>,
    port: u16,
    program: ProgramId,
}

impl DryRun {
    /// Checks that no server of the lab listens there already. Other programs are unknown.
    pub(super) fn check_port(&self, netns: &NetnsRef, addr: Option<IpAddr>, port: u16) -> Result<()> {
        let is_any = |addr: Option<IpAddr>| addr.is_none_or(|addr| addr.is_unspecified());
        let meets = |other: &Listening| match (addr, other.addr) {
            // A socket on 0.0.0.0 does not take IPv6; one on :: takes IPv4 too.
            (Some(IpAddr::V4(_)), Some(IpAddr::V6(any))) | (Some(IpAddr::V6(any)), Some(IpAddr::V4(_))) => {
                any.is_unspecified()
            }
            (one, another) => is_any(one) || is_any(another) || one == another,
        };
        let taken = |other: &&Listening| {
            other.netns == *netns && other.port == port && meets(other) && !self.stopped.contains(&other.program)
        };
        match self.listening.iter().find(taken) {
            Some(_) => Err(Error::Listen { port, netns: netns.to_string(), rejection: Errno::EADDRINUSE.into() }),
            None => Ok(()),
        }
    }

    pub(super) fn listens(&mut self, netns: &NetnsRef, addr: Option<IpAddr>, port: u16, program: ProgramId) {
        self.listening.push(Listening { netns: netns.clone(), addr, port, program });
    }

    /// Forgets the servers of a removed namespace: one of the same name that is made later is another.
    pub(super) fn forget_listeners(&mut self, op: &Op) {
        if let Some(removed) = op.removed_netns() {
            self.listening.retain(|listening| listening.netns != removed);
        }
    }
}
