//! What a rule looks at: the options of every verb.

use std::net::IpAddr;

use netscript_lang::diagnostics::{Error, Invalid, Result, Within};
use netscript_net::op::netfilter::{
    AddrTypes, Addrtype, Comment, Conntrack, CtStates, Header, IcmpType, IfPattern, Inv, Masked, Match, Multiport,
    MultiportSide, Nth, PortList, PortRange, Probability, Proto, Rate, TcpFlags, TcpMatch, UdpMatch,
};
use netscript_net::op::{Family, Mac, NetnsRef, Prefix};
use rhai::{Dynamic, Map};

use super::keys::{MATCHES, OPTIONS};
use super::value::{inverted, text, word, words, wrong};
use crate::options::{Options, one_of};
use crate::{Link, Netns, args};

/// The options of a verb: those that a rule has once, and the matches of each map.
pub(super) fn split(word: &'static str, maps: Vec<Map>) -> Result<(Options, Vec<Options>)> {
    let mut common = Map::new();
    let mut matches = Vec::with_capacity(maps.len());
    for map in maps {
        let (mut own, rest): (Map, Map) = map.into_iter().partition(|(key, _)| MATCHES.contains(&key.as_str()));
        own.retain(|_, value| !value.is_unit());
        for (key, value) in rest.into_iter().filter(|(_, value)| !value.is_unit()) {
            if common.contains_key(&key) {
                return Err(Error::Invalid(Invalid::Conflict {
                    message: format!("`{key}` is given in two maps, and a rule has it once"),
                    help: "give it in one of them".into(),
                }));
            }
            common.insert(key, value);
        }
        matches.push(Options::new(OPTIONS, word, own)?);
    }
    Ok((Options::new(OPTIONS, word, common)?, matches))
}

/// What a rule looks at, except for its addresses, of which there may be several.
pub(super) struct Matches {
    /// Without addresses.
    pub(super) header: Header,
    /// Source addresses; none: any.
    pub(super) src: Vec<Inv<Prefix>>,
    /// Destination addresses; none: any.
    pub(super) dst: Vec<Inv<Prefix>>,
    /// Map after map, each in the order of [`MATCHES`].
    pub(super) matches: Vec<Match>,
}

/// Reads the matches among the options of a verb in a namespace: those that a rule has once, and those of
/// each map.
pub(super) fn parse(o: &mut Options, maps: &mut [Options], netns: &Netns, family: Family) -> Result<Matches> {
    let here = netns.reference()?;
    // `icmp` says the protocol as well.
    let proto = match o.with("proto", proto)?.flatten() {
        None if maps.iter().any(|map| map.has("icmp")) => Some(Inv::plain(Proto::icmp(family))),
        given => given,
    };
    let mut matches = Vec::new();
    for map in maps {
        matches_of(map, proto, family, &mut matches)?;
    }
    Ok(Matches {
        header: Header {
            iif: o.with("iif", |what, value| link(what, value, &here))?,
            oif: o.with("oif", |what, value| link(what, value, &here))?,
            proto,
            ..Header::default()
        },
        src: o.with("src", |what, value| addresses(what, value, netns, family))?.unwrap_or_default(),
        dst: o.with("dst", |what, value| addresses(what, value, netns, family))?.unwrap_or_default(),
        matches,
    })
}

/// The matches of one map.
fn matches_of(o: &mut Options, proto: Option<Inv<Proto>>, family: Family, matches: &mut Vec<Match>) -> Result<()> {
    ports(o, proto, matches)?;
    matches.extend(o.with("icmp", |what, value| icmp(what, value, family))?.map(Match::Icmp));
    for (key, alias) in [("state", true), ("ctstate", false)] {
        let states = o.with(key, |what, value| states(what, value, alias))?;
        matches.extend(states.map(|states| Match::Conntrack(Conntrack { states, alias })));
    }
    matches.extend(o.with("mark", mark)?.map(Match::Mark));
    matches.extend(o.with("connmark", mark)?.map(Match::Connmark));
    matches.extend(o.with("mac", |what, value| inverted(what, value, Mac::parse))?.map(Match::Mac));
    matches.extend(address_types(o)?);
    matches.extend(limit(o)?);
    matches.extend(statistic(o)?);
    matches.extend(o.with("comment", comment)?.map(Match::Comment));
    Ok(())
}

impl Matches {
    /// A header for each pair of a source and a destination, in iptables' order.
    pub(super) fn headers(&self) -> Vec<Header> {
        let each = |addrs: &[Inv<Prefix>]| match addrs {
            [] => vec![None],
            addrs => addrs.iter().copied().map(Some).collect(),
        };
        let destinations = each(&self.dst);
        let with = |src, dst| Header { src, dst, ..self.header.clone() };
        each(&self.src)
            .into_iter()
            .flat_map(|src| destinations.iter().map(move |dst| (src, *dst)))
            .map(|(src, dst)| with(src, dst))
            .collect()
    }
}

/// Networks and addresses: a text with commas, a handle, or an array of them.
fn addresses(what: &str, value: &Dynamic, netns: &Netns, family: Family) -> Result<Vec<Inv<Prefix>>> {
    let mut addrs = Vec::new();
    for (number, part) in args::list(value.clone()).iter().enumerate() {
        let found = addresses_of(what, part, netns, family);
        addrs.extend(if value.is_array() { found.element(number)? } else { found? });
    }
    if addrs.len() > 1 && addrs.iter().any(|addr| addr.inverted) {
        return Err(Error::Invalid(Invalid::Conflict {
            message: format!("{what} cannot be a list and inverted"),
            help: "each address becomes a rule of its own, and each of them would match the others: `ret` or `accept` the list first".into(),
        }));
    }
    Ok(addrs)
}

/// The addresses of one element.
fn addresses_of(what: &str, part: &Dynamic, netns: &Netns, family: Family) -> Result<Vec<Inv<Prefix>>> {
    if part.is::<Link>() || part.is::<Netns>() {
        let addr = args::address(netns.session(), what, part, Some(family))?;
        return Ok(vec![Inv::plain(Prefix::host(addr))]);
    }
    let list = args::text(what, part)?;
    let Inv { inverted, value: list } = super::value::split(&list);
    list.split(',').map(|addr| Ok(Inv::new(inverted, Prefix::parse(addr.trim())?))).collect()
}

/// An address that a target sends to: a text, or the address of a handle.
pub(super) fn target_address(what: &str, value: &Dynamic, netns: &Netns, family: Family) -> Result<Option<IpAddr>> {
    if value.is::<Link>() || value.is::<Netns>() {
        return args::address(netns.session(), what, value, Some(family)).map(Some);
    }
    Ok(None)
}

fn link(what: &str, value: &Dynamic, here: &NetnsRef) -> Result<Inv<IfPattern>> {
    if value.is::<Link>() {
        return args::link_in(here, what, value).map(|name| Inv::plain(name.into()));
    }
    if !value.is_string() {
        return Err(args::wrong_type(what, "a link (a Link or its name)", value));
    }
    inverted(what, value, IfPattern::parse)
}

fn proto(what: &str, value: &Dynamic) -> Result<Option<Inv<Proto>>> {
    let given = text(what, value)?;
    match super::value::split(&given) {
        Inv { inverted: false, value: "all" | "0" } => Ok(None),
        Inv { inverted, value } => {
            let wanted = "a protocol such as \"tcp\", \"udp\" or \"icmp\", or its number from 1 to 255";
            let known: Vec<&str> = Proto::words().collect();
            Ok(Some(Inv::new(inverted, words(what, value, &known, wanted, Proto::from_word)?)))
        }
    }
}

/// The ports of an option: one range, or a list of them.
enum Ports {
    Range(Inv<PortRange>),
    List(Inv<PortList>),
}

fn port_option(what: &str, value: &Dynamic) -> Result<Ports> {
    if value.is_int() {
        return args::port(what, value).map(|port| Ports::Range(Inv::plain(PortRange::one(port))));
    }
    let given = text(what, value)?;
    let Inv { inverted, value: ports } = super::value::split(&given);
    if !value.is_array() && !ports.contains(',') {
        return Ok(Ports::Range(Inv::new(inverted, PortRange::parse(ports, ':')?)));
    }
    let range = |port: &str| PortRange::parse(port.trim(), ':');
    let ranges: Result<Vec<PortRange>, Invalid> = ports.split(',').map(range).collect();
    let ranges = ranges.map_err(|error| super::value::by_element(value, range).unwrap_or(error.into()))?;
    Ok(Ports::List(Inv::new(inverted, PortList::new(ranges)?)))
}

/// `-m tcp` or `-m udp` with plain ports and flags, or without any if that is asked for, then
/// `-m multiport` for each list.
fn ports(o: &mut Options, proto: Option<Inv<Proto>>, matches: &mut Vec<Match>) -> Result<()> {
    let mut lists = Vec::new();
    let mut range = |o: &mut Options, key: &str, side| -> Result<Option<Inv<PortRange>>> {
        match o.with(key, port_option)? {
            Some(Ports::Range(range)) => Ok(Some(range)),
            Some(Ports::List(ports)) => {
                lists.push(Match::Multiport(Multiport { side, ports }));
                Ok(None)
            }
            None => Ok(None),
        }
    };
    let sport = range(o, "sport", MultiportSide::Source)?;
    let dport = range(o, "dport", MultiportSide::Destination)?;
    let flags = tcp_flags(o)?;
    let named = (o.boolean("tcp")?.unwrap_or(false), o.boolean("udp")?.unwrap_or(false));
    if named == (true, true) {
        return Err(Error::Invalid(Invalid::Conflict {
            message: "`tcp` and `udp` are matches on two protocols".into(),
            help: "give the one that `proto` names".into(),
        }));
    }
    if named == (false, false) && sport.is_none() && dport.is_none() && flags.is_none() {
        matches.extend(lists);
        return Ok(());
    }
    let is = |wanted: Proto| proto == Some(Inv::plain(wanted));
    let udp = named.1 || (!named.0 && is(Proto::UDP) && flags.is_none());
    if named == (false, false) && flags.is_none() && !udp && !is(Proto::TCP) {
        return Err(Error::Invalid(Invalid::Conflict {
            message: "a port needs `proto` to be \"tcp\" or \"udp\"".into(),
            help: "add `proto: \"tcp\"`; for other protocols give the ports as a list".into(),
        }));
    }
    if udp && flags.is_some() {
        return Err(Error::Invalid(Invalid::Conflict {
            message: "UDP has no flags to look at".into(),
            help: "leave `udp` out, or `syn` and `tcp_flags`".into(),
        }));
    }
    matches.push(match udp {
        true => Match::Udp(UdpMatch { sport, dport }),
        false => Match::Tcp(TcpMatch { sport, dport, flags }),
    });
    matches.extend(lists);
    Ok(())
}

fn tcp_flags(o: &mut Options) -> Result<Option<Inv<TcpFlags>>> {
    let syn = o.boolean("syn")?.map(|syn| Inv::new(!syn, TcpFlags::SYN));
    let flags = o.with("tcp_flags", |what, value| {
        inverted(what, value, |words| {
            let wanted = "the flags to look at and those that are set, such as \"SYN,RST SYN\"";
            word(what, words, wanted, TcpFlags::from_words)
        })
    })?;
    match (syn, flags) {
        (Some(_), Some(_)) => Err(Error::Invalid(Invalid::Conflict {
            message: "`syn` and `tcp_flags` look at the same flags".into(),
            help: "`syn: true` is `tcp_flags: \"FIN,SYN,RST,ACK SYN\"`: give one of them".into(),
        })),
        (syn, flags) => Ok(syn.or(flags)),
    }
}

fn icmp(what: &str, value: &Dynamic, family: Family) -> Result<Inv<IcmpType>> {
    inverted(what, value, |name| {
        let known: Vec<&str> = IcmpType::words(family).collect();
        let wanted = "a type such as \"echo-request\", or its number such as \"8\" or \"3/4\"";
        words(what, name, &known, wanted, |name| IcmpType::from_word(family, name))
    })
}

/// States of a connection; `alias`: those that `-m state` knows.
fn states(what: &str, value: &Dynamic, alias: bool) -> Result<Inv<CtStates>> {
    inverted(what, value, |given| {
        let known: Vec<&str> = if alias { CtStates::alias_words().collect() } else { CtStates::words().collect() };
        let wanted = match alias {
            true => format!("{}; \"SNAT\" and \"DNAT\" are for `ctstate`", some_of(&known)),
            false => some_of(&known),
        };
        let parse = |word: &str| CtStates::from_word(word).filter(|states| !alias || states.has_alias());
        words(what, given, &known, &wanted, parse)
    })
}

/// A set of words, written with commas.
fn some_of(known: &[&str]) -> String {
    format!("{}, or several with commas between them", one_of(known))
}

fn mark(what: &str, value: &Dynamic) -> Result<Inv<Masked>> {
    inverted(what, value, |text| masked(what, text))
}

/// A number of 32 bits, or one and a mask.
pub(super) fn masked(what: &str, text: &str) -> Result<Masked> {
    word(what, text, "a number from 0 to 4294967295, or \"VALUE/MASK\"", Masked::from_word)
}

fn address_types(o: &mut Options) -> Result<Option<Match>> {
    let types = |what: &str, value: &Dynamic| {
        inverted(what, value, |given| {
            let known: Vec<&str> = AddrTypes::words().collect();
            words(what, given, &known, &some_of(&known), AddrTypes::from_word)
        })
    };
    let (src, dst) = (o.with("src_type", types)?, o.with("dst_type", types)?);
    let given = src.is_some() || dst.is_some();
    Ok(given.then_some(Match::Addrtype(Addrtype { src, dst, limit: None })))
}

fn limit(o: &mut Options) -> Result<Option<Match>> {
    let rate = o.with("limit", |what, value| {
        let wanted = "a number of packets for a second, minute, hour or day, such as \"3/min\", at most 10000 a second";
        let given = text(what, value)?;
        word(what, &given, wanted, Rate::from_word)
    })?;
    let burst = o.number("burst", 1, i64::from(Rate::MAX_BURST))?;
    match (rate, burst) {
        (Some(rate), burst) => Ok(Some(Match::Limit(rate, burst.unwrap_or(Rate::DEFAULT_BURST)))),
        (None, Some(_)) => Err(needs("burst", "limit", "\"3/min\"")),
        (None, None) => Ok(None),
    }
}

fn needs(key: &str, other: &str, example: &str) -> Error {
    Error::Invalid(Invalid::Conflict {
        message: format!("`{key}` needs `{other}`"),
        help: format!("add `{other}: {example}`"),
    })
}

/// `every` and `packet`, or `probability`: two modes of `-m statistic`.
fn statistic(o: &mut Options) -> Result<Vec<Match>> {
    let every = o.with("every", |what, value| {
        inverted(what, value, |text| {
            word(what, text, "a number from 1 to 4294967295", |text| text.parse().ok().filter(|every: &u32| *every > 0))
        })
    })?;
    let packet: Option<u32> = o.number("packet", 0, i64::from(u32::MAX))?;
    let nth = match (every, packet) {
        (Some(every), packet) => {
            let packet = packet.unwrap_or(0);
            let nth = Nth::new(every.value, packet).ok_or_else(|| {
                Error::Invalid(Invalid::OutOfRange {
                    what: "`packet`".into(),
                    given: packet.to_string(),
                    min: 0,
                    max: i64::from(every.value) - 1,
                })
            });
            let nth = nth.option("packet")?;
            Some(Match::Nth(Inv::new(every.inverted, nth)))
        }
        (None, Some(_)) => return Err(needs("packet", "every", "2")),
        (None, None) => None,
    };
    let probability = o.with("probability", |what, value| {
        inverted(what, value, |text| {
            let parse = |text: &str| text.parse().ok().and_then(Probability::new);
            word(what, text, "a number from 0.0 to 1.0", parse)
        })
    })?;
    Ok(nth.into_iter().chain(probability.map(Match::Random)).collect())
}

fn comment(what: &str, value: &Dynamic) -> Result<Comment> {
    let text = args::text(what, value)?;
    Comment::new(&text).ok_or_else(|| wrong(what, &text, format!("one line of at most {} bytes", Comment::MAX)))
}
