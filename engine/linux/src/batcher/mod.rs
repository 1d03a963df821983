//! A [`World`](netscript_net::world::World) of the kernel in which operations wait for each other, to travel together.
//!
//! [`Forecast`] decides which operations can be deferred: those that are certain to succeed, as far as can be known.
//! Everything else, and every question that only the kernel can answer, first sends what has been deferred. If a
//! deferred operation fails against the forecast, that is an error of its own, which ends the run.

mod forecast;
mod shape;
mod world;

use forecast::Forecast;

use crate::kernel::Kernel;
use netscript_net::error::{At, Errno, Error, Result};
use netscript_net::op::Op;
use netscript_net::world::{Apply, BatchError, Missing};

/// More than so many operations do not wait.
const LIMIT: usize = 50_000;

/// The kernel, behind operations that wait to be sent together.
pub struct Batcher {
    kernel: Kernel,
    forecast: Forecast,
    waiting: Vec<Op>,
    /// Where in the script each was asked for.
    places: Vec<Option<At>>,
    /// How many words of the script they are.
    steps: usize,
    here: Option<At>,
    at_once: bool,
    /// Nothing waits any more: single steps may be taken back, or a program may change anything.
    closed: bool,
    failed: Option<Error>,
}

impl Batcher {
    /// A batcher before a kernel.
    pub fn new(kernel: Kernel) -> Batcher {
        Batcher {
            kernel,
            forecast: Forecast::default(),
            waiting: Vec::new(),
            places: Vec::new(),
            steps: 0,
            here: None,
            at_once: false,
            closed: false,
            failed: None,
        }
    }

    /// The kernel, which has done everything that was asked for.
    fn settled(&mut self) -> Result<&mut Kernel> {
        self.send()?;
        Ok(&mut self.kernel)
    }

    /// The kernel, for something that may change what the batcher cannot see: a program can do anything.
    fn exposed(&mut self) -> Result<&mut Kernel> {
        self.send()?;
        self.forecast.forget();
        Ok(&mut self.kernel)
    }

    /// Does what waits.
    fn send(&mut self) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.waiting.is_empty() {
            return Ok(());
        }
        let ops = std::mem::take(&mut self.waiting);
        let mut places = std::mem::take(&mut self.places);
        let steps = std::mem::take(&mut self.steps);
        let forecast = &self.forecast;
        let done = self.kernel.apply_batch(&ops, steps, |netns, bridge| forecast.is_ready(netns, bridge));
        done.map_err(|failed| {
            let at = places.swap_remove(failed.index);
            let op = &ops[failed.index];
            let facts = if failed.refusal.errno == Errno::EEXIST { self.kernel.facts(op) } else { Vec::new() };
            let error = Box::new(explain(op, failed, facts));
            self.forecast.forget();
            self.failed.insert(Error::Deferred { at, error }).clone()
        })
    }

    /// Lets an operation wait.
    fn wait_with(&mut self, op: &Op) {
        self.waiting.push(op.clone());
        self.places.push(self.here.clone());
    }

    /// Does operations now, after everything that waits.
    fn apply_now(&mut self, ops: &[Op]) -> Result<(), BatchError> {
        self.send().map_err(deferred)?;
        let done = self.kernel.apply(ops);
        let count = done.as_ref().map_or_else(|failed| failed.index, |()| ops.len());
        ops[..count].iter().for_each(|op| self.forecast.follow(op));
        done
    }
}

/// The failure of a deferred operation, as the answer to this one.
fn deferred(error: Error) -> BatchError {
    BatchError { index: 0, refusal: Errno::ECANCELED.into(), missing: Some(Missing::Other(Box::new(error))) }
}

/// What an operation failed of. What the script's handles mean is past that already.
fn explain(op: &Op, failed: BatchError, facts: Vec<String>) -> Error {
    match failed.missing {
        Some(missing) => {
            let part = netscript_net::error::missing_part(op, &missing);
            missing.into_error().about(part)
        }
        None => Error::Refused { op: Box::new(op.clone()), refusal: failed.refusal, facts },
    }
}
