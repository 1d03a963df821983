//! What a match compares with, and whether it is to differ.

/// A value that a match compares with; inverted, iptables' `!`, the packet must differ from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inv<T> {
    /// Whether there is a `!` before it.
    pub inverted: bool,
    /// The value.
    pub value: T,
}

impl<T> Inv<T> {
    /// A value, inverted or not.
    pub fn new(inverted: bool, value: T) -> Inv<T> {
        Inv { inverted, value }
    }

    /// A value that is not inverted.
    pub fn plain(value: T) -> Inv<T> {
        Inv { inverted: false, value }
    }
}
