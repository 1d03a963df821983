//! A network for a single thread of a process.

use std::fs;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::mounts::own_folder;
use super::obstacle::{Obstacle, Step, Switches, explain};
use super::{etc, loopback_is_up};
use netscript_net::error::Result;

/// Gives the calling thread its own network, with `lo` up, and its own mounts, with an empty `/run` and an empty
/// `/etc/netns`. Threads that it starts share them; existing threads do not. Nothing else is isolated: the call
/// requires the right to make namespaces, and whoever has that right may write files.
pub fn take_own_network() -> Result<()> {
    let switches = Switches::read();
    take().map_err(|obstacle| explain(&obstacle, &switches))
}

fn take() -> std::result::Result<(), Obstacle> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).map_err(Step::Namespaces.failed())?;
    let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).map_err(Step::Mount("/").failed())?;
    // Parts of `/etc` may be in a `/run` that is covered.
    own_folder("/run", "mode=0755")?;
    fs::create_dir("/run/etc").map_err(Step::Mount("/run").failed())?;
    etc::make()?;
    own_folder("/run", "mode=0755")?;
    etc::make_resolv_conf()?;
    loopback_is_up()
}
