//! Inverses of operations on forwarding tables.

use super::super::{Kernel, Outcome, fdb};
use crate::journal::Undo;
use crate::op::{FdbEntry, FdbOp, NetnsRef};

impl Kernel {
    pub(super) fn inverse_of_fdb(&mut self, netns: &NetnsRef, op: &FdbOp) -> Outcome<Vec<Undo>> {
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
            FdbOp::Del(entry) => self.step(&place, &[dev], FdbOp::Append(entry.clone())),
        }
    }
}
