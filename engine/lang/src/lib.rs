//! The language: the interpreter that runs scripts, the lab that they build, and errors at their place in the script.
//!
//! ```text
//! script → interpreter → word (netscript-stdlib) → Op → Lab → World (the kernel, or a dry run)
//! ```

mod confined;
pub mod diagnostics;
mod dry_run;
pub mod interpreter;
mod lab;

pub use confined::Confined;
pub use dry_run::DryRun;
pub use lab::{HandleSnapshot, Lab, LinkId, NetnsId, Stage};
