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
        // These are written where they happen, when the object is there but not yet known.
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
    // A process that has ended is the operation's own error.
    Ok(key.into_iter().map(|key| Undo::Netns { name: name.clone(), key, attached }).collect())
}

/// Without its name a namespace goes, unless a process is in it.
fn inverse_of_detach(site: &mut Site, op: &Op, name: &NetnsName) -> Outcome<Vec<Undo>> {
    let netns = NetnsRef::Named(name.clone());
    if path_of(name).symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    let mut place = match site.network.namespaces.place(&netns) {
        // What it stood for is gone, and cannot be named again.
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

/// Whether the lab gave a name to somebody else's namespace.
fn has_named(site: &Site, name: &NetnsName, key: NetnsKey) -> bool {
    let gave = |undo: &Undo| undo.named() == Some((name, key));
    !site.store.own.has_netns(&NetnsRef::Named(name.clone()))
        && site.store.journal.entries.iter().flat_map(|entry| &entry.undo).any(gave)
}

/// One of the lab's namespaces that goes with what is in it.
fn loss(site: &Site, netns: &NetnsRef) -> Vec<Undo> {
    let lost = || Undo::Lost { what: format!("the namespace `{netns}`") };
    site.store.journal.is_detailed().then(lost).into_iter().collect()
}

/// Others' links that go with one of the lab's namespaces.
fn guard_guests(site: &Site, op: &Op, netns: &NetnsRef) -> Outcome {
    let note = "it cannot be made again when the lab is taken down";
    let guests = site.store.own.guests(netns).map(|link| format!("the link `{link}` in {netns}: {note}"));
    guard::check(site, op, guests.collect())
}

/// A namespace of somebody else is not made again: its processes and open files cannot be.
fn inverse_of_del(site: &mut Site, op: &Op, name: &NetnsName) -> Outcome<Vec<Undo>> {
    let netns = NetnsRef::Named(name.clone());
    if path_of(name).symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    if site.store.own.has_netns(&netns) {
        guard_guests(site, op, &netns)?;
        return Ok(loss(site, &netns));
    }
    let note = "it cannot be made again, with what is in it, when the lab is taken down";
    let mut others = vec![format!("the namespace `{name}`: {note}")];
    let inode = site.network.namespaces.key(&netns).map_or(0, |key| key.inode);
    site.network.namespaces.close(&netns);
    let programs = pids_in(inode).into_iter().filter(|_| inode != 0);
    others.extend(programs.map(|pid| format!("process {pid} ({}) in it", crate::proc::name_of(pid))));
    guard::check(site, op, others)?;
    Ok(Vec::new())
}
