//! Renaming a link. Kernels before 6.2 refuse it while the link is up (`dev_change_name`).

use super::{Failure, Kernel, Outcome, link};
use crate::diagnostics::{Errno, Error};
use crate::op::{IfName, LinkFlag, LinkOp, LinkSet, NetnsRef};
use crate::state::Netns;
use crate::state::restore::{self, Phase};

impl Kernel {
    /// `ip link set dev NAME name TO`, on a kernel that refuses that with the link down for a moment.
    pub(super) fn rename(&mut self, netns: &NetnsRef, name: &IfName, to: &IfName) -> Outcome {
        let rename = LinkOp::Set(name.clone(), LinkSet::Name(to.clone()));
        match link::apply(&mut self.namespaces, netns, &rename) {
            Err(failure) if failure.refusal.errno == Errno::EBUSY => {
                let found = link::find(&mut self.namespaces, netns, name)?;
                match found.is_some_and(|link| link.up) {
                    true => self.rename_while_down(netns, name, to, &rename),
                    false => Err(failure),
                }
            }
            result => result,
        }
    }

    /// Down, rename, up, and what goes with being up is put back: IPv6 addresses, routes, neighbours,
    /// VLANs on the link. Of a link in another namespace that stands on this one, nothing is.
    fn rename_while_down(&mut self, netns: &NetnsRef, name: &IfName, to: &IfName, rename: &LinkOp) -> Outcome {
        let before = Netns::read(self, netns, &[]).map_err(unread)?;
        let up = |name: &IfName, on| LinkOp::Set(name.clone(), LinkSet::Flag(LinkFlag::Up, on));
        link::apply(&mut self.namespaces, netns, &up(name, false))?;
        if let Err(failure) = link::apply(&mut self.namespaces, netns, rename) {
            link::apply(&mut self.namespaces, netns, &up(name, true))?;
            self.put_back(netns, &before)?;
            return Err(failure);
        }
        link::apply(&mut self.namespaces, netns, &up(to, true))?;
        self.put_back(netns, &before.renamed(name, to))
    }

    fn put_back(&mut self, netns: &NetnsRef, wanted: &Netns) -> Outcome {
        for phase in Phase::ALL {
            let now = Netns::read(self, netns, &[]).map_err(unread)?;
            for op in restore::steps(phase, netns, &now, wanted) {
                match self.carry_out(&op) {
                    // The kernel was quicker.
                    Err(failure) if matches!(failure.refusal.errno, Errno::EEXIST | Errno::ESRCH) => {}
                    result => result?,
                }
            }
        }
        Ok(())
    }
}

fn unread(error: Error) -> Failure {
    Failure::from_error(error)
}
