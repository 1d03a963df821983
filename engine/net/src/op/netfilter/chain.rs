//! Tables, chains and policies.

use std::fmt;

use super::super::Family;
use super::super::name::text_type;
use crate::invalid::{Invalid, Result};

/// A table of iptables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Table {
    /// Which packets may pass.
    Filter,
    /// Network address translation.
    Nat,
    /// Other changes of packets.
    Mangle,
    /// Exceptions from connection tracking.
    Raw,
    /// Rules of mandatory access control.
    Security,
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 5] = [Table::Filter, Table::Nat, Table::Mangle, Table::Raw, Table::Security];

    /// The name of `iptables -t`.
    pub fn word(self) -> &'static str {
        match self {
            Table::Filter => "filter",
            Table::Nat => "nat",
            Table::Mangle => "mangle",
            Table::Raw => "raw",
            Table::Security => "security",
        }
    }

    /// The table of a name.
    pub fn from_word(word: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.word() == word)
    }

    /// The hooks of its built-in chains, in the order of `iptables -S`.
    pub fn hooks(self) -> &'static [Hook] {
        use Hook::{Forward, Input, Output, Postrouting, Prerouting};
        match self {
            Table::Filter | Table::Security => &[Input, Forward, Output],
            Table::Nat => &[Prerouting, Input, Output, Postrouting],
            Table::Mangle => &[Prerouting, Input, Forward, Output, Postrouting],
            Table::Raw => &[Prerouting, Output],
        }
    }
}

/// The hook of a built-in chain on a packet's way through the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// On arrival.
    Prerouting,
    /// Before delivery to a program of this namespace.
    Input,
    /// While being forwarded.
    Forward,
    /// When a program of this namespace sends it.
    Output,
    /// Before it leaves.
    Postrouting,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Hook; 5] = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

    /// The name of its built-in chain.
    pub fn chain_name(self) -> &'static str {
        match self {
            Hook::Prerouting => "PREROUTING",
            Hook::Input => "INPUT",
            Hook::Forward => "FORWARD",
            Hook::Output => "OUTPUT",
            Hook::Postrouting => "POSTROUTING",
        }
    }

    /// The hook of a built-in chain.
    pub fn from_chain_name(name: &str) -> Option<Hook> {
        Hook::ALL.into_iter().find(|hook| hook.chain_name() == name)
    }

    /// Whether the incoming link is known at this hook.
    pub fn knows_iif(self) -> bool {
        matches!(self, Hook::Prerouting | Hook::Input | Hook::Forward)
    }

    /// Whether the outgoing link is known at this hook.
    pub fn knows_oif(self) -> bool {
        matches!(self, Hook::Forward | Hook::Output | Hook::Postrouting)
    }
}

/// Longest name of a chain in bytes (`XT_EXTENSION_MAXNAMELEN` − 1, linux/netfilter/x_tables.h).
pub const CHAIN_NAME_MAX: usize = 28;

/// The name of a chain, with iptables' rules: 1 to 28 bytes, no white space, no `-` or `!` at the beginning, and not
/// the name of a target.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ChainName(String);
text_type!(ChainName);

/// Names that iptables would read as a target: those of its extensions on most machines.
const TARGETS: &[&str] = &[
    "ACCEPT",
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CLUSTERIP",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DNAT",
    "DNPT",
    "DROP",
    "DSCP",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "LED",
    "LOG",
    "MARK",
    "MASQUERADE",
    "NETMAP",
    "NFLOG",
    "NFQUEUE",
    "NOTRACK",
    "QUEUE",
    "RATEEST",
    "REDIRECT",
    "REJECT",
    "RETURN",
    "SECMARK",
    "SET",
    "SNAT",
    "SNPT",
    "SYNPROXY",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TPROXY",
    "TRACE",
    "TTL",
    "ULOG",
];

impl ChainName {
    /// Parses the name of a chain; the error says which rule it breaks.
    pub fn parse(name: &str) -> Result<ChainName> {
        match Self::flaw(name) {
            None => Ok(ChainName(name.to_owned())),
            Some(why) => Err(Invalid::ChainName { given: name.to_owned(), why }),
        }
    }

    /// The name of a built-in chain.
    pub fn of(hook: Hook) -> ChainName {
        ChainName(hook.chain_name().to_owned())
    }

    /// The name of an existing chain, which is not checked.
    pub fn read(name: &str) -> ChainName {
        ChainName(name.to_owned())
    }

    fn flaw(name: &str) -> Option<String> {
        if name.is_empty() {
            return Some("it is empty".into());
        }
        if name.len() > CHAIN_NAME_MAX {
            return Some(format!("it has {} bytes, and iptables takes at most {CHAIN_NAME_MAX}", name.len()));
        }
        if let Some(first) = name.chars().next().filter(|c| matches!(c, '-' | '!')) {
            return Some(format!("it begins with `{first}`"));
        }
        if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Some("it contains white space or a control character".into());
        }
        TARGETS.contains(&name).then(|| format!("`{name}` is a target of iptables"))
    }
}

/// A table of a family: `ip nat`, `ip6 filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct TableRef {
    /// IPv4 or IPv6.
    pub family: Family,
    /// The table.
    pub table: Table,
}

impl TableRef {
    /// A table of a family.
    pub fn new(family: Family, table: Table) -> TableRef {
        TableRef { family, table }
    }

    /// The name in scripts: `nat`, `nat6`.
    pub fn script_word(self) -> String {
        match self.family {
            Family::V4 => self.table.word().to_owned(),
            Family::V6 => format!("{}6", self.table.word()),
        }
    }

    /// The command for it: `iptables` or `ip6tables`.
    pub fn command(self) -> &'static str {
        match self.family {
            Family::V4 => "iptables",
            Family::V6 => "ip6tables",
        }
    }

    /// The same table of the other family.
    pub fn other_family(self) -> TableRef {
        let family = match self.family {
            Family::V4 => Family::V6,
            Family::V6 => Family::V4,
        };
        TableRef { family, table: self.table }
    }

    /// A chain in it.
    pub fn chain(self, name: ChainName) -> ChainRef {
        ChainRef { table: self, name }
    }
}

impl fmt::Display for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the table `{}`", self.script_word())
    }
}

/// A chain and its table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ChainRef {
    /// The table.
    pub table: TableRef,
    /// The name.
    pub name: ChainName,
}

impl ChainRef {
    /// The hook, if the chain is one of the table's built-in chains.
    pub fn hook(&self) -> Option<Hook> {
        Hook::from_chain_name(self.name.as_str()).filter(|hook| self.table.table.hooks().contains(hook))
    }
}

/// The fate of a packet that no rule of a built-in chain decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Policy {
    /// It passes.
    Accept,
    /// It is dropped.
    Drop,
}

impl Policy {
    /// The word of `iptables -P`.
    pub fn word(self) -> &'static str {
        match self {
            Policy::Accept => "ACCEPT",
            Policy::Drop => "DROP",
        }
    }

    /// The policy of a word, in any case.
    pub fn from_word(word: &str) -> Option<Policy> {
        [Policy::Accept, Policy::Drop].into_iter().find(|policy| policy.word().eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_names_are_what_iptables_takes() {
        for good in ["FORWARD", "a!", "aé", "LOG_DROP", "abcdefghijklmnopqrstuvwxyz01"] {
            assert!(ChainName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "!x", "a b", "abcdefghijklmnopqrstuvwxyz012", "MASQUERADE", "ACCEPT"] {
            assert!(ChainName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_tables_own_chains_are_built_in() {
        let nat = TableRef::new(Family::V4, Table::Nat);
        assert_eq!(nat.chain(ChainName::read("FORWARD")).hook(), None);
        assert_eq!(nat.chain(ChainName::read("OUTPUT")).hook(), Some(Hook::Output));
    }
}
