//! Rules as the kernel lists them, byte by byte, so that they can be put back exactly, whoever made them.

use super::{decode, encode, expr::Expr, wire};
use netscript_net::op::netfilter::{ChainRef, Rule};

/// The attributes of a rule that make it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// `NFTA_RULE_EXPRESSIONS`, counters included.
    pub(crate) expressions: Vec<u8>,
    /// `NFTA_RULE_USERDATA`, where nft keeps comments; empty: there is none.
    pub(crate) userdata: Vec<u8>,
    /// `NFTA_RULE_COMPAT`, which the kernel does not list: protocol and flags.
    pub(crate) compat: (u32, u32),
}

/// A rule of a chain.
pub(crate) struct RawRule {
    /// What it says, as far as netscript understands it.
    pub(crate) rule: Rule,
    /// Its line in `iptables -S`.
    pub(crate) text: String,
    /// The kernel's number for it.
    pub(crate) handle: u64,
    /// What makes it again.
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

    /// A rule of a journal. Its attributes are read anew: what was written by a version that did not
    /// understand them may hold the wrong protocol.
    pub(crate) fn former(chain: &ChainRef, handle: u64, expressions: Vec<u8>, userdata: Vec<u8>) -> RawRule {
        let exprs = wire::expressions(&expressions);
        RawRule::new(chain.clone(), handle, &exprs, expressions, userdata)
    }

    /// Whether two rules say the same, whatever they have counted. Where there is something that netscript
    /// cannot read, the bytes decide.
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

    /// The bytes of the expressions without what changes as packets pass.
    fn content(&self) -> Vec<u8> {
        wire::lasting_expressions(&self.attributes.expressions)
    }

    /// The names of sets that the rule looks into, and of chains that it jumps to.
    pub(super) fn references(&self) -> Vec<wire::Reference> {
        wire::references(&self.attributes.expressions)
    }
}
