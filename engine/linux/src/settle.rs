//! Waits until the kernel has finished its deferred work.

use std::time::{Duration, Instant};

use netscript_net::error::Result;
use netscript_net::op::{IfName, NetnsRef};
use netscript_net::state::Link;
use netscript_net::world::World;

/// A network without changes for this long counts as settled.
const QUIET: Duration = Duration::from_millis(60);

/// The polling interval.
const STEP: Duration = Duration::from_millis(15);

/// Waits until carriers and addresses have settled: no link changes for some milliseconds, and duplicate address
/// detection is complete. Waits at most for `limit`; returns whether the network has settled.
pub fn settle(world: &mut dyn World, limit: Duration) -> Result<bool> {
    let start = Instant::now();
    let mut before = look(world)?;
    let mut since = Instant::now();
    while start.elapsed() < limit {
        world.sleep(STEP)?;
        let now = look(world)?;
        if now != before {
            since = Instant::now();
        } else if since.elapsed() >= QUIET && !now.iter().any(|(_, link)| waits(link)) {
            return Ok(true);
        }
        before = now;
    }
    Ok(false)
}

fn waits(link: &Link) -> bool {
    link.up && link.carrier && link.addrs.iter().any(|addr| addr.tentative)
}

/// Reads each link by name: this makes the kernel process its deferred carrier changes (`linkwatch_sync_dev`), which a
/// list does not.
fn look(world: &mut dyn World) -> Result<Vec<(NetnsRef, Link)>> {
    let names = world.netns_names()?.into_iter().map(NetnsRef::Named);
    let mut seen = Vec::new();
    for netns in [NetnsRef::Host].into_iter().chain(names) {
        // The namespace may have been removed.
        let Ok(links) = world.links(&netns) else { continue };
        let names: Vec<IfName> = links.into_iter().map(|link| link.name).collect();
        for name in names {
            seen.extend(world.link(&netns, &name)?.map(|link| (netns.clone(), link)));
        }
    }
    Ok(seen)
}
