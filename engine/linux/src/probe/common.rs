//! What the probes have in common: how long they wait, and what is said of one without an answer.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use netscript_net::error::Errno;

/// How long `fetch` and `connect` really wait. In debug builds `NETSCRIPT_PATIENCE=N` makes it N times longer: the project's
/// tests run on emulated machines too, where a program takes seconds to answer.
pub(super) fn patience(time: Duration) -> Duration {
    let times = || std::env::var("NETSCRIPT_PATIENCE").ok()?.parse::<u32>().ok();
    cfg!(debug_assertions).then(times).flatten().map_or(time, |times| time.saturating_mul(times))
}

/// What is said of a request that nothing came back for.
pub(super) const SILENCE: &str = "no answer";

/// What is said of an exchange that took too long.
pub(super) const TIMED_OUT: &str = "timed out";

/// Carries what happens at the same time in one probe. One thread: namespaces are a thread's.
pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// A socket's error in the kernel's words, such as "Connection refused".
pub(super) fn in_words(error: &io::Error) -> String {
    let text = error.raw_os_error().and_then(|number| Errno(number).text());
    text.map_or_else(|| error.to_string(), str::to_owned)
}
