//! Inverses of operations on forwarding tables.

use super::{guard, step};
use crate::journal::{NamedOp, Undo};
use crate::listed::Listed;
use crate::site::Site;
use crate::{Outcome, fdb, link as links};
use netscript_net::op::{FdbEntry, FdbOp, IfName, NetnsRef, Op};
use netscript_net::state::FdbRecord;

pub(super) fn inverse(site: &mut Site, whole: &Op, netns: &NetnsRef, op: &FdbOp) -> Outcome<Vec<Undo>> {
    let (FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Replace(entry) | FdbOp::Del(entry)) = op;
    let FdbEntry { mac, dev, dst, master } = entry;
    if guard::goes_with_link(site, netns, dev) {
        return Ok(Vec::new());
    }
    let known = fdb::list(&mut site.network.namespaces, netns)?;
    let same_entry = |record: &&FdbRecord| {
        record.mac == *mac
            && record.dev == *dev
            && record.master.is_some() == *master
            && (dst.is_none() || record.dst == *dst)
    };
    let there: Vec<&FdbRecord> = known.iter().filter(same_entry).collect();
    let is_there = !there.is_empty();
    let place = site.network.namespaces.place(netns)?;
    match op {
        FdbOp::Add(_) | FdbOp::Append(_) if is_there => Ok(Vec::new()),
        FdbOp::Replace(_) if there.iter().any(|record| dst.is_some() && record.dst == *dst) => Ok(Vec::new()),
        // A bridge has one entry for each address, so appending replaces it (`fdb_add_entry`).
        FdbOp::Append(_) | FdbOp::Replace(_) if *master || matches!(op, FdbOp::Replace(_)) => {
            match former_entry(site, netns, entry)? {
                Some((former, message)) => {
                    let removes = |op: &NamedOp, _: &[(IfName, u32)]| matches!(op, NamedOp::Fdb(FdbOp::Del(made)) if made.mac == *mac);
                    let what = || format!("the entry {mac} of `{}` in {netns}", former.dev);
                    guard::check_step(site, whole, Some(&former.dev), what, removes)?;
                    let dev = former.dev.clone();
                    step::restoring_by_names(site, &place, &[&dev], FdbOp::Replace(former), &message)
                }
                None => step::by_names(site, &place, &[dev], FdbOp::Del(entry.clone())),
            }
        }
        FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Replace(entry) => {
            step::by_names(site, &place, &[dev], FdbOp::Del(entry.clone()))
        }
        // Without a remote end, a deletion removes the entries for all of them. Learned entries are learned again.
        FdbOp::Del(_) => {
            let index = links::index(&mut site.network.namespaces, netns, dev).ok();
            let set = fdb::listed_set(&mut site.network.namespaces, netns)?;
            let mut undo = Vec::new();
            for Listed { object: record, message } in set.into_iter().filter(|set| same_entry(&&set.object)) {
                let removes = |op: &NamedOp, on: &[(IfName, u32)]| match op {
                    NamedOp::Fdb(FdbOp::Del(made)) => {
                        made.mac == *mac
                            && made.master == *master
                            && (made.dst.is_none() || made.dst == record.dst)
                            && step::names_link(on, index)
                    }
                    _ => false,
                };
                let what = || format!("the entry {mac} of `{dev}` in {netns}");
                guard::check_step(site, whole, Some(dev), what, removes)?;
                let entry = FdbEntry { mac: *mac, dev: dev.clone(), dst: record.dst, master: *master };
                undo.extend(step::restoring_by_names(site, &place, &[dev], FdbOp::Append(entry), &message)?);
            }
            Ok(undo)
        }
    }
}

/// The entry that a new one of the same address replaces, if somebody has set it, with the kernel's message. Learned
/// entries are learned again.
fn former_entry(site: &mut Site, netns: &NetnsRef, entry: &FdbEntry) -> Outcome<Option<(FdbEntry, Vec<u8>)>> {
    let bridge = match entry.master {
        true => links::find(&mut site.network.namespaces, netns, &entry.dev)?.and_then(|link| link.master),
        false => None,
    };
    let same_table = |record: &FdbRecord| match entry.master {
        true => record.master.is_some() && record.master == bridge,
        false => record.master.is_none() && record.dev == entry.dev,
    };
    let set = fdb::listed_set(&mut site.network.namespaces, netns)?;
    let mut found = set.into_iter().filter(|set| set.object.mac == entry.mac && same_table(&set.object));
    Ok(found
        .next()
        .map(|Listed { object, message }| (FdbEntry { dev: object.dev, dst: object.dst, ..entry.clone() }, message)))
}
