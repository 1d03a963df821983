//! Tables: `ns.nat`, `ns.filter6`, … and the verbs with a default chain.

use std::fmt;

use netscript_lang::diagnostics::{Error, Result, Within};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::netfilter::{ChainName, Hook, NetfilterOp, TableRef};
use netscript_net::op::{Family, netfilter::Table as Name};
use netscript_net::state::Ruleset;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::targets::{self, CHAIN, Verb};
use super::{Chain, Rule};
use crate::options::{Given, one_of};
use crate::{Netns, RhaiResult};

/// A table of iptables or ip6tables in a namespace.
#[derive(Clone, PartialEq)]
pub struct Table {
    netns: Netns,
    table: TableRef,
}

impl Table {
    pub(super) fn netns(&self) -> &Netns {
        &self.netns
    }

    pub(super) fn reference(&self) -> TableRef {
        self.table
    }

    /// A chain of it, built-in or not.
    pub(super) fn chain(&self, name: ChainName) -> Chain {
        Chain::new(self.clone(), name)
    }

    fn built_in(&self, hook: Hook) -> Result<Chain> {
        if self.table.table.hooks().contains(&hook) {
            return Ok(self.chain(ChainName::of(hook)));
        }
        Err(Error::NotThere {
            what: format!("chain `{}` in {}", hook.chain_name(), self.table),
            known: self.table.table.hooks().iter().map(|hook| hook.chain_name().to_lowercase()).collect(),
        })
    }

    /// The namespace's rules of this family.
    pub(super) fn ruleset(&self) -> Result<Ruleset> {
        let netns = self.netns.reference()?;
        self.netns.session().lab().world().ruleset(&netns, self.table.family)
    }

    /// The names of its chains: the built-in ones, even unused ones, then the others.
    fn chain_names(&self, ruleset: &Ruleset) -> impl Iterator<Item = ChainName> {
        let built_in = self.table.table.hooks().iter().map(|hook| ChainName::of(*hook));
        let own =
            ruleset.chains(self.table).iter().filter(|chain| self.table.chain(chain.name.clone()).hook().is_none());
        built_in.chain(own.map(|chain| chain.name.clone()))
    }

    /// Adds the rules of a verb to the chain that its options name, or to the verb's default chain.
    fn verb(&self, ctx: &NativeCallContext<'_>, verb: Verb, options: &Dynamic, usual: Hook) -> RhaiResult {
        targets::with_options(&verb, options, |o| {
            let chain = match o.get_in(&CHAIN, &(self.clone(), o.of().word()))? {
                Some(chain) => chain,
                None => self.built_in(usual)?,
            };
            targets::apply_to(ctx, &chain, verb.clone(), o)
        })
    }
}

/// A chain that an option names: by a handle, or by a name in the table; built-in ones in lower case too.
pub(super) fn chain_of(given: &Given<'_>, (table, word): &(Table, &'static str)) -> Result<Chain> {
    if let Some(chain) = given.value.read_lock::<Chain>() {
        return Ok(chain.clone());
    }
    let name = crate::args::text(&given.what(), given.value)?;
    let built_in = Hook::ALL.into_iter().find(|hook| hook.chain_name().eq_ignore_ascii_case(&name));
    let chain = match built_in {
        Some(hook) => table.built_in(hook),
        None => ChainName::parse(&name).map(|name| table.chain(name)).map_err(Error::from),
    };
    chain.map_err(|error| match error {
        Error::NotThere { known, .. } => Error::OptionValue {
            key: format!("{}` of `{word}", given.key()),
            given: format!("{name:?}"),
            wanted: one_of(&known.iter().map(String::as_str).collect::<Vec<_>>()),
        },
        other => other,
    })
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.netns, self.table.script_word())
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Table>("Table");
    add_words(engine, exported_manifest!(words));
}

fn of(netns: &Netns, family: Family, table: Name) -> Table {
    Table { netns: netns.clone(), table: TableRef::new(family, table) }
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// The table of IPv4 rules that accept or drop packets: `iptables -t filter`.
    ///
    /// ```
    /// host.filter.forward.accept(#{ iif: "lo" });
    /// ```
    #[rhai_fn(get = "filter", pure)]
    pub fn get_filter(netns: &mut Netns) -> Table {
        of(netns, Family::V4, Name::Filter)
    }

    /// The table of IPv4 address translation: `iptables -t nat`.
    ///
    /// ```
    /// host.nat.masquerade(#{ src: "10.0.0.0/24" });
    /// ```
    #[rhai_fn(get = "nat", pure)]
    pub fn get_nat(netns: &mut Netns) -> Table {
        of(netns, Family::V4, Name::Nat)
    }

    /// The table of rules that change IPv4 packets: `iptables -t mangle`.
    ///
    /// ```
    /// host.mangle.prerouting.mark(#{ iif: "lo", set: 7 });
    /// ```
    #[rhai_fn(get = "mangle", pure)]
    pub fn get_mangle(netns: &mut Netns) -> Table {
        of(netns, Family::V4, Name::Mangle)
    }

    /// The table of IPv4 rules before connection tracking: `iptables -t raw`.
    ///
    /// ```
    /// host.raw.prerouting.notrack(#{ iif: "lo" });
    /// ```
    #[rhai_fn(get = "raw", pure)]
    pub fn get_raw(netns: &mut Netns) -> Table {
        of(netns, Family::V4, Name::Raw)
    }

    /// The table of IPv6 rules that accept or drop packets: `ip6tables -t filter`.
    ///
    /// ```
    /// host.filter6.forward.accept(#{ iif: "lo" });
    /// ```
    #[rhai_fn(get = "filter6", pure)]
    pub fn get_filter6(netns: &mut Netns) -> Table {
        of(netns, Family::V6, Name::Filter)
    }

    /// The table of IPv6 address translation: `ip6tables -t nat`.
    ///
    /// ```
    /// host.nat6.masquerade(#{ src: "fd00::/64" });
    /// ```
    #[rhai_fn(get = "nat6", pure)]
    pub fn get_nat6(netns: &mut Netns) -> Table {
        of(netns, Family::V6, Name::Nat)
    }

    /// The table of rules that change IPv6 packets: `ip6tables -t mangle`.
    ///
    /// ```
    /// host.mangle6.prerouting.mark(#{ iif: "lo", set: 7 });
    /// ```
    #[rhai_fn(get = "mangle6", pure)]
    pub fn get_mangle6(netns: &mut Netns) -> Table {
        of(netns, Family::V6, Name::Mangle)
    }

    /// The table of IPv6 rules before connection tracking: `ip6tables -t raw`.
    ///
    /// ```
    /// host.raw6.prerouting.notrack(#{ iif: "lo" });
    /// ```
    #[rhai_fn(get = "raw6", pure)]
    pub fn get_raw6(netns: &mut Netns) -> Table {
        of(netns, Family::V6, Name::Raw)
    }

    /// The chain `PREROUTING`, for arriving packets: in nat, mangle and raw.
    ///
    /// ```
    /// host.nat.prerouting.redirect(#{ proto: "tcp", dport: 80, to: 8080 });
    /// ```
    #[rhai_fn(get = "prerouting", pure, return_raw)]
    pub fn get_prerouting(table: &mut Table) -> RhaiResult<Chain> {
        Ok(table.built_in(Hook::Prerouting)?)
    }

    /// The chain `INPUT`, for packets to the namespace itself: in filter, nat and mangle.
    ///
    /// ```
    /// host.filter.input.drop(#{ proto: "tcp", dport: 23 });
    /// ```
    #[rhai_fn(get = "input", pure, return_raw)]
    pub fn get_input(table: &mut Table) -> RhaiResult<Chain> {
        Ok(table.built_in(Hook::Input)?)
    }

    /// The chain `FORWARD`, for packets through the namespace: in filter and mangle.
    ///
    /// ```
    /// host.filter.forward.policy("drop");
    /// ```
    #[rhai_fn(get = "forward", pure, return_raw)]
    pub fn get_forward(table: &mut Table) -> RhaiResult<Chain> {
        Ok(table.built_in(Hook::Forward)?)
    }

    /// The chain `OUTPUT`, for packets that the namespace itself sends: in every table.
    ///
    /// ```
    /// host.filter.output.accept(#{ oif: "lo" });
    /// ```
    #[rhai_fn(get = "output", pure, return_raw)]
    pub fn get_output(table: &mut Table) -> RhaiResult<Chain> {
        Ok(table.built_in(Hook::Output)?)
    }

    /// The chain `POSTROUTING`, for leaving packets: in nat and mangle.
    ///
    /// ```
    /// host.nat.postrouting.masquerade(#{ oif: "lo" });
    /// ```
    #[rhai_fn(get = "postrouting", pure, return_raw)]
    pub fn get_postrouting(table: &mut Table) -> RhaiResult<Chain> {
        Ok(table.built_in(Hook::Postrouting)?)
    }

    /// Creates a user-defined chain: `iptables -N NAME`.
    ///
    /// ```
    /// let c = host.filter.chain("LOG_DROP");
    /// c.log(#{ prefix: "dropped: " });
    /// c.drop();
    /// host.filter.forward.jump(c);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn chain(ctx: NativeCallContext, table: &mut Table, name: &str) -> RhaiResult<Chain> {
        let chain = table.chain(ChainName::parse(name).argument(0)?);
        table.netns.submit(NetfilterOp::NewChain(chain.reference()), at(&ctx))?;
        Ok(chain)
    }

    /// A handle to an existing chain.
    ///
    /// ```
    /// host.filter.chain("LOG_DROP");
    /// host.filter.chain_open("LOG_DROP").drop();
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn chain_open(table: &mut Table, name: &str) -> RhaiResult<Chain> {
        let chain = table.chain(ChainName::parse(name).argument(0)?);
        let ruleset = table.ruleset()?;
        if chain.reference().hook().is_some() || ruleset.chain(table.table, chain.name()).is_some() {
            return Ok(chain);
        }
        let known = table.chain_names(&ruleset).map(|name| name.to_string()).collect();
        Ok(Err(Error::NotThere { what: format!("chain `{name}` in {}", table.table), known }).argument(0)?)
    }

    /// The chains: built-in ones first, then user-defined ones by name.
    ///
    /// ```
    /// host.filter.chain("LOG_DROP");
    /// let names = host.filter.chains.map(|c| c.name);
    /// assert(names == ["INPUT", "FORWARD", "OUTPUT", "LOG_DROP"]);
    /// ```
    #[rhai_fn(get = "chains", pure, return_raw)]
    pub fn get_chains(table: &mut Table) -> RhaiResult<Array> {
        let ruleset = table.ruleset()?;
        let names = table.chain_names(&ruleset);
        Ok(names.map(|name| Dynamic::from(table.chain(name))).collect())
    }

    /// The rules of every chain, in order: `iptables -t TABLE -S`.
    ///
    /// ```
    /// host.nat.masquerade(#{ src: "10.0.0.0/24" });
    /// let texts = host.nat.rules.map(|r| r.text);
    /// assert(texts == ["-A POSTROUTING -s 10.0.0.0/24 -j MASQUERADE"]);
    /// ```
    #[rhai_fn(get = "rules", pure, return_raw)]
    pub fn get_rules(table: &mut Table) -> RhaiResult<Array> {
        let ruleset = table.ruleset()?;
        let chains = ruleset.chains(table.table);
        Ok(chains.iter().flat_map(|chain| Rule::all(table, chain)).map(Dynamic::from).collect())
    }

    /// Removes the rules of every chain: `iptables -t TABLE -F`.
    ///
    /// ```
    /// host.nat.masquerade(#{ src: "10.0.0.0/24" });
    /// host.nat.flush();
    /// assert(host.nat.rules.is_empty());
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn flush(ctx: NativeCallContext, table: &mut Table) -> RhaiResult<()> {
        Ok(table.netns.submit(NetfilterOp::FlushTable(table.table), at(&ctx))?)
    }

    /// Replaces the source of leaving packets by the address of their outgoing link, in `POSTROUTING`:
    /// `-j MASQUERADE`.
    ///
    /// ```
    /// host.nat.masquerade(#{ src: "172.17.0.0/24", oif: "!br0" });
    /// ```
    #[rhai_fn(name = "masquerade", pure, return_raw)]
    pub fn masquerade_table(ctx: NativeCallContext, table: &mut Table, options: Dynamic) -> RhaiResult {
        table.verb(&ctx, Verb::Masquerade, &options, Hook::Postrouting)
    }

    /// Replaces the source of every leaving packet by the address of its outgoing link.
    ///
    /// ```
    /// host.nat.masquerade();
    /// ```
    #[rhai_fn(name = "masquerade", pure, return_raw)]
    pub fn masquerade_table_all(ctx: NativeCallContext, table: &mut Table) -> RhaiResult {
        table.verb(&ctx, Verb::Masquerade, &Map::new().into(), Hook::Postrouting)
    }

    /// Replaces the destination of arriving packets, in `PREROUTING`: `-j DNAT`. With
    /// `chain: "output"`, that of packets from the namespace itself.
    ///
    /// ```
    /// host.nat.dnat(#{ iif: "!br0", proto: "tcp", dport: 8000, to: "172.17.0.101:8080" });
    /// ```
    #[rhai_fn(name = "dnat", pure, return_raw)]
    pub fn dnat_table(ctx: NativeCallContext, table: &mut Table, options: Dynamic) -> RhaiResult {
        table.verb(&ctx, Verb::Dnat, &options, Hook::Prerouting)
    }

    /// Replaces the source of leaving packets, in `POSTROUTING`: `-j SNAT`.
    ///
    /// ```
    /// host.nat.snat(#{ src: "172.17.0.0/24", to: "192.0.2.1" });
    /// ```
    #[rhai_fn(name = "snat", pure, return_raw)]
    pub fn snat_table(ctx: NativeCallContext, table: &mut Table, options: Dynamic) -> RhaiResult {
        table.verb(&ctx, Verb::Snat, &options, Hook::Postrouting)
    }

    /// Redirects arriving packets to the namespace itself, in `PREROUTING`: `-j REDIRECT`.
    ///
    /// ```
    /// host.nat.redirect(#{ proto: "tcp", dport: 80, to: 8080 });
    /// ```
    #[rhai_fn(name = "redirect", pure, return_raw)]
    pub fn redirect_table(ctx: NativeCallContext, table: &mut Table, options: Dynamic) -> RhaiResult {
        table.verb(&ctx, Verb::Redirect, &options, Hook::Prerouting)
    }

    /// The table's name: `"nat"`, `"nat6"`.
    ///
    /// ```
    /// assert(host.nat6.name == "nat6");
    /// ```
    #[rhai_fn(get = "name", pure)]
    pub fn get_table_name(table: &mut Table) -> String {
        table.table.script_word()
    }

    /// The table's name as text.
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn to_string(table: &mut Table) -> String {
        table.to_string()
    }

    /// Whether two handles refer to the same table.
    #[rhai_fn(global, name = "==", pure)]
    pub fn eq(a: &mut Table, b: Table) -> bool {
        *a == b
    }

    /// Whether two handles refer to different tables.
    #[rhai_fn(global, name = "!=", pure)]
    pub fn ne(a: &mut Table, b: Table) -> bool {
        *a != b
    }
}
