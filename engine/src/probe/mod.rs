//! Probes: packets of our own, sent from inside a namespace (being written).

mod http;

use std::io;

pub use http::answer_forever;
pub(crate) use http::{fetch, listen};
use tokio::runtime::{Builder, Runtime};

use crate::diagnostics::{Error, Result};
use crate::kernel::{Interrupt, Namespaces};
use crate::op::NetnsRef;
use crate::world::{Ping, Pong};

/// Sends ICMP echo requests.
pub(crate) fn ping(_: &Namespaces, _: &Interrupt, _: &NetnsRef, _: &Ping) -> Result<Pong> {
    Err(Error::Interrupted)
}

/// Carries what happens at the same time in one probe. One thread: namespaces are a thread's.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
