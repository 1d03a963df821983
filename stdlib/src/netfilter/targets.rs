//! Verbs: what a rule does with a packet.

use netscript_lang::diagnostics::{Error, Invalid, Result, Step, Within};
use netscript_lang::interpreter::at;
use netscript_net::op::netfilter::{
    self, ChainName, ConnmarkTarget, Header, Inv, Log, LogPrefix, Masked, Mss, NatAddrs, NatOptions, NatTo,
    NetfilterOp, PortRange, RejectWith, Target,
};
use netscript_net::op::{Family, Op, Prefix};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::keys::CHAIN;
use super::matches::{self, masked, target_address};
use super::value::{text, word, wrong};
use super::{Chain, Rule};
use crate::options::Options;
use crate::{RhaiResult, args, unknown};

/// What a verb does, with what is not among its options.
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
    /// The word of scripts.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Verb::Accept => "accept",
            Verb::Drop => "drop",
            Verb::Ret => "ret",
            Verb::Jump(_) => "jump",
            Verb::Reject => "reject",
            Verb::Log => "log",
            Verb::Masquerade => "masquerade",
            Verb::Snat => "snat",
            Verb::Dnat => "dnat",
            Verb::Redirect => "redirect",
            Verb::Mark => "mark",
            Verb::Connmark => "connmark",
            Verb::Tcpmss => "tcpmss",
            Verb::Notrack => "notrack",
        }
    }

    fn target(self, o: &mut Options, chain: &Chain) -> Result<Target> {
        let family = chain.table().reference().family;
        Ok(match self {
            Verb::Accept => Target::Accept,
            Verb::Drop => Target::Drop,
            Verb::Ret => Target::Return,
            Verb::Jump(to) => Target::Jump(to),
            Verb::Reject => Target::Reject(
                o.with("reply", |what, value| reply(what, value, family))?
                    .unwrap_or(RejectWith::port_unreachable(family)),
            ),
            Verb::Log => Target::Log(log(o)?),
            Verb::Masquerade => Target::Masquerade(o.with("to", to_ports)?, nat_options(o)?),
            Verb::Redirect => Target::Redirect(o.with("to", to_ports)?, nat_options(o)?),
            Verb::Snat => Target::Snat(nat_to(o, chain, "to: \"192.0.2.1\"")?, nat_options(o)?),
            Verb::Dnat => Target::Dnat(nat_to(o, chain, "to: \"10.0.0.2:8080\"")?, nat_options(o)?),
            Verb::Mark => Target::Mark(o.need("set", "set: 7", set_mark)?),
            Verb::Connmark => Target::Connmark(connmark(o)?),
            Verb::Tcpmss => Target::Tcpmss(mss(o)?),
            Verb::Notrack => Target::Notrack { alias: false },
        })
    }
}

/// The options of a verb: a map, or a list of them.
pub(super) fn maps(verb: &Verb, options: Dynamic) -> Result<Vec<Map>> {
    let wanted = |given: &Dynamic| {
        let what = format!("what `{}` looks at", verb.word());
        args::wrong_type(&what, "a map of options such as `#{ proto: \"tcp\" }`, or a list of such maps", given)
    };
    // A list that a dry run does not know may be one of such maps.
    if let Some(what) = unknown::what_list(&options) {
        return Err(Error::Unknowable { what });
    }
    let list = if options.is_array() { args::list(options) } else { vec![options] };
    list.into_iter().map(|map| args::as_map(&map).ok_or_else(|| wanted(&map))).collect()
}

/// Adds the rule, or the rules, of a verb to a chain.
pub(super) fn apply(ctx: &NativeCallContext<'_>, chain: &Chain, verb: Verb, options: Dynamic) -> RhaiResult {
    let maps = maps(&verb, options)?;
    apply_maps(ctx, chain, verb, maps)
}

/// The same of options that have been looked into.
pub(super) fn apply_maps(ctx: &NativeCallContext<'_>, chain: &Chain, verb: Verb, maps: Vec<Map>) -> RhaiResult {
    let (mut o, mut maps) = matches::split(verb.word(), maps)?;
    o.refuse(CHAIN)?;
    let position: Option<u32> = o.number("at", 1, i64::from(u32::MAX))?;
    let netns = chain.netns();
    let looked_at = matches::parse(&mut o, &mut maps, netns, chain.table().reference().family)?;
    let target = verb.target(&mut o, chain)?;
    let mut rules = Vec::new();
    for header in looked_at.headers() {
        let matches = looked_at.matches.clone();
        let family = chain.table().reference().family;
        let option = option_of_family(&header, family);
        let rule = netfilter::Rule::new(chain.reference(), header, matches, Some(target.clone()));
        rules.push(rule.map_err(|invalid| match &invalid {
            Invalid::WrongFamily { .. } => Error::from(invalid).within(Step::Option(option.to_owned())),
            _ => invalid.into(),
        })?);
    }
    let reference = netns.reference()?;
    let ops = rules.iter().cloned().map(|rule| match position {
        None => NetfilterOp::Append(rule),
        Some(position) => NetfilterOp::Insert(rule, position),
    });
    let ops: Vec<Op> = ops.map(|op| Op::new(reference.clone(), op)).collect();
    netns.session().lab().submit_all(ops, at(ctx))?;
    Ok(made(chain, rules))
}

/// One rule as such, several as an array.
/// The option that has an address of another family than the rule's.
fn option_of_family(header: &Header, family: Family) -> &'static str {
    let other = |addr: &Option<Inv<Prefix>>| addr.as_ref().is_some_and(|addr| addr.value.family() != family);
    match (other(&header.src), other(&header.dst)) {
        (true, _) => "src",
        (false, true) => "dst",
        (false, false) => "to",
    }
}

fn made(chain: &Chain, rules: Vec<netfilter::Rule>) -> Dynamic {
    let mut made: Array = rules.into_iter().map(|rule| Dynamic::from(Rule::made(chain.table(), rule))).collect();
    match made.len() {
        1 => made.remove(0),
        _ => made.into(),
    }
}

fn reply(what: &str, value: &Dynamic, family: Family) -> Result<RejectWith> {
    let given = args::text(what, value)?;
    let known: Vec<&str> = RejectWith::words(family).collect();
    word(what, &given, &crate::options::one_of(&known), |word| RejectWith::from_word(family, word))
}

fn log(o: &mut Options) -> Result<Log> {
    let prefix = o.with("prefix", |what, value| {
        let given = args::text(what, value)?;
        LogPrefix::new(&given).ok_or_else(|| wrong(what, &given, format!("one line of 1 to {} bytes", LogPrefix::MAX)))
    })?;
    let level = o.with("level", |what, value| {
        let given = text(what, value)?;
        let wanted = format!("{}, or 0 to 7", crate::options::one_of(Log::level_words()));
        word(what, &given, &wanted, Log::level_from_word)
    })?;
    Ok(Log { prefix, level: level.unwrap_or(Log::DEFAULT_LEVEL), flags: 0 })
}

/// A port, or `"8080-8090"`.
fn to_ports(what: &str, value: &Dynamic) -> Result<PortRange> {
    if value.is_int() {
        return args::port(what, value).map(PortRange::one);
    }
    Ok(PortRange::parse(&args::text(what, value)?, '-')?)
}

fn nat_to(o: &mut Options, chain: &Chain, example: &str) -> Result<NatTo> {
    let family = chain.table().reference().family;
    o.need("to", example, |what, value| match target_address(what, value, chain.netns(), family)? {
        Some(addr) => Ok(NatTo { addrs: NatAddrs::new(addr, addr), ports: None, base: None }),
        None => Ok(NatTo::parse(&args::text(what, value)?)?),
    })
}

fn nat_options(o: &mut Options) -> Result<NatOptions> {
    Ok(NatOptions {
        random: o.boolean("random")?.unwrap_or(false),
        random_fully: o.boolean("random_fully")?.unwrap_or(false),
        persistent: o.boolean("persistent")?.unwrap_or(false),
    })
}

/// As `--set-mark` has it: the bits of the value are set even where the mask leaves them out.
fn set_mark(what: &str, value: &Dynamic) -> Result<Masked> {
    let Masked { value, mask } = masked(what, &text(what, value)?)?;
    Ok(Masked { value, mask: mask | value })
}

fn connmark(o: &mut Options) -> Result<ConnmarkTarget> {
    let set = o.with("set", set_mark)?;
    let (save, restore) = (o.boolean("save")?.unwrap_or(false), o.boolean("restore")?.unwrap_or(false));
    let mask = o.with("mask", |what, value| {
        let given = text(what, value)?;
        word(what, &given, "a number from 0 to 4294967295", |text| {
            Masked::from_word(text).filter(|mask| mask.mask == u32::MAX).map(|mask| mask.value)
        })
    })?;
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
            word: o.word().to_owned(),
            key: "set".into(),
            example: "set: 7`, `save: true` or `restore: true".into(),
        }),
        _ => Err(Error::Invalid(Invalid::Conflict {
            message: "`connmark` does one of `set`, `save` and `restore`".into(),
            help: "make a rule for each".into(),
        })),
    }
}

fn mss(o: &mut Options) -> Result<Mss> {
    let set = o.number("set", 0, i64::from(Mss::MAX))?;
    match (set, o.boolean("clamp")?.unwrap_or(false)) {
        (Some(bytes), false) => Ok(Mss::Set(bytes)),
        (None, true) => Ok(Mss::Clamp),
        (None, false) => Err(Error::MissingOption {
            word: o.word().to_owned(),
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
    engine.register_global_module(exported_module!(words).into());
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

#[export_module]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Lets packets pass: `-j ACCEPT`. Options of every rule: `src`, `dst` (networks or lists of them), `iif`,
    /// `oif` (links; `"veth+"` is every name that begins so), `proto`, `tcp`, `udp`, `sport`, `dport` (ports, ranges
    /// or lists), `syn`, `tcp_flags`, `icmp`, `state`, `ctstate`, `mark`, `connmark`, `mac`, `src_type`, `dst_type`,
    /// `limit`, `burst`, `every`, `packet`, `probability`, `comment`, and `at`, its position from 1. `"!…"` inverts.
    /// Matches are written in this order; a list of maps gives another: `[#{ state: "NEW" }, #{ proto: "tcp" }]`.
    ///
    /// ```
    /// host.filter.forward.accept(#{ iif: "br0", state: "RELATED,ESTABLISHED" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn accept(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Accept, options)
    }

    /// Lets every packet pass.
    ///
    /// ```
    /// host.filter.forward.accept();
    /// ```
    #[rhai_fn(name = "accept", pure, return_raw)]
    pub fn accept_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Accept, Map::new().into())
    }

    /// Throws packets away: `-j DROP`. Options: those of every rule.
    ///
    /// ```
    /// host.filter.input.drop(#{ proto: "tcp", dport: [23, "6000:6063"] });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn drop(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Drop, options)
    }

    /// Throws every packet away.
    ///
    /// ```
    /// host.filter.input.drop();
    /// ```
    #[rhai_fn(name = "drop", pure, return_raw)]
    pub fn drop_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Drop, Map::new().into())
    }

    /// Goes back to the chain that jumped here, or to the policy: `-j RETURN`. Options: those of every rule.
    ///
    /// ```
    /// host.filter.forward.ret(#{ src: "10.0.0.0/8" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn ret(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Ret, options)
    }

    /// Goes back with every packet.
    ///
    /// ```
    /// host.filter.forward.ret();
    /// ```
    #[rhai_fn(name = "ret", pure, return_raw)]
    pub fn ret_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Ret, Map::new().into())
    }

    /// Refuses packets with an answer: `-j REJECT`. Options: those of every rule, `reply` (such as
    /// `"tcp-reset"`, `"icmp-host-unreachable"` or `"icmp6-no-route"`; port unreachable if nothing is said).
    ///
    /// ```
    /// host.filter.input.reject(#{ proto: "tcp", dport: 80, reply: "tcp-reset" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn reject(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Reject, options)
    }

    /// Refuses every packet.
    ///
    /// ```
    /// host.filter.input.reject();
    /// ```
    #[rhai_fn(name = "reject", pure, return_raw)]
    pub fn reject_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Reject, Map::new().into())
    }

    /// Writes packets to the kernel's log and goes on: `-j LOG`. Options: those of every rule, `prefix` (at
    /// most 29 bytes), `level` (0 to 7, or a name such as `"info"`).
    ///
    /// ```
    /// host.filter.input.log(#{ prefix: "seen: ", limit: "3/min" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn log(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Log, options)
    }

    /// Writes every packet to the kernel's log and goes on.
    ///
    /// ```
    /// host.filter.input.log();
    /// ```
    #[rhai_fn(name = "log", pure, return_raw)]
    pub fn log_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Log, Map::new().into())
    }

    /// Gives packets the address of the link that they leave by: `-j MASQUERADE`. Options: those of every
    /// rule, `to` (ports), `random`, `random_fully`.
    ///
    /// ```
    /// host.nat.postrouting.masquerade(#{ src: "10.0.0.0/24" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn masquerade(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Masquerade, options)
    }

    /// Gives every packet the address of the link that it leaves by.
    ///
    /// ```
    /// host.nat.postrouting.masquerade();
    /// ```
    #[rhai_fn(name = "masquerade", pure, return_raw)]
    pub fn masquerade_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Masquerade, Map::new().into())
    }

    /// Sends packets to another address: `-j DNAT`. Options: those of every rule, `to`
    /// (`"ADDRESS:PORT"`, ranges with `-`), `random`, `persistent`.
    ///
    /// ```
    /// host.nat.output.dnat(#{ proto: "tcp", dport: 80, to: "10.0.0.2:8080" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn dnat(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Dnat, options)
    }

    /// Gives packets another source: `-j SNAT`. Options: those of every rule, `to` (`"ADDRESS:PORT"`, ranges
    /// with `-`), `random`, `random_fully`, `persistent`.
    ///
    /// ```
    /// host.nat.postrouting.snat(#{ oif: "eth0", to: "192.0.2.1" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn snat(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Snat, options)
    }

    /// Sends packets to the namespace itself: `-j REDIRECT`. Options: those of every rule, `to` (ports),
    /// `random`.
    ///
    /// ```
    /// host.nat.prerouting.redirect(#{ proto: "tcp", dport: 80, to: "8080-8089" });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn redirect(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Redirect, options)
    }

    /// Sets the packet's mark: `-j MARK`. Options: those of every rule, `set` (a number, or `"VALUE/MASK"`).
    ///
    /// ```
    /// host.mangle.prerouting.mark(#{ iif: "eth0", set: 7 });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn mark(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Mark, options)
    }

    /// Sets the mark of a packet's connection, saves the packet's mark there, or restores it from there:
    /// `-j CONNMARK`. Options: those of every rule, one of `set`, `save: true` and `restore: true`, `mask`.
    ///
    /// ```
    /// host.mangle.prerouting.connmark(#{ restore: true });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn connmark(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Connmark, options)
    }

    /// Changes the largest segment size that a new TCP connection announces: `-j TCPMSS`. Options: those of
    /// every rule, `set` (bytes) or `clamp: true` (what the path's MTU allows).
    ///
    /// ```
    /// let forward = host.mangle.forward;
    /// forward.tcpmss(#{ proto: "tcp", tcp_flags: "SYN,RST SYN", clamp: true });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn tcpmss(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Tcpmss, options)
    }

    /// Keeps packets from connection tracking: `-j CT --notrack`. Options: those of every rule.
    ///
    /// ```
    /// host.raw.prerouting.notrack(#{ proto: "udp", dport: 53 });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn notrack(ctx: NativeCallContext, chain: &mut Chain, options: Dynamic) -> RhaiResult {
        apply(&ctx, chain, Verb::Notrack, options)
    }

    /// Keeps every packet from connection tracking.
    ///
    /// ```
    /// host.raw.prerouting.notrack();
    /// ```
    #[rhai_fn(name = "notrack", pure, return_raw)]
    pub fn notrack_all(ctx: NativeCallContext, chain: &mut Chain) -> RhaiResult {
        apply(&ctx, chain, Verb::Notrack, Map::new().into())
    }

    /// Goes on in another chain: `-j CHAIN`. Options: those of every rule.
    ///
    /// ```
    /// let c = host.filter.chain("LOG_DROP");
    /// host.filter.forward.jump(c, #{ iif: "br0" });
    /// ```
    #[rhai_fn(name = "jump", pure, return_raw)]
    pub fn jump(ctx: NativeCallContext, chain: &mut Chain, to: Dynamic, options: Dynamic) -> RhaiResult {
        let to = jump_to(chain, &to).argument(0)?;
        apply(&ctx, chain, Verb::Jump(to), options)
    }

    /// Goes on in another chain, with every packet.
    ///
    /// ```
    /// let c = host.filter.chain("LOG_DROP");
    /// host.filter.forward.jump(c);
    /// ```
    #[rhai_fn(name = "jump", pure, return_raw)]
    pub fn jump_all(ctx: NativeCallContext, chain: &mut Chain, to: Dynamic) -> RhaiResult {
        let to = jump_to(chain, &to).argument(0)?;
        apply(&ctx, chain, Verb::Jump(to), Map::new().into())
    }
}
