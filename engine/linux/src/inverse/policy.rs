//! Inverses of operations on routing rules.

use super::{guard, step};
use crate::journal::{NamedOp, Undo};
use crate::listed::Listed;
use crate::site::Site;
use crate::{Outcome, policy};
use netscript_net::op::{IfName, NetnsRef, Op, PolicyOp, PolicyPattern, PolicyRule};

pub(super) fn inverse(site: &mut Site, whole: &Op, netns: &NetnsRef, op: &PolicyOp) -> Outcome<Vec<Undo>> {
    if guard::goes_with_netns(site, netns) {
        return Ok(Vec::new());
    }
    let listed = policy::listed(&mut site.network.namespaces, netns, op.family())?;
    let place = site.network.namespaces.place(netns)?;
    match op {
        PolicyOp::Add(rule) => {
            let known: Vec<PolicyRule> = listed.into_iter().map(|rule| rule.object).collect();
            let added = PolicyRule { priority: rule.priority.or_else(|| chosen(&known)), ..rule.clone() };
            let added = PolicyPattern::from(added);
            // The kernel will refuse it.
            if known.iter().any(|known| policy::is_same(known, &added)) {
                return Ok(Vec::new());
            }
            step::by_names(site, &place, &[], PolicyOp::Del(added))
        }
        PolicyOp::Del(pattern) => match listed.into_iter().find(|known| pattern.fits(&known.object)) {
            Some(Listed { object: found, message }) => {
                let removes = |op: &NamedOp, _: &[(IfName, u32)]| match op {
                    NamedOp::Policy(PolicyOp::Del(made)) => policy::is_same(&found, made),
                    _ => false,
                };
                let priority = found.priority.unwrap_or(0);
                let what = || format!("the routing rule of priority {priority} for table {} in {netns}", found.table);
                guard::check_step(site, whole, None, what, removes)?;
                step::restoring_by_names(site, &place, &[], PolicyOp::Add(found), &message)
            }
            None => Ok(Vec::new()),
        },
    }
}

/// The priority that the kernel chooses (`fib_default_rule_pref`): one less than the second rule's, unless that is 0.
fn chosen(known: &[PolicyRule]) -> Option<u32> {
    Some(known.get(1)?.priority?.saturating_sub(1))
}
