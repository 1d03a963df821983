//! Waits until the kernel has processed every new carrier and IPv6 address.
//!
//! The kernel processes a change of a carrier a little after the link goes up (net/core/link_watch.c). Until then it
//! silently drops packets, and a bridge's port does not forward.
//!
//! An IPv6 address without duplicate address detection exists at once, but the kernel joins its solicited-node group
//! and adds its route in deferred work (`addrconf_dad_work` in net/ipv6/addrconf.c). A neighbour that asks before gets
//! no answer, and asks again only after a second.

use std::time::{Duration, Instant};

use crate::interrupt::Interrupt;
use crate::netns::Namespaces;
use crate::socket::RouteSocket;
use crate::{Outcome, addr, link, route};
use netscript_net::error::Result;
use netscript_net::op::{Action, Op};

/// The longest wait for the routes to new addresses. Somebody may have removed one of them.
const ADDRESS_LIMIT: Duration = Duration::from_millis(400);

/// What has changed since the last wait.
#[derive(Default)]
pub(crate) struct Readiness {
    /// Links have changed.
    carriers_changed: bool,
    /// Addresses have changed.
    addrs_changed: bool,
}

impl Readiness {
    /// Notes the changes that an operation makes.
    pub(crate) fn note(&mut self, op: &Op) {
        match op.action {
            Action::Link(_) => {
                self.carriers_changed = true;
                self.addrs_changed = true;
            }
            Action::Addr(_) | Action::Sysctl(_) => self.addrs_changed = true,
            Action::Netns(_)
            | Action::Route(_)
            | Action::Policy(_)
            | Action::Neigh(_)
            | Action::Fdb(_)
            | Action::Netfilter(_) => {}
        }
    }

    /// Waits until packets can pass: all carriers and IPv6 addresses have been processed. Called before programs and
    /// probes.
    pub(crate) fn wait(&mut self, namespaces: &mut Namespaces, interrupt: &Interrupt) -> Result<()> {
        self.wait_for_carriers(namespaces, interrupt)?;
        if !self.addrs_changed {
            return Ok(());
        }
        let deadline = Instant::now() + ADDRESS_LIMIT;
        while !addrs_known(namespaces) && Instant::now() < deadline {
            interrupt.sleep(link::CARRIER_STEP)?;
        }
        self.addrs_changed = false;
        Ok(())
    }

    /// Waits until the kernel has processed every carrier.
    fn wait_for_carriers(&mut self, namespaces: &mut Namespaces, interrupt: &Interrupt) -> Result<()> {
        if !self.carriers_changed {
            return Ok(());
        }
        let deadline = Instant::now() + link::CARRIER_LIMIT;
        while !carriers_known(namespaces) && Instant::now() < deadline {
            interrupt.sleep(link::CARRIER_STEP)?;
        }
        // The last check may have started new waiting times in the kernel, which are over by this check.
        carriers_known(namespaces);
        self.carriers_changed = false;
        Ok(())
    }
}

fn addrs_known(namespaces: &mut Namespaces) -> bool {
    namespaces.route_sockets().all(|socket| known6(socket).unwrap_or(true))
}

fn carriers_known(namespaces: &mut Namespaces) -> bool {
    // A namespace that cannot be read counts as ready.
    namespaces.route_sockets().all(|socket| link::carriers_known(socket).unwrap_or(true))
}

/// Whether there is a route to every IPv6 address of the links with a carrier, apart from addresses under duplicate
/// address detection.
fn known6(socket: &mut RouteSocket) -> Outcome<bool> {
    let ready = link::with_carrier(socket)?;
    let addrs = addr::dump(socket, None)?;
    let mut own = addrs.iter().filter(|(index, addr)| ready.contains(index) && !addr.tentative);
    let own: Vec<_> = own.by_ref().map(|(_, addr)| addr.local.addr()).filter(|addr| addr.is_ipv6()).collect();
    if own.is_empty() {
        return Ok(true);
    }
    let there = route::local6(socket)?;
    Ok(own.iter().all(|addr| there.contains(addr)))
}
