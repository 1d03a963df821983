//! Entries of a journal, and the identities of the objects in them.

use serde::{Deserialize, Serialize};

use super::Undo;
use netscript_net::op::NetnsRef;
use netscript_net::op::netfilter::TableRef;

/// The version of the format: this program writes it, and reads it and older ones. A change that older programs cannot
/// read raises it, so that they refuse the journal because of its version, and do not call it damaged.
///
/// - 1: version 0.1.0
/// - 2: control groups, lines for namespaces that ran programs and for tables, the number of entries
pub const VERSION: u32 = 2;

/// The number from which entries left by other labs count.
pub const LEFT_BY_OTHERS: u64 = 1 << 40;

/// The first line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub version: u32,
    /// The lab's name.
    pub name: String,
    /// The script's path; empty for one from standard input.
    pub script: String,
    /// When the script was started, in seconds since 1970.
    pub started: u64,
    /// `/proc/sys/kernel/random/boot_id`: objects of a journal of another boot do not exist.
    pub boot: String,
    /// The namespace that is `host` in this journal.
    pub host: NetnsKey,
    /// The first index of the lab's links.
    pub base: u32,
    /// A unique word that the lab's programs have in their environment (`NETSCRIPT_LAB`).
    pub token: String,
    /// The control group of the lab's programs, if possible; version 0.1.0 wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
}

/// The identity of a network namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetnsKey {
    /// The inode of `net:[…]`, which a later namespace may get again.
    pub inode: u64,
    /// `SO_NETNS_COOKIE`, which is unique until the next boot. Before Linux 5.14, the time at which the kernel created
    /// the namespace's file, in nanoseconds; 0 if that time is meaningless, because no name keeps the file.
    pub cookie: u64,
}

impl NetnsKey {
    /// Whether both identify the same namespace, as far as can be known.
    pub fn is_same(self, other: NetnsKey) -> bool {
        self.inode == other.inode && (self.cookie == other.cookie || self.cookie == 0 || other.cookie == 0)
    }
}

/// The identity of a table: a table that is removed and created again has another handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableHandle {
    /// The namespace.
    pub netns: NetnsKey,
    /// The table.
    pub table: TableRef,
    /// The kernel's handle (`NFTA_TABLE_HANDLE`).
    pub handle: u64,
}

/// The identity of a process: its number and its start time in clock ticks since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Field 22 of `/proc/PID/stat` (proc_pid_stat(5)).
    pub start: u64,
}

/// A network namespace, with its identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The script's reference to it.
    pub netns: NetnsRef,
    /// Its identity.
    pub key: NetnsKey,
    /// A process in it, if it has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
}

/// An operation with its inverse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number. The numbers of the lab's own entries rise; entries that another lab left to this one count from
    /// [`LEFT_BY_OTHERS`].
    pub n: u64,
    /// The time at which it was first written, in nanoseconds since boot (`CLOCK_MONOTONIC`): it says which lab changed
    /// an object last. A lab that leaves the entry to another keeps it.
    pub at: u64,
    /// The operation in words.
    pub op: String,
    /// The inverse, in order.
    pub undo: Vec<Undo>,
}

/// The record that a script has succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Up {
    /// The number of namespaces, links, rules and programs that it made.
    pub made: Vec<(String, usize)>,
    /// The number of entries that the lab has written until then; version 0.1.0 does not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
}
