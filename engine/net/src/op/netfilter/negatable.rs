//! Values that a match can negate with `!`.

/// The value of a match. If it is inverted (iptables' `!`), the packet must differ from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Negatable<T> {
    /// Whether `!` precedes it.
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
