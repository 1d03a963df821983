//! Forwarding tables of bridges and vxlan links.

use std::net::IpAddr;

use netscript_lang::diagnostics::{Error, Invalid, Result, Within};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::{FdbEntry, FdbOp, IfName, Mac, NetnsRef};
use netscript_net::state::FdbRecord;
use netscript_net::world::StatePart;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::options::{Key, Options, WordOptions, WordsWithOptions, keys};
use crate::unknown;
use crate::{Link, RhaiResult, args};

keys! {
    /// The options of a forwarding entry.
    KEYS:
    /// The bridge port of the address
    DEV: Key<IfName, NetnsRef> = Key::link("dev");
    /// The remote end of a vxlan link for the address
    DST: Key<IpAddr> = Key::ip("dst").example("\"192.0.2.1\"");
}

const ADD_FDB: WordOptions = WordOptions::new("add_fdb", &[KEYS]);
const APPEND_FDB: WordOptions = WordOptions::like("append_fdb", &ADD_FDB, &[]);
const REPLACE_FDB: WordOptions = WordOptions::like("replace_fdb", &ADD_FDB, &[]);
const DEL_FDB: WordOptions = WordOptions::like("del_fdb", &ADD_FDB, &[]);

/// The words of this file that take options.
pub(crate) const OPTIONS: WordsWithOptions = &[&ADD_FDB, &APPEND_FDB, &REPLACE_FDB, &DEL_FDB];

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

/// With `dst`, or without `dev`, the entry is the link's own; otherwise it is the bridge's.
fn entry(of: &'static WordOptions, link: &Link, mac: &Dynamic, options: &Map) -> Result<FdbEntry> {
    let (netns, name) = link.locate()?;
    let o = Options::new(of, options)?;
    let dev = o.get_in(&DEV, &netns)?;
    let dst = o.get(&DST)?;
    Ok(FdbEntry {
        mac: args::mac("a hardware address", mac).argument(0)?,
        master: dev.is_some() && dst.is_none(),
        dev: dev.unwrap_or(name),
        dst,
    })
}

/// Whether an address is that of one station: neither a multicast address nor all zeros, which means all
/// unknown addresses.
fn has_one_end(Mac(bytes): Mac) -> bool {
    bytes[0] & 1 == 0 && bytes != [0; 6]
}

fn row(record: FdbRecord) -> Dynamic {
    let mut map = Map::new();
    map.insert("mac".into(), record.mac.to_string().into());
    map.insert("dev".into(), record.dev.to_string().into());
    map.insert("dst".into(), record.dst.map_or(Dynamic::UNIT, |dst| dst.to_string().into()));
    map.insert("state".into(), record.state.into());
    map.into()
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Adds an entry to a forwarding table: to that of a bridge with `dev`, or to that of a vxlan link with `dst`.
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// let v1 = veth("v1", "c1").master(br0);
    /// br0.add_fdb("02:00:00:00:00:01", #{ dev: v1 });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn add_fdb(ctx: NativeCallContext, link: &mut Link, mac: Dynamic, options: Map) -> RhaiResult<Link> {
        let entry = entry(&ADD_FDB, link, &mac, &options)?;
        link.submit(at(&ctx), |_| FdbOp::Add(entry))?;
        Ok(link.clone())
    }

    /// Adds another remote end to an address of a vxlan link. The address is a multicast address, or all zeros,
    /// whose remote ends get all frames to unknown addresses.
    ///
    /// ```
    /// let vx0 = vxlan("vx0", #{ id: 42, local: "192.0.2.1" });
    /// vx0.append_fdb("00:00:00:00:00:00", #{ dst: "192.0.2.2" });
    /// vx0.append_fdb("00:00:00:00:00:00", #{ dst: "192.0.2.3" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn append_fdb(ctx: NativeCallContext, link: &mut Link, mac: Dynamic, options: Map) -> RhaiResult<Link> {
        let entry = entry(&APPEND_FDB, link, &mac, &options)?;
        if entry.dst.is_some() && has_one_end(entry.mac) {
            // The kernel says nothing and does nothing (vxlan_fdb_update_existing).
            return Err(Error::Invalid(Invalid::Conflict {
                message: format!("{} is the address of one station, which has one far end", entry.mac),
                help: "say where it is with `add_fdb`, or change that with `replace_fdb`".into(),
            })
            .into());
        }
        link.submit(at(&ctx), |_| FdbOp::Append(entry))?;
        Ok(link.clone())
    }

    /// Adds an entry to a forwarding table, or replaces the entry of the same address.
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// let v1 = veth("v1", "c1").master(br0);
    /// let v2 = veth("v2", "c2").master(br0);
    /// br0.add_fdb("02:00:00:00:00:01", #{ dev: v1 });
    /// br0.replace_fdb("02:00:00:00:00:01", #{ dev: v2 });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn replace_fdb(ctx: NativeCallContext, link: &mut Link, mac: Dynamic, options: Map) -> RhaiResult<Link> {
        let entry = entry(&REPLACE_FDB, link, &mac, &options)?;
        link.submit(at(&ctx), |_| FdbOp::Replace(entry))?;
        Ok(link.clone())
    }

    /// Removes an entry from a forwarding table. In a sandbox this needs Linux 6.18, or an older one with its updates
    /// from October 2025.
    ///
    /// ```needs-del-fdb
    /// let br0 = bridge("br0");
    /// let v1 = veth("v1", "c1").master(br0);
    /// br0.add_fdb("02:00:00:00:00:01", #{ dev: v1 });
    /// br0.del_fdb("02:00:00:00:00:01", #{ dev: v1 });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn del_fdb(ctx: NativeCallContext, link: &mut Link, mac: Dynamic, options: Map) -> RhaiResult<Link> {
        let entry = entry(&DEL_FDB, link, &mac, &options)?;
        link.submit(at(&ctx), |_| FdbOp::Del(entry))?;
        Ok(link.clone())
    }

    /// The forwarding table: maps with `mac`, `dev`, `dst` and `state` (`"permanent"`,
    /// `"static"`, or `"reachable"` and `"stale"` for learned entries).
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// let v1 = veth("v1", "c1").master(br0);
    /// br0.add_fdb("02:00:00:00:00:01", #{ dev: v1 });
    /// assert(br0.fdb.some(|e| e.mac == "02:00:00:00:00:01"));
    /// ```
    #[rhai_fn(get = "fdb", pure, return_raw)]
    pub fn get_fdb(link: &mut Link) -> RhaiResult {
        let (netns, name) = link.locate()?;
        let known = unknown::known(link.session(), &netns, StatePart::Fdb);
        let records = known.and_then(|()| link.session().lab().world().fdb(&netns));
        let of_link = |record: &FdbRecord| record.dev == name || record.master.as_ref() == Some(&name);
        let records = records.map(|records| records.into_iter().filter(of_link).collect());
        Ok(unknown::list(records, row)?)
    }
}
