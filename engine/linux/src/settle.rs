//! Waiting until the kernel has done what it does in its own time.

use std::time::{Duration, Instant};

use netscript_net::error::Result;
use netscript_net::op::{IfName, NetnsRef};
use netscript_net::state::Link;
use netscript_net::world::World;

/// How long nothing may change before a network counts as settled.
const QUIET: Duration = Duration::from_millis(60);

/// Time between two looks.
const STEP: Duration = Duration::from_millis(15);

/// Waits until carriers and addresses have come to rest: no link changes for some milliseconds, and
/// no address waits for duplicate address detection; at most for `limit`. Whether it is at rest.
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

/// Each link is asked for by name: the kernel then first deals with what it has put off about its
/// carrier (`linkwatch_sync_dev`), which a list does not make it do.
fn look(world: &mut dyn World) -> Result<Vec<(NetnsRef, Link)>> {
    let names = world.netns_names()?.into_iter().map(NetnsRef::Named);
    let mut seen = Vec::new();
    for netns in [NetnsRef::Host].into_iter().chain(names) {
        // A namespace may be gone by now.
        let Ok(links) = world.links(&netns) else { continue };
        let names: Vec<IfName> = links.into_iter().map(|link| link.name).collect();
        for name in names {
            seen.extend(world.link(&netns, &name)?.map(|link| (netns.clone(), link)));
        }
    }
    Ok(seen)
}
