//! Common parts of the probes: timeouts, and the texts for missing answers.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use netscript_net::error::Errno;

/// The timeout that `fetch` and `connect` really use. In debug builds `NETSCRIPT_PATIENCE=N` makes it N times longer,
/// for tests on emulated machines, where a program takes seconds to answer.
pub(super) fn patience(time: Duration) -> Duration {
    let times = || std::env::var("NETSCRIPT_PATIENCE").ok()?.parse::<u32>().ok();
    cfg!(debug_assertions).then(times).flatten().map_or(time, |times| time.saturating_mul(times))
}

/// The error of a request without an answer.
pub(super) const SILENCE: &str = "no answer";

/// The error of an exchange that timed out.
pub(super) const TIMED_OUT: &str = "timed out";

/// An async runtime for one probe. It uses one thread only, since the namespace is the thread's.
pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// A socket's error in the kernel's words, such as "Connection refused".
pub(super) fn in_words(error: &io::Error) -> String {
    let text = error.raw_os_error().and_then(|number| Errno(number).text());
    text.map_or_else(|| error.to_string(), str::to_owned)
}
