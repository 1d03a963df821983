//! The matches of a rule: the options of every verb.

use std::net::IpAddr;

use netscript_lang::diagnostics::{Error, Invalid, Result, Within};
use netscript_net::op::netfilter::{
    AddrTypes, Addrtype, Comment, Conntrack, CtStates, Header, IcmpType, IfPattern, Masked, Match, Multiport,
    MultiportSide, Negatable, Nth, PortList, PortRange, Probability, Proto, Rate, TcpFlags, TcpMatch, UdpMatch,
};
use netscript_net::op::{Mac, Prefix};
use rhai::{Array, Dynamic};

use super::keys::{
    BURST, COMMENT, CONNMARK, CTSTATE, DPORT, DST, DST_TYPE, EVERY, Here, ICMP, IIF, LIMIT, MAC, MARK, OIF, PACKET,
    PROBABILITY, PROTO, SPORT, SRC, SRC_TYPE, STATE, SYN, TCP, TCP_FLAGS, UDP,
};
use super::value::{inverted, text, word, words};
use crate::options::{Given, Key, Options};
use crate::{Link, Netns, args};

/// The matches of a rule, with the addresses apart, since there may be several.
pub(super) struct Matches {
    /// Without addresses.
    pub(super) header: Header,
    /// Source addresses; none: any.
    pub(super) src: Vec<Negatable<Prefix>>,
    /// Destination addresses; none: any.
    pub(super) dst: Vec<Negatable<Prefix>>,
    /// The matches of all maps, each map in the order of [`MATCHES`].
    pub(super) matches: Vec<Match>,
}

/// Reads the matches among the options of a verb in a namespace: those that a rule has once, and those of
/// each map.
pub(super) fn parse(o: &Options, here: &Here) -> Result<Matches> {
    // `icmp` says the protocol as well.
    let proto = match o.get(&PROTO)?.flatten() {
        None if o.has(&ICMP) => Some(Negatable::plain(Proto::icmp(here.family))),
        given => given,
    };
    let mut matches = Vec::new();
    for map in o.each() {
        matches_of(&map, proto, here, &mut matches)?;
    }
    Ok(Matches {
        header: Header { iif: o.get_in(&IIF, here)?, oif: o.get_in(&OIF, here)?, proto, ..Header::default() },
        src: o.get_in(&SRC, here)?.unwrap_or_default(),
        dst: o.get_in(&DST, here)?.unwrap_or_default(),
        matches,
    })
}

/// The matches of one map.
fn matches_of(o: &Options, proto: Option<Negatable<Proto>>, here: &Here, matches: &mut Vec<Match>) -> Result<()> {
    ports(o, proto, matches)?;
    matches.extend(o.get_in(&ICMP, here)?.map(Match::Icmp));
    for (key, alias) in [(&STATE, true), (&CTSTATE, false)] {
        matches.extend(o.get(key)?.map(|states| Match::Conntrack(Conntrack { states, alias })));
    }
    matches.extend(o.get(&MARK)?.map(Match::Mark));
    matches.extend(o.get(&CONNMARK)?.map(Match::Connmark));
    matches.extend(o.get(&MAC)?.map(Match::Mac));
    let (src, dst) = (o.get(&SRC_TYPE)?, o.get(&DST_TYPE)?);
    if src.is_some() || dst.is_some() {
        matches.push(Match::Addrtype(Addrtype { src, dst, limit: None }));
    }
    matches.extend(limit(o)?);
    matches.extend(statistic(o)?);
    matches.extend(o.get(&COMMENT)?.map(Match::Comment));
    Ok(())
}

impl Matches {
    /// A header for each pair of a source and a destination, in iptables' order.
    pub(super) fn headers(&self) -> Vec<Header> {
        let each = |addrs: &[Negatable<Prefix>]| match addrs {
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
pub(super) fn addresses(given: &Given<'_>, here: &Here) -> Result<Vec<Negatable<Prefix>>> {
    let what = given.what();
    let mut addrs = Vec::new();
    match given.value.read_lock::<Array>() {
        Some(list) => {
            for (number, part) in list.iter().enumerate() {
                addrs.extend(addresses_of(&what, part, here).element(number)?);
            }
        }
        None => addrs = addresses_of(&what, given.value, here)?,
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
fn addresses_of(what: &str, part: &Dynamic, here: &Here) -> Result<Vec<Negatable<Prefix>>> {
    if part.is::<Link>() || part.is::<Netns>() {
        let addr = args::address(here.netns.session(), what, part, Some(here.family))?;
        return Ok(vec![Negatable::plain(Prefix::host(addr))]);
    }
    let list = args::text(what, part)?;
    let Negatable { inverted, value: list } = super::value::split(&list);
    list.split(',').map(|addr| Ok(Negatable::new(inverted, Prefix::parse(addr.trim())?))).collect()
}

/// An address that a target sends to: a text, or the address of a handle.
pub(super) fn target_address(given: &Given<'_>, here: &Here) -> Result<Option<IpAddr>> {
    if given.value.is::<Link>() || given.value.is::<Netns>() {
        return args::address(here.netns.session(), &given.what(), given.value, Some(here.family)).map(Some);
    }
    Ok(None)
}

pub(super) fn link(given: &Given<'_>, here: &Here) -> Result<Negatable<IfPattern>> {
    if given.value.is::<Link>() {
        return args::link_in(&here.reference, &given.what(), given.value).map(|name| Negatable::plain(name.into()));
    }
    // A number is no name of a link.
    args::text(&given.what(), given.value)?;
    inverted(given, IfPattern::parse)
}

pub(super) fn proto(given: &Given<'_>, (): &()) -> Result<Option<Negatable<Proto>>> {
    let text = text(&given.what(), given.value)?;
    match super::value::split(&text) {
        Negatable { inverted: false, value: "all" | "0" } => Ok(None),
        Negatable { inverted, value } => {
            let known: Vec<&str> = Proto::words().collect();
            Ok(Some(Negatable::new(inverted, words(given, value, &known, &given.wanted(), Proto::from_word)?)))
        }
    }
}

/// The ports of an option: one range, or a list of them.
pub(super) enum Ports {
    Range(Negatable<PortRange>),
    List(Negatable<PortList>),
}

pub(super) fn port_option(given: &Given<'_>, (): &()) -> Result<Ports> {
    let (what, value) = (given.what(), given.value);
    if value.is_int() {
        return args::port(&what, value).map(|port| Ports::Range(Negatable::plain(PortRange::one(port))));
    }
    let text = text(&what, value)?;
    let Negatable { inverted, value: ports } = super::value::split(&text);
    if !value.is_array() && !ports.contains(',') {
        return Ok(Ports::Range(Negatable::new(inverted, PortRange::parse(ports, ':')?)));
    }
    let range = |port: &str| PortRange::parse(port.trim(), ':');
    let ranges: Result<Vec<PortRange>, Invalid> = ports.split(',').map(range).collect();
    let ranges = ranges.map_err(|error| super::value::by_element(value, range).unwrap_or(error.into()))?;
    Ok(Ports::List(Negatable::new(inverted, PortList::new(ranges)?)))
}

/// `-m tcp` or `-m udp` with plain ports and flags, or without any if that is asked for, then
/// `-m multiport` for each list.
fn ports(o: &Options, proto: Option<Negatable<Proto>>, matches: &mut Vec<Match>) -> Result<()> {
    let mut lists = Vec::new();
    let mut range = |key: &Key<Ports>, side| -> Result<Option<Negatable<PortRange>>> {
        match o.get(key)? {
            Some(Ports::Range(range)) => Ok(Some(range)),
            Some(Ports::List(ports)) => {
                lists.push(Match::Multiport(Multiport { side, ports }));
                Ok(None)
            }
            None => Ok(None),
        }
    };
    let sport = range(&SPORT, MultiportSide::Source)?;
    let dport = range(&DPORT, MultiportSide::Destination)?;
    let flags = tcp_flags(o)?;
    let named = (o.or_default(&TCP)?, o.or_default(&UDP)?);
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
    let is = |wanted: Proto| proto == Some(Negatable::plain(wanted));
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

pub(super) fn flags(given: &Given<'_>, (): &()) -> Result<Negatable<TcpFlags>> {
    inverted(given, |words| word(given, words, &given.wanted(), TcpFlags::from_words))
}

fn tcp_flags(o: &Options) -> Result<Option<Negatable<TcpFlags>>> {
    let syn = o.get(&SYN)?.map(|syn| Negatable::new(!syn, TcpFlags::SYN));
    match (syn, o.get(&TCP_FLAGS)?) {
        (Some(_), Some(_)) => Err(Error::Invalid(Invalid::Conflict {
            message: "`syn` and `tcp_flags` look at the same flags".into(),
            help: "`syn: true` is `tcp_flags: \"FIN,SYN,RST,ACK SYN\"`: give one of them".into(),
        })),
        (syn, flags) => Ok(syn.or(flags)),
    }
}

pub(super) fn icmp(given: &Given<'_>, here: &Here) -> Result<Negatable<IcmpType>> {
    inverted(given, |name| {
        let known: Vec<&str> = IcmpType::words(here.family).collect();
        words(given, name, &known, &given.wanted(), |name| IcmpType::from_word(here.family, name))
    })
}

/// The states that `-m state` knows.
pub(super) fn state(given: &Given<'_>, (): &()) -> Result<Negatable<CtStates>> {
    let known: Vec<&str> = CtStates::alias_words().collect();
    let wanted = format!("{}; \"SNAT\" and \"DNAT\" are for `ctstate`", given.wanted());
    let parse = |word: &str| CtStates::from_word(word).filter(|states| states.has_alias());
    inverted(given, |text| words(given, text, &known, &wanted, parse))
}

pub(super) fn ctstate(given: &Given<'_>, (): &()) -> Result<Negatable<CtStates>> {
    let known: Vec<&str> = CtStates::words().collect();
    inverted(given, |text| words(given, text, &known, &given.wanted(), CtStates::from_word))
}

pub(super) fn mark(given: &Given<'_>, (): &()) -> Result<Negatable<Masked>> {
    inverted(given, |text| masked(given, text))
}

/// A number of 32 bits, or one and a mask.
pub(super) fn masked(given: &Given<'_>, text: &str) -> Result<Masked> {
    word(given, text, &given.wanted(), Masked::from_word)
}

pub(super) fn mac(given: &Given<'_>, (): &()) -> Result<Negatable<Mac>> {
    inverted(given, Mac::parse)
}

pub(super) fn address_types(given: &Given<'_>, (): &()) -> Result<Negatable<AddrTypes>> {
    let known: Vec<&str> = AddrTypes::words().collect();
    inverted(given, |text| words(given, text, &known, &given.wanted(), AddrTypes::from_word))
}

pub(super) fn rate(given: &Given<'_>, (): &()) -> Result<Rate> {
    word(given, &text(&given.what(), given.value)?, &given.wanted(), Rate::from_word)
}

fn limit(o: &Options) -> Result<Option<Match>> {
    match o.get(&LIMIT)? {
        Some(rate) => Ok(Some(Match::Limit(rate, o.or_default(&BURST)?))),
        None if o.has(&BURST) => Err(needs(&BURST, &LIMIT)),
        None => Ok(None),
    }
}

fn needs<A, B>(key: &Key<A>, other: &Key<B>) -> Error {
    Error::Invalid(Invalid::Conflict {
        message: format!("`{}` needs `{}`", key.spec.key, other.spec.key),
        help: format!("add `{}: {}`", other.spec.key, other.spec.example),
    })
}

pub(super) fn every(given: &Given<'_>, (): &()) -> Result<Negatable<u32>> {
    let parse = |text: &str| text.parse().ok().filter(|every: &u32| *every > 0);
    inverted(given, |text| word(given, text, &given.wanted(), parse))
}

pub(super) fn probability(given: &Given<'_>, (): &()) -> Result<Negatable<Probability>> {
    let parse = |text: &str| text.parse().ok().and_then(Probability::new);
    inverted(given, |text| word(given, text, &given.wanted(), parse))
}

/// `every` and `packet`, or `probability`: two modes of `-m statistic`.
fn statistic(o: &Options) -> Result<Vec<Match>> {
    let nth = match o.get(&EVERY)? {
        Some(every) => {
            let packet = o.or_default(&PACKET)?;
            let nth = Nth::new(every.value, packet).ok_or_else(|| {
                Error::Invalid(Invalid::OutOfRange {
                    what: "`packet`".into(),
                    given: packet.to_string(),
                    min: 0,
                    max: i64::from(every.value) - 1,
                })
            });
            let nth = nth.option(PACKET.spec.key)?;
            Some(Match::Nth(Negatable::new(every.inverted, nth)))
        }
        None if o.has(&PACKET) => return Err(needs(&PACKET, &EVERY)),
        None => None,
    };
    Ok(nth.into_iter().chain(o.get(&PROBABILITY)?.map(Match::Random)).collect())
}

pub(super) fn comment(given: &Given<'_>, (): &()) -> Result<Comment> {
    let text = args::text(&given.what(), given.value)?;
    Comment::new(&text).ok_or_else(|| given.refused(&text))
}
