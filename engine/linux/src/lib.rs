//! The only part that touches Linux. [`Kernel`] is a [`World`](netscript_net::world::World) whose every word the kernel
//! has; `kernel.rs` puts it together of the netlink part (`network` and a file a noun), the store of labs (`lab`) and
//! processes (`process`). No file uses one above it.

mod addr;
mod batch;
mod batcher;
mod carrier;
mod carry_out;
mod crash_point;
mod descriptors;
mod facts;
mod fdb;
mod interrupt;
mod inverse;
pub mod journal;
mod kernel;
mod lab;
mod lifetime;
mod link;
mod lock;
mod neigh;
mod netfilter;
mod netns;
mod network;
mod nsid;
mod policy;
mod privilege;
mod probe;
mod proc;
mod process;
mod raw_names;
mod recorded;
mod release;
mod rename;
mod resolver;
mod route;
mod sandbox;
mod settle;
mod site;
mod socket;
mod sys;
mod sysctl;
mod undo;

pub use batcher::Batcher;
pub use descriptors::raise_descriptor_limit;
pub use interrupt::Interrupt;
pub use kernel::{Kernel, Resumed};
pub use lab::{LabFolder, LabState, check_lab_name, lab_names, lab_states, read_journal};
pub use lifetime::Resume;
pub(crate) use netscript_net::failure::{Failure, Outcome};
pub use privilege::{may_change_networks, privilege_missing};
pub use probe::{answer_forever, capture_forever, resolve_forever};
pub use process::{CAPTURE_NAME, NAME_SERVER_NAME, SERVER_NAME};
pub use release::check_release;
pub use sandbox::{SandboxFolders, enter_sandbox};
pub use settle::settle;
pub use sys::share_memory;
