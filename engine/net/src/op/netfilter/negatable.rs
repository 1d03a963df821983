//! What a match compares with, and whether it is to differ.

/// A value that a match compares with; inverted, iptables' `!`, the packet must differ from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Negatable<T> {
    /// Whether there is a `!` before it.
    pub inverted: bool,
    /// The value.
    pub value: T,
}

impl<T> Negatable<T> {
    /// A value, inverted or not.
    pub fn new(inverted: bool, value: T) -> Negatable<T> {
        Negatable { inverted, value }
    }

    /// A value that is not inverted.
    pub fn plain(value: T) -> Negatable<T> {
        Negatable { inverted: false, value }
    }
}
