//! Chains and rules of iptables.

use std::fmt;

/// An operation on iptables' chains and rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetfilterOp {}

impl NetfilterOp {
    /// Whether it removes something that must be there.
    pub fn removes(&self) -> bool {
        match *self {}
    }
}

impl fmt::Display for NetfilterOp {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
