//! Inverses of operations on namespaces.

use crate::journal::{Key, Undo};
use crate::netns::{path_of, pids_in};
use crate::{Absent, Failure, Kernel, Outcome, resolver};
use netscript_net::op::{NetnsName, NetnsOp, NetnsRef, Op, PidRef};

impl Kernel {
    pub(super) fn inverse_of_netns(&mut self, op: &Op, netns: &NetnsOp) -> Outcome<Vec<Undo>> {
        match netns {
            // These are written where they happen, when the object is there but not yet known.
            NetnsOp::Add(_) | NetnsOp::Hold(_) => Ok(Vec::new()),
            NetnsOp::Release(number) => {
                let netns = NetnsRef::Held(*number);
                self.guard_guests(op, &netns)?;
                Ok(self.loss(&netns))
            }
            NetnsOp::Attach(name, pid) => self.inverse_of_attach(name, *pid),
            NetnsOp::Detach(name) => self.inverse_of_detach(op, name),
            NetnsOp::Del(name) => self.inverse_of_del(op, name),
            NetnsOp::Resolver(name, _) => {
                let had_folder = resolver::has_folder(name);
                Ok(vec![Undo::Resolver { name: name.clone(), before: resolver::servers(name)?, had_folder }])
            }
        }
    }

    fn inverse_of_attach(&mut self, name: &NetnsName, pid: PidRef) -> Outcome<Vec<Undo>> {
        let attached = !matches!(pid, PidRef::Held(_));
        if path_of(name).symlink_metadata().is_ok() {
            return Ok(Vec::new());
        }
        let Ok(pid) = self.processes.pid(pid) else { return Ok(Vec::new()) };
        let reference = NetnsRef::OfPid(pid);
        let key = self.namespaces.key(&reference);
        // An open file would keep the namespace alive.
        self.namespaces.close(&reference);
        // A process that has ended is the operation's own error.
        Ok(key.into_iter().map(|key| Undo::Netns { name: name.clone(), key, attached }).collect())
    }

    /// Without its name a namespace goes, unless a process is in it.
    fn inverse_of_detach(&mut self, op: &Op, name: &NetnsName) -> Outcome<Vec<Undo>> {
        let netns = NetnsRef::Named(name.clone());
        if path_of(name).symlink_metadata().is_err() {
            return Ok(Vec::new());
        }
        let mut place = match self.namespaces.place(&netns) {
            // What it stood for is gone, and cannot be named again.
            Err(Failure { absent: Some(Absent::Leftover(_)), .. }) => return Ok(Vec::new()),
            place => place?,
        };
        let process = pids_in(place.key.inode).first().copied().and_then(crate::proc::identify);
        if process.is_none() {
            self.namespaces.close(&netns);
            return if self.has_named(name, place.key) { Ok(Vec::new()) } else { self.inverse_of_del(op, name) };
        }
        if self.goes_with_netns(&netns) {
            return Ok(Vec::new());
        }
        place.process = process;
        Ok(vec![Undo::Bind { name: name.clone(), place }])
    }

    /// Whether the lab gave a name to somebody else's namespace.
    fn has_named(&self, name: &NetnsName, key: Key) -> bool {
        let gave = |undo: &Undo| matches!(undo, Undo::Netns { name: given, key: to, attached: _ } if given == name && *to == key);
        !self.own.has_netns(&NetnsRef::Named(name.clone()))
            && self.book.entries.iter().flat_map(|entry| &entry.undo).any(gave)
    }

    /// One of the lab's namespaces that goes with what is in it.
    fn loss(&self, netns: &NetnsRef) -> Vec<Undo> {
        let lost = || Undo::Lost { what: format!("the namespace `{netns}`") };
        self.book.is_detailed().then(lost).into_iter().collect()
    }

    /// Others' links that go with one of the lab's namespaces.
    fn guard_guests(&self, op: &Op, netns: &NetnsRef) -> Outcome {
        let note = "it cannot be made again when the lab is taken down";
        let guests = self.own.guests(netns).map(|link| format!("the link `{link}` in {netns}: {note}"));
        self.guard(op, guests.collect())
    }

    /// A namespace of somebody else is not made again: its processes and open files cannot be.
    fn inverse_of_del(&mut self, op: &Op, name: &NetnsName) -> Outcome<Vec<Undo>> {
        let netns = NetnsRef::Named(name.clone());
        if path_of(name).symlink_metadata().is_err() {
            return Ok(Vec::new());
        }
        if self.own.has_netns(&netns) {
            self.guard_guests(op, &netns)?;
            return Ok(self.loss(&netns));
        }
        let note = "it cannot be made again, with what is in it, when the lab is taken down";
        let mut others = vec![format!("the namespace `{name}`: {note}")];
        let inode = self.namespaces.key(&netns).map_or(0, |key| key.inode);
        self.namespaces.close(&netns);
        let programs = pids_in(inode).into_iter().filter(|_| inode != 0);
        others.extend(programs.map(|pid| format!("process {pid} ({}) in it", crate::proc::name_of(pid))));
        self.guard(op, others)?;
        Ok(Vec::new())
    }
}
