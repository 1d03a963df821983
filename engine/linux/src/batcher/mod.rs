//! A [`World`](netscript_net::world::World) before the kernel that defers operations, in order to apply them in
//! batches.
//!
//! [`Forecast`] decides which operations can be deferred: those that will certainly succeed, as far as can be known.
//! Everything else, and every question that only the kernel can answer, first sends the deferred operations. A deferred
//! operation that fails against the forecast ends the run with [`Error::Deferred`].

mod forecast;
mod shape;
mod world;

use forecast::Forecast;

use crate::kernel::Kernel;
use netscript_net::error::{At, Errno, Error, Rejection, Result};
use netscript_net::op::Op;
use netscript_net::world::Apply;

/// The largest number of deferred operations.
const LIMIT: usize = 50_000;

/// A kernel whose operations are batched.
pub struct Batcher {
    kernel: Kernel,
    forecast: Forecast,
    waiting: Vec<Op>,
    /// Their places in the script.
    places: Vec<Option<At>>,
    /// The number of script words that they stand for.
    steps: usize,
    here: Option<At>,
    at_once: bool,
    /// Nothing is deferred: single steps may be undone, or a program may change anything at any time.
    closed: bool,
    failed: Option<Error>,
}

impl Batcher {
    /// A batcher before this kernel.
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

    /// The kernel, after all deferred operations have been applied.
    fn settled(&mut self) -> Result<&mut Kernel> {
        self.send()?;
        Ok(&mut self.kernel)
    }

    /// The kernel, for a program, which may change anything. Discards the forecast.
    fn exposed(&mut self) -> Result<&mut Kernel> {
        self.send()?;
        self.forecast.forget();
        Ok(&mut self.kernel)
    }

    /// Applies the deferred operations.
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
        done.map_err(|(index, rejection)| {
            let at = places.swap_remove(index);
            let op = &ops[index];
            let facts = if rejection.errno == Errno::EEXIST { self.kernel.facts(op) } else { Vec::new() };
            let error = Box::new(explain(op, rejection, facts));
            self.forecast.forget();
            self.failed.insert(Error::Deferred { at, error }).clone()
        })
    }

    /// Defers an operation.
    fn wait_with(&mut self, op: &Op) {
        self.waiting.push(op.clone());
        self.places.push(self.here.clone());
    }

    /// Applies operations at once, after all deferred ones.
    fn apply_now(&mut self, ops: &[Op]) -> Result<(), (usize, Rejection)> {
        self.send().map_err(deferred)?;
        let done = self.kernel.apply(ops);
        let count = done.as_ref().map_or_else(|(index, _)| *index, |()| ops.len());
        ops[..count].iter().for_each(|op| self.forecast.follow(op));
        done
    }
}

/// The failure of a deferred operation, as the answer to this one.
fn deferred(error: Error) -> (usize, Rejection) {
    (0, Rejection::from_error(error))
}

/// The error of a failed operation. By now, the script's handles have followed later operations.
fn explain(op: &Op, mut rejection: Rejection, facts: Vec<String>) -> Error {
    match rejection.missing.take() {
        Some(missing) => {
            let part = netscript_net::error::missing_part(op, &missing);
            missing.into_error().about(part)
        }
        None => Error::Refused { op: Box::new(op.clone()), rejection, facts },
    }
}
