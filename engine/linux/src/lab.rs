//! The store of labs: what each must remember to be undone, in memory and, if it outlives this process, in a folder
//! of its own. `paths` says where, `folder` has the folders and their locks, `book` writes the journal, `own` knows
//! what is the lab's, and `journals` reads those of other labs.

mod book;
mod folder;
mod journal_file;
mod journals;
mod own;
mod paths;

pub(crate) use book::Book;
pub use folder::{LabFolder, check_lab_name, read_journal};
pub(crate) use folder::{is_busy, leave_to, lock_all, remove_shared};
pub(crate) use journals::Journals;
pub(crate) use own::Own;
pub use paths::lab_names;
pub(crate) use paths::{LABS_DIR, boot_id, cannot, token};
