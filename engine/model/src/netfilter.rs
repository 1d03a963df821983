//! Changing chains and rules.

use super::{Model, Outcome};
use netscript_net::error::Errno;
use netscript_net::op::{NetfilterOp, NetnsRef};

impl Model {
    pub(super) fn apply_netfilter(&mut self, netns: &NetnsRef, op: &NetfilterOp) -> Outcome {
        let netns = self.netns_id(netns)?;
        let tables = &mut self.netns_mut(netns).tables;
        match op {
            NetfilterOp::Append(rule) => tables.insert(rule, None),
            NetfilterOp::Insert(rule, at) => tables.insert(rule, Some(*at)),
            NetfilterOp::Delete(rule, handle) => tables.delete(rule, *handle),
            NetfilterOp::Flush(chain) => {
                tables.chain(chain)?.rules.clear();
                Ok(())
            }
            NetfilterOp::FlushTable(table) => {
                tables.flush_table(*table);
                Ok(())
            }
            NetfilterOp::Policy(chain, policy) => {
                if chain.hook().is_none() {
                    return Err(Errno::EINVAL.into());
                }
                tables.chain(chain)?.policy = Some(*policy);
                Ok(())
            }
            NetfilterOp::NewChain(chain) => tables.new_chain(chain),
            NetfilterOp::DelChain(chain) => tables.del_chain(chain),
        }
    }
}
