//! Forwarding tables of bridges and vxlan links.

use netscript_engine::diagnostics::Result;
use netscript_engine::interpreter::at;
use netscript_engine::op::{FdbEntry, FdbOp};
use netscript_engine::state::FdbRecord;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use crate::options::{Known, Options};
use crate::{Link, RhaiResult, args};

const FDB: &[&str] = &["dev", "dst"];

/// The options of the words of this file.
pub(crate) const OPTIONS: Known = &[("add_fdb", &[FDB]), ("del_fdb", &[FDB])];

pub(crate) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(words).into());
}

/// With `dst`, or without `dev`, the entry is the link's own; otherwise it is the bridge's.
fn entry(link: &Link, mac: &Dynamic, options: Map) -> Result<FdbEntry> {
    let (netns, name) = link.locate()?;
    let mut o = Options::new("add_fdb", options)?;
    let dev = o.link("dev", &netns)?;
    let dst = o.ip("dst")?;
    Ok(FdbEntry {
        mac: args::mac("a hardware address", mac)?,
        master: dev.is_some() && dst.is_none(),
        dev: dev.unwrap_or(name),
        dst,
    })
}

fn row(record: FdbRecord) -> Dynamic {
    let mut map = Map::new();
    map.insert("mac".into(), record.mac.to_string().into());
    map.insert("dev".into(), record.dev.to_string().into());
    map.insert("dst".into(), record.dst.map_or(Dynamic::UNIT, |dst| dst.to_string().into()));
    map.insert("state".into(), record.state.into());
    map.into()
}

#[export_module]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Adds an entry to a bridge's forwarding table (`dev`: the port) or to a vxlan link's own
    /// (`dst`: the far end).
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// let v1 = veth("v1", "c1").master(br0);
    /// br0.add_fdb("02:00:00:00:00:01", #{ dev: v1 });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn add_fdb(ctx: NativeCallContext, link: &mut Link, mac: Dynamic, options: Map) -> RhaiResult<Link> {
        let entry = entry(link, &mac, options)?;
        // A vxlan's entry for all others has a destination for each far end.
        let op = if entry.dst.is_some() { FdbOp::Append(entry) } else { FdbOp::Add(entry) };
        link.submit(at(&ctx), |_| op)?;
        Ok(link.clone())
    }

    /// Removes an entry from a forwarding table; the options are those of `add_fdb`.
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// let v1 = veth("v1", "c1").master(br0);
    /// br0.add_fdb("02:00:00:00:00:01", #{ dev: v1 });
    /// br0.del_fdb("02:00:00:00:00:01", #{ dev: v1 });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn del_fdb(ctx: NativeCallContext, link: &mut Link, mac: Dynamic, options: Map) -> RhaiResult<Link> {
        let entry = entry(link, &mac, options)?;
        link.submit(at(&ctx), |_| FdbOp::Del(entry))?;
        Ok(link.clone())
    }

    /// The forwarding table: maps with `mac`, `dev`, `dst` and `state` (`"permanent"`,
    /// `"static"`, or `"reachable"` and `"stale"` for what was learned).
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// let v1 = veth("v1", "c1").master(br0);
    /// br0.add_fdb("02:00:00:00:00:01", #{ dev: v1 });
    /// assert(br0.fdb.some(|e| e.mac == "02:00:00:00:00:01"));
    /// ```
    #[rhai_fn(get = "fdb", pure, return_raw)]
    pub fn get_fdb(link: &mut Link) -> RhaiResult<Array> {
        let (netns, name) = link.locate()?;
        let records = link.session().lab().world().fdb(&netns)?;
        let of_link = |record: &FdbRecord| record.dev == name || record.master.as_ref() == Some(&name);
        Ok(records.into_iter().filter(of_link).map(row).collect())
    }
}
