//! The journal of a lab: the inverse of each operation, written before the operation is sent.
//!
//! Entries are numbered without gaps, and `up` records their number, so that a removed line is noticed.
//!
//! A journal is a text file, `/run/netscript/LAB/journal`, with one JSON object in each line ([`Line`]):
//!
//! - `{"lab": …}` ([`Header`]), the first line: version of the format, name, script, start time, boot, network
//!   namespace, and the block of link indexes;
//! - `{"entry": …}` ([`Entry`]): an operation in words, and its inverse, written before the operation is sent.
//!   Operations whose effect vanishes with the lab's own namespaces and links have none;
//! - `{"undone": N}`: the entry has been undone, or its operation failed;
//! - `{"handles": [[N, H], …]}`: the handles of rules;
//! - `{"tables": [TABLE, …]}` ([`TableHandle`]): the handles of the tables of these rules;
//! - `{"ran": KEY}`: a program of the lab ran in one of its namespaces, and may have created links there;
//! - `{"up": …}` ([`Up`]): the script has succeeded.
//!
//! An entry identifies its object before the object exists, so that it never refers to an object of others: a link by
//! an index from the lab's own block, a namespace by inode and cookie, which are read before the namespace gets its
//! name, a process by number and start time, a rule by its content and the handles of equal rules that existed before.
//! Undoing an entry whose object is gone is no error, and undoing twice has the same effect as once, so a journal that
//! was cut short by a crash can be worked off again from its beginning.
//!
//! The last line may be incomplete if the writer was killed; its operation was not sent. A line may begin with blanks,
//! which overwrite a line for which the disk had no space.

mod effect;
mod entry;
mod hex;
mod shared;
mod text;
mod undo;

pub(crate) use effect::{LinkId, UndoEffect};
pub use entry::{Entry, Header, LEFT_BY_OTHERS, NetnsKey, Place, Process, TableHandle, Up, VERSION};
pub(crate) use hex::{hex, unhex};
pub(crate) use shared::SharedObject;
pub use text::{Cut, Journal, Line};
pub use undo::{KernelMessage, NamedOp, RemovedRule, Undo};

/// The folder with a folder for each lab.
pub(crate) const LABS_DIR: &str = "/run/netscript";
