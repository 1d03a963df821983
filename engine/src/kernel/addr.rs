//! Addresses (being written).

use super::Outcome;
use super::netns::Namespaces;
use crate::diagnostics::Errno;
use crate::op::{AddrOp, NetnsRef};

pub(super) fn apply(_: &mut Namespaces, _: &NetnsRef, _: &AddrOp) -> Outcome {
    Err(Errno::ENOSYS.into())
}
