//! Ctrl-C (being written).

use std::time::Duration;

use crate::diagnostics::Result;

/// Whether the user has asked to stop.
#[derive(Clone, Debug, Default)]
pub struct Interrupt;

impl Interrupt {
    /// Whether the user has asked to stop.
    pub fn raised(&self) -> bool {
        false
    }

    /// Waits; an error when the user interrupts.
    pub fn sleep(&self, time: Duration) -> Result<()> {
        std::thread::sleep(time);
        Ok(())
    }
}
