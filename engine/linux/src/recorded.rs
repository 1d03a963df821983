//! Operations as a lab does them: written into its journal first.

use crate::journal::{Header, Line, Undo};
use crate::lab::{self, LabFolder, lock_all};
use crate::lock::Lock;
use crate::netns::BLOCK;
use crate::process::{Groups, Processes, group_place};
use crate::{Failure, Kernel, Outcome, link};
use netscript_net::error::Result;
use netscript_net::op::{Action, NetnsRef, Op};

impl Kernel {
    /// Notes that a program runs in a namespace of the lab's own.
    pub(crate) fn note_program(&mut self, netns: &NetnsRef) {
        if self.own.has_netns(netns)
            && let Ok(key) = self.namespaces.key(netns)
        {
            self.book.program_runs(key);
        }
    }

    /// Locks what several labs may change, from before an inverse is read until its operation has
    /// been sent: no other lab can go down meanwhile and take away what was seen, or overlook that
    /// this one needs it, and what is written later is done later.
    pub(crate) fn lock_shared(&self, op: &Op) -> Result<Option<Lock>> {
        let shared = match &op.action {
            Action::Netfilter(_) | Action::Sysctl(_) => self.folder.is_some() && !self.own.has_netns(&op.netns),
            Action::Netns(_)
            | Action::Link(_)
            | Action::Addr(_)
            | Action::Route(_)
            | Action::Policy(_)
            | Action::Neigh(_)
            | Action::Fdb(_) => false,
        };
        if shared { lock_all().map(Some) } else { Ok(None) }
    }

    /// Reads what an operation's inverse must know, and writes it.
    pub(crate) fn look_and_record(&mut self, op: &Op) -> Outcome<Option<u64>> {
        let undo = self.inverse(op)?;
        self.record(op, undo)
    }

    /// Writes what an operation that is about to be sent needs to be undone.
    pub(crate) fn record(&mut self, op: &Op, undo: Vec<Undo>) -> Outcome<Option<u64>> {
        self.book.record_one(op, undo).map_err(Failure::from_error)
    }

    /// Begins the journal of a lab that goes on when this process has ended.
    pub fn keep_in(mut self, folder: LabFolder, script: &str) -> Result<Kernel> {
        let _all = lock_all()?;
        let question = || "look at this network".to_owned();
        let host = self.namespaces.key(&NetnsRef::Host).map_err(|failure| failure.into_error(question))?;
        let links = link::list(&mut self.namespaces, &NetnsRef::Host);
        let links = links.map_err(|failure| failure.into_error(question))?;
        let taken = |base: u32| {
            let block = base..base + BLOCK;
            links.iter().filter_map(|link| link.index).any(|index| block.contains(&index))
        };
        let token = lab::token(folder.name());
        let cgroup = group_place(&token);
        match folder.header(script, host, token, cgroup, taken).and_then(|header| self.begin(&folder, header)) {
            Ok(()) => self.folder = Some(folder),
            Err(error) => {
                // Nothing has been done yet.
                let _ = folder.remove();
                lab::remove_shared();
                return Err(error);
            }
        }
        Ok(self)
    }

    fn begin(&mut self, folder: &LabFolder, header: Header) -> Result<()> {
        self.namespaces.use_block(header.base, header.base);
        let groups = Groups::at(header.cgroup.as_deref());
        self.processes = Processes::new(folder.path(), &header.token, groups);
        self.book.begin(folder.begin_journal(&Line::Lab(header))?);
        Ok(())
    }
}
