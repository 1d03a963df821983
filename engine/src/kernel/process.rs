//! Programs in namespaces (being written).

use super::Outcome;
use super::interrupt::Interrupt;
use super::netns::Namespaces;
use crate::diagnostics::{Errno, Error, Result};
use crate::op::{NetnsRef, PidRef};
use crate::world::{Output, Started};

/// The programs that a lab has started.
#[derive(Default)]
pub(super) struct Processes;

impl Processes {
    pub(super) fn pid(&mut self, _: PidRef) -> Result<u32> {
        Err(Error::Interrupted)
    }
    pub(super) fn hold(&mut self, _: u32) -> Outcome<u32> {
        Err(Errno::ENOSYS.into())
    }
    pub(super) fn release(&mut self, _: u32) -> Outcome {
        Err(Errno::ENOSYS.into())
    }
    pub(super) fn exec(&mut self, _: &Namespaces, _: &Interrupt, _: &NetnsRef, _: &[String]) -> Result<Output> {
        Err(Error::Interrupted)
    }
    pub(super) fn start(&mut self, _: &Namespaces, _: &NetnsRef, _: &[String]) -> Result<Started> {
        Err(Error::Interrupted)
    }
    pub(super) fn running(&mut self, _: Started) -> Result<bool> {
        Err(Error::Interrupted)
    }
    pub(super) fn output(&mut self, _: Started) -> Result<String> {
        Err(Error::Interrupted)
    }
    pub(super) fn stop(&mut self, _: Started) -> Result<()> {
        Err(Error::Interrupted)
    }
}
