//! Waiting until links are as they will be. When a link is switched on, the kernel tells the rest
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
    /// Notes that an operation may leave links unsettled.
    pub(super) fn unsettle(&mut self, op: &Op) {
        match op.action {
            Action::Link(_) => self.unsettled = true,
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
    pub(super) fn settle(&mut self) -> Result<()> {
        if !self.unsettled {
            return Ok(());
        }
        let deadline = Instant::now() + LIMIT;
        while !self.settled() && Instant::now() < deadline {
            self.interrupt.sleep(STEP)?;
        }
        self.unsettled = false;
        Ok(())
    }

    fn settled(&mut self) -> bool {
        // What cannot be looked at any more has nothing left to settle.
        self.namespaces.route_sockets().all(|socket| link::settled(socket).unwrap_or(true))
    }
}
