//! The shape of a rule: if the kernel accepts one rule, it accepts others of the same shape.

use std::mem::{Discriminant, discriminant};

use netscript_net::op::NetfilterOp;
use netscript_net::op::netfilter::{ChainRef, Match, Rule, Target};

/// The built-in chain of a rule, and the kinds of its matches and its target. Rules of one shape differ in values only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    chain: ChainRef,
    matches: Vec<Discriminant<Match>>,
    target: Option<Discriminant<Target>>,
}

impl Shape {
    /// The shape of the rule that an operation adds at an end of its chain. `None` if others on the host could remove
    /// something that it needs, or if some of its settings may be refused.
    pub(super) fn of(op: &NetfilterOp) -> Option<Shape> {
        match op {
            NetfilterOp::Append(rule) | NetfilterOp::Insert(rule, 1) => Shape::of_rule(rule),
            NetfilterOp::Insert(..)
            | NetfilterOp::Delete(..)
            | NetfilterOp::Flush(_)
            | NetfilterOp::FlushTable(_)
            | NetfilterOp::Policy(..)
            | NetfilterOp::NewChain(_)
            | NetfilterOp::DelChain(_) => None,
        }
    }

    fn of_rule(rule: &Rule) -> Option<Shape> {
        let leads_on = matches!(rule.target(), Some(Target::Jump(_) | Target::Goto(_)));
        if rule.chain().hook().is_none() || leads_on || !rule.is_known() {
            return None;
        }
        Some(Shape {
            chain: rule.chain().clone(),
            matches: rule.matches().iter().map(discriminant).collect(),
            target: rule.target().map(discriminant),
        })
    }
}
