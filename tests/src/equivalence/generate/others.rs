//! Routing rules, neighbours, forwarding tables, settings.

use std::net::{IpAddr, Ipv4Addr};

use netscript_engine::op::{
    FdbEntry, FdbOp, Mac, NeighOp, Neighbour, Op, PolicyOp, PolicyRule, SysctlKey, SysctlOp, TableId,
};

use super::Generator;

impl Generator {
    pub(super) fn policy(&mut self) -> Op {
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
        match self.rng.percent(10) {
            true => Op::new(netns, PolicyOp::Del(rule)),
            false => Op::new(netns, PolicyOp::Add(rule)),
        }
    }

    pub(super) fn neigh(&mut self) -> Op {
        // A bridge that takes the address of a port forgets its neighbours; which, chance decides.
        let (netns, dev) = loop {
            let (netns, dev) = self.somewhere();
            if !self.is_a(&netns, &dev, "bridge") {
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

    pub(super) fn fdb(&mut self) -> Op {
        let (netns, dev) = self.somewhere();
        let vxlan = self.is_a(&netns, &dev, "vxlan");
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

    pub(super) fn sysctl(&mut self) -> Op {
        let (netns, link) = self.somewhere();
        let key = match self.rng.below(10) {
            0..2 => "net.ipv4.ip_forward".to_owned(),
            2..4 => "net.ipv6.conf.all.forwarding".to_owned(),
            4 => format!("net.ipv4.conf.{link}.rp_filter"),
            5 => format!("net.ipv4.conf.{link}.forwarding"),
            6 => format!("net.ipv6.conf.{link}.disable_ipv6"),
            7 => format!("net.ipv6.conf.{link}.forwarding"),
            8 => "net.ipv6.conf.all.disable_ipv6".to_owned(),
            _ => self.rng.word(&["net.ipv6.conf.default.disable_ipv6", "net.ipv4.conf.all.forwarding"]).to_owned(),
        };
        let value = self.rng.word(&["1", "1", "1", "1", "1", "1", "0", "0", "0", "no"]);
        Op::new(netns, SysctlOp::Write(SysctlKey::parse(&key).expect("they are keys"), value.to_owned()))
    }
}
