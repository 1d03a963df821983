//! Tests on machines that are slower than others, or lack something: the rig (`cargo xtask rig`) tells them so.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

/// How the line begins in which a test says what it left out.
pub const SKIPPED: &str = "skipped: ";

/// A time that a test waits at most, longer by what `NETSCRIPT_PATIENCE` says: an emulated machine is slow.
pub fn patience(time: Duration) -> Duration {
    static TIMES: OnceLock<u32> = OnceLock::new();
    let read = || std::env::var("NETSCRIPT_PATIENCE").ok()?.parse().ok();
    time * *TIMES.get_or_init(|| read().unwrap_or(1))
}

/// Says that a test, or a part of it, is left out, because this kernel or a program lacks something. The rig counts such
/// tests; CI looks in the file that `NETSCRIPT_SKIPPED` names.
///
/// # Panics
///
/// If that file cannot be written.
pub fn skip(what: &str) {
    println!("{SKIPPED}{what}");
    if let Some(file) = std::env::var_os("NETSCRIPT_SKIPPED") {
        let test = std::thread::current().name().unwrap_or("?").to_owned();
        let mut file = OpenOptions::new().append(true).open(file).expect("CI made the file");
        file.write_all(format!("{test}: {what}\n").as_bytes()).expect("the file can be written");
    }
}
