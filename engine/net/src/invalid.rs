//! Values that no object of a network can have: what was given, and what is wrong with it.

use crate::op::Family;

/// The result of reading a value.
pub type Result<T, E = Invalid> = std::result::Result<T, E>;

/// A value that is none, as facts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named facts; the error's words tell them")]
pub enum Invalid {
    /// A link name that the kernel would not take.
    LinkName { given: String, why: String },
    /// A namespace name that is no file name.
    NetnsName { given: String, why: String },
    /// A name of a chain that iptables would not take.
    ChainName { given: String, why: String },
    /// A hardware address that is none.
    Mac { given: String },
    /// An address with length that is none.
    Prefix { given: String, why: String },
    /// An address that is none.
    Address { given: String, why: String },
    /// An address of the other family.
    WrongFamily { given: String, wanted: Family, instead: Option<String> },
    /// A sysctl key that is none.
    SysctlKey { given: String, why: String },
    /// A port that is none.
    Port { given: String, why: String },
    /// A number that does not fit.
    OutOfRange { what: String, given: String, min: i64, max: i64 },
    /// Options that contradict each other.
    Conflict { message: String, help: String },
}
