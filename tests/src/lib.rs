//! Shared parts of the integration tests, and the commands of `cargo xtask`.

pub mod bench;
pub mod bench_dry_run;
pub mod bench_repl;
mod big_lab;
pub mod circles;
pub mod claims;
pub mod crash;
pub mod docker;
mod equality;
pub mod equivalence;
pub mod floor;
pub mod fuzz;
mod groups;
pub mod lines;
mod pace;
pub mod program;
pub mod rig;
pub mod rules;
mod sandbox;
mod settled;
mod snapshot;
pub mod terminal;

pub use big_lab::big_lab;
pub use equality::{Case, Feature, case, case_with, check};
pub use netscript_linux::kernel_release;
pub use pace::{patience, skip};
pub use sandbox::Sandbox;
pub use snapshot::{Snapshot, difference, snapshot};

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The beginnings of lines of `cargo tree` for crates that need Linux.
pub const NEED_LINUX: [&str; 8] =
    ["nix ", "rtnetlink ", "netlink-", "nftnl", "mnl ", "tokio ", "socket2 ", "etherparse "];

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is a folder of the workspace")
}

/// The program under test: the one that `NETSCRIPT_PROGRAM` names (the rig sets it, where no cargo is),
/// else the one of this workspace, which is built first, because `cargo test` builds no programs of other packages.
///
/// # Panics
///
/// If it cannot be built.
pub fn netscript() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(program) = std::env::var_os("NETSCRIPT_PROGRAM") {
            return PathBuf::from(program);
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let build = Command::new(cargo)
            .current_dir(workspace())
            .args(["build", "--package", "netscript", "--message-format", "json-render-diagnostics"])
            .args((!cfg!(debug_assertions)).then_some("--release"))
            .output()
            .expect("cargo can be started");
        assert!(build.status.success(), "netscript does not build: {}", String::from_utf8_lossy(&build.stderr));
        executable(&build.stdout).expect("cargo says where it put the program")
    })
}

fn executable(messages: &[u8]) -> Option<PathBuf> {
    let lines = messages.split(|byte| *byte == b'\n');
    let parsed = lines.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    let mut programs = parsed.filter(|message| message["target"]["name"] == "netscript");
    programs.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}
