//! Random programs over the whole vocabulary, right ones and wrong ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netscript_engine::model::Model;
use netscript_engine::op::netfilter::{
    ChainName, ChainRef, Header, Hook, IfPattern, Inv, Match, NatOptions, NatTo, Policy, PortRange, Proto, Rule, Table,
    TableRef, Target, TcpMatch,
};
use netscript_engine::op::{
    Action, AddrOp, AddrSpec, Bridge, Broadcast, Family, FdbEntry, FdbOp, IfName, LinkFlag, LinkKind, LinkOp, LinkSet,
    Mac, MacvlanMode, NeighOp, Neighbour, NetfilterOp, NetnsName, NetnsOp, NetnsRef, Nexthop, Op, PolicyOp, PolicyRule,
    Prefix, Route, RouteKind, RouteOp, Scope, SysctlKey, SysctlOp, TableId, Veth, Vni, Vxlan,
};
use netscript_engine::shell::Style;
use netscript_engine::state::NetState;
use netscript_engine::{DryRun, World};

use super::{Program, Rng};

const NETNS: [&str; 4] = ["red", "blue", "dev", "-n"];
const LINKS: [&str; 12] = ["v0", "v1", "v2", "v3", "v4", "v5", "eth0", "br0", "br1", "up", "dev", "-a"];

/// A program of 30 to 60 operations.
pub fn program(rng: &mut Rng) -> Program {
    program_on(rng, Model::new())
}

/// The same, on a machine that has something already.
pub fn program_on(rng: &mut Rng, machine: Model) -> Program {
    let mut generator = Generator {
        rng: rng.clone(),
        run: DryRun::new(machine, Style::Plain, |_| ()),
        state: NetState::default(),
        made: Vec::new(),
        serial: 0,
    };
    let length = 30 + generator.rng.below(31);
    let mut program = Vec::new();
    for _ in 0..length {
        generator.state = generator.run.state(&[]).unwrap_or_default();
        let op = generator.op();
        // A refused operation changes nothing.
        let _ = generator.run.apply(std::slice::from_ref(&op));
        program.push(op);
    }
    *rng = generator.rng;
    program
}

struct Generator {
    rng: Rng,
    run: DryRun,
    state: NetState,
    /// Operations so far that made something, to be taken back.
    made: Vec<Op>,
    serial: u8,
}

fn is_link_local(addr: IpAddr) -> bool {
    matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local())
}

fn ifname(name: &str) -> IfName {
    IfName::parse(name).expect("the names are legal")
}

impl Generator {
    fn op(&mut self) -> Op {
        let op = match self.rng.below(100) {
            0..8 => self.netns(),
            8..22 => self.link_add(),
            22..52 => self.link_change(),
            52..66 => self.addr(),
            66..78 => self.route(),
            78..81 => self.policy(),
            81..84 => self.neigh(),
            84..87 => self.fdb(),
            87..89 => self.sysctl(),
            _ => self.netfilter(),
        };
        self.made.push(op.clone());
        op
    }

    fn netns_name(&mut self) -> NetnsName {
        NetnsName::parse(self.rng.word(&NETNS)).expect("the names are legal")
    }

    /// Mostly one that is there.
    fn place(&mut self) -> NetnsRef {
        let there: Vec<NetnsRef> = self.state.netns.keys().cloned().collect();
        match self.rng.percent(98) && !there.is_empty() {
            true => self.rng.pick(&there).clone(),
            false => NetnsRef::Named(self.netns_name()),
        }
    }

    /// Mostly a link that is there.
    fn link(&mut self, netns: &NetnsRef) -> IfName {
        let there: Vec<IfName> = match self.state.netns.get(netns) {
            Some(contents) => contents.links.iter().map(|link| link.name.clone()).collect(),
            None => Vec::new(),
        };
        match self.rng.percent(96) && !there.is_empty() {
            true => self.rng.pick(&there).clone(),
            false => ifname(self.rng.word(&LINKS)),
        }
    }

    /// A namespace and a link in it.
    fn somewhere(&mut self) -> (NetnsRef, IfName) {
        let netns = self.place();
        let link = self.link(&netns);
        (netns, link)
    }

    fn netns(&mut self) -> Op {
        let name = self.netns_name();
        let there = self.state.netns.contains_key(&NetnsRef::Named(name.clone()));
        let del = if there { self.rng.percent(60) } else { self.rng.percent(10) };
        Op::host(if del { NetnsOp::Del(name) } else { NetnsOp::Add(name) })
    }

    fn new_name(&mut self) -> IfName {
        ifname(self.rng.word(&LINKS))
    }

    fn link_add(&mut self) -> Op {
        let netns = self.place();
        let name = self.new_name();
        let kind = match self.rng.below(20) {
            0..10 => {
                let far = self.rng.percent(60).then(|| self.place());
                LinkKind::Veth(Veth { peer: self.new_name(), netns: far })
            }
            10..15 => LinkKind::Bridge(self.bridge()),
            15..17 => LinkKind::Macvlan(self.link(&netns), self.macvlan_mode()),
            _ => LinkKind::Vxlan(self.vxlan(&netns)),
        };
        Op::new(netns, LinkOp::Add(name, kind))
    }

    fn bridge(&mut self) -> Bridge {
        let sometimes = |rng: &mut Rng, value: u32| rng.percent(10).then_some(value);
        Bridge {
            stp: None,
            forward_delay: sometimes(&mut self.rng, 400),
            hello_time: sometimes(&mut self.rng, 300),
            max_age: sometimes(&mut self.rng, 1000),
            ageing_time: sometimes(&mut self.rng, 5000),
            priority: self.rng.percent(10).then_some(4096),
            vlan_filtering: None,
        }
    }

    fn macvlan_mode(&mut self) -> MacvlanMode {
        *self.rng.pick(&[MacvlanMode::Bridge, MacvlanMode::Private, MacvlanMode::Vepa, MacvlanMode::Passthru])
    }

    fn vxlan(&mut self, netns: &NetnsRef) -> Vxlan {
        let v6 = self.rng.percent(20);
        let end = |rng: &mut Rng, n: u8| -> IpAddr {
            let n = n + rng.below(3) as u8;
            if v6 {
                Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, n.into()).into()
            } else {
                Ipv4Addr::new(10, 99, 0, n).into()
            }
        };
        let dev = self.rng.percent(50).then(|| self.link(netns));
        let remote = self.rng.percent(60).then(|| end(&mut self.rng, 1));
        let group: IpAddr = if v6 { "ff05::99".parse() } else { "239.1.1.1".parse() }.expect("they are addresses");
        Vxlan {
            id: Vni::new(40 + self.rng.below(3) as i64).expect("it is small"),
            local: self.rng.percent(40).then(|| end(&mut self.rng, 10)),
            remote,
            group: (remote.is_none() && dev.is_some() && self.rng.percent(50)).then_some(group),
            dev,
            port: 4789,
            ttl: self.rng.percent(20).then_some(12),
            learning: *self.rng.pick(&[None, None, Some(true), Some(false)]),
        }
    }

    fn link_change(&mut self) -> Op {
        let (netns, link) = self.somewhere();
        let set = match self.rng.below(40) {
            0..16 => LinkSet::Flag(LinkFlag::Up, true),
            16..19 => LinkSet::Flag(LinkFlag::Up, false),
            19..25 => LinkSet::Netns(self.place()),
            25..30 => LinkSet::Master(Some(self.master(&netns))),
            30 => LinkSet::Master(None),
            31 => LinkSet::Name(self.new_name()),
            32 => LinkSet::Mac(self.mac()),
            33 => LinkSet::Mtu(*self.rng.pick(&[68, 576, 1280, 1400, 1500, 9000, 65535, 67, 70000])),
            34 => LinkSet::Alias(self.rng.word(&["", "a b", "it's; $HOME", "ü"]).to_owned()),
            35 => LinkSet::Hairpin(self.rng.percent(70)),
            36 => LinkSet::Flag(LinkFlag::Arp, self.rng.percent(40)),
            37 => LinkSet::Flag(LinkFlag::Promisc, self.rng.percent(60)),
            _ => return Op::new(netns, LinkOp::Del(link)),
        };
        Op::new(netns, LinkOp::Set(link, set))
    }

    /// Mostly a bridge.
    fn master(&mut self, netns: &NetnsRef) -> IfName {
        let bridges: Vec<IfName> = match self.state.netns.get(netns) {
            Some(contents) => {
                let bridges = contents.links.iter().filter(|link| link.kind.word() == "bridge");
                bridges.map(|link| link.name.clone()).collect()
            }
            None => Vec::new(),
        };
        match bridges.is_empty() || self.rng.percent(10) {
            true => self.link(netns),
            false => self.rng.pick(&bridges).clone(),
        }
    }

    /// Never twice the same: duplicate address detection would find it.
    fn mac(&mut self) -> Mac {
        self.serial = self.serial.wrapping_add(1);
        let first = if self.rng.percent(5) { 3 } else { 2 };
        Mac([first, 0, 0, 0, 1, self.serial])
    }

    fn host(&mut self, family: Family) -> IpAddr {
        let (net, host) = (self.rng.below(3), 1 + self.rng.below(5));
        match family {
            Family::V4 => Ipv4Addr::new(10, 0, net as u8, host as u8).into(),
            Family::V6 => Ipv6Addr::new(0xfd00, 0, 0, net as u16, 0, 0, 0, host as u16).into(),
        }
    }

    fn family(&mut self) -> Family {
        if self.rng.percent(60) { Family::V4 } else { Family::V6 }
    }

    fn len(&mut self, family: Family) -> u8 {
        match family {
            Family::V4 => *self.rng.pick(&[24, 24, 24, 24, 24, 16, 25, 30, 31, 32, 8]),
            Family::V6 => *self.rng.pick(&[64, 64, 64, 64, 64, 48, 120, 127, 128]),
        }
    }

    fn prefix(&mut self, family: Family) -> Prefix {
        let (addr, len) = (self.host(family), self.len(family));
        Prefix::new(addr, len).expect("the lengths fit")
    }

    fn addr(&mut self) -> Op {
        let (netns, link) = self.somewhere();
        let given: Vec<Prefix> = self.addrs_of(&netns, &link);
        if self.rng.percent(22) {
            let local = match given.is_empty() || self.rng.percent(15) {
                true => {
                    let family = self.family();
                    self.prefix(family)
                }
                false => *self.rng.pick(&given),
            };
            return Op::new(netns, AddrOp::Del(link, AddrSpec::new(local)));
        }
        let family = self.family();
        let mut spec = AddrSpec::new(self.prefix(family));
        if family == Family::V4 {
            spec.broadcast = self.rng.percent(30).then_some(Broadcast::Derived);
            spec.scope = self.rng.percent(8).then_some(Scope::Link);
            spec.peer = self.rng.percent(6).then(|| self.prefix(family));
            spec.label = self.rng.percent(6).then(|| format!("{link}:1"));
        }
        Op::new(netns, AddrOp::Add(link, spec))
    }

    fn addrs_of(&self, netns: &NetnsRef, link: &IfName) -> Vec<Prefix> {
        let found = self.state.netns.get(netns).and_then(|contents| contents.links.iter().find(|l| l.name == *link));
        found.map_or(Vec::new(), |link| link.addrs.iter().map(|addr| addr.local).collect())
    }

    fn route(&mut self) -> Op {
        let netns = self.place();
        // The kernel puts an IPv6 address's own route there in its own time.
        let lasting = |route: &&Route| {
            route.family() == Family::V4 || (route.table != TableId::LOCAL && !is_link_local(route.dst.addr()))
        };
        let routes = self.state.netns.get(&netns).into_iter().flat_map(|contents| &contents.routes);
        let there: Vec<Route> = routes.filter(lasting).cloned().collect();
        let family = self.family();
        match self.rng.below(100) {
            0..15 if !there.is_empty() => {
                let mut route = self.rng.pick(&there).clone();
                if self.rng.percent(60) {
                    route = Route { table: route.table, metric: route.metric, ..Route::new(route.dst) };
                }
                Op::new(netns, RouteOp::Del(route))
            }
            0..20 => Op::new(netns, RouteOp::Del(Route::new(self.prefix(family).network()))),
            20..22 => {
                let table = *self.rng.pick(&[TableId(100), TableId(200), TableId::MAIN]);
                Op::new(netns, RouteOp::Flush(family, table))
            }
            22..38 => Op::new(netns.clone(), RouteOp::Replace(self.new_route(&netns, family))),
            _ => Op::new(netns.clone(), RouteOp::Add(self.new_route(&netns, family))),
        }
    }

    fn new_route(&mut self, netns: &NetnsRef, family: Family) -> Route {
        let dst = match self.rng.below(10) {
            0..3 => Prefix::all(family),
            3..9 => self.prefix(family).network(),
            _ => self.prefix(family),
        };
        let mut route = Route::new(dst);
        route.metric = *self.rng.pick(&[None, None, None, Some(10), Some(20)]);
        route.table = *self.rng.pick(&[TableId::MAIN, TableId::MAIN, TableId::MAIN, TableId(100), TableId(200)]);
        route.mtu = self.rng.percent(8).then_some(1400);
        if self.rng.percent(12) {
            let kinds = [RouteKind::Blackhole, RouteKind::Unreachable, RouteKind::Prohibit, RouteKind::Throw];
            route.kind = *self.rng.pick(&kinds);
            return route;
        }
        let hops = if self.rng.percent(12) { 2 } else { 1 };
        route.nexthops = (0..hops).map(|_| self.nexthop(netns, family)).collect();
        route.src = self.rng.percent(10).then(|| self.own_address(netns, family)).flatten();
        if family == Family::V4 {
            route.scope = self.rng.percent(6).then(|| *self.rng.pick(&[Scope::Link, Scope::Global, Scope::Host]));
        }
        route
    }

    fn nexthop(&mut self, netns: &NetnsRef, family: Family) -> Nexthop {
        let via = self.rng.percent(65).then(|| self.gateway(netns, family));
        // The route to an IPv6 address of one's own comes in its own time.
        let via = via.filter(|via| via.is_ipv4() || !self.is_own(netns, *via));
        let dev = (via.is_none() || self.rng.percent(40)).then(|| self.link(netns));
        let onlink = via.is_some() && self.rng.percent(12);
        Nexthop { via, dev, weight: *self.rng.pick(&[1, 1, 3]), onlink }
    }

    /// Mostly a neighbour of an address that is there.
    fn gateway(&mut self, netns: &NetnsRef, family: Family) -> IpAddr {
        let own = self.own_address(netns, family).filter(|_| self.rng.percent(85));
        match own {
            Some(IpAddr::V4(addr)) => {
                let [a, b, c, _] = addr.octets();
                Ipv4Addr::new(a, b, c, 1 + self.rng.below(5) as u8).into()
            }
            Some(IpAddr::V6(addr)) => {
                let mut segments = addr.segments();
                segments[7] = 1 + self.rng.below(5) as u16;
                Ipv6Addr::from(segments).into()
            }
            None => self.host(family),
        }
    }

    fn own_address(&mut self, netns: &NetnsRef, family: Family) -> Option<IpAddr> {
        let contents = self.state.netns.get(netns)?;
        let addrs = contents.links.iter().flat_map(|link| &link.addrs).map(|addr| addr.local.addr());
        let own: Vec<IpAddr> = addrs.filter(|addr| Family::of(*addr) == family && !addr.is_loopback()).collect();
        (!own.is_empty()).then(|| *self.rng.pick(&own))
    }

    fn is_own(&self, netns: &NetnsRef, addr: IpAddr) -> bool {
        let links = self.state.netns.get(netns).into_iter().flat_map(|contents| &contents.links);
        links.flat_map(|link| &link.addrs).any(|own| own.local.addr() == addr)
    }

    fn policy(&mut self) -> Op {
        let netns = self.place();
        let there: Vec<PolicyRule> =
            self.state.netns.get(&netns).map_or(Vec::new(), |contents| contents.policy.clone());
        if self.rng.percent(25) && !there.is_empty() {
            return Op::new(netns, PolicyOp::Del(self.rng.pick(&there).clone()));
        }
        let family = self.family();
        let rule = PolicyRule {
            family,
            priority: *self.rng.pick(&[None, Some(100), Some(200)]),
            from: self.rng.percent(50).then(|| self.prefix(family)),
            to: self.rng.percent(20).then(|| self.prefix(family)),
            iif: self.rng.percent(20).then(|| self.link(&netns)),
            oif: self.rng.percent(10).then(|| self.link(&netns)),
            fwmark: *self.rng.pick(&[None, None, Some((7, u32::MAX)), Some((1, 3))]),
            not: self.rng.percent(10),
            table: *self.rng.pick(&[TableId(100), TableId(200), TableId::MAIN]),
        };
        Op::new(netns, PolicyOp::Add(rule))
    }

    fn neigh(&mut self) -> Op {
        // A bridge that takes the address of a port forgets its neighbours; which, chance decides.
        let (netns, dev) = loop {
            let (netns, dev) = self.somewhere();
            let links = self.state.netns.get(&netns).into_iter().flat_map(|contents| &contents.links);
            if !links.into_iter().any(|link| link.name == dev && link.kind.word() == "bridge") {
                break (netns, dev);
            }
        };
        let family = self.family();
        let dst = self.host(family);
        match self.rng.percent(30) {
            true => Op::new(netns, NeighOp::Del(dst, dev)),
            false => Op::new(netns, NeighOp::Add(Neighbour { dst, mac: self.mac(), dev })),
        }
    }

    fn fdb(&mut self) -> Op {
        let (netns, dev) = self.somewhere();
        let is = |word: &str, generator: &Generator| {
            let links = generator.state.netns.get(&netns).map(|contents| &contents.links);
            links.into_iter().flatten().any(|link| link.name == dev && link.kind.word() == word)
        };
        let vxlan = is("vxlan", self);
        let last = 1 + self.rng.below(4) as u8;
        let mac = if vxlan && self.rng.percent(30) { Mac([0; 6]) } else { Mac([2, 0, 0, 0, 2, last]) };
        let entry = FdbEntry {
            mac,
            dev,
            dst: vxlan.then(|| IpAddr::from(Ipv4Addr::new(10, 99, 0, last))),
            master: !vxlan && self.rng.percent(85),
        };
        let op = match self.rng.below(10) {
            0..7 => FdbOp::Add(entry),
            7 => FdbOp::Append(entry),
            _ => FdbOp::Del(entry),
        };
        Op::new(netns, op)
    }

    fn sysctl(&mut self) -> Op {
        let netns = self.place();
        let key = self.rng.word(&["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]);
        let value = if self.rng.percent(70) { "1" } else { "0" };
        Op::new(netns, SysctlOp::Write(SysctlKey::parse(key).expect("they are keys"), value.to_owned()))
    }

    fn netfilter(&mut self) -> Op {
        let netns = self.place();
        let family = if self.rng.percent(75) { Family::V4 } else { Family::V6 };
        let table = TableRef::new(family, *self.rng.pick(&[Table::Filter, Table::Filter, Table::Nat, Table::Mangle]));
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
                // iptables does not filter in `nat`.
                let policy =
                    if table.table != Table::Nat && self.rng.percent(50) { Policy::Drop } else { Policy::Accept };
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

    /// A rule that iptables takes.
    fn rule(&mut self, table: TableRef) -> Rule {
        loop {
            let chain = self.chain(table);
            let (header, matches) = self.matches(table.family);
            let target = self.target(&chain);
            if let Ok(rule) = Rule::new(chain, header, matches, Some(target)) {
                return rule;
            }
        }
    }

    fn matches(&mut self, family: Family) -> (Header, Vec<Match>) {
        let inverted = |rng: &mut Rng| rng.percent(20);
        let mut header = Header {
            src: self.rng.percent(40).then(|| Inv::new(inverted(&mut self.rng), self.prefix(family))),
            dst: self.rng.percent(20).then(|| Inv::new(inverted(&mut self.rng), self.prefix(family))),
            iif: self.rng.percent(25).then(|| {
                let name = self.rng.word(&["br0", "v+", "up", "eth0"]);
                Inv::new(inverted(&mut self.rng), IfPattern::parse(name).expect("the names are legal"))
            }),
            oif: self.rng.percent(25).then(|| {
                let name = self.rng.word(&["br1", "dev", "eth+"]);
                Inv::new(inverted(&mut self.rng), IfPattern::parse(name).expect("the names are legal"))
            }),
            ..Header::default()
        };
        let mut matches = Vec::new();
        if self.rng.percent(40) {
            header.proto = Some(Inv::plain(Proto(6)));
            let dport = Inv::plain(PortRange::one(8000 + self.rng.below(3) as u16));
            matches.push(Match::Tcp(TcpMatch { dport: Some(dport), ..TcpMatch::default() }));
        }
        (header, matches)
    }

    fn target(&mut self, chain: &ChainRef) -> Target {
        let nat = chain.table.table == Table::Nat;
        match (chain.hook(), self.rng.below(6)) {
            (Some(Hook::Postrouting), 0..4) if nat => Target::Masquerade(None, NatOptions::default()),
            (Some(Hook::Prerouting | Hook::Output), 0..4) if nat => {
                let to = match chain.table.family {
                    Family::V4 => "10.0.0.1:80",
                    Family::V6 => "[fd00::1]:80",
                };
                Target::Dnat(NatTo::parse(to).expect("they are targets"), NatOptions::default())
            }
            (_, 4) => Target::Jump(self.own_chain(chain.table).name),
            (_, 5) => Target::Return,
            (_, 0..2) if chain.table.table == Table::Filter => Target::Drop,
            _ => Target::Accept,
        }
    }
}
