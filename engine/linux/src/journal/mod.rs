//! The journal of a lab: what must be undone to take it down, written before it is done.
//!
//! Entries are numbered without a gap, and `up` says how many there are: a line that has been removed is
//! noticed.
//!
//! A journal is a text file, `/run/netscript/LAB/journal`, with a JSON object a line ([`Line`]):
//!
//! - `{"lab": …}` ([`Header`]), the first line: version of the format, name, script, when, on which
//!   boot of the machine and in which network namespace, and the block of link indexes;
//! - `{"entry": …}` ([`Entry`]): an operation in words, and its inverse, written before the
//!   operation is sent. Only operations whose effect outlives the lab's own namespaces and links
//!   have one;
//! - `{"undone": N}`: the entry has been undone, or its operation failed;
//! - `{"handles": [[N, H], …]}`: the handles that rules got;
//! - `{"tables": [TABLE, …]}` ([`TableHandle`]): the handles of the tables that these rules are in;
//! - `{"ran": KEY}`: a program of the lab ran in one of its namespaces, and may have made links there;
//! - `{"up": …}` ([`Up`]): the script has succeeded.
//!
//! An entry names its object before it exists, so that it never means a stranger's: a link by an
//! index from the lab's own block, a namespace by inode and cookie, which are read before the
//! namespace gets its name, a process by number and start time, a rule by its content and the
//! handles of equal rules that were there before. Undoing what is gone already is no error, and
//! undoing twice is the same as once: a journal that was cut short by a crash can be worked off
//! again from its beginning.
//!
//! The last line may lack its end, where the writer was killed: its operation was not sent. A line
//! may begin with blanks, which stand where one was for which the disk had no room.

mod effect;
mod entry;
mod shared;
mod text;
mod undo;

pub(crate) use effect::{LinkId, UndoEffect};
pub use entry::{Entry, Header, LEFT_BY_OTHERS, NetnsKey, Place, Process, TableHandle, Up, VERSION};
pub(crate) use shared::SharedObject;
pub use text::{Cut, Journal, Line};
pub use undo::{NamedOp, RemovedRule, Undo};

/// Where labs keep what belongs to them, a folder each.
pub(crate) const LABS_DIR: &str = "/run/netscript";
