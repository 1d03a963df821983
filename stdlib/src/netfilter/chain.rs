//! Chains: their rules, their policy, and their end.

use std::fmt;

use netscript_lang::diagnostics::{Error, Invalid, Within};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::netfilter::{ChainName, ChainRef, NetfilterOp, Policy, Table as NetfilterTable};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine};

use super::{Rule, Table};
use crate::{Netns, RhaiResult};

/// A chain of a table, built-in or user-defined.
#[derive(Clone, PartialEq)]
pub struct Chain {
    table: Table,
    name: ChainName,
}

impl Chain {
    pub(super) fn new(table: Table, name: ChainName) -> Chain {
        Chain { table, name }
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    pub(super) fn netns(&self) -> &Netns {
        self.table.netns()
    }

    pub(super) fn name(&self) -> &ChainName {
        &self.name
    }

    /// Its reference in operations.
    pub(super) fn reference(&self) -> ChainRef {
        self.table.reference().chain(self.name.clone())
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Chain>("Chain");
    add_words(engine, exported_manifest!(words));
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Sets the policy of a built-in chain, `"accept"` or `"drop"`, for packets without a verdict by a
    /// rule: `iptables -P CHAIN DROP`.
    ///
    /// ```
    /// host.filter.forward.policy("drop");
    /// assert(host.filter.forward.policy == "drop");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn policy(ctx: NativeCallContext, chain: &mut Chain, policy: &str) -> RhaiResult<Chain> {
        let wanted = || super::super::value::wrong("policy", policy, "\"accept\" or \"drop\"");
        let policy = Policy::from_word(policy).ok_or_else(wanted).argument(0)?;
        if chain.reference().hook().is_none() {
            return Err(Error::Invalid(Invalid::Conflict {
                message: format!("`{chain}` is not a built-in chain, and only those have a policy"),
                help: "end the chain with `.drop()` or `.accept()`".into(),
            })
            .into());
        }
        if chain.table.reference().table == NetfilterTable::Nat && policy == Policy::Drop {
            return Err(Error::Invalid(Invalid::Conflict {
                message: "the table `nat` is not for filtering: its chains cannot drop what no rule decided on".into(),
                help: "say it of a chain of `filter`, such as `host.filter.forward`".into(),
            })
            .into());
        }
        chain.netns().submit(NetfilterOp::Policy(chain.reference(), policy), at(&ctx))?;
        Ok(chain.clone())
    }

    /// The policy of a built-in chain, `"accept"` or `"drop"`; `()` for a user-defined chain.
    ///
    /// ```
    /// assert(host.filter.input.policy == "accept");
    /// ```
    #[rhai_fn(get = "policy", pure, return_raw)]
    pub fn get_policy(chain: &mut Chain) -> RhaiResult {
        if chain.reference().hook().is_none() {
            return Ok(Dynamic::UNIT);
        }
        let ruleset = chain.table.ruleset()?;
        let found = ruleset.chain(chain.table.reference(), &chain.name).and_then(|chain| chain.policy);
        // A built-in chain that nobody used yet lets everything pass.
        Ok(found.unwrap_or(Policy::Accept).word().to_lowercase().into())
    }

    /// Removes the chain's rules: `iptables -F CHAIN`.
    ///
    /// ```
    /// host.filter.forward.drop();
    /// host.filter.forward.flush();
    /// assert(host.filter.forward.rules.is_empty());
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn flush(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult<Chain> {
        chain.netns().submit(NetfilterOp::Flush(chain.reference()), at(&ctx))?;
        Ok(chain.clone())
    }

    /// Removes a user-defined chain, which must be empty and not the target of a jump: `iptables -X CHAIN`.
    ///
    /// ```
    /// let c = host.filter.chain("LOG_DROP");
    /// c.delete();
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn delete(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult<()> {
        if chain.reference().hook().is_some() {
            return Err(Error::Invalid(Invalid::Conflict {
                message: format!("the built-in chain `{chain}` cannot be removed"),
                help: "remove its rules with `.flush()`, and set its policy".into(),
            })
            .into());
        }
        Ok(chain.netns().submit(NetfilterOp::DelChain(chain.reference()), at(&ctx))?)
    }

    /// The chain's rules, in order: `iptables -S CHAIN`.
    ///
    /// ```
    /// host.filter.forward.accept(#{ iif: "br0" });
    /// assert(host.filter.forward.rules[0].text == "-A FORWARD -i br0 -j ACCEPT");
    /// ```
    #[rhai_fn(get = "rules", pure, return_raw)]
    pub fn get_rules(chain: &mut Chain) -> RhaiResult<Array> {
        let ruleset = chain.table.ruleset()?;
        let Some(found) = ruleset.chain(chain.table.reference(), &chain.name) else { return Ok(Array::new()) };
        Ok(Rule::all(&chain.table, found).map(Dynamic::from).collect())
    }

    /// The chain's name.
    ///
    /// ```
    /// assert(host.filter.forward.name == "FORWARD");
    /// ```
    #[rhai_fn(get = "name", pure)]
    pub fn get_name(chain: &mut Chain) -> String {
        chain.to_string()
    }

    /// The chain's name as text.
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn to_string(chain: &mut Chain) -> String {
        chain.to_string()
    }

    /// Whether two handles refer to the same chain.
    #[rhai_fn(global, name = "==", pure)]
    pub fn eq(a: &mut Chain, b: Chain) -> bool {
        *a == b
    }

    /// Whether two handles refer to different chains.
    #[rhai_fn(global, name = "!=", pure)]
    pub fn ne(a: &mut Chain, b: Chain) -> bool {
        *a != b
    }
}
