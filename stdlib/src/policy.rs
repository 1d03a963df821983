//! Policy routing: rules that choose a routing table.

use std::fmt;

use netscript_lang::diagnostics::{Error, Invalid, Result};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::netfilter::Proto;
use netscript_net::op::{
    Family, IfName, NetnsRef, NumberRange, PolicyAction, PolicyMatch, PolicyOp, PolicyPattern, PolicyRule, Prefix,
    TableId, Uncompared,
};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use crate::options::{Given, Key, Literal, Options, Takes, WordOptions, WordsWithOptions, keys};
use crate::{Netns, RhaiResult, args};

keys! {
    /// The options of a routing rule.
    KEYS:
    /// Packets from these addresses
    FROM: Key<Option<Prefix>> = Key::new("from", NETWORK, network).example("\"10.0.0.0/24\"");
    /// Packets to these addresses
    TO: Key<Option<Prefix>> = Key::new("to", NETWORK, network).example("\"10.0.0.0/24\"");
    /// Packets that arrived by this link
    IIF: Key<IfName, NetnsRef> = Key::link("iif");
    /// Packets of sockets that are bound to this link
    OIF: Key<IfName, NetnsRef> = Key::link("oif");
    /// Packets with this mark
    FWMARK: Key<(u32, u32)> = Key::value("fwmark", "a number, or \"VALUE/MASK\"", mark).example("7");
    /// The rule's priority: the kernel tries the rule with the smallest number first
    PRIORITY: Key<u32> = Key::number("priority", 0, u32::MAX as i64).example("100");
    /// The routing table that the rule selects; for a new rule by default `"main"`
    TABLE: Key<TableId> = crate::route::table_key();
    /// Whether the rule matches all packets except those that it describes
    INVERT: Key<bool> = Key::boolean("invert").default(Literal::Bool(false));
    /// Packets with this type of service: the byte of the IPv4 header, or the traffic class of IPv6
    TOS: Key<u8> = Key::number("tos", 0, 255).example("16");
    /// Packets of this transport protocol
    IPPROTO: Key<u8> = Key::new("ipproto", Takes::Value(PROTOCOL, || Proto::words().collect()), ipproto).example("\"tcp\"");
    /// Packets from these ports
    SPORT: Key<NumberRange<u16>> = Key::value("sport", PORTS, ports).example("\"1000-2000\"");
    /// Packets to these ports
    DPORT: Key<NumberRange<u16>> = Key::value("dport", PORTS, ports).example("443");
    /// Packets of sockets of these users
    UIDRANGE: Key<NumberRange<u32>> = Key::value("uidrange", USERS, users).example("\"0-0\"");
    /// What the rule does instead of selecting a table: `"blackhole"` drops packets silently, `"unreachable"` and
    /// `"prohibit"` reject them, `"nop"` does nothing
    KIND: Key<PolicyAction> = Key::new(
        "kind",
        Takes::Words(|| PolicyAction::WORDS.iter().filter_map(|action| action.word()).collect()),
        |given, ()| given.word(action_from_word),
    );
    /// Continues with the first rule of this priority, which must be greater than the rule's own
    GOTO: Key<u32> = Key::number("goto_priority", 1, u32::MAX as i64).example("200");
    /// The family, if no address shows it; for a new rule by default `"ipv4"`
    FAMILY: Key<Family> =
        Key::new("family", Takes::Words(|| vec!["ipv4", "ipv6"]), |given, ()| given.word(family_from_word));
}

keys! {
    /// The options that only a new rule has: the kernel does not compare them.
    SUPPRESS_KEYS:
    /// Ignores routes of the table with a prefix of this length or a shorter one: 0 ignores the default route
    SUPPRESS_PREFIXLENGTH: Key<u8> = Key::number("suppress_prefixlength", 0, 128).example("0");
    /// Ignores routes of the table over links of this group
    SUPPRESS_IFGROUP: Key<u32> = Key::number("suppress_ifgroup", 0, u32::MAX as i64 - 1).example("1");
}

const PROTOCOL: &str = "a protocol such as \"tcp\", \"udp\" or \"icmp\", or its number from 1 to 255";
const PORTS: &str = "a port from 1 to 65534, or two such as \"1000-2000\", the smaller one first";
const USERS: &str = "a user's number, or two such as \"0-99\", the smaller one first";

const NETWORK: Takes = Takes::WordsOr(|| vec!["all"], "an address with a prefix length");

const RULE: WordOptions = WordOptions::new("rule", &[KEYS, SUPPRESS_KEYS]);
const DEL_RULE: WordOptions = WordOptions::new("del_rule", &[KEYS]);

/// The words of this file that take options.
pub(crate) const OPTIONS: WordsWithOptions = &[&RULE, &DEL_RULE];

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

/// The given fields of a rule, and the family if they determine it.
fn parse(o: &Options, netns: &NetnsRef) -> Result<(Option<Family>, PolicyPattern)> {
    let from = o.get(&FROM)?;
    let to = o.get(&TO)?;
    let family = o.get(&FAMILY)?;
    let said = common_family(from.flatten(), to.flatten(), family)?;
    let action = match (o.get(&KIND)?, o.get(&GOTO)?) {
        (None, None) => None,
        (Some(_), Some(_)) => {
            return Err(Error::Invalid(Invalid::Conflict {
                message: "a routing rule has a `kind` or a `goto_priority`, not both".into(),
                help: "leave one of them out".into(),
            }));
        }
        (Some(kind), None) => Some(kind),
        (None, Some(target)) => Some(PolicyAction::Goto(target)),
    };
    let table = o.get(&TABLE)?;
    if action.is_some() && table.is_some() {
        return Err(Error::Invalid(Invalid::Conflict {
            message: "a routing rule with a `kind` or a `goto_priority` selects no table".into(),
            help: "leave `table` out, or make two rules".into(),
        }));
    }
    let matches = PolicyMatch {
        from: from.flatten(),
        to: to.flatten(),
        iif: o.get_in(&IIF, netns)?,
        oif: o.get_in(&OIF, netns)?,
        fwmark: o.get(&FWMARK)?,
        tos: o.get(&TOS)?,
        ipproto: o.get(&IPPROTO)?,
        sport: o.get(&SPORT)?,
        dport: o.get(&DPORT)?,
        uidrange: o.get(&UIDRANGE)?,
        not: o.or_default(&INVERT)?,
    };
    let family = said.unwrap_or(Family::V4);
    Ok((
        said,
        PolicyPattern {
            family,
            priority: o.get(&PRIORITY)?,
            matches,
            table,
            action,
            uncompared: Uncompared::default(),
        },
    ))
}

/// A rule to add. As with `ip`, the defaults are IPv4 and the main table.
fn new_rule(netns: &NetnsRef, options: &Map) -> Result<PolicyRule> {
    let o = Options::new(&RULE, options)?;
    let (_, pattern) = parse(&o, netns)?;
    let (suppress_prefixlength, suppress_ifgroup) = (o.get(&SUPPRESS_PREFIXLENGTH)?, o.get(&SUPPRESS_IFGROUP)?);
    let PolicyPattern { family, priority, matches, table, action, uncompared: _ } = pattern;
    let action = action.unwrap_or_default();
    if let (PolicyAction::Goto(target), Some(own)) = (action, priority)
        && target <= own
    {
        return Err(Error::Invalid(Invalid::Conflict {
            message: format!("a rule of priority {own} cannot continue with one of priority {target}"),
            help: "`goto_priority` must be greater than the rule's `priority`".into(),
        }));
    }
    let table = match action {
        PolicyAction::Lookup => table.unwrap_or(TableId::MAIN),
        PolicyAction::Goto(_)
        | PolicyAction::Nop
        | PolicyAction::Blackhole
        | PolicyAction::Unreachable
        | PolicyAction::Prohibit
        | PolicyAction::Other(_) => TableId(0),
    };
    Ok(PolicyRule {
        priority,
        matches,
        action,
        suppress_prefixlength,
        suppress_ifgroup,
        ..PolicyRule::new(family, table)
    })
}

/// A rule to remove. Fields that are not given match anything, also the family. IPv4 comes first, as in `ip_rules`.
fn old_rule(netns: &Netns, options: &Map) -> Result<PolicyPattern> {
    let reference = netns.reference()?;
    let (family, pattern) = parse(&Options::new(&DEL_RULE, options)?, &reference)?;
    if pattern == PolicyPattern::any(pattern.family) {
        return Err(Error::Invalid(Invalid::Conflict {
            message: "nothing says which routing rule is to be removed".into(),
            help: "give some of it, such as its `priority`".into(),
        }));
    }
    if family.is_some() {
        return Ok(pattern);
    }
    let sixth = PolicyPattern { family: Family::V6, ..pattern.clone() };
    let fits = |pattern: &PolicyPattern| -> Result<bool> {
        let rules = netns.session().lab().world().policy_rules(&reference, pattern.family)?;
        Ok(rules.iter().any(|rule| pattern.fits(rule)))
    };
    Ok(if !fits(&pattern)? && fits(&sixth)? { sixth } else { pattern })
}

fn network(given: &Given<'_>, (): &()) -> Result<Option<Prefix>> {
    if given.is("all") {
        return Ok(None);
    }
    args::prefix(&given.what(), given.value).map(Some)
}

fn action_from_word(word: &str) -> Option<PolicyAction> {
    PolicyAction::WORDS.into_iter().find(|action| action.word() == Some(word))
}

/// A transport protocol: its name or its number.
fn ipproto(given: &Given<'_>, (): &()) -> Result<u8> {
    if given.value.is_int() {
        return args::int_in(&given.what(), given.value, 1, i64::from(u8::MAX));
    }
    given.word(|word| Proto::from_word(word).map(|proto| proto.0))
}

/// A port, or text `FIRST-LAST`.
fn ports(given: &Given<'_>, (): &()) -> Result<NumberRange<u16>> {
    if given.value.is_int() {
        // fib_rule_port_range_valid takes neither 0 nor 65535.
        let port = args::int_in(&given.what(), given.value, 1, i64::from(u16::MAX - 1))?;
        return Ok(NumberRange { first: port, last: port });
    }
    given.word(range)
}

/// A user's number, or text `FIRST-LAST`.
fn users(given: &Given<'_>, (): &()) -> Result<NumberRange<u32>> {
    if given.value.is_int() {
        let user = args::int_in(&given.what(), given.value, 0, i64::from(u32::MAX - 1))?;
        return Ok(NumberRange { first: user, last: user });
    }
    // The last number stands for no user (`INVALID_UID`).
    given.word(|text| range(text).filter(|users: &NumberRange<u32>| users.last < u32::MAX))
}

fn range<N: std::str::FromStr + Copy + PartialOrd>(text: &str) -> Option<NumberRange<N>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = NumberRange { first: first.parse().ok()?, last: last.parse().ok()? };
    (range.first <= range.last).then_some(range)
}

/// Numbers in a script's notation.
fn range_value<N: fmt::Display + PartialEq + Into<i64>>(range: NumberRange<N>) -> Dynamic {
    match range.first == range.last {
        true => Dynamic::from_int(range.first.into()),
        false => range.to_string().into(),
    }
}

fn family_from_word(word: &str) -> Option<Family> {
    match word {
        "ipv4" => Some(Family::V4),
        "ipv6" => Some(Family::V6),
        _ => None,
    }
}

fn common_family(from: Option<Prefix>, to: Option<Prefix>, said: Option<Family>) -> Result<Option<Family>> {
    let families = [said, from.map(|p| p.family()), to.map(|p| p.family())];
    let mut given = families.into_iter().flatten();
    let first = given.next();
    if given.all(|other| Some(other) == first) {
        return Ok(first);
    }
    Err(Error::Invalid(Invalid::Conflict {
        message: "a routing rule is for one family, and these are of both".into(),
        help: "make a rule for each family".into(),
    }))
}

/// A mark: a number, or a string `"VALUE/MASK"` of decimal or hexadecimal numbers.
fn mark(given: &Given<'_>, (): &()) -> Result<(u32, u32)> {
    if given.value.is_int() {
        return Ok((args::int_in(&given.what(), given.value, 0, i64::from(u32::MAX))?, u32::MAX));
    }
    given.word(|text| {
        let (mark, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
        Some((number(mark)?, number(mask)?))
    })
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A mark in a script's notation.
fn mark_value((mark, mask): (u32, u32)) -> Dynamic {
    match mask {
        u32::MAX => i64::from(mark).into(),
        mask => format!("{mark:#x}/{mask:#x}").into(),
    }
}

fn row(rule: PolicyRule) -> Dynamic {
    fn text(value: Option<impl fmt::Display>) -> Dynamic {
        value.map_or(Dynamic::UNIT, |value| value.to_string().into())
    }
    fn number(value: Option<impl Into<i64>>) -> Dynamic {
        value.map_or(Dynamic::UNIT, |value| Dynamic::from_int(value.into()))
    }
    let PolicyRule {
        family,
        priority,
        matches,
        table,
        action,
        suppress_prefixlength,
        suppress_ifgroup,
        proto: _,
        opaque,
    } = rule;
    let PolicyMatch { from, to, iif, oif, fwmark, tos, ipproto, sport, dport, uidrange, not } = matches;
    let family = if family == Family::V4 { "ipv4" } else { "ipv6" };
    let (table, target) = match action {
        PolicyAction::Lookup => (crate::route::number_or_name(table.to_string()), None),
        PolicyAction::Goto(target) => (Dynamic::UNIT, Some(target)),
        PolicyAction::Nop
        | PolicyAction::Blackhole
        | PolicyAction::Unreachable
        | PolicyAction::Prohibit
        | PolicyAction::Other(_) => (Dynamic::UNIT, None),
    };
    let fields = [
        ("family", family.into()),
        ("priority", number(priority)),
        ("from", text(from)),
        ("to", text(to)),
        ("iif", text(iif)),
        ("oif", text(oif)),
        ("fwmark", fwmark.map_or(Dynamic::UNIT, mark_value)),
        ("tos", number(tos)),
        ("ipproto", ipproto.map_or(Dynamic::UNIT, |number| crate::route::number_or_name(Proto(number).to_string()))),
        ("sport", sport.map_or(Dynamic::UNIT, range_value)),
        ("dport", dport.map_or(Dynamic::UNIT, range_value)),
        ("uidrange", uidrange.map_or(Dynamic::UNIT, range_value)),
        ("invert", not.into()),
        ("table", table),
        ("kind", text(action.word())),
        ("goto_priority", number(target)),
        ("suppress_prefixlength", number(suppress_prefixlength)),
        ("suppress_ifgroup", number(suppress_ifgroup)),
    ];
    let mut map: Map = fields.into_iter().map(|(key, value)| (key.into(), value)).collect();
    if opaque || matches!(action, PolicyAction::Other(_)) {
        map.insert("opaque".into(), true.into());
    }
    map.into()
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Adds a policy routing rule, which selects a routing table for some packets, or rejects them.
    ///
    /// ```
    /// host.rule(#{ from: "10.0.0.0/24", priority: 100, table: 100 });
    /// host.rule(#{ to: "10.9.0.0/16", priority: 101, kind: "prohibit" });
    /// host.rule(#{ priority: 102, suppress_prefixlength: 0 });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn rule(ctx: NativeCallContext, netns: &mut Netns, options: Map) -> RhaiResult<()> {
        let rule = new_rule(&netns.reference()?, &options)?;
        Ok(netns.submit(PolicyOp::Add(rule), at(&ctx))?)
    }

    /// Removes the first policy routing rule that matches the given fields, in the order of `ip_rules`. Other
    /// fields are ignored.
    ///
    /// ```
    /// host.rule(#{ from: "10.0.0.0/24", priority: 100, table: 100 });
    /// host.del_rule(#{ priority: 100 });
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn del_rule(ctx: NativeCallContext, netns: &mut Netns, options: Map) -> RhaiResult<()> {
        let pattern = old_rule(netns, &options)?;
        Ok(netns.submit(PolicyOp::Del(pattern), at(&ctx))?)
    }

    /// The policy routing rules in order, IPv4 first: maps with the options of `rule`, in the same
    /// notation. `opaque: true` marks a rule with further properties, which netscript does not know.
    ///
    /// ```
    /// let found = host.ip_rules.filter(|r| r.family == "ipv4");
    /// assert(found.map(|r| r.table) == ["local", "main", "default"]);
    /// ```
    #[rhai_fn(get = "ip_rules", pure, return_raw)]
    pub fn get_ip_rules(netns: &mut Netns) -> RhaiResult<Array> {
        let reference = netns.reference()?;
        let mut rules = netns.session().lab().world().policy_rules(&reference, Family::V4)?;
        rules.extend(netns.session().lab().world().policy_rules(&reference, Family::V6)?);
        Ok(rules.into_iter().map(row).collect())
    }
}
