//! Namespaces that are made before they are needed, by a thread of its own: half of what a namespace costs
//! the kernel goes on beside other work. They have no names yet and end with their files, so that nothing
//! has to be undone of them.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, sync_channel};

use nix::sched::{CloneFlags, unshare};

use super::open_netns::OpenNetns;
use crate::proc::OWN_NETNS;
use crate::socket::RouteSocket;
use crate::{Outcome, Rejection};
use netscript_net::error::Errno;

/// So many may wait to be used.
const AT_MOST: usize = 16;

/// Where they come from.
pub(super) struct Prefetch(Receiver<Result<OpenNetns, Errno>>);

impl Prefetch {
    /// Begins to make so many; `None` if no thread can be started.
    pub(super) fn begin(count: usize) -> Option<Prefetch> {
        let (sender, receiver) = sync_channel(AT_MOST);
        let make = move || {
            for _ in 0..count {
                let made = new_netns().map_err(|rejection| rejection.refusal.errno);
                let failed = made.is_err();
                // Nobody wants it any more, or there can be no more.
                if sender.send(made).is_err() || failed {
                    break;
                }
            }
        };
        std::thread::Builder::new().name("namespaces".to_owned()).spawn(make).ok()?;
        Some(Prefetch(receiver))
    }

    /// The next; `None` if there is none any more.
    pub(super) fn next(&self) -> Option<Outcome<OpenNetns>> {
        Some(self.0.recv().ok()?.map_err(Rejection::from))
    }
}

/// A new namespace, with its socket; the calling thread is in it then.
pub(super) fn new_netns() -> Outcome<OpenNetns> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(io::Error::from)?;
    OpenNetns::with_socket(File::open(OWN_NETNS)?, RouteSocket::open()?)
}
