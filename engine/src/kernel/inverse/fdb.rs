//! Inverses of operations on forwarding tables.

use super::super::{Kernel, Outcome, fdb};
use crate::journal::{Deed, Undo};
use crate::op::{FdbEntry, FdbOp, NetnsRef, Op};

impl Kernel {
    pub(super) fn inverse_of_fdb(&mut self, whole: &Op, netns: &NetnsRef, op: &FdbOp) -> Outcome<Vec<Undo>> {
        let (FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Del(entry)) = op;
        let FdbEntry { mac, dev, dst, master } = entry;
        if self.goes_with_link(netns, dev) {
            return Ok(Vec::new());
        }
        let known = fdb::list(&mut self.namespaces, netns)?;
        let is_there = known.iter().any(|record| {
            let same_entry = record.mac == *mac && record.dev == *dev && record.master.is_some() == *master;
            same_entry && (dst.is_none() || record.dst == *dst)
        });
        let place = self.namespaces.place(netns)?;
        match op {
            FdbOp::Add(_) | FdbOp::Append(_) if is_there => Ok(Vec::new()),
            FdbOp::Add(entry) | FdbOp::Append(entry) => self.step(&place, &[dev], FdbOp::Del(entry.clone())),
            FdbOp::Del(_) if !is_there => Ok(Vec::new()),
            FdbOp::Del(entry) => {
                let removes = |deed: &Deed| *deed == Deed::Fdb(FdbOp::Del(entry.clone()));
                let what = || format!("the entry {mac} of `{dev}` in {netns}");
                self.guard_step(whole, Some(dev), what, removes)?;
                self.step(&place, &[dev], FdbOp::Append(entry.clone()))
            }
        }
    }
}
