//! Entries, and what identifies the things in them.

use serde::{Deserialize, Serialize};

use super::Undo;
use netscript_net::op::NetnsRef;
use netscript_net::op::netfilter::TableRef;

/// The version of the format that this program writes, and the highest that it reads.
pub const VERSION: u32 = 1;

/// Entries with a number from here on were left by another lab.
pub const LEFT_BY_OTHERS: u64 = 1 << 40;

/// The first line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Of the format.
    pub version: u32,
    /// The lab's name.
    pub name: String,
    /// The script's path; empty for one from standard input.
    pub script: String,
    /// When the script was started, in seconds since 1970.
    pub started: u64,
    /// `/proc/sys/kernel/random/boot_id`: what a journal of another boot speaks of is gone.
    pub boot: String,
    /// The namespace that is `host` in this journal.
    pub host: NetnsKey,
    /// The lab's links have indexes from here on.
    pub base: u32,
    /// A word of its own, which its programs have in their environment (`NETSCRIPT_LAB`).
    pub token: String,
    /// The control group of its programs, if they can have one; version 0.1.0 wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
}

/// What tells a network namespace from every other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetnsKey {
    /// The number of `net:[…]`; a later namespace may get it again.
    pub inode: u64,
    /// `SO_NETNS_COOKIE`, which is never used again until the machine is started anew. Before Linux 5.14, when the
    /// kernel made the namespace's file, in nanoseconds; 0 where that says nothing, since no name keeps the file.
    pub cookie: u64,
}

impl NetnsKey {
    /// Whether both are the same namespace, as far as they tell.
    pub fn is_same(self, other: NetnsKey) -> bool {
        self.inode == other.inode && (self.cookie == other.cookie || self.cookie == 0 || other.cookie == 0)
    }
}

/// A table, and which of its name it is: one that is removed and made again has another handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableHandle {
    /// The namespace.
    pub netns: NetnsKey,
    /// Which table of it.
    pub table: TableRef,
    /// The kernel's number for it (`NFTA_TABLE_HANDLE`).
    pub handle: u64,
}

/// A process, by its number and by when it was started, in clock ticks since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Field 22 of `/proc/PID/stat` (proc_pid_stat(5)).
    pub start: u64,
}

/// A network namespace, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What the script knew it as.
    pub netns: NetnsRef,
    /// Which it is.
    pub key: NetnsKey,
    /// A process in it, where it has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
}

/// An operation, and how to undo it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number; the numbers of a lab's own entries rise. One that another lab left to this one
    /// has a number from [`LEFT_BY_OTHERS`] on.
    pub n: u64,
    /// When it was first written, in nanoseconds since boot (`CLOCK_MONOTONIC`): tells which of two
    /// labs changed a thing last. A lab that leaves it to another leaves this as it is.
    pub at: u64,
    /// The operation in words.
    pub op: String,
    /// Its inverse, in order.
    pub undo: Vec<Undo>,
}

/// What is told when a script has succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Up {
    /// How many namespaces, links, rules, programs it made.
    pub made: Vec<(String, usize)>,
    /// How many entries the lab has written until then; version 0.1.0 does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
}
