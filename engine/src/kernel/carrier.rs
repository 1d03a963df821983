//! Waiting until the kernel knows of every carrier. When a link is switched on, the kernel tells the rest
//! of itself a little later (net/core/link_watch.c): until then it drops what is sent, without a
//! word, and a bridge's port does not forward.

use std::time::{Duration, Instant};

use super::{Kernel, link};
use crate::diagnostics::Result;
use crate::op::{Action, Op};

/// Time between two looks.
const STEP: Duration = Duration::from_millis(1);

/// The kernel looks at changes once a second at least.
const LIMIT: Duration = Duration::from_millis(1500);

impl Kernel {
    /// Notes that an operation may change carriers.
    pub(super) fn note_carriers(&mut self, op: &Op) {
        match op.action {
            Action::Link(_) => self.carriers_changed = true,
            Action::Netns(_)
            | Action::Addr(_)
            | Action::Route(_)
            | Action::Policy(_)
            | Action::Neigh(_)
            | Action::Fdb(_)
            | Action::Netfilter(_)
            | Action::Sysctl(_) => {}
        }
    }

    /// Waits until no link that has a carrier is still to be told so. Before a program or a probe.
    pub(super) fn await_carriers(&mut self) -> Result<()> {
        if !self.carriers_changed {
            return Ok(());
        }
        let deadline = Instant::now() + LIMIT;
        while !self.carriers_known() && Instant::now() < deadline {
            self.interrupt.sleep(STEP)?;
        }
        // Once more: what the last look began to wait for is over now.
        self.carriers_known();
        self.carriers_changed = false;
        Ok(())
    }

    fn carriers_known(&mut self) -> bool {
        // What cannot be looked at any more has nothing left to settle.
        self.namespaces.route_sockets().all(|socket| link::carriers_known(socket).unwrap_or(true))
    }
}
