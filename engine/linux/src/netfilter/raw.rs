//! Rules in the kernel's binary form, so that rules of any origin can be restored exactly.

use super::{decode, encode, expr::Expr, wire};
use netscript_net::op::netfilter::{ChainRef, Rule};

/// The attributes that are needed to restore a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// `NFTA_RULE_EXPRESSIONS`, including counters.
    pub(crate) expressions: Vec<u8>,
    /// `NFTA_RULE_USERDATA`, where nft keeps comments; empty if there is none.
    pub(crate) userdata: Vec<u8>,
    /// `NFTA_RULE_COMPAT`, which the kernel does not list: protocol and flags.
    pub(crate) compat: (u32, u32),
}

/// An existing or removed rule of a chain.
pub(crate) struct RawRule {
    /// The rule, as far as netscript can read it.
    pub(crate) rule: Rule,
    /// Its line in `iptables -S`.
    pub(crate) text: String,
    /// The kernel's handle.
    pub(crate) handle: u64,
    /// The attributes that are needed to restore it.
    pub(crate) attributes: Attributes,
}

impl RawRule {
    pub(super) fn new(
        chain: ChainRef,
        handle: u64,
        exprs: &[Expr],
        expressions: Vec<u8>,
        userdata: Vec<u8>,
    ) -> RawRule {
        let rule = decode::rule(chain, exprs).0;
        let attributes = Attributes { expressions, userdata, compat: encode::compat(&rule) };
        RawRule { text: rule.text(), rule, handle, attributes }
    }

    /// A removed rule from a journal. Its attributes are derived again: a version that did not understand the
    /// expressions may have written the wrong protocol.
    pub(crate) fn former(chain: &ChainRef, handle: u64, expressions: Vec<u8>, userdata: Vec<u8>) -> RawRule {
        let exprs = wire::expressions(&expressions);
        RawRule::new(chain.clone(), handle, &exprs, expressions, userdata)
    }

    /// Whether two rules have the same meaning, without counters. If netscript cannot read something in them, their
    /// bytes are compared.
    pub(crate) fn says_the_same(&self, other: &RawRule) -> bool {
        if self.text != other.text && self.rule.normal_form().text() != other.rule.normal_form().text() {
            return false;
        }
        match self.rule.is_read() && other.rule.is_read() {
            true => {
                self.rule.normal_form() == other.rule.normal_form()
                    && self.attributes.userdata == other.attributes.userdata
            }
            false => self.content() == other.content() && self.attributes.userdata == other.attributes.userdata,
        }
    }

    /// The bytes of the expressions, without parts that change as packets pass.
    fn content(&self) -> Vec<u8> {
        wire::lasting_expressions(&self.attributes.expressions)
    }

    /// The names of the sets and chains that the rule refers to.
    pub(super) fn references(&self) -> Vec<wire::Reference> {
        wire::references(&self.attributes.expressions)
    }
}
