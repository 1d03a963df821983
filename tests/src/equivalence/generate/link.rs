//! Links.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use netscript_net::op::{
    Bridge, IfName, LinkFlag, LinkOp, LinkSet, LinkSpec, MacvlanMode, NetnsRef, Op, TunMode, Veth, Vni, Vxlan,
};

use super::{Generator, Rng};

impl Generator {
    pub(super) fn link_add(&mut self) -> Op {
        let netns = self.place();
        let name = self.new_name();
        let kind = match self.rng.below(40) {
            0..20 => {
                let far = self.rng.percent(60).then(|| self.place());
                LinkSpec::Veth(Veth { peer: self.new_name(), netns: far })
            }
            20..29 => LinkSpec::Bridge(self.bridge()),
            29..33 => LinkSpec::Macvlan(self.link(&netns), self.macvlan_mode()),
            33..35 if Path::new("/dev/net/tun").exists() => {
                LinkSpec::Tun(if self.rng.percent(60) { TunMode::Tap } else { TunMode::Tun })
            }
            _ => LinkSpec::Vxlan(self.vxlan(&netns)),
        };
        Op::new(netns, LinkOp::Add(name, kind))
    }

    /// Times in hundredths of a second. With spanning tree, ports listen and learn for longer than
    /// the networks are looked at.
    fn bridge(&mut self) -> Bridge {
        let sometimes = |rng: &mut Rng, values: &[u32]| rng.percent(10).then(|| *rng.pick(values));
        let stp = *self.rng.pick(&[None, None, None, None, None, None, None, None, Some(true), Some(false)]);
        let short = if stp == Some(true) { 3000 } else { 400 };
        Bridge {
            stp,
            forward_delay: sometimes(&mut self.rng, &[short, short, 100, 4000]),
            hello_time: sometimes(&mut self.rng, &[300, 1000, 50]),
            max_age: sometimes(&mut self.rng, &[1000, 600, 5000]),
            ageing_time: sometimes(&mut self.rng, &[5000, 0]),
            priority: self.rng.percent(10).then(|| *self.rng.pick(&[4096, 0, 65535])),
            vlan_filtering: None,
        }
    }

    fn macvlan_mode(&mut self) -> MacvlanMode {
        let modes = [
            MacvlanMode::Bridge,
            MacvlanMode::Private,
            MacvlanMode::Vepa,
            MacvlanMode::Passthru,
            MacvlanMode::Passthru,
            MacvlanMode::Source,
        ];
        *self.rng.pick(&modes)
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
            port: *self.rng.pick(&[4789, 4789, 4789, 8472]),
            ttl: self.rng.percent(20).then_some(12),
            learning: *self.rng.pick(&[None, None, Some(true), Some(false)]),
        }
    }

    pub(super) fn link_change(&mut self) -> Op {
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
        let bridges = self.links_of(netns).iter().filter(|link| link.kind.word() == "bridge");
        let bridges: Vec<IfName> = bridges.map(|link| link.name.clone()).collect();
        match bridges.is_empty() || self.rng.percent(10) {
            true => self.link(netns),
            false => self.rng.pick(&bridges).clone(),
        }
    }
}
