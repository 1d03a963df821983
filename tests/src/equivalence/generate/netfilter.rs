//! Chains and rules of iptables and ip6tables.

use netscript_engine::op::netfilter::{
    AddrTypes, Addrtype, ChainName, ChainRef, Comment, ConnmarkTarget, Conntrack, CtStates, Header, Hook, IcmpType,
    IfPattern, Inv, Log, LogPrefix, Masked, Match, Mss, Multiport, MultiportSide, NatOptions, NatTo, Nth, Policy,
    PortList, PortRange, Probability, Proto, Rate, RejectWith, Rule, Table, TableRef, Target, TcpFlags, TcpMatch,
    UdpMatch,
};
use netscript_engine::op::{Action, Family, NetfilterOp, NetnsRef, Op};

use super::Generator;

const PORTS: [&str; 4] = ["8000", "8001", "8000:8010", "1024:"];

fn ports(text: &str) -> PortRange {
    PortRange::parse(text, ':').expect("they are ports")
}

impl Generator {
    pub(super) fn netfilter(&mut self) -> Op {
        let netns = self.place();
        let family = if self.rng.percent(75) { Family::V4 } else { Family::V6 };
        let tables = [Table::Filter, Table::Filter, Table::Filter, Table::Nat, Table::Nat, Table::Mangle, Table::Raw];
        let table = TableRef::new(family, *self.rng.pick(&tables));
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
                // iptables does not filter in `nat`, nor do our words.
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

    /// A rule that iptables takes: what it refuses, netscript refuses before there is an operation.
    fn rule(&mut self, table: TableRef) -> Rule {
        loop {
            let chain = self.chain(table);
            let mut header = self.header(table.family);
            let matches = self.matches(table.family, &mut header);
            let target = self.target(&chain);
            if let Ok(rule) = Rule::new(chain, header, matches, Some(target)) {
                return rule;
            }
        }
    }

    fn header(&mut self, family: Family) -> Header {
        Header {
            src: self.sometimes(40, |generator| generator.prefix(family)),
            dst: self.sometimes(20, |generator| generator.prefix(family)),
            iif: self.sometimes(25, |generator| generator.links(&["br0", "v+", "up", "eth0"])),
            oif: self.sometimes(25, |generator| generator.links(&["br1", "dev", "eth+"])),
            ..Header::default()
        }
    }

    /// One in five is negated.
    fn sometimes<T>(&mut self, percent: usize, make: impl FnOnce(&mut Generator) -> T) -> Option<Inv<T>> {
        if !self.rng.percent(percent) {
            return None;
        }
        let inverted = self.rng.percent(20);
        Some(Inv::new(inverted, make(self)))
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
                header.proto = Some(Inv::plain(Proto::TCP));
                matches.push(Match::Tcp(self.tcp()));
            }
            7..9 => {
                header.proto = Some(Inv::plain(Proto::UDP));
                let (sport, dport) = (self.sometimes(30, Generator::ports), self.sometimes(70, Generator::ports));
                matches.push(Match::Udp(UdpMatch { sport, dport }));
            }
            9 => {
                header.proto = Some(Inv::plain(Proto::icmp(family)));
                let icmp = IcmpType::from_word(family, "echo-request").expect("it is a name");
                matches.push(Match::Icmp(Inv::new(self.rng.percent(20), icmp)));
            }
            10 => {
                header.proto = Some(Inv::plain(Proto::TCP));
                matches.push(self.multiport());
            }
            _ => {}
        }
        if self.rng.percent(30) {
            matches.push(self.extension());
        }
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
        let list = PortList::new(vec![ports("80"), ports("443"), ports("8000:8010")]).expect("they are few");
        let side = *self.rng.pick(&[MultiportSide::Source, MultiportSide::Destination, MultiportSide::Either]);
        Match::Multiport(Multiport { side, ports: Inv::new(self.rng.percent(20), list) })
    }

    fn extension(&mut self) -> Match {
        let inverted = self.rng.percent(20);
        match self.rng.below(8) {
            0..2 => {
                let states = CtStates::from_word("ESTABLISHED,RELATED").expect("they are states");
                Match::Conntrack(Conntrack { states: Inv::new(inverted, states), alias: false })
            }
            2 => Match::Mark(Inv::new(inverted, Masked { value: 7, mask: 0xff })),
            3 => Match::Connmark(Inv::new(inverted, Masked::full(9))),
            4 => Match::Mac(Inv::new(inverted, self.mac())),
            5 => {
                let local = AddrTypes::from_word("LOCAL").expect("it is a type");
                Match::Addrtype(Addrtype { src: None, dst: Some(Inv::new(inverted, local)), limit: None })
            }
            6 => self
                .rng
                .pick(&[
                    Match::Limit(Rate::from_word("3/min").expect("it is a rate"), Rate::DEFAULT_BURST),
                    Match::Nth(Inv::new(inverted, Nth::new(3, 1).expect("there is such a packet"))),
                    Match::Random(Inv::new(inverted, Probability::new(0.25).expect("it is one"))),
                ])
                .clone(),
            _ => Match::Comment(Comment::new("it's \"one\"; $HOME").expect("it is short")),
        }
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
                Table::Raw => self.rng.pick(&[Target::Notrack { alias: false }, Target::Drop]).clone(),
                Table::Filter | Table::Security => self.filter(chain.table.family),
            },
        }
    }

    fn log(&mut self) -> Target {
        let prefix = self.rng.percent(50).then(|| LogPrefix::new("it's: ").expect("it is short"));
        Target::Log(Log { prefix, level: *self.rng.pick(&[Log::DEFAULT_LEVEL, 6]), flags: *self.rng.pick(&[0, 3]) })
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
            0..2 => Target::Mark(Masked { value: 7, mask: 0xff }),
            2 => Target::Connmark(*self.rng.pick(&[
                ConnmarkTarget::Set(Masked::full(3)),
                ConnmarkTarget::Save { nfmask: u32::MAX, ctmask: u32::MAX },
                ConnmarkTarget::Restore { nfmask: 0xff, ctmask: 0xff },
            ])),
            3 => Target::Tcpmss(*self.rng.pick(&[Mss::Clamp, Mss::Set(1400)])),
            _ => Target::Accept,
        }
    }

    fn nat(&mut self, chain: &ChainRef) -> Target {
        let options = NatOptions { random: self.rng.percent(10), ..NatOptions::default() };
        let to = match (chain.table.family, self.rng.percent(40)) {
            (Family::V4, true) => "10.0.0.1:80",
            (Family::V4, false) => "10.0.0.1-10.0.0.3",
            (Family::V6, true) => "[fd00::1]:80",
            (Family::V6, false) => "fd00::1",
        };
        let to = NatTo::parse(to).expect("they are targets");
        match (chain.hook(), self.rng.below(4)) {
            (Some(Hook::Postrouting), 0..2) => Target::Masquerade(None, options),
            (Some(Hook::Postrouting | Hook::Input), 2) => Target::Snat(to, options),
            (Some(Hook::Prerouting | Hook::Output), 0..2) => Target::Dnat(to, options),
            (Some(Hook::Prerouting | Hook::Output), 2) => Target::Redirect(Some(PortRange::one(8080)), options),
            _ => Target::Accept,
        }
    }
}
