//! Forwarding tables (being written).

use super::Outcome;
use super::netns::Namespaces;
use crate::diagnostics::Errno;
use crate::op::{FdbOp, NetnsRef};

pub(super) fn apply(_: &mut Namespaces, _: &NetnsRef, _: &FdbOp) -> Outcome {
    Err(Errno::ENOSYS.into())
}
pub(super) fn list(_: &mut Namespaces, _: &NetnsRef) -> Outcome<Vec<crate::state::FdbRecord>> {
    Err(Errno::ENOSYS.into())
}
