//! The engine of netscript: typed operations on network namespaces, the state they act on, the
//! part that applies them to the kernel, and the interpreter that runs scripts.
//!
//! ```text
//! script → interpreter → stdlib function → Op → Lab → World (kernel, …)
//! ```

mod confined;
pub mod diagnostics;
mod dry_run;
mod failure;
pub mod files;
pub mod interpreter;
#[cfg(feature = "kernel")]
pub mod journal;
#[cfg(feature = "kernel")]
pub mod kernel;
mod lab;
pub mod model;
pub mod op;
#[cfg(feature = "kernel")]
mod probe;
pub mod shell;
pub mod state;
mod world;

pub use confined::Confined;
pub use dry_run::DryRun;
pub use lab::{Lab, LinkId, Memory, NetnsId, Stage};
pub use world::{
    Absent, Capture, Connect, Connected, Failed, Fetch, Fetched, Hop, Output, Part, Ping, Point, Pong, Serve, ServeDns,
    Started, Summary, Trace, Transport, World,
};
