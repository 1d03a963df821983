//! Operations, done as the kernel takes them.

use std::{fs, io};

use crate::journal::{Key, Undo};
use crate::netns::{self, Ending, bind, ns_of_pid, path_of};
use crate::{
    Failure, Kernel, Outcome, addr, fdb, link, neigh, netfilter, policy, privilege, proc, resolver, route, sys, sysctl,
};
use netscript_net::error::Errno;
use netscript_net::op::{Action, LinkOp, LinkSet, NetnsName, NetnsOp, NetnsRef, Op, PidRef};

impl Kernel {
    /// Does an operation.
    pub(crate) fn carry_out(&mut self, op: &Op) -> Outcome {
        let netns = &op.netns;
        match &op.action {
            Action::Netns(op) => self.apply_netns(op),
            Action::Link(LinkOp::Set(name, LinkSet::Name(to))) => self.rename(netns, name, to),
            Action::Link(op) => link::apply(&mut self.namespaces, netns, op),
            Action::Addr(op) => addr::apply(&mut self.namespaces, netns, op),
            Action::Route(op) => route::apply(&mut self.namespaces, netns, op),
            Action::Policy(op) => policy::apply(&mut self.namespaces, netns, op),
            Action::Neigh(op) => neigh::apply(&mut self.namespaces, netns, op),
            Action::Fdb(op) => fdb::apply(&mut self.namespaces, netns, op),
            Action::Netfilter(op) => {
                netfilter::apply(&mut self.namespaces, netns, &[op]).map_err(|(_, failure)| failure)
            }
            Action::Sysctl(op) => sysctl::apply(&mut self.namespaces, netns, op),
        }
    }
}

impl Kernel {
    pub(crate) fn apply_netns(&mut self, op: &NetnsOp) -> Outcome {
        match op {
            NetnsOp::Add(name) => self.add_netns(name),
            NetnsOp::Del(name) | NetnsOp::Detach(name) => netns::del(&mut self.namespaces, name),
            NetnsOp::Hold(number) => {
                let pid = self.hold(*number)?;
                self.namespaces.add_holder(*number, pid);
                Ok(())
            }
            NetnsOp::Release(number) => {
                let ending = Ending::of(&mut self.namespaces, &NetnsRef::Held(*number));
                self.namespaces.forget_holder(*number);
                self.processes.release(*number)?;
                ending.wait(&mut self.namespaces);
                Ok(())
            }
            NetnsOp::Attach(name, pid) => {
                let number = self.process_number(*pid)?;
                let path = ns_of_pid(number);
                match fs::metadata(&path) {
                    Ok(_) => bind(name, &path),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Errno::ESRCH.into()),
                    // Of a process that has more capabilities, say.
                    Err(error) => Err(privilege::out_of_reach(number, error.into())),
                }
            }
            NetnsOp::Resolver(name, servers) => resolver::set(name, servers),
        }
    }

    fn process_number(&mut self, pid: PidRef) -> Outcome<u32> {
        self.processes.pid(pid).map_err(|_| Failure::from(Errno::ESRCH))
    }
}

impl Kernel {
    /// `ip netns add NAME`: the namespace is made, written into the journal, and bound to its name.
    fn add_netns(&mut self, name: &NetnsName) -> Outcome {
        // A name that is taken must not get into the journal.
        if path_of(name).symlink_metadata().is_ok() {
            return Err(Errno::EEXIST.into());
        }
        let space = self.namespaces.unshared()?;
        let key = space.key().unwrap_or_default();
        let entry = self.record_new_netns(name, key)?;
        if let Err(failure) = self.namespaces.bind(name, &space) {
            entry.into_iter().for_each(|n| self.book.undone(n));
            return Err(failure);
        }
        self.namespaces.add(NetnsRef::Named(name.clone()), space);
        Ok(())
    }

    /// Writes a new namespace into the journal, between its making and its naming.
    pub(crate) fn record_new_netns(&mut self, name: &NetnsName, key: Key) -> Outcome<Option<u64>> {
        let op = Op::host(NetnsOp::Add(name.clone()));
        self.record(&op, vec![Undo::Netns { name: name.clone(), key, attached: false }])
    }

    /// Starts a process that holds a namespace; it waits until it stands in the journal.
    pub(crate) fn hold(&mut self, number: u32) -> Outcome<u32> {
        let holder = sys::fork_holder()?;
        let pid = holder.pid();
        let what = "a process that holds a namespace".to_owned();
        let process = proc::identify(pid).ok_or(Errno::ESRCH)?;
        let entry = self.record(&Op::host(NetnsOp::Hold(number)), vec![Undo::Process { process, what }])?;
        match holder.release() {
            Ok(pid) => {
                self.processes.add_holder(number, pid);
                Ok(pid.as_raw().unsigned_abs())
            }
            Err(error) => {
                entry.into_iter().for_each(|n| self.book.undone(n));
                Err(error.into())
            }
        }
    }
}
