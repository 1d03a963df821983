//! Policy routing: rules that choose a routing table.

use netscript_lang::diagnostics::{Error, Invalid, Result};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::{Family, IfName, NetnsRef, PolicyOp, PolicyPattern, PolicyRule, Prefix, TableId};
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
    /// The family, if no address shows it; for a new rule by default `"ipv4"`
    FAMILY: Key<Family> =
        Key::new("family", Takes::Words(|| vec!["ipv4", "ipv6"]), |given, ()| given.word(family_from_word));
}

const NETWORK: Takes = Takes::WordsOr(|| vec!["all"], "an address with a prefix length");

const RULE: WordOptions = WordOptions::new("rule", &[KEYS]);
const DEL_RULE: WordOptions = WordOptions::like("del_rule", &RULE, &[]);

/// The words of this file that take options.
pub(crate) const OPTIONS: WordsWithOptions = &[&RULE, &DEL_RULE];

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

/// The given fields of a rule, and the family if they determine it.
fn parse(of: &'static WordOptions, netns: &NetnsRef, options: &Map) -> Result<(Option<Family>, PolicyPattern)> {
    let o = Options::new(of, options)?;
    let from = o.get(&FROM)?;
    let to = o.get(&TO)?;
    let family = o.get(&FAMILY)?;
    let family = common_family(from.flatten(), to.flatten(), family)?;
    let pattern = PolicyPattern {
        family: family.unwrap_or(Family::V4),
        priority: o.get(&PRIORITY)?,
        from: from.flatten(),
        to: to.flatten(),
        iif: o.get_in(&IIF, netns)?,
        oif: o.get_in(&OIF, netns)?,
        fwmark: o.get(&FWMARK)?,
        not: o.or_default(&INVERT)?,
        table: o.get(&TABLE)?,
    };
    Ok((family, pattern))
}

/// A rule to add. As with `ip`, the defaults are IPv4 and the main table.
fn new_rule(netns: &NetnsRef, options: &Map) -> Result<PolicyRule> {
    let (_, pattern) = parse(&RULE, netns, options)?;
    let PolicyPattern { family, priority, from, to, iif, oif, fwmark, not, table } = pattern;
    Ok(PolicyRule { family, priority, from, to, iif, oif, fwmark, not, table: table.unwrap_or(TableId::MAIN) })
}

/// A rule to remove. Fields that are not given match anything, also the family. IPv4 comes first, as in `ip_rules`.
fn old_rule(netns: &Netns, options: &Map) -> Result<PolicyPattern> {
    let reference = netns.reference()?;
    let (family, pattern) = parse(&DEL_RULE, &reference, options)?;
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
    let text = |value: Option<String>| value.map_or(Dynamic::UNIT, Dynamic::from);
    let mut map = Map::new();
    let family = if rule.family == Family::V4 { "ipv4" } else { "ipv6" };
    map.insert("family".into(), family.into());
    map.insert("priority".into(), rule.priority.map_or(Dynamic::UNIT, |priority| i64::from(priority).into()));
    map.insert("from".into(), text(rule.from.map(|p| p.to_string())));
    map.insert("to".into(), text(rule.to.map(|p| p.to_string())));
    map.insert("iif".into(), text(rule.iif.map(|name| name.to_string())));
    map.insert("oif".into(), text(rule.oif.map(|name| name.to_string())));
    map.insert("fwmark".into(), rule.fwmark.map_or(Dynamic::UNIT, mark_value));
    map.insert("invert".into(), rule.not.into());
    map.insert("table".into(), crate::route::number_or_name(rule.table.to_string()));
    map.into()
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Adds a policy routing rule, which selects a routing table.
    ///
    /// ```
    /// host.rule(#{ from: "10.0.0.0/24", priority: 100, table: 100 });
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
    /// notation.
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
