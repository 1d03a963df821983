//! Settings, written back.

use super::super::{Kernel, Outcome, sysctl};
use crate::journal::Place;
use crate::op::{NetnsRef, SysctlKey, SysctlOp};

impl Kernel {
    /// Writes settings back, unless somebody else has changed the first since.
    pub(super) fn undo_sysctl(&mut self, place: &Place, wrote: &str, before: &[(SysctlKey, String)]) -> Outcome {
        let Some(netns) = self.find(place)? else { return Ok(()) };
        if let Some((key, value)) = before.first()
            && !wrote.is_empty()
        {
            let now = sysctl::read(&mut self.namespaces, &netns, key).unwrap_or_default();
            if !same(&now, wrote) && !same(&now, value) {
                return Ok(());
            }
        }
        before.iter().try_for_each(|(key, value)| self.write_back(&netns, key, value))
    }

    /// A setting that is gone, with its link, has nothing to be written back to.
    fn write_back(&mut self, netns: &NetnsRef, key: &SysctlKey, value: &str) -> Outcome {
        match sysctl::read(&mut self.namespaces, netns, key) {
            Ok(now) if !same(&now, value) => {
                let op = SysctlOp::Write(key.clone(), value.to_owned());
                sysctl::apply(&mut self.namespaces, netns, &op)
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// The kernel writes tabs where it reads any white space.
fn same(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}
