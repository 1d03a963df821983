//! The store of labs: what each must remember to be undone, in memory and, if it outlives this process, in a folder
//! of its own. `paths` says where, `folder` has the folders and their locks, `journal_writer` writes the journal, `ownership` knows
//! what is the lab's, `journals` reads those of other labs, and `store` has all of it for one lab.

mod folder;
mod journal_file;
mod journal_writer;
mod journals;
mod owners;
mod ownership;
mod paths;
mod states;
mod store;

pub use folder::{LabFolder, check_lab_name, read_journal};
pub(crate) use folder::{leave_to, lock_all, remove_shared};
pub(crate) use journal_writer::JournalWriter;
pub(crate) use owners::OtherLabs;
pub use paths::lab_names;
pub(crate) use paths::{boot_id, cannot, token};
pub(crate) use states::is_bound;
pub use states::{LabState, lab_states};
pub(crate) use store::Store;
