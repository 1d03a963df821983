//! Waiting until the kernel knows of every carrier and every IPv6 address. When a link is switched on, the kernel tells the rest
//! of itself a little later (net/core/link_watch.c): until then it drops what is sent, without a
//! word, and a bridge's port does not forward.
//!
//! An IPv6 address that no duplicates are looked for is there at once, but the kernel joins the group
//! that neighbours ask for it, and makes the route to it, in work of its own (`addrconf_dad_work` in
//! net/ipv6/addrconf.c). Who asks before that gets no answer, and asks again after a second.

use std::time::{Duration, Instant};

use crate::interrupt::Interrupt;
use crate::netns::Namespaces;
use crate::socket::RouteSocket;
use crate::{Outcome, addr, link, route};
use netscript_net::error::Result;
use netscript_net::op::{Action, Op};

/// Time between two looks.
const STEP: Duration = Duration::from_millis(1);

/// How long the routes to new addresses may take. Somebody may have removed one.
const ADDRESS_LIMIT: Duration = Duration::from_millis(400);

/// The kernel looks at changes once a second at least.
const LIMIT: Duration = Duration::from_millis(1500);

/// What is still to be waited for.
#[derive(Default)]
pub(crate) struct Readiness {
    /// Links have been changed since anybody waited for their carriers.
    carriers_changed: bool,
    /// The same of addresses.
    addrs_changed: bool,
}

impl Readiness {
    /// Notes that an operation may change carriers.
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

    /// Waits until packets can pass: carriers are known, and so are IPv6 addresses. Before a program or
    /// a probe.
    pub(crate) fn wait(&mut self, namespaces: &mut Namespaces, interrupt: &Interrupt) -> Result<()> {
        self.wait_for_carriers(namespaces, interrupt)?;
        if !self.addrs_changed {
            return Ok(());
        }
        let deadline = Instant::now() + ADDRESS_LIMIT;
        while !addrs_known(namespaces) && Instant::now() < deadline {
            interrupt.sleep(STEP)?;
        }
        self.addrs_changed = false;
        Ok(())
    }

    /// Waits until no link that has a carrier is still to be told so.
    fn wait_for_carriers(&mut self, namespaces: &mut Namespaces, interrupt: &Interrupt) -> Result<()> {
        if !self.carriers_changed {
            return Ok(());
        }
        let deadline = Instant::now() + LIMIT;
        while !carriers_known(namespaces) && Instant::now() < deadline {
            interrupt.sleep(STEP)?;
        }
        // Once more: what the last look began to wait for is over now.
        carriers_known(namespaces);
        self.carriers_changed = false;
        Ok(())
    }
}

fn addrs_known(namespaces: &mut Namespaces) -> bool {
    namespaces.route_sockets().all(|socket| known6(socket).unwrap_or(true))
}

fn carriers_known(namespaces: &mut Namespaces) -> bool {
    // What cannot be looked at any more has nothing left to settle.
    namespaces.route_sockets().all(|socket| link::carriers_known(socket).unwrap_or(true))
}

/// Whether there is a route to every IPv6 address of a link with a carrier, but those that duplicates are
/// looked for.
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
