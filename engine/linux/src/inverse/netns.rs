//! Inverses of operations on namespaces.

use super::guard;
use crate::journal::{NetnsKey, Undo};
use crate::netns::{path_of, pids_in};
use crate::site::Site;
use crate::{Outcome, Rejection, resolver};
use netscript_net::op::{NetnsName, NetnsOp, NetnsRef, Op, PidRef};
use netscript_net::world::Missing;

pub(super) fn inverse(site: &mut Site, op: &Op, netns: &NetnsOp) -> Outcome<Vec<Undo>> {
    match netns {
        // Their entries are written during the operation, when the object exists but has no name yet.
        NetnsOp::Add(_) | NetnsOp::Hold(_) => Ok(Vec::new()),
        NetnsOp::Release(number) => {
            let netns = NetnsRef::Held(*number);
            guard_guests(site, op, &netns)?;
            Ok(loss(site, &netns))
        }
        NetnsOp::Attach(name, pid) => inverse_of_attach(site, name, *pid),
        NetnsOp::Detach(name) => inverse_of_detach(site, op, name),
        NetnsOp::Del(name) => inverse_of_del(site, op, name),
        NetnsOp::Resolver(name, _) => {
            let had_folder = resolver::has_folder(name);
            Ok(vec![Undo::Resolver { name: name.clone(), before: resolver::servers(name)?, had_folder }])
        }
    }
}

fn inverse_of_attach(site: &mut Site, name: &NetnsName, pid: PidRef) -> Outcome<Vec<Undo>> {
    let attached = !matches!(pid, PidRef::Held(_));
    if path_of(name).symlink_metadata().is_ok() {
        return Ok(Vec::new());
    }
    let Ok(pid) = site.processes.pid(pid) else { return Ok(Vec::new()) };
    let reference = NetnsRef::OfPid(pid);
    let key = site.network.namespaces.key(&reference);
    // An open file would keep the namespace alive.
    site.network.namespaces.close(&reference);
    // If the process has ended, the operation itself will fail.
    Ok(key.into_iter().map(|key| Undo::Netns { name: name.clone(), key, attached }).collect())
}

/// A namespace without a name ends, unless a process is in it.
fn inverse_of_detach(site: &mut Site, op: &Op, name: &NetnsName) -> Outcome<Vec<Undo>> {
    let netns = NetnsRef::Named(name.clone());
    if path_of(name).symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    let mut place = match site.network.namespaces.place(&netns) {
        // The namespace is gone and cannot be named again.
        Err(Rejection { missing: Some(Missing::Leftover(_)), .. }) => return Ok(Vec::new()),
        place => place?,
    };
    let process = pids_in(place.key.inode).first().copied().and_then(crate::proc::identify);
    if process.is_none() {
        site.network.namespaces.close(&netns);
        return if has_named(site, name, place.key) { Ok(Vec::new()) } else { inverse_of_del(site, op, name) };
    }
    if guard::goes_with_netns(site, &netns) {
        return Ok(Vec::new());
    }
    place.process = process;
    Ok(vec![Undo::Bind { name: name.clone(), place }])
}

/// Whether the lab gave this name to a namespace of somebody else.
fn has_named(site: &Site, name: &NetnsName, key: NetnsKey) -> bool {
    let gave = |undo: &Undo| undo.named() == Some((name, key));
    !site.store.own.has_netns(&NetnsRef::Named(name.clone()))
        && site.store.journal.entries.iter().flat_map(|entry| &entry.undo).any(gave)
}

/// A namespace of the lab that ends with everything in it.
fn loss(site: &Site, netns: &NetnsRef) -> Vec<Undo> {
    let lost = || Undo::Lost { what: format!("the namespace `{netns}`") };
    site.store.journal.is_detailed().then(lost).into_iter().collect()
}

/// Links of others that would be removed with a namespace of the lab.
fn guard_guests(site: &Site, op: &Op, netns: &NetnsRef) -> Outcome {
    let note = "it cannot be restored when the lab is taken down";
    let guests = site.store.own.guests(netns).map(|link| format!("the link `{link}` in {netns}: {note}"));
    guard::check(site, op, guests.collect())
}

/// A namespace of somebody else cannot be restored, because its processes and open files cannot.
fn inverse_of_del(site: &mut Site, op: &Op, name: &NetnsName) -> Outcome<Vec<Undo>> {
    let netns = NetnsRef::Named(name.clone());
    if path_of(name).symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    if site.store.own.has_netns(&netns) {
        guard_guests(site, op, &netns)?;
        return Ok(loss(site, &netns));
    }
    let note = "neither it nor its contents can be restored when the lab is taken down";
    let mut others = vec![format!("the namespace `{name}`: {note}")];
    let inode = site.network.namespaces.key(&netns).map_or(0, |key| key.inode);
    site.network.namespaces.close(&netns);
    let programs = pids_in(inode).into_iter().filter(|_| inode != 0);
    others.extend(programs.map(|pid| format!("process {pid} ({}) in it", crate::proc::name_of(pid))));
    guard::check(site, op, others)?;
    Ok(Vec::new())
}
