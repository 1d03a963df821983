//! The batcher's implementation of a World: the requests that send deferred operations, and those that do not.

use super::{Batcher, LIMIT, deferred};
use netscript_net::error::{At, Rejection, Result};
use netscript_net::op::{IfName, NetnsName, NetnsRef, Op};
use netscript_net::world::{
    Apply, ForwardApply, ForwardProbes, ForwardPrograms, ForwardQuery, History, Output, Point, Probes, ProgramId,
    Programs, Query, Summary,
};

impl ForwardApply for Batcher {
    fn beneath(&mut self) -> &mut dyn Apply {
        &mut self.kernel
    }

    fn apply(&mut self, ops: &[Op]) -> Result<(), (usize, Rejection)> {
        if self.at_once || self.closed || self.failed.is_some() {
            return self.apply_now(ops);
        }
        if self.waiting.len() >= LIMIT {
            self.send().map_err(deferred)?;
        }
        for (index, op) in ops.iter().enumerate() {
            if self.forecast.admits(&mut self.kernel, op).map_err(deferred)? {
                self.wait_with(op);
                continue;
            }
            self.steps += usize::from(index > 0);
            return self.apply_now(&ops[index..]).map_err(|(failed_at, rejection)| (index + failed_at, rejection));
        }
        self.steps += 1;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.send()
    }

    fn at_once(&mut self, on: bool) -> Result<bool> {
        if on {
            self.send()?;
        }
        Ok(std::mem::replace(&mut self.at_once, on))
    }

    fn located(&mut self, at: Option<&At>) {
        self.here = at.cloned();
        self.kernel.located(at);
    }

    fn interrupted(&mut self) -> bool {
        // A script must not go on after a deferred operation has failed.
        self.failed.is_some() || self.kernel.interrupted()
    }
}

impl ForwardQuery for Batcher {
    fn query(&mut self) -> Result<&mut dyn Query> {
        Ok(self.settled()?)
    }

    fn has_netns(&mut self, name: &NetnsName) -> Result<bool> {
        if self.failed.is_none() && self.forecast.has_netns(&NetnsRef::Named(name.clone())) {
            return Ok(true);
        }
        // No other namespace is deferred.
        Query::has_netns(&mut self.kernel, name)
    }

    fn link_name(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<IfName>> {
        if self.failed.is_none() && self.forecast.has_link(netns, name) {
            return Ok(Some(name.clone()));
        }
        self.query()?.link_name(netns, name)
    }
}

impl ForwardPrograms for Batcher {
    fn programs(&mut self) -> Result<&mut dyn Programs> {
        Ok(self.settled()?)
    }

    fn admit(&mut self, netns: &NetnsRef) -> Result<()> {
        // The caller may be a thread, which runs while the script continues.
        self.closed |= *netns == NetnsRef::Host;
        self.exposed()?.admit(netns)
    }

    fn exec(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<Output> {
        self.exposed()?.exec(netns, argv)
    }

    fn shell(&mut self, netns: &NetnsRef) -> Result<i32> {
        self.exposed()?.shell(netns)
    }

    fn start(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<ProgramId> {
        // In the background it may change the host at any time.
        self.closed |= *netns == NetnsRef::Host;
        self.exposed()?.start(netns, argv)
    }
}

impl ForwardProbes for Batcher {
    fn probes(&mut self) -> Result<&mut dyn Probes> {
        Ok(self.settled()?)
    }
}

impl History for Batcher {
    fn keep_steps(&mut self) {
        // If a deferred operation fails, the next request returns the error.
        let _ = self.send();
        self.closed = true;
        self.kernel.keep_steps();
    }

    fn point(&mut self) -> Point {
        let Point(steps) = self.kernel.point();
        Point(steps + self.steps)
    }

    fn rollback(&mut self, point: Point) -> Result<()> {
        self.exposed()?.rollback(point)
    }

    fn keep(&mut self) -> Result<Option<Summary>> {
        // A failure has been reported; the operations before it stay.
        let _ = self.send();
        self.kernel.keep()
    }

    fn take_down(&mut self) -> Result<bool> {
        self.waiting.clear();
        self.kernel.take_down()
    }
}
