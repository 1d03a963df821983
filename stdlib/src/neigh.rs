//! Neighbours: who has which hardware address on a link.

use netscript_lang::diagnostics::{Result, Within};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::{NeighOp, Neighbour};
use netscript_net::state::NeighRecord;
use netscript_net::world::StatePart;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::unknown;
use crate::{Netns, RhaiResult, args};

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

fn row(record: NeighRecord) -> Dynamic {
    let mut map = Map::new();
    map.insert("dst".into(), record.dst.to_string().into());
    map.insert("mac".into(), record.mac.map_or(Dynamic::UNIT, |mac| mac.to_string().into()));
    map.insert("dev".into(), record.dev.to_string().into());
    map.insert("state".into(), record.state.into());
    map.into()
}

fn neighbour(netns: &Netns, ip: &Dynamic, mac: &Dynamic, dev: &Dynamic) -> Result<Neighbour> {
    Ok(Neighbour {
        dst: args::ip("an address", ip).argument(0)?,
        mac: args::mac("a hardware address", mac).argument(1)?,
        dev: args::link_in(&netns.reference()?, "a link", dev).argument(2)?,
    })
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Adds a permanent entry with the hardware address of a neighbour on a link.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.neigh("10.0.0.2", "02:00:00:00:00:02", br0);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn neigh(ctx: NativeCallContext, netns: &mut Netns, ip: Dynamic, mac: Dynamic, dev: Dynamic) -> RhaiResult<()> {
        let neighbour = neighbour(netns, &ip, &mac, &dev)?;
        Ok(netns.submit(NeighOp::Add(neighbour), at(&ctx))?)
    }

    /// Adds a permanent entry with the hardware address of a neighbour on a link, or replaces an entry.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.neigh("10.0.0.2", "02:00:00:00:00:02", br0);
    /// host.replace_neigh("10.0.0.2", "02:00:00:00:00:03", br0);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn replace_neigh(
        ctx: NativeCallContext,
        netns: &mut Netns,
        ip: Dynamic,
        mac: Dynamic,
        dev: Dynamic,
    ) -> RhaiResult<()> {
        let neighbour = neighbour(netns, &ip, &mac, &dev)?;
        Ok(netns.submit(NeighOp::Replace(neighbour), at(&ctx))?)
    }

    /// Removes the entry of a neighbour on a link.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.neigh("10.0.0.2", "02:00:00:00:00:02", br0);
    /// host.del_neigh("10.0.0.2", br0);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn del_neigh(ctx: NativeCallContext, netns: &mut Netns, ip: Dynamic, dev: Dynamic) -> RhaiResult<()> {
        let dst = args::ip("an address", &ip).argument(0)?;
        let dev = args::link_in(&netns.reference()?, "a link", &dev).argument(1)?;
        Ok(netns.submit(NeighOp::Del(dst, dev), at(&ctx))?)
    }

    /// The neighbours of both families: maps with `dst`, `mac`, `dev` and `state`.
    ///
    /// ```
    /// let br0 = bridge("br0").up().addr("10.0.0.1/24");
    /// host.neigh("10.0.0.2", "02:00:00:00:00:02", br0);
    /// assert(host.neighbours.some(|n| n.dst == "10.0.0.2" && n.state == "permanent"));
    /// ```
    #[rhai_fn(get = "neighbours", pure, return_raw)]
    pub fn get_neighbours(netns: &mut Netns) -> RhaiResult {
        let reference = netns.reference()?;
        let known = unknown::known(netns.session(), &reference, StatePart::Neighbours);
        let records = known.and_then(|()| netns.session().lab().world().neighbours(&reference));
        Ok(unknown::list(records, row)?)
    }
}
