//! Creates namespaces before they are needed, in a separate thread: half of the kernel's time for a namespace overlaps
//! with other work. The namespaces have no names and end with their files, so nothing needs to be undone for them.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, sync_channel};

use nix::sched::{CloneFlags, unshare};

use super::open_netns::OpenNetns;
use crate::proc::OWN_NETNS;
use crate::socket::RouteSocket;
use crate::{Outcome, Rejection};
use netscript_net::error::Errno;

/// The largest number of unused namespaces.
const AT_MOST: usize = 16;

/// Receives the namespaces.
pub(super) struct Prefetch(Receiver<Result<OpenNetns, Errno>>);

impl Prefetch {
    /// Starts to create namespaces; `None` if no thread can be started.
    pub(super) fn begin(count: usize) -> Option<Prefetch> {
        let (sender, receiver) = sync_channel(AT_MOST);
        let make = move || {
            for _ in 0..count {
                let made = new_netns().map_err(|rejection| rejection.errno);
                let failed = made.is_err();
                // The receiver is gone, or no further namespace can be created.
                if sender.send(made).is_err() || failed {
                    break;
                }
            }
        };
        std::thread::Builder::new().name("namespaces".to_owned()).spawn(make).ok()?;
        Some(Prefetch(receiver))
    }

    /// The next namespace; `None` if there are no more.
    pub(super) fn next(&self) -> Option<Outcome<OpenNetns>> {
        Some(self.0.recv().ok()?.map_err(Rejection::from))
    }
}

/// A new namespace with its socket. Afterwards the calling thread is in it.
pub(super) fn new_netns() -> Outcome<OpenNetns> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(io::Error::from)?;
    OpenNetns::with_socket(File::open(OWN_NETNS)?, RouteSocket::open()?)
}
