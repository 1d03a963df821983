//! Decodes expressions into rules: those that iptables writes, and native nft expressions with an equivalent in
//! iptables.

use std::net::IpAddr;

use super::encode::{FRAGMENT_MASK, FRAGMENT_OFFSET, NO_LINK, address_offsets};
use super::expr::{Base, Compare, Expr, MetaKey, Verdict};
use super::{xt_match, xt_target};
use netscript_net::op::netfilter::{
    ChainRef, Header, IfPattern, Masked, Match, Negatable, PortRange, Proto, Rate, Rule, Target, TcpFlagSet, TcpFlags,
    TcpMatch, UdpMatch,
};
use netscript_net::op::{Family, IfName, Prefix, raw};

/// The byte of a TCP header with the flags.
const TCP_FLAGS_OFFSET: u32 = 13;

/// The byte of an IPv4 header with the protocol, or of an IPv6 header with the next header. iptables 1.8.11 compares
/// it; before, only `meta l4proto` was compared. Every version reads both as `-p`.
fn protocol_offset(family: Family) -> u32 {
    match family {
        Family::V4 => 9,
        Family::V6 => 6,
    }
}

/// A rule with its packet and byte counters.
pub(super) fn rule(chain: ChainRef, exprs: &[Expr]) -> (Rule, u64, u64) {
    let mut reader = Reader::new(chain.table.family);
    for expr in exprs {
        reader.take(expr);
    }
    let (packets, bytes) = reader.counter;
    (Rule::read(chain, reader.header, reader.matches, reader.target), packets, bytes)
}

/// The content of register 1.
struct Loaded {
    source: Source,
    mask: Option<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum Source {
    Meta(MetaKey),
    Payload(Base, u32, u32),
}

struct Reader {
    family: Family,
    header: Header,
    matches: Vec<Match>,
    target: Option<Target>,
    counter: (u64, u64),
    loaded: Option<Loaded>,
}

impl Reader {
    fn new(family: Family) -> Reader {
        let (header, matches) = (Header::default(), Vec::new());
        Reader { family, header, matches, target: None, counter: (0, 0), loaded: None }
    }

    fn take(&mut self, expr: &Expr) {
        match expr {
            Expr::Meta(key) => self.loaded = Some(Loaded { source: Source::Meta(*key), mask: None }),
            Expr::Payload(base, offset, len) => {
                self.loaded = Some(Loaded { source: Source::Payload(*base, *offset, *len), mask: None });
            }
            Expr::Mask(mask) => match &mut self.loaded {
                Some(loaded) if loaded.mask.is_none() => loaded.mask = Some(mask.clone()),
                Some(_) | None => self.native("bitwise"),
            },
            Expr::Cmp(compare, data) => match self.loaded.take() {
                Some(loaded) if self.compare(&loaded, *compare, data).is_some() => {}
                Some(_) | None => self.native("cmp"),
            },
            Expr::Range(inverted, from, to) => {
                if self.range(*inverted, from, to).is_none() {
                    self.native("range");
                }
            }
            Expr::Limit(packets, seconds, burst) => match Rate::per_seconds(*packets, *seconds) {
                Some(rate) => self.matches.push(Match::Limit(rate, *burst)),
                None => self.native("limit"),
            },
            Expr::Match(extension) => {
                self.matches.push(xt_match::read(extension).unwrap_or_else(|| Match::Extension(extension.clone())));
            }
            Expr::Target(extension) => {
                let known = xt_target::read(self.family, extension);
                self.target = Some(known.unwrap_or_else(|| Target::Extension(extension.clone())));
            }
            Expr::Counter(packets, bytes) => self.counter = (*packets, *bytes),
            Expr::Verdict(verdict) => self.target = Some(target(verdict)),
            Expr::Other(name) => self.native(name),
        }
    }

    /// Notes an expression that no rule of iptables contains.
    fn native(&mut self, name: &str) {
        match self.matches.last_mut() {
            Some(Match::Native(names)) => {
                names.push(' ');
                names.push_str(name);
            }
            Some(_) | None => self.matches.push(Match::Native(name.to_owned())),
        }
    }

    fn compare(&mut self, loaded: &Loaded, compare: Compare, data: &[u8]) -> Option<()> {
        match (loaded.source, &loaded.mask) {
            (Source::Meta(MetaKey::Iifname), None) => self.header.iif = Some(link_name(compare, data)?),
            (Source::Meta(MetaKey::Oifname), None) => self.header.oif = Some(link_name(compare, data)?),
            (Source::Meta(MetaKey::L4proto), None) => {
                self.header.proto = Some(Negatable::new(inverted(compare)?, Proto(*data.first()?)));
            }
            (Source::Meta(MetaKey::Mark), mask) => {
                let mask = mask.as_deref().map_or(Some(u32::MAX), number)?;
                self.matches
                    .push(Match::Mark(Negatable::new(inverted(compare)?, Masked { value: number(data)?, mask })));
            }
            (Source::Payload(Base::Network, offset, 1), None) if offset == protocol_offset(self.family) => {
                self.header.proto = Some(Negatable::new(inverted(compare)?, Proto(*data.first()?)));
            }
            (Source::Payload(Base::Network, FRAGMENT_OFFSET, 2), Some(mask)) if mask == &FRAGMENT_MASK => {
                (self.family == Family::V4 && data == [0, 0]).then_some(())?;
                self.header.fragment = Some(inverted(compare)?);
            }
            (Source::Payload(Base::Network, offset, _), mask) => {
                let addr = Negatable::new(inverted(compare)?, prefix(self.family, data, mask.as_deref())?);
                match address_offsets(self.family) {
                    (src, _) if src == offset => self.header.src = Some(addr),
                    (_, dst) if dst == offset => self.header.dst = Some(addr),
                    _ => return None,
                }
            }
            (Source::Payload(Base::Transport, TCP_FLAGS_OFFSET, 1), Some(mask)) => {
                let flags = TcpFlags { mask: TcpFlagSet(*mask.first()?), set: TcpFlagSet(*data.first()?) };
                self.tcp_flags(Negatable::new(inverted(compare)?, flags))?;
            }
            // iptables 1.8.9 writes two inverted ports like this too, although the rule then matches if only one of
            // them differs, and shows them as given.
            (Source::Payload(Base::Transport, 0, 4), None) => {
                let inverted = inverted(compare)?;
                self.port(0, Negatable::new(inverted, PortRange::one(port(data)?)))?;
                self.port(2, Negatable::new(inverted, PortRange::one(port(data.get(2..)?)?)))?;
            }
            (Source::Payload(Base::Transport, offset, 2), None) => self.port(offset, ports(compare, port(data)?)?)?,
            (Source::Meta(_) | Source::Payload(..), _) => return None,
        }
        Some(())
    }

    fn range(&mut self, inverted: bool, from: &[u8], to: &[u8]) -> Option<()> {
        let loaded = self.loaded.take()?;
        match (loaded.source, loaded.mask) {
            (Source::Payload(Base::Transport, offset, 2), None) => {
                self.port(offset, Negatable::new(inverted, PortRange::new(port(from)?, port(to)?)?))
            }
            (Source::Payload(..) | Source::Meta(_), _) => None,
        }
    }

    /// Ports and flags of one protocol share one `-m`, wherever they are.
    fn port(&mut self, offset: u32, ports: Negatable<PortRange>) -> Option<()> {
        let slots = match self.header.proto? {
            Negatable { inverted: false, value: Proto::TCP } => {
                let tcp = self.tcp();
                (&mut tcp.sport, &mut tcp.dport)
            }
            Negatable { inverted: false, value: Proto::UDP } => {
                let udp = self.udp();
                (&mut udp.sport, &mut udp.dport)
            }
            _ => return None,
        };
        match offset {
            0 => *slots.0 = Some(ports),
            2 => *slots.1 = Some(ports),
            _ => return None,
        }
        Some(())
    }

    fn tcp_flags(&mut self, flags: Negatable<TcpFlags>) -> Option<()> {
        (self.header.proto? == Negatable::plain(Proto::TCP)).then(|| self.tcp().flags = Some(flags))
    }

    fn tcp(&mut self) -> &mut TcpMatch {
        let found = self.matches.iter().position(|found| matches!(found, Match::Tcp(_)));
        let index = found.unwrap_or_else(|| self.push(Match::Tcp(TcpMatch::default())));
        let Match::Tcp(tcp) = &mut self.matches[index] else { unreachable!("a match on TCP stands there") };
        tcp
    }

    fn udp(&mut self) -> &mut UdpMatch {
        let found = self.matches.iter().position(|found| matches!(found, Match::Udp(_)));
        let index = found.unwrap_or_else(|| self.push(Match::Udp(UdpMatch::default())));
        let Match::Udp(udp) = &mut self.matches[index] else { unreachable!("a match on UDP stands there") };
        udp
    }

    fn push(&mut self, found: Match) -> usize {
        self.matches.push(found);
        self.matches.len() - 1
    }
}

/// Whether a comparison is inverted; `None` for `<`, `>` and the like.
fn inverted(compare: Compare) -> Option<bool> {
    match compare {
        Compare::Eq => Some(false),
        Compare::Ne => Some(true),
        Compare::Lt | Compare::Le | Compare::Gt | Compare::Ge => None,
    }
}

fn number(data: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(data.try_into().ok()?))
}

fn port(data: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(data.get(..2)?.try_into().ok()?))
}

/// A comparison with `<`, `>` and the like as a port range.
fn ports(compare: Compare, port: u16) -> Option<Negatable<PortRange>> {
    let range = match compare {
        Compare::Eq | Compare::Ne => PortRange::new(port, port),
        Compare::Lt => PortRange::new(0, port.checked_sub(1)?),
        Compare::Le => PortRange::new(0, port),
        Compare::Gt => PortRange::new(port.checked_add(1)?, u16::MAX),
        Compare::Ge => PortRange::new(port, u16::MAX),
    };
    range.map(|range| Negatable::new(compare == Compare::Ne, range))
}

/// A whole name ends with a NUL; a prefix of names does not.
fn link_name(compare: Compare, data: &[u8]) -> Option<Negatable<IfPattern>> {
    if compare == Compare::Eq && data == NO_LINK {
        return Some(Negatable::new(true, IfPattern::Prefix(String::new())));
    }
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let name = raw::from_bytes(&data[..end]);
    let pattern = if data.contains(&0) { IfPattern::Name(IfName::read(&name)) } else { IfPattern::Prefix(name) };
    Some(Negatable::new(inverted(compare)?, pattern))
}

/// As many bytes as are compared; or all bytes, with a mask of ones followed by zeros.
fn prefix(family: Family, data: &[u8], mask: Option<&[u8]>) -> Option<Prefix> {
    let bits = match mask {
        None => data.len() * 8,
        Some(mask) => {
            let ones: u32 = mask.iter().map(|byte| byte.leading_ones()).sum();
            let set: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
            let first_gap = mask.iter().position(|byte| *byte != 0xff).unwrap_or(mask.len());
            let whole = mask[first_gap..].iter().skip(1).all(|byte| *byte == 0);
            (ones == set && whole).then_some(usize::try_from(ones).ok()?)?
        }
    };
    let mut bytes = [0; 16];
    bytes.get_mut(..data.len())?.copy_from_slice(data);
    let addr: IpAddr = match family {
        Family::V4 => <[u8; 4]>::try_from(&bytes[..4]).ok()?.into(),
        Family::V6 => bytes.into(),
    };
    Prefix::new(addr, u8::try_from(bits).ok()?)
}

fn target(verdict: &Verdict) -> Target {
    match verdict {
        Verdict::Accept => Target::Accept,
        Verdict::Drop => Target::Drop,
        Verdict::Return => Target::Return,
        Verdict::Jump(chain) => Target::Jump(chain.clone()),
        Verdict::Goto(chain) => Target::Goto(chain.clone()),
    }
}
