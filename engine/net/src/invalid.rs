//! Invalid values: what was given, and what is wrong with it.

use crate::op::Family;

/// The result of reading a value.
pub type Result<T, E = Invalid> = std::result::Result<T, E>;

/// An invalid value, as facts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named facts; the error's words tell them")]
pub enum Invalid {
    /// A link name that the kernel rejects.
    LinkName { given: String, why: String },
    /// A namespace name that is not a file name.
    NetnsName { given: String, why: String },
    /// A chain name that iptables rejects.
    ChainName { given: String, why: String },
    /// An invalid hardware address.
    Mac { given: String },
    /// An invalid address with a prefix length.
    Prefix { given: String, why: String },
    /// An invalid address.
    Address { given: String, why: String },
    /// An address of the wrong family.
    WrongFamily { given: String, wanted: Family, instead: Option<String> },
    /// An invalid sysctl key.
    SysctlKey { given: String, why: String },
    /// An invalid port.
    Port { given: String, why: String },
    /// A number that is out of range.
    OutOfRange { what: String, given: String, min: i64, max: i64 },
    /// Options that contradict each other.
    Conflict { message: String, help: String },
}
