//! Routes (being written).

use super::Outcome;
use super::netns::Namespaces;
use crate::diagnostics::Errno;
use crate::op::{NetnsRef, RouteOp};

pub(super) fn apply(_: &mut Namespaces, _: &NetnsRef, _: &RouteOp) -> Outcome {
    Err(Errno::ENOSYS.into())
}
pub(super) fn list(_: &mut Namespaces, _: &NetnsRef, _: crate::op::Family) -> Outcome<Vec<crate::op::Route>> {
    Err(Errno::ENOSYS.into())
}
