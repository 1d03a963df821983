//! Arguments: what a script gives, made into types that cannot be wrong.

use std::net::IpAddr;
use std::ops::Deref;

use netscript_lang::diagnostics::{Error, Invalid, Result, Within};
use netscript_lang::interpreter::Session;
use netscript_net::op::{Family, IfName, Mac, NetnsName, NetnsRef, PidRef, Prefix, Scope, parse_ip};
use netscript_net::state::{Link as State, LinkType};
use rhai::{Array, Dynamic, DynamicReadLock, Map};

use crate::unknown::Unknown;
use crate::{Link, Netns, Process};

/// A value in words, with its type: `42 (an integer)`.
pub(crate) fn shown(value: &Dynamic) -> String {
    let kind = kind(value);
    if value.is_string() {
        return format!("{:?}", value.to_string());
    }
    if value.is_int() || value.is_float() || value.is_bool() { format!("{value} ({kind})") } else { kind.to_owned() }
}

fn kind(value: &Dynamic) -> &'static str {
    if value.is_int() {
        "an integer"
    } else if value.is_string() {
        "a string"
    } else if value.is_bool() {
        "a bool"
    } else if value.is_float() {
        "a float"
    } else if value.is_array() || value.is::<Unknown<Array>>() {
        "an array"
    } else if value.is_map() || value.is::<Unknown<Map>>() {
        "a map"
    } else if value.is_unit() {
        "nothing"
    } else if value.is_fnptr() {
        "a closure"
    } else if value.is::<Link>() {
        "a Link"
    } else if value.is::<Netns>() {
        "a Netns"
    } else if value.is::<Process>() {
        "a Process"
    } else {
        "a value of another type"
    }
}

pub(crate) fn wrong_type(what: &str, wanted: &str, value: &Dynamic) -> Error {
    Error::WrongType { what: what.to_owned(), wanted: wanted.to_owned(), given: shown(value) }
}

/// A text.
pub(crate) fn text(what: &str, value: &Dynamic) -> Result<String> {
    if value.is_string() { Ok(value.to_string()) } else { Err(wrong_type(what, "a string", value)) }
}

fn text_or(what: &str, wanted: &str, value: &Dynamic) -> Result<String> {
    if value.is_string() { Ok(value.to_string()) } else { Err(wrong_type(what, wanted, value)) }
}

/// A whole number.
pub(crate) fn int(what: &str, value: &Dynamic) -> Result<i64> {
    value.as_int().map_err(|_| wrong_type(what, "an integer", value))
}

/// A whole number within a range.
pub(crate) fn int_in<N: TryFrom<i64>>(what: &str, value: &Dynamic, min: i64, max: i64) -> Result<N> {
    let number = int(what, value)?;
    let fits = (min..=max).contains(&number);
    N::try_from(number).ok().filter(|_| fits).ok_or_else(|| {
        Error::Invalid(Invalid::OutOfRange { what: what.to_owned(), given: number.to_string(), min, max })
    })
}

/// True or false.
pub(crate) fn boolean(what: &str, value: &Dynamic) -> Result<bool> {
    value.as_bool().map_err(|_| wrong_type(what, "true or false", value))
}

/// A length of time in seconds, whole or not.
pub(crate) fn seconds(what: &str, value: &Dynamic) -> Result<f64> {
    /// A century: more than anybody waits, and less than what a clock can add.
    const MAX: f64 = 3_153_600_000.0;
    let number = match (value.as_int(), value.as_float()) {
        #[expect(clippy::cast_precision_loss, reason = "seconds need no 53 bits")]
        (Ok(whole), _) => whole as f64,
        (_, Ok(number)) => number,
        _ => return Err(wrong_type(what, "a number of seconds", value)),
    };
    if (0.0..=MAX).contains(&number) {
        return Ok(number);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a constant that fits")]
    Err(Error::Invalid(Invalid::OutOfRange {
        what: what.to_owned(),
        given: number.to_string(),
        min: 0,
        max: MAX as i64,
    }))
}

/// An address.
pub(crate) fn ip(what: &str, value: &Dynamic) -> Result<IpAddr> {
    if value.is_string() { Ok(parse_ip(&value.to_string())?) } else { Err(wrong_type(what, "an address", value)) }
}

/// An address of one family.
pub(crate) fn ip_of(what: &str, value: &Dynamic, family: Family) -> Result<IpAddr> {
    let addr = ip(what, value)?;
    if Family::of(addr) == family {
        return Ok(addr);
    }
    Err(Error::Invalid(Invalid::WrongFamily { given: addr.to_string(), wanted: family, instead: None }))
}

/// An address with a prefix length.
pub(crate) fn prefix(what: &str, value: &Dynamic) -> Result<Prefix> {
    if value.is_string() {
        Ok(Prefix::parse(&value.to_string())?)
    } else {
        Err(wrong_type(what, "an address with a prefix length", value))
    }
}

/// A hardware address.
pub(crate) fn mac(what: &str, value: &Dynamic) -> Result<Mac> {
    Ok(Mac::parse(&text(what, value)?)?)
}

/// A namespace: its handle or its name. It need not exist yet.
pub(crate) fn netns(session: &Session, what: &str, value: &Dynamic) -> Result<NetnsRef> {
    if let Some(netns) = value.read_lock::<Netns>() {
        return netns.reference();
    }
    if !value.is_string() {
        return Err(wrong_type(what, "a namespace (a Netns or its name)", value));
    }
    let name = value.to_string();
    if name == "host" {
        return Ok(NetnsRef::Host);
    }
    let reference = NetnsRef::Named(NetnsName::parse(&name)?);
    // A name that was never seen is looked up, so that the error comes here and names those there are.
    let there = match &reference {
        NetnsRef::Named(name) => session.lab().world().has_netns(name)?,
        NetnsRef::Host | NetnsRef::Held(_) | NetnsRef::OfPid(_) => true,
    };
    if there { Ok(reference) } else { Err(session.lab().no_such_netns(&name)) }
}

/// A link that must be in a certain namespace: its handle or its name. A name need not exist yet.
pub(crate) fn link_in(netns: &NetnsRef, what: &str, value: &Dynamic) -> Result<IfName> {
    if let Some(link) = value.read_lock::<Link>() {
        let (place, name) = link.locate()?;
        return match place == *netns {
            true => Ok(name),
            false => Err(Error::Invalid(Invalid::Conflict {
                message: format!("`{name}` is in {place}; expected a link of {netns}"),
                help: format!("use a link of {netns}, or move it there first: `.move_to({netns})`"),
            })),
        };
    }
    if value.is_string() {
        return Ok(IfName::parse(&value.to_string())?);
    }
    Err(wrong_type(what, "a link (a Link or its name)", value))
}

/// A process: its number, or a handle with a process.
pub(crate) fn pid(what: &str, value: &Dynamic) -> Result<PidRef> {
    if let Some(process) = value.read_lock::<Process>() {
        return Ok(process.pid_ref());
    }
    if let Some(netns) = value.read_lock::<Netns>()
        && let NetnsRef::Held(number) = netns.reference()?
    {
        return Ok(PidRef::Held(number));
    }
    if value.is_int() {
        // pid_max is at most 2^22 (proc(5)).
        return Ok(PidRef::Number(int_in(what, value, 1, 1 << 22)?));
    }
    Err(wrong_type(what, "a process (its number, or a handle with a `.pid`)", value))
}

/// A map where it lies.
pub(crate) enum Lent<'a> {
    Map(DynamicReadLock<'a, Map>),
    Unknown(DynamicReadLock<'a, Unknown<Map>>),
}

impl Deref for Lent<'_> {
    type Target = Map;

    fn deref(&self) -> &Map {
        match self {
            Lent::Map(map) => map,
            Lent::Unknown(unknown) => unknown.sample(),
        }
    }
}

/// A map of options.
pub(crate) fn map<'a>(what: &str, value: &'a Dynamic) -> Result<Lent<'a>> {
    as_map(value).ok_or_else(|| wrong_type(what, "a map such as `#{ … }`", value))
}

/// A map. An answer that a dry run does not know has the keys that it has in a run, and is refused by these.
pub(crate) fn as_map(value: &Dynamic) -> Option<Lent<'_>> {
    value.read_lock().map(Lent::Map).or_else(|| value.read_lock().map(Lent::Unknown))
}

/// One value or an array of them.
pub(crate) fn list(value: Dynamic) -> Array {
    if value.is_array() { value.into_array().expect("it is one") } else { vec![value] }
}

/// A program and its arguments: an array, or a string split into words as a shell does.
pub(crate) fn argv(value: &Dynamic) -> Result<Vec<String>> {
    let words = if value.is_array() {
        let words = value.clone().into_array().expect("it is one");
        let word = |(number, word)| argument(word).element(number);
        words.iter().enumerate().map(word).collect::<Result<Vec<_>>>()?
    } else {
        let line = text_or("a command", "a string or an array of strings", value)?;
        shlex::split(&line).ok_or_else(|| Error::OptionValue {
            key: "the command".into(),
            given: format!("{line:?}"),
            wanted: "a command whose quotes are closed".into(),
        })?
    };
    let flaw = match words.first() {
        None => Some("is empty"),
        Some(program) if program.is_empty() => Some("begins with an empty word"),
        Some(_) if words.iter().any(|word| word.contains('\0')) => Some("contains a NUL byte"),
        Some(_) => None,
    };
    match flaw {
        None => Ok(words),
        Some(flaw) => Err(Error::OptionValue {
            key: "the command".into(),
            given: format!("a command that {flaw}"),
            wanted: "a program and its arguments".into(),
        }),
    }
}

/// Handles and numbers become arguments as they print.
fn argument(value: &Dynamic) -> Result<String> {
    let printable =
        value.is_string() || value.is_int() || value.is_float() || value.is::<Link>() || value.is::<Netns>();
    if printable { Ok(value.to_string()) } else { Err(wrong_type("an argument of a command", "a string", value)) }
}

/// A port, 0 to 65535.
pub(crate) fn port(what: &str, value: &Dynamic) -> Result<u16> {
    let number = int(what, value)?;
    u16::try_from(number)
        .map_err(|_| Error::Invalid(Invalid::Port { given: number.to_string(), why: "it is out of range".into() }))
}

/// An address: a text, or the address of a link or a namespace. Without a given family,
/// IPv4 is preferred. Link-local addresses and those of `lo` are skipped.
pub(crate) fn address(session: &Session, what: &str, value: &Dynamic, family: Option<Family>) -> Result<IpAddr> {
    if value.is_string() {
        return Ok(parse_ip(&value.to_string())?);
    }
    if let Some(link) = value.read_lock::<Link>() {
        let found = link.look()?;
        return first_address([&found], family).ok_or_else(|| no_address(&format!("`{}`", found.name), family));
    }
    if let Some(netns) = value.read_lock::<Netns>() {
        let reference = netns.reference()?;
        let links = session.lab().world().links(&reference)?;
        return first_address(&links, family).ok_or_else(|| no_address(&reference.to_string(), family));
    }
    Err(wrong_type(what, "an address, a link or a namespace", value))
}

fn no_address(what: &str, family: Option<Family>) -> Error {
    let why = match family {
        Some(family) => format!("it has no {family} address"),
        None => "it has no address".to_owned(),
    };
    Error::Target { given: what.to_owned(), why }
}

fn first_address<'a>(links: impl IntoIterator<Item = &'a State>, family: Option<Family>) -> Option<IpAddr> {
    let mut all: Vec<IpAddr> = links
        .into_iter()
        .filter(|link| link.kind != LinkType::Loopback)
        .flat_map(|link| &link.addrs)
        .filter(|addr| addr.scope == Scope::Global)
        .map(|addr| addr.local.addr())
        .filter(|addr| family.is_none_or(|family| Family::of(*addr) == family))
        .collect();
    // A stable sort: the order of links and addresses stays within a family.
    all.sort_by_key(|addr| addr.is_ipv6());
    all.first().copied()
}
