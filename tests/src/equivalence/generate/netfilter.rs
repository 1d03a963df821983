//! Chains and rules of iptables and ip6tables.

use netscript_net::op::netfilter::{
    AddrTypes, Addrtype, ChainName, ChainRef, Comment, ConnmarkTarget, Conntrack, CtStates, Header, Hook, IcmpType,
    IfPattern, IfaceLimit, Log, LogPrefix, Masked, Match, Mss, Multiport, MultiportSide, NatOptions, NatTo, Negatable,
    Nth, Policy, PortList, PortRange, Probability, Proto, Rate, RejectWith, Rule, Table, TableRef, Target, TcpFlags,
    TcpMatch, UdpMatch,
};
use netscript_net::op::{Action, Family, NetfilterOp, NetnsRef, Op};

use super::Generator;

const PORTS: [&str; 4] = ["8000", "8001", "8000:8010", "1024:"];

fn ports(text: &str) -> PortRange {
    PortRange::parse(text, ':').expect("they are ports")
}

impl Generator {
    pub(super) fn netfilter(&mut self) -> Op {
        let netns = self.place();
        let family = if self.rng.percent(75) { Family::V4 } else { Family::V6 };
        let table = TableRef::new(
            family,
            match self.rng.below(16) {
                0..7 => Table::Filter,
                7..11 => Table::Nat,
                11..13 => Table::Mangle,
                13..15 => Table::Raw,
                _ => Table::Security,
            },
        );
        let there: Vec<Rule> = self.rules_of(&netns, table);
        let op = match self.rng.below(100) {
            0..50 => NetfilterOp::Append(self.rule(table)),
            50..65 => NetfilterOp::Insert(self.rule(table), 1 + self.rng.below(3) as u32),
            65..73 if !there.is_empty() => NetfilterOp::Delete(self.rng.pick(&there).clone(), None),
            65..75 => NetfilterOp::Delete(self.rule(table), None),
            75..80 => NetfilterOp::Flush(self.chain(table)),
            80..83 => NetfilterOp::FlushTable(table),
            83..88 => {
                let hook = *self.rng.pick(table.table.hooks());
                // Neither iptables nor netscript can drop in `nat`.
                let drop = table.table != Table::Nat && self.rng.percent(50);
                let policy = if drop { Policy::Drop } else { Policy::Accept };
                NetfilterOp::Policy(table.chain(ChainName::of(hook)), policy)
            }
            88..96 => NetfilterOp::NewChain(self.own_chain(table)),
            _ => NetfilterOp::DelChain(self.own_chain(table)),
        };
        Op::new(netns, Action::Netfilter(op))
    }

    fn rules_of(&self, netns: &NetnsRef, table: TableRef) -> Vec<Rule> {
        let Some(contents) = self.state.netns.get(netns) else { return Vec::new() };
        let chains = contents.ruleset.chains(table);
        chains.iter().flat_map(|chain| chain.rules.iter().map(|record| record.rule.clone())).collect()
    }

    fn own_chain(&mut self, table: TableRef) -> ChainRef {
        table.chain(ChainName::parse(self.rng.word(&["one", "two"])).expect("the names are legal"))
    }

    fn chain(&mut self, table: TableRef) -> ChainRef {
        match self.rng.percent(75) {
            true => {
                let hook = *self.rng.pick(table.table.hooks());
                table.chain(ChainName::of(hook))
            }
            false => self.own_chain(table),
        }
    }

    /// A rule that iptables accepts: others are refused before there is an operation.
    fn rule(&mut self, table: TableRef) -> Rule {
        loop {
            let chain = self.chain(table);
            let mut header = self.header(table.family);
            let matches = self.matches(table.family, &mut header);
            let target = (!self.rng.percent(4)).then(|| self.target(&chain));
            if let Ok(rule) = Rule::new(chain, header, matches, target) {
                return rule;
            }
        }
    }

    fn header(&mut self, family: Family) -> Header {
        Header {
            src: self.sometimes(40, |generator| generator.prefix(family)),
            dst: self.sometimes(20, |generator| generator.prefix(family)),
            iif: self.sometimes(25, |generator| generator.links(&["br0", "v+", "up", "eth0", "+"])),
            oif: self.sometimes(25, |generator| generator.links(&["br1", "dev", "eth+"])),
            proto: None,
            fragment: (family == Family::V4 && self.rng.percent(3)).then(|| self.rng.percent(60)),
        }
    }

    /// One in five is negated.
    fn sometimes<T>(&mut self, percent: usize, make: impl FnOnce(&mut Generator) -> T) -> Option<Negatable<T>> {
        if !self.rng.percent(percent) {
            return None;
        }
        let inverted = self.rng.percent(20);
        Some(Negatable::new(inverted, make(self)))
    }

    fn links(&mut self, names: &[&str]) -> IfPattern {
        IfPattern::parse(self.rng.word(names)).expect("the names are legal")
    }

    fn ports(&mut self) -> PortRange {
        ports(self.rng.word(&PORTS))
    }

    fn matches(&mut self, family: Family, header: &mut Header) -> Vec<Match> {
        let mut matches = Vec::new();
        match self.rng.below(20) {
            0..7 => {
                header.proto = Some(Negatable::plain(Proto::TCP));
                matches.push(Match::Tcp(self.tcp()));
            }
            7..9 => {
                header.proto = Some(Negatable::plain(Proto::UDP));
                let (sport, dport) = (self.sometimes(30, Generator::ports), self.sometimes(70, Generator::ports));
                matches.push(Match::Udp(UdpMatch { sport, dport }));
            }
            9 => {
                header.proto = Some(Negatable::plain(Proto::icmp(family)));
                let words: Vec<&str> = IcmpType::words(family).collect();
                let icmp = IcmpType::from_word(family, self.rng.word(&words)).expect("it is a name");
                matches.push(Match::Icmp(Negatable::new(self.rng.percent(20), icmp)));
            }
            10 => {
                header.proto = Some(Negatable::plain(Proto::TCP));
                matches.push(self.multiport());
            }
            11 => {
                let words: Vec<&str> = Proto::words().collect();
                let proto = Proto::from_word(self.rng.word(&words)).expect("it is a name");
                header.proto = Some(Negatable::new(self.rng.percent(30), proto));
            }
            _ => {}
        }
        let many = *self.rng.pick(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 2]);
        matches.extend((0..many).map(|_| self.extension(family)));
        matches
    }

    fn tcp(&mut self) -> TcpMatch {
        let flags = TcpFlags::from_words("SYN,RST SYN").expect("they are flags");
        TcpMatch {
            sport: self.sometimes(20, Generator::ports),
            dport: self.sometimes(80, Generator::ports),
            flags: self.sometimes(15, |generator| *generator.rng.pick(&[TcpFlags::SYN, flags])),
        }
    }

    fn multiport(&mut self) -> Match {
        let all = [ports("80"), ports("443"), ports("8000:8010")];
        let list = PortList::new(all[..1 + self.rng.below(3)].to_vec()).expect("they are few");
        let side = *self.rng.pick(&[MultiportSide::Source, MultiportSide::Destination, MultiportSide::Either]);
        Match::Multiport(Multiport { side, ports: Negatable::new(self.rng.percent(20), list) })
    }

    fn extension(&mut self, family: Family) -> Match {
        let inverted = self.rng.percent(20);
        match self.rng.below(8) {
            0..2 => {
                let alias = self.rng.percent(15);
                let words: Vec<&str> = CtStates::words().take(if alias { 5 } else { 7 }).collect();
                let word = [self.rng.word(&words), self.rng.word(&words)].join(",");
                let states = CtStates::from_word(&word).expect("they are states");
                Match::Conntrack(Conntrack { states: Negatable::new(inverted, states), alias })
            }
            2 => Match::Mark(Negatable::new(inverted, self.masked())),
            3 => Match::Connmark(Negatable::new(inverted, self.masked())),
            4 => Match::Mac(Negatable::new(inverted, self.mac())),
            5 => self.addrtype(family),
            6 => self
                .rng
                .pick(&[
                    Match::Limit(Rate::from_word("3/min").expect("it is a rate"), Rate::DEFAULT_BURST),
                    Match::Limit(Rate::from_word("100/sec").expect("it is a rate"), 20),
                    Match::Nth(Negatable::new(inverted, Nth::new(3, 1).expect("there is such a packet"))),
                    Match::Random(Negatable::new(inverted, Probability::new(0.25).expect("it is one"))),
                ])
                .clone(),
            _ => {
                let text = self.rng.word(&["it's \"one\"; $HOME", "", "-j DROP", "ü \\ %s", "two  words"]);
                Match::Comment(Comment::new(text).expect("it is short"))
            }
        }
    }

    fn masked(&mut self) -> Masked {
        *self.rng.pick(&[
            Masked { value: 7, mask: 0xff },
            Masked::full(9),
            Masked::full(0),
            Masked { value: 1, mask: 1 },
        ])
    }

    fn addrtype(&mut self, family: Family) -> Match {
        let words: Vec<&str> = match family {
            Family::V4 => AddrTypes::words().collect(),
            Family::V6 => vec!["UNICAST", "LOCAL", "ANYCAST", "MULTICAST", "UNREACHABLE"],
        };
        let types = |generator: &mut Generator| AddrTypes::from_word(generator.rng.word(&words)).expect("it is a type");
        let src = self.sometimes(30, types);
        let dst = if src.is_some() { self.sometimes(30, types) } else { Some(Negatable::plain(types(self))) };
        let limit = *self.rng.pick(&[None, None, None, None, Some(IfaceLimit::In), Some(IfaceLimit::Out)]);
        Match::Addrtype(Addrtype { src, dst, limit })
    }

    fn target(&mut self, chain: &ChainRef) -> Target {
        match self.rng.below(10) {
            0 => Target::Jump(self.own_chain(chain.table).name),
            1 => Target::Return,
            2 => Target::Goto(self.own_chain(chain.table).name),
            3 => self.log(),
            _ => match chain.table.table {
                Table::Nat => self.nat(chain),
                Table::Mangle => self.mangle(),
                Table::Raw => {
                    let alias = self.rng.percent(20);
                    self.rng.pick(&[Target::Notrack { alias }, Target::Drop]).clone()
                }
                Table::Security => self.rng.pick(&[Target::Accept, Target::Drop]).clone(),
                Table::Filter => self.filter(chain.table.family),
            },
        }
    }

    fn log(&mut self) -> Target {
        let prefix = self.rng.percent(50).then(|| LogPrefix::new("it's: ").expect("it is short"));
        let level = *self.rng.pick(&[Log::DEFAULT_LEVEL, Log::DEFAULT_LEVEL, 0, 6, 7]);
        Target::Log(Log { prefix, level, flags: *self.rng.pick(&[0, 0, 3, 15]) })
    }

    fn filter(&mut self, family: Family) -> Target {
        match self.rng.below(5) {
            0..2 => Target::Drop,
            2 => {
                let words: Vec<&str> = RejectWith::words(family).collect();
                Target::Reject(RejectWith::from_word(family, self.rng.word(&words)).expect("it is a word of its own"))
            }
            _ => Target::Accept,
        }
    }

    fn mangle(&mut self) -> Target {
        match self.rng.below(5) {
            0..2 => Target::Mark(self.masked()),
            2 => Target::Connmark(*self.rng.pick(&[
                ConnmarkTarget::Set(Masked::full(3)),
                ConnmarkTarget::Save { nfmask: u32::MAX, ctmask: u32::MAX },
                ConnmarkTarget::Restore { nfmask: 0xff, ctmask: 0xff },
            ])),
            3 => Target::Tcpmss(*self.rng.pick(&[Mss::Clamp, Mss::Set(1400)])),
            _ => Target::Accept,
        }
    }

    /// A user-defined chain may have the targets of the chains that jump to it.
    fn nat(&mut self, chain: &ChainRef) -> Target {
        let options = NatOptions {
            random: self.rng.percent(10),
            random_fully: self.rng.percent(5),
            persistent: self.rng.percent(5),
        };
        let to = match chain.table.family {
            Family::V4 => ["10.0.0.1:80", "10.0.0.1-10.0.0.3", "10.0.0.1", ":8000-8010"],
            Family::V6 => ["[fd00::1]:80", "fd00::1-fd00::3", "fd00::1", "[fd00::1-fd00::3]:8000-8010"],
        };
        let to = NatTo::parse(self.rng.word(&to)).expect("they are targets");
        let ports = self.rng.percent(30).then(|| PortRange::parse("8080-8090", '-').expect("they are ports"));
        let hook = chain.hook().unwrap_or(*self.rng.pick(chain.table.table.hooks()));
        match (hook, self.rng.below(4)) {
            (Hook::Postrouting, 0..2) => Target::Masquerade(ports, NatOptions { persistent: false, ..options }),
            (Hook::Postrouting | Hook::Input, 2) => Target::Snat(to, options),
            (Hook::Prerouting | Hook::Output, 0..2) => Target::Dnat(to, NatOptions { random_fully: false, ..options }),
            (Hook::Prerouting | Hook::Output, 2) => {
                let options = NatOptions { random: options.random, ..NatOptions::default() };
                Target::Redirect(Some(ports.unwrap_or(PortRange::one(8080))), options)
            }
            _ => Target::Accept,
        }
    }
}
