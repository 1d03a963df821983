//! Generates operations on links.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use netscript_net::op::{
    Bridge, IfName, IpvlanMode, LinkFlag, LinkKind, LinkOp, LinkSet, LinkSpec, MacvlanMode, NetnsRef, Op, TableId,
    TunMode, Veth, Vlan, VlanId, Vni, Vxlan,
};

use super::{Generator, Rng};

impl Generator {
    pub(super) fn link_add(&mut self) -> Op {
        let netns = self.place();
        let name = self.new_name();
        let spec = match self.kind() {
            LinkKind::Veth => {
                let far = self.rng.percent(60).then(|| self.place());
                LinkSpec::Veth(Veth { peer: self.new_name(), netns: far })
            }
            LinkKind::Bridge => LinkSpec::Bridge(self.bridge()),
            LinkKind::Macvlan => LinkSpec::Macvlan(self.link(&netns), self.macvlan_mode()),
            LinkKind::Ipvlan => LinkSpec::Ipvlan(self.link(&netns), *self.rng.pick(IpvlanMode::ALL)),
            LinkKind::Vlan => {
                let id = VlanId::new(10 + self.rng.below(3) as i64).expect("it is small");
                LinkSpec::Vlan(Vlan { link: self.link(&netns), id })
            }
            LinkKind::Dummy => LinkSpec::Dummy,
            LinkKind::Tun => LinkSpec::Tun(if self.rng.percent(60) { TunMode::Tap } else { TunMode::Tun }),
            LinkKind::Vxlan => LinkSpec::Vxlan(self.vxlan(&netns)),
            LinkKind::Vrf => LinkSpec::Vrf(TableId(*self.rng.pick(&[10, 11, 100]))),
        };
        Op::new(netns, LinkOp::Add(name, spec))
    }

    /// Some kinds come more often than others.
    fn kind(&mut self) -> LinkKind {
        let kinds = LinkKind::ALL.iter().flat_map(|kind| std::iter::repeat_n(*kind, weight(*kind)));
        *self.rng.pick(&kinds.collect::<Vec<_>>())
    }

    /// Times in hundredths of a second. With spanning tree, ports listen and learn for longer than the test waits.
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

    /// Mostly a link that can be one.
    fn master(&mut self, netns: &NetnsRef) -> IfName {
        let masters = self.links_of(netns).iter().filter(|link| link.kind.master().is_some());
        let masters: Vec<IfName> = masters.map(|link| link.name.clone()).collect();
        match masters.is_empty() || self.rng.percent(10) {
            true => self.link(netns),
            false => self.rng.pick(&masters).clone(),
        }
    }
}

/// How often a kind is made among others; 0: never.
fn weight(kind: LinkKind) -> usize {
    match kind {
        LinkKind::Veth => 20,
        LinkKind::Bridge => 9,
        LinkKind::Macvlan => 4,
        LinkKind::Vxlan => 5,
        LinkKind::Tun if Path::new("/dev/net/tun").exists() => 2,
        LinkKind::Vrf if Path::new("/proc/sys/net/vrf").exists() => 3,
        // Not every kernel has them.
        LinkKind::Tun | LinkKind::Vrf | LinkKind::Ipvlan | LinkKind::Vlan | LinkKind::Dummy => 0,
    }
}
