//! Rules: matches and a target, and the combinations that iptables accepts.

use std::net::IpAddr;

use super::super::{Family, Prefix};
use super::{
    AddrTypes, ChainName, ChainRef, Hook, IfPattern, Match, Mss, NatTo, Negatable, PortRange, Proto, Table, TableRef,
    Target,
};
use crate::invalid::{Invalid, Result};

/// The matches that need no extension: options of `iptables` itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `-s`
    pub src: Option<Negatable<Prefix>>,
    /// `-d`
    pub dst: Option<Negatable<Prefix>>,
    /// `-i`
    pub iif: Option<Negatable<IfPattern>>,
    /// `-o`
    pub oif: Option<Negatable<IfPattern>>,
    /// `-p`
    pub proto: Option<Negatable<Proto>>,
    /// `-f`: second and further fragments; `Some(false)` is `! -f`. IPv4 only.
    pub fragment: Option<bool>,
}

/// A rule in its chain, valid for iptables. Two rules are equal if `iptables -D` treats them as equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    chain: ChainRef,
    header: Header,
    matches: Vec<Match>,
    target: Option<Target>,
}

impl Rule {
    /// Checks that the parts are a valid combination in this chain, and converts them into iptables' own form: host
    /// bits are cleared, `0.0.0.0/0` and all ports are left out, and "not up to port 5" becomes "from port 6 on", the
    /// form that every version from 1.8.8 on checks.
    pub fn new(chain: ChainRef, header: Header, matches: Vec<Match>, target: Option<Target>) -> Result<Rule> {
        let mut rule = Rule { chain, header, matches, target };
        rule.check_addresses()?;
        rule.check_links()?;
        for found in &rule.matches {
            rule.check_match(found)?;
        }
        if let Some(target) = &rule.target {
            rule.check_target(target)?;
        }
        rule.normalize()?;
        Ok(rule)
    }

    /// An existing rule, which is not checked.
    pub fn read(chain: ChainRef, header: Header, matches: Vec<Match>, target: Option<Target>) -> Rule {
        Rule { chain, header, matches, target }
    }

    /// Its chain.
    pub fn chain(&self) -> &ChainRef {
        &self.chain
    }

    /// The matches that need no extension.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The matches, in order.
    pub fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// The target; `None`: the rule only counts.
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// The rule as the kernel returns it: `-i +` is left out.
    pub fn as_read(&self) -> Rule {
        let mut rule = self.clone();
        let any = |link: &Negatable<IfPattern>| !link.inverted && link.value == IfPattern::Prefix(String::new());
        rule.header.iif = rule.header.iif.filter(|link| !any(link));
        rule.header.oif = rule.header.oif.filter(|link| !any(link));
        rule
    }

    /// The rule in the form in which rules are compared: rules with the same meaning become equal. iptables 1.8.7
    /// writes "not up to port 5"; later versions write "above 5" and show `6:65535`.
    pub fn normal_form(&self) -> Rule {
        let mut rule = self.as_read();
        for ports in rule.matches.iter_mut().filter_map(Match::ports).flatten() {
            *ports = ports.map(ports_in_normal_form);
        }
        rule
    }

    /// Whether everything in the rule could be read, even if netscript cannot express the settings of an extension: two
    /// such rules are equal if their contents are.
    pub fn is_read(&self) -> bool {
        !self.matches.iter().any(|found| matches!(found, Match::Native(_)))
    }

    /// Whether netscript can express everything in the rule.
    pub fn is_known(&self) -> bool {
        let strange = |found: &Match| matches!(found, Match::Extension(_) | Match::Native(_));
        !self.matches.iter().any(strange) && !matches!(self.target, Some(Target::Extension(_)))
    }

    fn table(&self) -> TableRef {
        self.chain.table
    }

    /// The protocol, if the rule requires one.
    fn proto(&self) -> Option<Proto> {
        self.header.proto.filter(|proto| !proto.inverted).map(|proto| proto.value)
    }

    fn check_addresses(&self) -> Result<()> {
        for prefix in [&self.header.src, &self.header.dst].into_iter().flatten() {
            self.check_family(prefix.value.addr())?;
            if prefix.inverted && prefix.value.is_all() {
                let message = format!("no address is outside {}", prefix.value.network());
                return Err(conflict(message, "leave the address out, or take the `!` away"));
            }
        }
        match &self.target {
            Some(Target::Snat(to, _) | Target::Dnat(to, _)) => {
                to.addrs.map_or(Ok(()), |addrs| self.check_family(addrs.min()))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_family(&self, addr: IpAddr) -> Result<()> {
        let table = self.table();
        if Family::of(addr) == table.family {
            return Ok(());
        }
        let other = table.other_family();
        let instead = format!("rules for {} addresses stand in `{}`", other.family, other.script_word());
        Err(Invalid::WrongFamily { given: addr.to_string(), wanted: table.family, instead: Some(instead) })
    }

    fn check_links(&self) -> Result<()> {
        let Some(hook) = self.chain.hook() else { return Ok(()) };
        if self.header.iif.is_some() && !hook.knows_iif() {
            let message = format!("a rule in `{}` cannot look at `iif`", hook.chain_name());
            return Err(conflict(message, "a packet that a program sends has come in by no link: use `oif`"));
        }
        if self.header.oif.is_some() && !hook.knows_oif() {
            let message = format!("a rule in `{}` cannot look at `oif`", hook.chain_name());
            return Err(conflict(message, "where the packet goes out is not decided there: use `iif`"));
        }
        Ok(())
    }

    fn check_match(&self, found: &Match) -> Result<()> {
        match found {
            Match::Tcp(_) => self.wants_proto("a match on TCP", |proto| proto == Proto::TCP, "\"tcp\""),
            Match::Udp(_) => self.wants_proto("a match on UDP", |proto| proto == Proto::UDP, "\"udp\""),
            Match::Icmp(_) => {
                let icmp = Proto::icmp(self.table().family);
                self.wants_proto("`icmp`", |proto| proto == icmp, &format!("\"{icmp}\""))
            }
            Match::Multiport(_) => self.wants_proto(
                "a list of ports",
                Proto::has_ports,
                "\"tcp\", \"udp\", \"sctp\", \"dccp\" or \"udplite\"",
            ),
            Match::Mac(_) => match self.chain.hook() {
                Some(hook @ (Hook::Output | Hook::Postrouting)) => {
                    let message = format!("a rule in `{}` cannot look at `mac`", hook.chain_name());
                    Err(conflict(message, "a packet's sender is known in PREROUTING, INPUT and FORWARD"))
                }
                Some(Hook::Prerouting | Hook::Input | Hook::Forward) | None => Ok(()),
            },
            Match::Addrtype(addrtype) => {
                for types in [addrtype.src, addrtype.dst].into_iter().flatten() {
                    self.check_address_types(types.value)?;
                }
                Ok(())
            }
            Match::Conntrack(_)
            | Match::Mark(_)
            | Match::Connmark(_)
            | Match::Limit(..)
            | Match::Nth(_)
            | Match::Random(_)
            | Match::Comment(_)
            | Match::Extension(_)
            | Match::Native(_) => Ok(()),
        }
    }

    fn check_address_types(&self, types: AddrTypes) -> Result<()> {
        let strange = AddrTypes(types.0 & !AddrTypes::OF_IPV6.0);
        if self.table().family == Family::V4 || strange.0 == 0 {
            return Ok(());
        }
        Err(conflict(
            format!("IPv6 has no addresses of type {strange}"),
            format!("its types are {}", AddrTypes::OF_IPV6),
        ))
    }

    fn wants_proto(&self, what: &str, fits: impl Fn(Proto) -> bool, words: &str) -> Result<()> {
        if self.proto().is_some_and(fits) {
            return Ok(());
        }
        Err(conflict(format!("{what} needs `proto` to be {words}"), format!("add `proto: {}`", first_word(words))))
    }

    fn check_target(&self, target: &Target) -> Result<()> {
        match target {
            Target::Masquerade(ports, _) => {
                self.check_place("masquerade", Table::Nat, &[Hook::Postrouting])?;
                self.check_nat_ports(*ports)
            }
            Target::Redirect(ports, _) => {
                self.check_place("redirect", Table::Nat, &[Hook::Prerouting, Hook::Output])?;
                self.check_nat_ports(*ports)
            }
            Target::Snat(to, _) => {
                self.check_place("snat", Table::Nat, &[Hook::Postrouting, Hook::Input])?;
                self.check_nat_to(*to, "snat")
            }
            Target::Dnat(to, _) => {
                self.check_place("dnat", Table::Nat, &[Hook::Prerouting, Hook::Output])?;
                self.check_nat_ports(to.ports)
            }
            Target::Reject(with) => {
                self.check_place("reject", Table::Filter, &[Hook::Input, Hook::Forward, Hook::Output])?;
                if with.is_tcp_reset() {
                    self.wants_proto("a TCP reset", |proto| proto == Proto::TCP, "\"tcp\"")?;
                }
                Ok(())
            }
            Target::Drop if self.table().table == Table::Nat => Err(conflict(
                "`drop` does not go into the table `nat`".to_owned(),
                "nat sees only the first packet of a connection: drop in `filter`",
            )),
            Target::Tcpmss(mss) => self.check_tcpmss(*mss),
            Target::Notrack { .. } => self.check_place("notrack", Table::Raw, &[Hook::Prerouting, Hook::Output]),
            Target::Jump(chain) | Target::Goto(chain) => self.check_jump(chain),
            Target::Accept
            | Target::Drop
            | Target::Return
            | Target::Log(_)
            | Target::Mark(_)
            | Target::Connmark(_)
            | Target::Extension(_) => Ok(()),
        }
    }

    /// Checks a target that only one table accepts, and in it only some built-in chains. Only the kernel knows the
    /// chains that jump to a user-defined chain.
    fn check_place(&self, verb: &str, table: Table, hooks: &[Hook]) -> Result<()> {
        let right = TableRef::new(self.table().family, table);
        if self.table() != right {
            let message = format!("`{verb}` does not go into {}", self.table());
            return Err(conflict(message, format!("it is in `{}`", right.script_word())));
        }
        match self.chain.hook() {
            Some(hook) if !hooks.contains(&hook) => {
                let names: Vec<&str> = hooks.iter().map(|hook| hook.chain_name()).collect();
                let message = format!("`{verb}` does not go into the chain `{}`", hook.chain_name());
                Err(conflict(message, format!("it goes into {}", names.join(" and "))))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_nat_to(&self, to: NatTo, verb: &str) -> Result<()> {
        if to.base.is_some() {
            return Err(conflict(format!("`{verb}` cannot shift ports"), "leave out `/` and the port behind it"));
        }
        self.check_nat_ports(to.ports)
    }

    fn check_nat_ports(&self, ports: Option<PortRange>) -> Result<()> {
        match ports {
            None => Ok(()),
            Some(_) => {
                self.wants_proto("a port in `to`", Proto::nat_has_ports, "\"tcp\", \"udp\", \"sctp\" or \"dccp\"")
            }
        }
    }

    fn check_tcpmss(&self, mss: Mss) -> Result<()> {
        self.wants_proto("`tcpmss`", |proto| proto == Proto::TCP, "\"tcp\"")?;
        match (mss, self.chain.hook()) {
            (Mss::Clamp, Some(hook @ (Hook::Prerouting | Hook::Input))) => Err(conflict(
                format!("`tcpmss` cannot clamp in `{}`", hook.chain_name()),
                "the path is known in FORWARD, OUTPUT and POSTROUTING; elsewhere `set` the size",
            )),
            (Mss::Clamp | Mss::Set(_), _) => Ok(()),
        }
    }

    fn check_jump(&self, chain: &ChainName) -> Result<()> {
        match self.table().chain(chain.clone()).hook() {
            Some(hook) => Err(conflict(
                format!("a rule cannot jump to the built-in chain `{}`", hook.chain_name()),
                "jump to a chain of your own, made with `.chain(\"NAME\")`",
            )),
            None => Ok(()),
        }
    }

    fn normalize(&mut self) -> Result<()> {
        for prefix in [&mut self.header.src, &mut self.header.dst] {
            *prefix = prefix
                .map(|prefix| Negatable { value: prefix.value.network(), ..prefix })
                .filter(|p| !p.value.is_all());
        }
        self.matches.iter_mut().filter_map(Match::ports).flatten().try_for_each(normalize_ports)
    }
}

fn ports_in_normal_form(ports: Negatable<PortRange>) -> Negatable<PortRange> {
    match PortRange::new(ports.value.max().saturating_add(1), u16::MAX) {
        Some(above) if ports.inverted && ports.value.min() == 0 && !ports.value.is_one() => Negatable::plain(above),
        Some(_) | None => ports,
    }
}

/// Normalizes ports: all ports are no match, and "not up to a port" becomes "from the next port on".
fn normalize_ports(ports: &mut Option<Negatable<PortRange>>) -> Result<()> {
    let Some(given) = *ports else { return Ok(()) };
    match given.inverted {
        true if given.value.is_all() => {
            Err(conflict("no port is outside 0 to 65535".to_owned(), "leave the port out, or take the `!` away"))
        }
        true => {
            *ports = Some(ports_in_normal_form(given));
            Ok(())
        }
        false => {
            *ports = Some(given).filter(|ports| !ports.value.is_all());
            Ok(())
        }
    }
}

fn conflict(message: impl Into<String>, help: impl Into<String>) -> Invalid {
    Invalid::Conflict { message: message.into(), help: help.into() }
}

fn first_word(words: &str) -> &str {
    words.split([',', ' ']).next().unwrap_or(words)
}
