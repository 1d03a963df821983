//! Applies single operations to the kernel.

use std::{fs, io};

use crate::journal::Undo;
use crate::netns::{self, Ending, bind, ns_of_pid, path_of};
use crate::site::Site;
use crate::{
    Outcome, Rejection, addr, fdb, link, neigh, netfilter, policy, privilege, proc, rename, resolver, route, sys,
    sysctl,
};
use netscript_net::error::Errno;
use netscript_net::op::{Action, LinkOp, LinkSet, NetnsName, NetnsOp, NetnsRef, Op, PidRef};

/// Applies an operation.
pub(crate) fn carry_out(site: &mut Site, op: &Op) -> Outcome {
    let netns = &op.netns;
    match &op.action {
        Action::Netns(op) => apply_netns(site, op),
        Action::Link(LinkOp::Set(name, LinkSet::Name(to))) => rename::rename(site, netns, name, to),
        Action::Link(op) => link::apply(&mut site.network.namespaces, netns, op),
        Action::Addr(op) => addr::apply(&mut site.network.namespaces, netns, op),
        Action::Route(op) => route::apply(&mut site.network.namespaces, netns, op),
        Action::Policy(op) => policy::apply(&mut site.network.namespaces, netns, op),
        Action::Neigh(op) => neigh::apply(&mut site.network.namespaces, netns, op),
        Action::Fdb(op) => fdb::apply(&mut site.network.namespaces, netns, op),
        Action::Netfilter(op) => {
            netfilter::apply(&mut site.network.namespaces, netns, &[op]).map_err(|(_, rejection)| rejection)
        }
        Action::Sysctl(op) => sysctl::apply(&mut site.network.namespaces, netns, op),
    }
}

fn apply_netns(site: &mut Site, op: &NetnsOp) -> Outcome {
    match op {
        NetnsOp::Add(name) => add_netns(site, name),
        NetnsOp::Del(name) | NetnsOp::Detach(name) => netns::del(&mut site.network.namespaces, name),
        NetnsOp::Hold(number) => {
            let pid = hold(site, *number)?;
            site.network.namespaces.add_holder(*number, pid);
            Ok(())
        }
        NetnsOp::Release(number) => {
            let ending = Ending::of(&mut site.network.namespaces, &NetnsRef::Held(*number));
            site.network.namespaces.forget_holder(*number);
            site.processes.release(*number)?;
            ending.wait(&mut site.network.namespaces);
            Ok(())
        }
        NetnsOp::Attach(name, pid) => {
            let number = process_number(site, *pid)?;
            let path = ns_of_pid(number);
            match fs::metadata(&path) {
                Ok(_) => bind(name, &path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Errno::ESRCH.into()),
                // For example, the process has more capabilities.
                Err(error) => Err(privilege::out_of_reach(number, error.into())),
            }
        }
        NetnsOp::Resolver(name, servers) => resolver::set(name, servers),
    }
}

fn process_number(site: &mut Site, pid: PidRef) -> Outcome<u32> {
    site.processes.pid(pid).map_err(|_| Rejection::from(Errno::ESRCH))
}

/// `ip netns add NAME`: creates the namespace, writes it to the journal, and binds it to its name.
fn add_netns(site: &mut Site, name: &NetnsName) -> Outcome {
    // If the name is taken, the namespace must not get into the journal.
    if path_of(name).symlink_metadata().is_ok() {
        return Err(Errno::EEXIST.into());
    }
    let netns = site.network.namespaces.unshared()?;
    let key = netns.key().unwrap_or_default();
    let entry = site.store.record(
        &Op::host(NetnsOp::Add(name.clone())),
        vec![Undo::Netns { name: name.clone(), key, attached: false }],
    )?;
    if let Err(rejection) = site.network.namespaces.bind(name, &netns) {
        entry.into_iter().for_each(|n| site.store.journal.undone(n));
        return Err(rejection);
    }
    site.network.namespaces.add(NetnsRef::Named(name.clone()), netns);
    Ok(())
}

/// Starts a process that holds a namespace. The process waits until it is in the journal.
fn hold(site: &mut Site, number: u32) -> Outcome<u32> {
    let holder = sys::fork_holder()?;
    let pid = holder.pid();
    let what = "a process that holds a namespace".to_owned();
    let process = proc::identify(pid).ok_or(Errno::ESRCH)?;
    let entry = site.store.record(&Op::host(NetnsOp::Hold(number)), vec![Undo::Process { process, what }])?;
    match holder.release() {
        Ok(pid) => {
            site.processes.add_holder(number, pid);
            Ok(pid.as_raw().unsigned_abs())
        }
        Err(error) => {
            entry.into_iter().for_each(|n| site.store.journal.undone(n));
            Err(error.into())
        }
    }
}
