//! What several labs may change: settings, policies, chains and tables.

use netscript_net::op::SysctlKey;
use netscript_net::op::netfilter::{ChainRef, TableRef};

/// What labs may share, seen from a step back.
pub(crate) enum Shared<'a> {
    /// Settings, and what they were.
    Settings(&'a [(SysctlKey, String)]),
    /// The policy of a chain.
    Policy(&'a ChainRef),
    /// What is in a chain, or was.
    In(&'a ChainRef),
    /// A chain that is removed.
    Chain(&'a ChainRef),
    /// A table that is removed.
    Table(TableRef),
}

impl<'a> Shared<'a> {
    /// Whether another lab needs this: its own step back is about the same, or about something in it.
    pub(crate) fn is_needed_for(&self, other: &Shared<'_>) -> bool {
        match self {
            Shared::Settings(before) => {
                matches!(other, Shared::Settings(others) if writes(before, others) || writes(others, before))
            }
            Shared::Policy(chain) => matches!(other, Shared::Policy(same) if same == chain),
            Shared::In(_) => false,
            Shared::Chain(chain) => other.chain() == Some(chain),
            Shared::Table(table) => other.table() == Some(*table),
        }
    }

    fn chain(&self) -> Option<&'a ChainRef> {
        match self {
            Shared::Policy(chain) | Shared::In(chain) | Shared::Chain(chain) => Some(chain),
            Shared::Settings(_) | Shared::Table(_) => None,
        }
    }

    fn table(&self) -> Option<TableRef> {
        match self {
            Shared::Table(table) => Some(*table),
            Shared::Policy(_) | Shared::In(_) | Shared::Chain(_) | Shared::Settings(_) => {
                self.chain().map(|chain| chain.table)
            }
        }
    }

    /// A table goes after its chains, and a chain after what is in it, though one operation made them.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Shared::Table(_) => 2,
            Shared::Chain(_) => 1,
            Shared::Settings(_) | Shared::Policy(_) | Shared::In(_) => 0,
        }
    }
}

/// Whether the setting that one lab wrote, its first, is among those that another changed.
fn writes(one: &[(SysctlKey, String)], another: &[(SysctlKey, String)]) -> bool {
    one.first().is_some_and(|(first, _)| another.iter().any(|(key, _)| key == first))
}
