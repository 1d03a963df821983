//! The store of labs: everything that is needed to undo a lab, in memory and, if the lab outlives this process, in a
//! folder. `paths` has the paths, `folder` the folders and locks, `journal_writer` writes the journal, `ownership`
//! knows the lab's objects, `journals` reads the journals of other labs, and `store` combines all of them for one lab.

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
