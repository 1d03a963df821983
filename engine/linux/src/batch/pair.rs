//! A pair with what is set of its ends, as one message makes it.

use crate::link::End;

/// A pair and the operations that are in its message, in program order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) near: End,
    pub(super) far: End,
    pub(super) parts: Vec<usize>,
    /// Operations that make namespaces which must be there before.
    pub(super) namespaces: Vec<usize>,
}
