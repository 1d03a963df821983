//! The words of the netscript language, one file per noun.
//!
//! A native function parses its arguments, builds an operation, submits it to the lab, and does
//! nothing else. The reference and the REPL show its doc comment, with the example.

mod addr;
mod args;
mod capture;
mod check;
mod compared;
mod connect;
mod dns;
mod error;
mod fdb;
mod http;
mod known;
mod link;
mod link_kinds;
mod link_options;
mod modules;
mod neigh;
mod netfilter;
mod netns;
mod options;
pub mod outside;
mod policy;
mod probe;
mod process;
pub mod requests;
mod result;
mod route;
mod route_get;
pub mod show;
mod sysctl;
mod undo;
mod unknown;

use netscript_lang::interpreter::{Columns, Session};
use rhai::{Array, Dynamic, Engine};

pub use capture::Capture;
pub use known::{options_of, own_options_of};
pub use link::Link;
pub use modules::MODULES;
pub use netfilter::{Chain, Rule, Table};
pub use netns::Netns;
pub use options::{Literal, OptionSpec, Takes};
pub use process::Process;
pub(crate) use result::RhaiResult;
pub use undo::Checkpoint;

/// A script's information about its run.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The arguments after `--`, as the constant `args`.
    pub args: Vec<String>,
    /// Whether this is a dry run: the constant `dry_run`.
    pub dry_run: bool,
    /// Whether the run is in a sandbox: the constant `sandboxed`.
    pub sandboxed: bool,
    /// Returns the width of the output's terminal; `None` if lines have no limit.
    pub columns: Option<Columns>,
}

/// Adds every word of the language to an interpreter's engine.
pub fn register(engine: &mut Engine, environment: &Environment) {
    for words in [
        netns::register,
        link::register,
        link_kinds::register,
        link_options::register,
        addr::register,
        fdb::register,
        route::register,
        route_get::register,
        policy::register,
        neigh::register,
        netfilter::register,
        sysctl::register,
        process::register,
        probe::register,
        connect::register,
        capture::register,
        dns::register,
        http::register,
        check::register,
        error::register,
        undo::register,
        show::register,
        unknown::register,
    ] {
        words(engine);
    }
    Session::of_engine(engine).set_columns(environment.columns);
    define_constants(engine, environment);
}

fn define_constants(engine: &mut Engine, environment: &Environment) {
    let args: Array = environment.args.iter().map(|arg| Dynamic::from(arg.clone())).collect();
    let host = Netns::host(&Session::of_engine(engine));
    let constants = [
        ("host", Dynamic::from(host)),
        ("args", Dynamic::from(args)),
        ("dry_run", environment.dry_run.into()),
        ("sandboxed", environment.sandboxed.into()),
    ];
    netscript_lang::interpreter::define_constants(engine, constants);
}
