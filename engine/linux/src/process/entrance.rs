//! Lets a thread of this process enter a namespace.

use std::fs::File;
use std::path::PathBuf;
use std::{env, io};

use nix::sched::{CloneFlags, unshare};

use super::surroundings::Surroundings;
use crate::netns::{Namespaces, enter, enter_mounts};
use crate::proc::OWN_NETNS;
use crate::{Outcome, Rejection};
use netscript_net::error::Result;
use netscript_net::op::NetnsRef;

/// A namespace for another thread to enter, with the mounts of the thread that looked it up.
pub struct Entrance {
    netns: NetnsRef,
    home: File,
    mounts: File,
    surroundings: Surroundings,
}

impl Entrance {
    /// Looks a namespace up from the calling thread.
    pub fn of(netns: &NetnsRef) -> Result<Entrance> {
        look_up(netns).map_err(into_error(netns))
    }

    /// Moves the calling thread into the namespace permanently, with the same view as a program under `ip netns exec`.
    pub fn enter(&self) -> Result<()> {
        self.go().map_err(into_error(&self.netns))
    }

    fn go(&self) -> Outcome {
        let here = env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        // The kernel rejects a thread that shares its current folder with others (`mntns_install`, fs/namespace.c).
        unshare(CloneFlags::CLONE_FS).map_err(io::Error::from)?;
        enter_mounts(&self.mounts)?;
        // The current folder is now the root of those mounts. It is restored if it is visible there.
        let _ = env::set_current_dir(here);
        enter(&self.home)?;
        Ok(self.surroundings.enter()?)
    }
}

fn look_up(netns: &NetnsRef) -> Outcome<Entrance> {
    Ok(Entrance {
        netns: netns.clone(),
        home: File::open(OWN_NETNS)?,
        mounts: File::open("/proc/thread-self/ns/mnt")?,
        surroundings: Surroundings::look_up(&Namespaces::new()?, netns)?,
    })
}

fn into_error(netns: &NetnsRef) -> impl FnOnce(Rejection) -> netscript_net::error::Error {
    move |rejection| rejection.into_error(|| format!("enter {netns}"))
}
