//! Objects that several labs may change: settings, policies, chains and tables.

use netscript_net::op::SysctlKey;
use netscript_net::op::netfilter::{ChainRef, TableRef};

/// An object that labs may share, with the part that an inverse needs.
pub(crate) enum SharedObject<'a> {
    /// Settings, and their values before.
    Settings(&'a [(SysctlKey, String)]),
    /// The policy of a chain.
    Policy(&'a ChainRef),
    /// The content of a chain.
    In(&'a ChainRef),
    /// A chain that is removed.
    Chain(&'a ChainRef),
    /// A table that is removed.
    Table(TableRef),
}

impl<'a> SharedObject<'a> {
    /// Whether another lab's inverse needs this object: it changes the same object or something in it.
    pub(crate) fn is_needed_for(&self, other: &SharedObject<'_>) -> bool {
        match self {
            SharedObject::Settings(before) => {
                matches!(other, SharedObject::Settings(others) if writes(before, others) || writes(others, before))
            }
            SharedObject::Policy(chain) => matches!(other, SharedObject::Policy(same) if same == chain),
            SharedObject::In(_) => false,
            SharedObject::Chain(chain) => other.chain() == Some(chain),
            SharedObject::Table(table) => other.table() == Some(*table),
        }
    }

    fn chain(&self) -> Option<&'a ChainRef> {
        match self {
            SharedObject::Policy(chain) | SharedObject::In(chain) | SharedObject::Chain(chain) => Some(chain),
            SharedObject::Settings(_) | SharedObject::Table(_) => None,
        }
    }

    fn table(&self) -> Option<TableRef> {
        match self {
            SharedObject::Table(table) => Some(*table),
            SharedObject::Policy(_) | SharedObject::In(_) | SharedObject::Chain(_) | SharedObject::Settings(_) => {
                self.chain().map(|chain| chain.table)
            }
        }
    }

    /// A table is removed after its chains, and a chain after its content, even if one operation made them.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            SharedObject::Table(_) => 2,
            SharedObject::Chain(_) => 1,
            SharedObject::Settings(_) | SharedObject::Policy(_) | SharedObject::In(_) => 0,
        }
    }
}

/// Whether the first setting that one lab wrote is among those that another lab changed.
fn writes(one: &[(SysctlKey, String)], another: &[(SysctlKey, String)]) -> bool {
    one.first().is_some_and(|(first, _)| another.iter().any(|(key, _)| key == first))
}
