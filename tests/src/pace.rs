//! Adapts tests to slow machines, and to those that lack a feature. The rig (`cargo xtask rig`) sets the variables.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

/// The beginning of a line that reports a skipped test.
pub const SKIPPED: &str = "skipped: ";

/// A time limit, multiplied by `NETSCRIPT_PATIENCE`: an emulated machine is slow.
pub fn patience(time: Duration) -> Duration {
    static TIMES: OnceLock<u32> = OnceLock::new();
    let read = || std::env::var("NETSCRIPT_PATIENCE").ok()?.parse().ok();
    time * *TIMES.get_or_init(|| read().unwrap_or(1))
}

/// Reports that a test, or a part of it, is skipped, because the kernel or a program lacks something. The rig counts
/// these tests; CI reads the file that `NETSCRIPT_SKIPPED` names.
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
