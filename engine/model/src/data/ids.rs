//! The numbers by which the model refers to namespaces and links.

use super::slab::Number;

/// A namespace; one may have several names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NetnsId(pub(crate) u32);

impl Number for NetnsId {
    fn number(self) -> usize {
        self.0 as usize
    }
}

/// A link; it keeps its id through renames and moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DevId(pub(crate) u32);

impl Number for DevId {
    fn number(self) -> usize {
        self.0 as usize
    }
}
