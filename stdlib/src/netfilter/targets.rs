//! Verbs: the targets of rules.

use netscript_lang::diagnostics::{Error, Invalid, Result, Step, Within};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::netfilter::{
    self, ChainName, ConnmarkTarget, Header, Log, LogPrefix, Masked, Mss, NatAddrs, NatOptions, NatTo, Negatable,
    NetfilterOp, PortRange, RejectWith, Target,
};
use netscript_net::op::{Family, Op, Prefix};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::keys::{AT, COMMON, DST, Here, MASKED, MATCHES, SRC, of_both};
use super::matches::{self, masked, target_address};
use super::table::chain_of;
use super::value::{text, word};
use super::{Chain, Rule, Table};
use crate::options::{Given, Key, Literal, OptionSpec, Options, Takes, WordOptions, WordsWithOptions, keys, one_of};
use crate::{RhaiResult, args, unknown};

keys! {
    /// Further options of `reject`.
    REJECT_KEYS:
    /// The answer to the sender; by default port unreachable
    REPLY: Key<RejectWith, Here> = Key::new("reply", Takes::Words(replies), reply);
}

keys! {
    /// Further options of `log`.
    LOG_KEYS:
    /// The beginning of the line in the log
    PREFIX: Key<LogPrefix> = Key::value("prefix", "one line of 1 to 29 bytes", prefix).example("\"seen: \"");
    /// The level of the line
    LEVEL: Key<u8> = Key::new("level", Takes::WordsOr(|| Log::level_words().to_vec(), "a number from 0 to 7"), |given, ()| {
        given.word(Log::level_from_word)
    })
    .default(Literal::Int(Log::DEFAULT_LEVEL as i64));
}

keys! {
    /// Options of every verb that changes addresses.
    pub(super) NAT_KEYS:
    /// Whether ports are chosen at random
    RANDOM: Key<bool> = Key::boolean("random").default(Literal::Bool(false));
    /// The rule's chain, instead of the verb's default chain; only for methods of a table
    CHAIN: Key<Chain, (Table, &'static str)> = Key::value("chain", "a chain (a Chain or its name)", chain_of).example("\"output\"");
}

keys! {
    /// Options of verbs that change the source.
    SOURCE_KEYS:
    /// Whether ports are chosen fully at random
    RANDOM_FULLY: Key<bool> = Key::boolean("random_fully").default(Literal::Bool(false));
}

keys! {
    /// Options of verbs that change to one of several addresses.
    ADDRESSES_KEYS:
    /// Whether a client gets the same address each time
    PERSISTENT: Key<bool> = Key::boolean("persistent").default(Literal::Bool(false));
}

keys! {
    /// Options of verbs that choose a port.
    PORTS_KEYS:
    /// The ports to choose from
    TO_PORTS: Key<PortRange> = Key::value("to", "a port, or a range such as \"8080-8090\"", to_ports).example("8080");
}

keys! {
    /// Further options of `snat`.
    SNAT_KEYS:
    /// The new source
    NEW_SOURCE: Key<NatTo, Here> = Key::value("to", NAT_TO, nat_to).example("\"192.0.2.1\"").needed();
}

keys! {
    /// Further options of `dnat`.
    DNAT_KEYS:
    /// The new destination
    NEW_DESTINATION: Key<NatTo, Here> = Key::value("to", NAT_TO, nat_to).example("\"10.0.0.2:8080\"").needed();
}

const NAT_TO: &str = "an address, a link or a namespace; \"ADDRESS:PORT\", and ranges with `-`";

keys! {
    /// Further options of `mark`.
    MARK_KEYS:
    /// The new mark
    NEW_MARK: Key<Masked> = Key::value("set", MASKED, set_mark).example("7").needed();
}

keys! {
    /// Further options of `connmark`: one of `set`, `save` and `restore`.
    CONNMARK_KEYS:
    /// The connection's new mark
    SET: Key<Masked> = Key::value("set", MASKED, set_mark).example("7");
    /// Whether to save the packet's mark as the connection's mark
    SAVE: Key<bool> = Key::boolean("save").default(Literal::Bool(false));
    /// Whether to restore the packet's mark from the connection's mark
    RESTORE: Key<bool> = Key::boolean("restore").default(Literal::Bool(false));
    /// The bits to save or restore
    MASK: Key<u32> = Key::value("mask", "a number from 0 to 4294967295", mask).example("\"0xff\"");
}

keys! {
    /// Further options of `tcpmss`: one of them.
    TCPMSS_KEYS:
    /// The largest segment size
    MSS: Key<u16> = Key::number("set", 0, Mss::MAX as i64).unit("bytes").example("1400");
    /// Whether to limit the size to the path's MTU
    CLAMP: Key<bool> = Key::boolean("clamp").default(Literal::Bool(false));
}

const ACCEPT: WordOptions = WordOptions::new("accept", &[COMMON, MATCHES]);
const DROP: WordOptions = WordOptions::like("drop", &ACCEPT, &[]);
const RET: WordOptions = WordOptions::like("ret", &ACCEPT, &[]);
const JUMP: WordOptions = WordOptions::like("jump", &ACCEPT, &[]);
const NOTRACK: WordOptions = WordOptions::like("notrack", &ACCEPT, &[]);
const REJECT: WordOptions = WordOptions::like("reject", &ACCEPT, &[REJECT_KEYS]);
const LOG: WordOptions = WordOptions::like("log", &ACCEPT, &[LOG_KEYS]);
const MASQUERADE: WordOptions = WordOptions::like("masquerade", &ACCEPT, &[PORTS_KEYS, SOURCE_KEYS, NAT_KEYS]);
const SNAT: WordOptions = WordOptions::like("snat", &ACCEPT, &[SNAT_KEYS, SOURCE_KEYS, ADDRESSES_KEYS, NAT_KEYS]);
const DNAT: WordOptions = WordOptions::like("dnat", &ACCEPT, &[DNAT_KEYS, ADDRESSES_KEYS, NAT_KEYS]);
const REDIRECT: WordOptions = WordOptions::like("redirect", &ACCEPT, &[PORTS_KEYS, NAT_KEYS]);
const MARK: WordOptions = WordOptions::like("mark", &ACCEPT, &[MARK_KEYS]);
const CONNMARK: WordOptions = WordOptions::like("connmark", &ACCEPT, &[CONNMARK_KEYS]);
const TCPMSS: WordOptions = WordOptions::like("tcpmss", &ACCEPT, &[TCPMSS_KEYS]);

/// The verbs.
pub(crate) const OPTIONS: WordsWithOptions = &[
    &ACCEPT,
    &DROP,
    &RET,
    &JUMP,
    &NOTRACK,
    &REJECT,
    &LOG,
    &MASQUERADE,
    &SNAT,
    &DNAT,
    &REDIRECT,
    &MARK,
    &CONNMARK,
    &TCPMSS,
];

/// A verb, with arguments that are not options.
#[derive(Clone)]
pub(super) enum Verb {
    Accept,
    Drop,
    Ret,
    Jump(ChainName),
    Reject,
    Log,
    Masquerade,
    Snat,
    Dnat,
    Redirect,
    Mark,
    Connmark,
    Tcpmss,
    Notrack,
}

impl Verb {
    /// The options of the verb, with its word.
    pub(super) fn options(&self) -> &'static WordOptions {
        match self {
            Verb::Accept => &ACCEPT,
            Verb::Drop => &DROP,
            Verb::Ret => &RET,
            Verb::Jump(_) => &JUMP,
            Verb::Reject => &REJECT,
            Verb::Log => &LOG,
            Verb::Masquerade => &MASQUERADE,
            Verb::Snat => &SNAT,
            Verb::Dnat => &DNAT,
            Verb::Redirect => &REDIRECT,
            Verb::Mark => &MARK,
            Verb::Connmark => &CONNMARK,
            Verb::Tcpmss => &TCPMSS,
            Verb::Notrack => &NOTRACK,
        }
    }

    fn target(self, o: &Options, here: &Here) -> Result<Target> {
        Ok(match self {
            Verb::Accept => Target::Accept,
            Verb::Drop => Target::Drop,
            Verb::Ret => Target::Return,
            Verb::Jump(to) => Target::Jump(to),
            Verb::Reject => {
                Target::Reject(o.get_in(&REPLY, here)?.unwrap_or(RejectWith::port_unreachable(here.family)))
            }
            Verb::Log => Target::Log(Log { prefix: o.get(&PREFIX)?, level: o.or_default(&LEVEL)?, flags: 0 }),
            Verb::Masquerade => Target::Masquerade(o.get(&TO_PORTS)?, nat_options(o)?),
            Verb::Redirect => Target::Redirect(o.get(&TO_PORTS)?, nat_options(o)?),
            Verb::Snat => Target::Snat(o.need_in(&NEW_SOURCE, here)?, nat_options(o)?),
            Verb::Dnat => Target::Dnat(o.need_in(&NEW_DESTINATION, here)?, nat_options(o)?),
            Verb::Mark => Target::Mark(o.need(&NEW_MARK)?),
            Verb::Connmark => Target::Connmark(connmark(o)?),
            Verb::Tcpmss => Target::Tcpmss(mss(o)?),
            Verb::Notrack => Target::Notrack { alias: false },
        })
    }
}

/// The options of a verb: a map, or a list of them.
pub(super) fn with_options(
    verb: &Verb,
    options: &Dynamic,
    then: impl FnOnce(&Options<'_>) -> RhaiResult,
) -> RhaiResult {
    let of = verb.options();
    let wanted = |given: &Dynamic| {
        let what = format!("what `{}` looks at", of.word());
        args::wrong_type(&what, "a map of options such as `#{ proto: \"tcp\" }`, or a list of such maps", given)
    };
    // A list that a dry run does not know may be one of such maps.
    if let Some(what) = unknown::what_list(options) {
        return Err(Error::NotSimulated { what }.into());
    }
    let map = |map| args::as_map(map).ok_or_else(|| wanted(map));
    match options.read_lock::<Array>() {
        Some(list) => {
            let map = |(number, element)| map(element).element(number);
            let maps = list.iter().enumerate().map(map).collect::<Result<Vec<_>>>()?;
            then(&Options::in_list(of, maps.iter().map(|map| &**map))?)
        }
        None => {
            let number = if matches!(verb, Verb::Jump(_)) { 1 } else { 0 };
            let map = map(options).argument(number)?;
            then(&Options::new(of, &map)?)
        }
    }
}

/// Adds the rule, or the rules, of a verb to a chain.
fn apply(ctx: &NativeCallContext<'_>, chain: &Chain, verb: Verb, options: &Dynamic) -> RhaiResult {
    with_options(&verb, options, |o| {
        o.refuse(&CHAIN)?;
        apply_to(ctx, chain, verb.clone(), o)
    })
}

/// The same, with parsed options.
pub(super) fn apply_to(ctx: &NativeCallContext<'_>, chain: &Chain, verb: Verb, o: &Options) -> RhaiResult {
    let of_map = |spec: &&OptionSpec| MATCHES.iter().any(|of_map| of_map.key == spec.key);
    o.refuse_twice(o.of().specs().filter(|spec| !of_map(spec)))?;
    let position = o.get(&AT)?;
    let netns = chain.netns();
    let reference = netns.reference()?;
    let here = Here { netns: netns.clone(), reference: reference.clone(), family: chain.table().reference().family };
    let looked_at = matches::parse(o, &here)?;
    let target = verb.target(o, &here)?;
    let mut rules = Vec::new();
    for header in looked_at.headers() {
        let matches = looked_at.matches.clone();
        let option = option_of_family(&header, here.family);
        let rule = netfilter::Rule::new(chain.reference(), header, matches, Some(target.clone()));
        rules.push(rule.map_err(|invalid| match &invalid {
            Invalid::WrongFamily { .. } => Error::from(invalid).within(Step::Option(option.to_owned())),
            _ => invalid.into(),
        })?);
    }
    let ops = rules.iter().cloned().map(|rule| match position {
        None => NetfilterOp::Append(rule),
        Some(position) => NetfilterOp::Insert(rule, position),
    });
    let ops: Vec<Op> = ops.map(|op| Op::new(reference.clone(), op)).collect();
    netns.session().lab().submit_all(ops, at(ctx))?;
    Ok(made(chain, rules))
}

/// The option whose address is not of the rule's family.
fn option_of_family(header: &Header, family: Family) -> &'static str {
    let other = |addr: &Option<Negatable<Prefix>>| addr.as_ref().is_some_and(|addr| addr.value.family() != family);
    match (other(&header.src), other(&header.dst)) {
        (true, _) => SRC.spec.key,
        (false, true) => DST.spec.key,
        (false, false) => NEW_SOURCE.spec.key,
    }
}

/// One rule as a rule, several as an array.
fn made(chain: &Chain, rules: Vec<netfilter::Rule>) -> Dynamic {
    let mut made: Array = rules.into_iter().map(|rule| Dynamic::from(Rule::made(chain.table(), rule))).collect();
    match made.len() {
        1 => made.remove(0),
        _ => made.into(),
    }
}

/// The answers of both families, those of IPv4 first.
fn replies() -> Vec<&'static str> {
    of_both(|family| RejectWith::words(family).collect())
}

fn reply(given: &Given<'_>, here: &Here) -> Result<RejectWith> {
    let known: Vec<&str> = RejectWith::words(here.family).collect();
    let text = args::text(&given.what(), given.value)?;
    word(given, &text, &one_of(&known), |word| RejectWith::from_word(here.family, word))
}

fn prefix(given: &Given<'_>, (): &()) -> Result<LogPrefix> {
    let text = args::text(&given.what(), given.value)?;
    LogPrefix::new(&text).ok_or_else(|| given.refused(&text))
}

fn to_ports(given: &Given<'_>, (): &()) -> Result<PortRange> {
    if given.value.is_int() {
        return args::port(&given.what(), given.value).map(PortRange::one);
    }
    Ok(PortRange::parse(&args::text(&given.what(), given.value)?, '-')?)
}

fn nat_to(given: &Given<'_>, here: &Here) -> Result<NatTo> {
    match target_address(given, here)? {
        Some(addr) => Ok(NatTo { addrs: NatAddrs::new(addr, addr), ports: None, base: None }),
        None => Ok(NatTo::parse(&args::text(&given.what(), given.value)?)?),
    }
}

fn nat_options(o: &Options) -> Result<NatOptions> {
    Ok(NatOptions {
        random: o.or_default(&RANDOM)?,
        random_fully: o.or_default(&RANDOM_FULLY)?,
        persistent: o.or_default(&PERSISTENT)?,
    })
}

/// As `--set-mark` has it: the bits of the value are set even where the mask leaves them out.
fn set_mark(given: &Given<'_>, (): &()) -> Result<Masked> {
    let Masked { value, mask } = masked(given, &text(&given.what(), given.value)?)?;
    Ok(Masked { value, mask: mask | value })
}

fn mask(given: &Given<'_>, (): &()) -> Result<u32> {
    let parse = |text: &str| Masked::from_word(text).filter(|mask| mask.mask == u32::MAX).map(|mask| mask.value);
    word(given, &text(&given.what(), given.value)?, &given.wanted(), parse)
}

fn connmark(o: &Options) -> Result<ConnmarkTarget> {
    let set = o.get(&SET)?;
    let (save, restore) = (o.or_default(&SAVE)?, o.or_default(&RESTORE)?);
    let mask = o.get(&MASK)?;
    let (nfmask, ctmask) = (mask.unwrap_or(u32::MAX), mask.unwrap_or(u32::MAX));
    match (set, save, restore) {
        (Some(_), false, false) if mask.is_some() => Err(Error::Invalid(Invalid::Conflict {
            message: "`mask` is for `save` and `restore`".into(),
            help: "give the mask of `set` behind a `/`: `set: \"7/0xff\"`".into(),
        })),
        (Some(mark), false, false) => Ok(ConnmarkTarget::Set(mark)),
        (None, true, false) => Ok(ConnmarkTarget::Save { nfmask, ctmask }),
        (None, false, true) => Ok(ConnmarkTarget::Restore { nfmask, ctmask }),
        (None, false, false) => Err(Error::MissingOption {
            word: o.of().word().to_owned(),
            key: "set".into(),
            example: "set: 7`, `save: true` or `restore: true".into(),
        }),
        _ => Err(Error::Invalid(Invalid::Conflict {
            message: "`connmark` does one of `set`, `save` and `restore`".into(),
            help: "make a rule for each".into(),
        })),
    }
}

fn mss(o: &Options) -> Result<Mss> {
    match (o.get(&MSS)?, o.or_default(&CLAMP)?) {
        (Some(bytes), false) => Ok(Mss::Set(bytes)),
        (None, true) => Ok(Mss::Clamp),
        (None, false) => Err(Error::MissingOption {
            word: o.of().word().to_owned(),
            key: "set".into(),
            example: "set: 1400` or `clamp: true".into(),
        }),
        (Some(_), true) => Err(Error::Invalid(Invalid::Conflict {
            message: "`tcpmss` either sets a size or clamps to the path's".into(),
            help: "give `set` or `clamp`".into(),
        })),
    }
}

pub(super) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

/// The chain of a jump: its handle or its name.
fn jump_to(from: &Chain, to: &Dynamic) -> Result<ChainName> {
    if let Some(chain) = to.read_lock::<Chain>() {
        if *chain.table() == *from.table() {
            return Ok(chain.name().clone());
        }
        return Err(Error::Invalid(Invalid::Conflict {
            message: format!("`{}` is a chain of {}, and the rule is in {}", *chain, chain.table(), from.table()),
            help: "jump to a chain of the same table".into(),
        }));
    }
    if to.is_string() {
        return Ok(ChainName::parse(&to.to_string())?);
    }
    Err(args::wrong_type("the chain to jump to", "a chain (a Chain or its name)", to))
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Accepts packets: `-j ACCEPT`. A value that begins with `!` inverts its match: `src: "!10.0.0.0/8"`. The rule's
    /// matches are in the order of the options; a list of maps sets another: `[#{ state: "NEW" }, #{ proto: "tcp" }]`.
    ///
    /// ```
    /// host.filter.forward.accept(#{ iif: "br0", state: "RELATED,ESTABLISHED" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn accept(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Accept, &options)
    }

    /// Accepts every packet.
    ///
    /// ```
    /// host.filter.forward.accept();
    /// ```
    #[rhai_fn(name = "accept", pure, return_raw)]
    pub fn accept_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Accept, &Map::new().into())
    }

    /// Drops packets: `-j DROP`.
    ///
    /// ```
    /// host.filter.input.drop(#{ proto: "tcp", dport: [23, "6000:6063"] });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn drop(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Drop, &options)
    }

    /// Drops every packet.
    ///
    /// ```
    /// host.filter.input.drop();
    /// ```
    #[rhai_fn(name = "drop", pure, return_raw)]
    pub fn drop_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Drop, &Map::new().into())
    }

    /// Returns to the calling chain, or applies the policy: `-j RETURN`.
    ///
    /// ```
    /// host.filter.forward.ret(#{ src: "10.0.0.0/8" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn ret(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Ret, &options)
    }

    /// Returns for every packet.
    ///
    /// ```
    /// host.filter.forward.ret();
    /// ```
    #[rhai_fn(name = "ret", pure, return_raw)]
    pub fn ret_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Ret, &Map::new().into())
    }

    /// Drops packets and sends an error to the sender: `-j REJECT`.
    ///
    /// ```
    /// host.filter.input.reject(#{ proto: "tcp", dport: 80, reply: "tcp-reset" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn reject(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Reject, &options)
    }

    /// Drops every packet and sends an error to the sender.
    ///
    /// ```
    /// host.filter.input.reject();
    /// ```
    #[rhai_fn(name = "reject", pure, return_raw)]
    pub fn reject_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Reject, &Map::new().into())
    }

    /// Writes packets to the kernel's log and continues with the next rule: `-j LOG`.
    ///
    /// ```
    /// host.filter.input.log(#{ prefix: "seen: ", limit: "3/min" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn log(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Log, &options)
    }

    /// Writes every packet to the kernel's log and continues with the next rule.
    ///
    /// ```
    /// host.filter.input.log();
    /// ```
    #[rhai_fn(name = "log", pure, return_raw)]
    pub fn log_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Log, &Map::new().into())
    }

    /// Replaces the source of packets by the address of their outgoing link: `-j MASQUERADE`.
    ///
    /// ```
    /// host.nat.postrouting.masquerade(#{ src: "10.0.0.0/24" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn masquerade(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Masquerade, &options)
    }

    /// Replaces the source of every packet by the address of its outgoing link.
    ///
    /// ```
    /// host.nat.postrouting.masquerade();
    /// ```
    #[rhai_fn(name = "masquerade", pure, return_raw)]
    pub fn masquerade_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Masquerade, &Map::new().into())
    }

    /// Replaces the destination of packets: `-j DNAT`.
    ///
    /// ```
    /// host.nat.output.dnat(#{ proto: "tcp", dport: 80, to: "10.0.0.2:8080" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn dnat(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Dnat, &options)
    }

    /// Replaces the source of packets: `-j SNAT`.
    ///
    /// ```
    /// host.nat.postrouting.snat(#{ oif: "eth0", to: "192.0.2.1" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn snat(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Snat, &options)
    }

    /// Redirects packets to the namespace itself: `-j REDIRECT`.
    ///
    /// ```
    /// host.nat.prerouting.redirect(#{ proto: "tcp", dport: 80, to: "8080-8089" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn redirect(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Redirect, &options)
    }

    /// Sets the packet's mark: `-j MARK`.
    ///
    /// ```
    /// host.mangle.prerouting.mark(#{ iif: "eth0", set: 7 });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn mark(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Mark, &options)
    }

    /// Sets the mark of a packet's connection, saves the packet's mark to it, or restores the packet's mark from it:
    /// `-j CONNMARK`.
    ///
    /// ```
    /// host.mangle.prerouting.connmark(#{ restore: true });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn connmark(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Connmark, &options)
    }

    /// Changes the largest segment size that a new TCP connection announces: `-j TCPMSS`.
    ///
    /// ```
    /// let forward = host.mangle.forward;
    /// forward.tcpmss(#{ proto: "tcp", tcp_flags: "SYN,RST SYN", clamp: true });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn tcpmss(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Tcpmss, &options)
    }

    /// Exempts packets from connection tracking: `-j CT --notrack`.
    ///
    /// ```
    /// host.raw.prerouting.notrack(#{ proto: "udp", dport: 53 });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn notrack(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Notrack, &options)
    }

    /// Exempts every packet from connection tracking.
    ///
    /// ```
    /// host.raw.prerouting.notrack();
    /// ```
    #[rhai_fn(name = "notrack", pure, return_raw)]
    pub fn notrack_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Notrack, &Map::new().into())
    }

    /// Jumps to another chain: `-j CHAIN`.
    ///
    /// ```
    /// let c = host.filter.chain("LOG_DROP");
    /// host.filter.forward.jump(c, #{ iif: "br0" });
    /// ```
    #[rhai_fn(name = "jump", pure, return_raw)]
    pub fn jump(ctx: NativeCallContext, chain: &mut Chain, to: Dynamic, options: Dynamic) -> RhaiResult {
        let to = jump_to(chain, &to).argument(0)?;
        apply(&ctx, chain, Verb::Jump(to), &options)
    }

    /// Jumps to another chain for every packet.
    ///
    /// ```
    /// let c = host.filter.chain("LOG_DROP");
    /// host.filter.forward.jump(c);
    /// ```
    #[rhai_fn(name = "jump", pure, return_raw)]
    pub fn jump_all(ctx: NativeCallContext, chain: &mut Chain, to: Dynamic) -> RhaiResult {
        let to = jump_to(chain, &to).argument(0)?;
        apply(&ctx, chain, Verb::Jump(to), &Map::new().into())
    }
}
