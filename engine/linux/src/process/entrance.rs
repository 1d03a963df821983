//! The way into a namespace for a thread of this process.

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

/// A namespace that another thread may enter, with the mounts of the thread that looked it up.
pub struct Entrance {
    netns: NetnsRef,
    home: File,
    mounts: File,
    surroundings: Surroundings,
}

impl Entrance {
    /// Looks a namespace up as the calling thread sees it.
    pub fn of(netns: &NetnsRef) -> Result<Entrance> {
        look_up(netns).map_err(into_error(netns))
    }

    /// Moves the calling thread there for good; it finds what `ip netns exec` would show to a program.
    pub fn enter(&self) -> Result<()> {
        self.go().map_err(into_error(&self.netns))
    }

    fn go(&self) -> Outcome {
        let here = env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        // The kernel moves no thread that shares its current folder with others (`mntns_install`, fs/namespace.c).
        unshare(CloneFlags::CLONE_FS).map_err(io::Error::from)?;
        enter_mounts(&self.mounts)?;
        // It now is the root of those mounts. One that is not to be seen there cannot be kept.
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
