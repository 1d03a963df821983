//! Generates routing rules, neighbours, entries of forwarding tables, and settings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netscript_net::op::{
    Family, FdbEntry, FdbOp, IfName, LinkKind, Mac, NeighOp, Neighbour, NetnsRef, NumberRange, Op, PolicyAction,
    PolicyMatch, PolicyOp, PolicyPattern, PolicyRule, Prefix, RouteProto, SysctlKey, SysctlOp, TableId, Uncompared,
};
use netscript_net::state::LinkType;

use super::Generator;

impl Generator {
    pub(super) fn policy(&mut self) -> Op {
        let netns = self.place();
        let there: Vec<PolicyRule> =
            self.state.netns.get(&netns).map_or(Vec::new(), |contents| contents.policy.clone());
        if self.rng.percent(25) && !there.is_empty() {
            let rule = self.rng.pick(&there).clone();
            return Op::new(netns, PolicyOp::Del(self.part_of(rule.into())));
        }
        let family = self.family();
        let action = *self.rng.pick(&[
            PolicyAction::Lookup,
            PolicyAction::Lookup,
            PolicyAction::Lookup,
            PolicyAction::Lookup,
            PolicyAction::Goto(200),
            PolicyAction::Goto(32766),
            PolicyAction::Nop,
            PolicyAction::Blackhole,
            PolicyAction::Unreachable,
            PolicyAction::Prohibit,
        ]);
        let rule = PolicyRule {
            family,
            priority: *self.rng.pick(&[None, None, Some(100), Some(100), Some(200), Some(0), Some(32766), Some(40000)]),
            matches: self.policy_match(family, &netns),
            table: match action {
                PolicyAction::Lookup => {
                    *self.rng.pick(&[TableId(100), TableId(200), TableId(300), TableId::MAIN, TableId::DEFAULT])
                }
                _ => TableId(0),
            },
            action,
            suppress_prefixlength: *self.rng.pick(&[None, None, None, None, Some(0), Some(8), Some(24)]),
            suppress_ifgroup: *self.rng.pick(&[None, None, None, None, None, Some(0), Some(7)]),
            proto: RouteProto::UNSPEC,
            opaque: false,
        };
        match self.rng.percent(10) {
            true => Op::new(netns, PolicyOp::Del(rule.into())),
            false => Op::new(netns, PolicyOp::Add(rule)),
        }
    }

    fn policy_match(&mut self, family: Family, netns: &NetnsRef) -> PolicyMatch {
        let ports = |first, last| Some(NumberRange { first, last });
        PolicyMatch {
            from: self.rng.percent(50).then(|| self.source(family)),
            to: self.rng.percent(20).then(|| self.prefix(family)),
            iif: self.rng.percent(20).then(|| self.link(netns)),
            oif: self.rng.percent(10).then(|| self.link(netns)),
            fwmark: *self.rng.pick(&[None, None, Some((7, u32::MAX)), Some((1, 3)), Some((0, u32::MAX))]),
            tos: *self.rng.pick(&[None, None, None, None, Some(0), Some(0x10), Some(3)]),
            ipproto: *self.rng.pick(&[None, None, None, None, Some(6), Some(17)]),
            sport: *self.rng.pick(&[None, None, None, None, ports(80, 80), ports(1000, 2000), ports(9, 8)]),
            dport: *self.rng.pick(&[None, None, None, None, ports(80, 80), ports(1000, 2000), ports(1, u16::MAX)]),
            uidrange: self.rng.percent(10).then_some(NumberRange { first: 0, last: 0 }),
            not: self.rng.percent(10),
        }
    }

    /// A deletion may have only some of the rule's properties; `ip` needs at least one.
    fn part_of(&mut self, whole: PolicyPattern) -> PolicyPattern {
        let mut part = whole.clone();
        if self.rng.percent(40) {
            part.table = part.table.filter(|_| self.rng.percent(30));
            part.priority = part.priority.filter(|_| self.rng.percent(60));
            part.action = part.action.filter(|_| self.rng.percent(50));
            let matches = &mut part.matches;
            matches.from = matches.from.filter(|_| self.rng.percent(50));
            matches.fwmark = matches.fwmark.filter(|_| self.rng.percent(50));
            matches.tos = matches.tos.filter(|_| self.rng.percent(50));
            matches.ipproto = matches.ipproto.filter(|_| self.rng.percent(50));
            matches.sport = matches.sport.filter(|_| self.rng.percent(50));
        }
        // A lookup is no word of `ip rule`.
        let action = part.action.filter(|a| *a != PolicyAction::Lookup);
        let said = PolicyPattern { action, uncompared: Uncompared::default(), ..part.clone() };
        if said == PolicyPattern::any(part.family) { whole } else { part }
    }

    fn source(&mut self, family: Family) -> Prefix {
        if self.rng.percent(10) { Prefix::all(family) } else { self.prefix(family) }
    }

    pub(super) fn neigh(&mut self) -> Op {
        // A bridge that takes the address of a port forgets neighbours at random.
        let (netns, dev) = loop {
            let (netns, dev) = self.somewhere();
            if !self.is_a(&netns, &dev, LinkKind::Bridge) {
                break (netns, dev);
            }
        };
        let family = self.family();
        let dst = self.host(family);
        match self.rng.percent(30) {
            true => Op::new(netns, NeighOp::Del(dst, dev)),
            false if self.rng.percent(25) => Op::new(netns, NeighOp::Replace(Neighbour { dst, mac: self.mac(), dev })),
            false => Op::new(netns, NeighOp::Add(Neighbour { dst, mac: self.mac(), dev })),
        }
    }

    pub(super) fn fdb(&mut self) -> Op {
        let (netns, dev) = self.forwarder();
        let vxlan = self.is_a(&netns, &dev, LinkKind::Vxlan);
        let master = self.rng.percent(if vxlan { 20 } else { 70 });
        let last = 1 + self.rng.below(4) as u8;
        let zero = if vxlan && !master { 30 } else { 4 };
        let mac = match self.rng.percent(zero) {
            true => Mac([0; 6]),
            false if self.rng.percent(12) => Mac([1, 0, 0x5e, 0x11, 0x22, last]),
            false => Mac([2, 0, 0, 0, 2, last]),
        };
        let far: IpAddr = match self.rng.percent(20) {
            true => Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, last.into()).into(),
            false => Ipv4Addr::new(10, 99, 0, last).into(),
        };
        let entry = FdbEntry { mac, dev, dst: (vxlan && !master).then_some(far), master };
        let op = match self.rng.below(10) {
            0..6 => FdbOp::Add(entry),
            6 => FdbOp::Replace(entry),
            7 => FdbOp::Append(entry),
            _ => FdbOp::Del(entry),
        };
        Op::new(netns, op)
    }

    /// Sometimes a macvlan or the link below it, to which it passes its addresses.
    fn forwarder(&mut self) -> (NetnsRef, IfName) {
        let (netns, dev) = self.somewhere();
        let links = self.links_of(&netns).iter();
        let pairs = links.filter_map(|link| {
            let LinkType::Macvlan(lower, _) = &link.kind else { return None };
            Some([link.name.clone(), lower.name.clone()?])
        });
        let stacked: Vec<IfName> = pairs.flatten().collect();
        match !stacked.is_empty() && self.rng.percent(50) {
            true => (netns, self.rng.pick(&stacked).clone()),
            false => (netns, dev),
        }
    }

    pub(super) fn sysctl(&mut self) -> Op {
        let (netns, link) = self.somewhere();
        let key = match self.rng.below(13) {
            10 => self.rng.word(&["net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter"]).to_owned(),
            11 => format!("net.ipv4.conf.{link}.route_localnet"),
            12 => "net.ipv6.conf.default.forwarding".to_owned(),
            0..2 => "net.ipv4.ip_forward".to_owned(),
            2..4 => "net.ipv6.conf.all.forwarding".to_owned(),
            4 => format!("net.ipv4.conf.{link}.rp_filter"),
            5 => format!("net.ipv4.conf.{link}.forwarding"),
            6 => format!("net.ipv6.conf.{link}.disable_ipv6"),
            7 => format!("net.ipv6.conf.{link}.forwarding"),
            8 => "net.ipv6.conf.all.disable_ipv6".to_owned(),
            _ => self.rng.word(&["net.ipv6.conf.default.disable_ipv6", "net.ipv4.conf.all.forwarding"]).to_owned(),
        };
        let value = self.rng.word(&["1", "1", "1", "1", "1", "1", "0", "0", "0", "2", "-1", "no"]);
        Op::new(netns, SysctlOp::Write(SysctlKey::parse(&key).expect("they are keys"), value.to_owned()))
    }
}
