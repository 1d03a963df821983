//! Neighbours (being written).

use super::Outcome;
use super::netns::Namespaces;
use crate::diagnostics::Errno;
use crate::op::{NeighOp, NetnsRef};

pub(super) fn apply(_: &mut Namespaces, _: &NetnsRef, _: &NeighOp) -> Outcome {
    Err(Errno::ENOSYS.into())
}
pub(super) fn list(_: &mut Namespaces, _: &NetnsRef) -> Outcome<Vec<crate::state::NeighRecord>> {
    Err(Errno::ENOSYS.into())
}
