//! Rules: their text, their counters, and removing them.

use std::fmt;

use netscript_lang::diagnostics::{Error, Result};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::netfilter::{self, NetfilterOp};
use netscript_net::op::raw;
use netscript_net::state::{self, RuleRecord};
use netscript_net::world::StatePart;
use rhai::Engine;
use rhai::plugin::*;

use super::Table;
use crate::RhaiResult;

/// A rule of a chain.
#[derive(Clone, PartialEq)]
pub struct Rule {
    table: Table,
    rule: netfilter::Rule,
    /// The kernel's number, once it is known.
    handle: Option<u64>,
}

impl Rule {
    /// A rule that was just added.
    pub(super) fn made(table: &Table, rule: netfilter::Rule) -> Rule {
        Rule { table: table.clone(), rule, handle: None }
    }

    /// The rules of a chain.
    pub(super) fn all(table: &Table, chain: &state::Chain) -> impl Iterator<Item = Rule> {
        chain.rules.iter().map(|record| Rule {
            table: table.clone(),
            rule: record.rule.clone(),
            handle: Some(record.handle),
        })
    }

    /// The rule's current state in the kernel: the rule with the handle, or the first equal rule.
    fn look(&self) -> Result<RuleRecord> {
        let ruleset = self.table.ruleset()?;
        let chain = ruleset.chain(self.table.reference(), &self.rule.chain().name);
        let wanted = self.rule.normal_form();
        let is_this = |record: &&RuleRecord| match self.handle {
            Some(handle) => record.handle == handle,
            None => record.rule.normal_form() == wanted,
        };
        let found = chain.and_then(|chain| chain.rules.iter().find(is_this));
        found.cloned().ok_or_else(|| Error::Gone { what: format!("the rule `{self}`"), removed: None })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&raw::shown(&self.rule.text()))
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Rule>("Rule");
    add_words(engine, exported_manifest!(words));
}

fn counted(count: Option<u64>) -> RhaiResult<i64> {
    match count {
        Some(count) => Ok(number(count)),
        None => Err(Error::NotSimulated { what: "how many packets a rule has matched".to_owned() }.into()),
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Removes the rule: `iptables -D CHAIN …`.
    ///
    /// ```
    /// let rule = host.filter.forward.accept(#{ iif: "br0" });
    /// rule.delete();
    /// assert(host.filter.forward.rules.is_empty());
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn delete(ctx: NativeCallContext, rule: &mut Rule) -> RhaiResult<()> {
        let op = NetfilterOp::Delete(rule.rule.clone(), rule.handle);
        Ok(rule.table.netns().submit(op, at(&ctx))?)
    }

    /// Its line in `iptables -S`.
    ///
    /// ```
    /// host.filter.forward.accept(#{ iif: "br0" });
    /// assert(host.filter.rules[0].text == "-A FORWARD -i br0 -j ACCEPT");
    /// ```
    #[rhai_fn(get = "text", pure)]
    pub fn get_text(rule: &mut Rule) -> String {
        rule.to_string()
    }

    /// The kernel's number of the rule, as in `nft -a list ruleset`.
    ///
    /// ```
    /// assert(host.filter.forward.drop().handle > 0);
    /// ```
    #[rhai_fn(get = "handle", pure, return_raw)]
    pub fn get_handle(rule: &mut Rule) -> RhaiResult<i64> {
        let found = rule.look()?;
        let netns = rule.table.netns();
        crate::unknown::known(netns.session(), &netns.reference()?, StatePart::Handles)?;
        Ok(number(found.handle))
    }

    /// The number of packets that it has matched.
    ///
    /// ```
    /// host.lo.up();
    /// let rule = host.filter.output.accept(#{ icmp: "echo-request" });
    /// host.ping("127.0.0.1");
    /// assert(rule.packets == 1);
    /// ```
    #[rhai_fn(get = "packets", pure, return_raw)]
    pub fn get_packets(rule: &mut Rule) -> RhaiResult<i64> {
        counted(rule.look()?.packets)
    }

    /// The number of bytes in the packets that it has matched, with their IP headers.
    ///
    /// ```
    /// host.lo.up();
    /// let rule = host.filter.output.accept(#{ icmp: "echo-request" });
    /// host.ping("127.0.0.1", #{ size: 56 });
    /// assert(rule.bytes == 84);
    /// ```
    #[rhai_fn(get = "bytes", pure, return_raw)]
    pub fn get_bytes(rule: &mut Rule) -> RhaiResult<i64> {
        counted(rule.look()?.bytes)
    }

    /// The rule's line in `iptables -S`, as text.
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn to_string(rule: &mut Rule) -> String {
        rule.to_string()
    }

    /// Whether two rules are the same.
    #[rhai_fn(global, name = "==", pure)]
    pub fn eq(a: &mut Rule, b: Rule) -> bool {
        *a == b
    }

    /// Whether two rules are not the same.
    #[rhai_fn(global, name = "!=", pure)]
    pub fn ne(a: &mut Rule, b: Rule) -> bool {
        *a != b
    }
}
