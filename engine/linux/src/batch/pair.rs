//! A pair and the settings of its ends, which are sent in one message.

use crate::link::End;

/// A pair, and the operations that its message contains, in program order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) near: End,
    pub(super) far: End,
    pub(super) parts: Vec<usize>,
    /// Operations that create the namespaces of its ends.
    pub(super) namespaces: Vec<usize>,
}
