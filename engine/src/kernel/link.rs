//! Links (being written).

use super::Outcome;
use super::netns::Namespaces;
use crate::diagnostics::Errno;
use crate::op::{LinkOp, NetnsRef};

pub(super) fn apply(_: &mut Namespaces, _: &NetnsRef, _: &LinkOp) -> Outcome {
    Err(Errno::ENOSYS.into())
}
pub(super) fn list(_: &mut Namespaces, _: &NetnsRef) -> Outcome<Vec<crate::state::Link>> {
    Err(Errno::ENOSYS.into())
}
pub(super) fn find(_: &mut Namespaces, _: &NetnsRef, _: &crate::op::IfName) -> Outcome<Option<crate::state::Link>> {
    Err(Errno::ENOSYS.into())
}
pub(super) fn index(_: &mut Namespaces, _: &NetnsRef, _: &crate::op::IfName) -> Outcome<u32> {
    Err(Errno::ENOSYS.into())
}
