//! Netfilter (being written).

use super::Outcome;
use super::netns::Namespaces;
use crate::diagnostics::Errno;
use crate::op::{NetfilterOp, NetnsRef};

pub(super) fn apply(_: &mut Namespaces, _: &NetnsRef, _: &NetfilterOp) -> Outcome {
    Err(Errno::ENOSYS.into())
}
/// A socket (being written).
pub(super) struct NftSocket;
impl NftSocket {
    pub(super) fn open() -> Outcome<NftSocket> {
        Err(Errno::ENOSYS.into())
    }
}
