//! Generates random programs of all operations, valid and invalid ones.
//!
//! Random results are left out: neighbours of a bridge, which forgets them when it takes a port's address; a local IPv6
//! address as a gateway, whose route the kernel adds with a delay; and sources whose duplicate address detection may
//! not have ended.
//! Also left out are kinds of links that some kernels lack (dummy, vlan, ipvlan) and VLAN filtering; settings on which
//! no addresses and routes depend; programs, and namespaces of programs; and rules that are removed by handle, or can
//! only be read.

mod addr;
mod link;
mod netfilter;
mod netns;
mod others;
mod route;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netscript_dialect::Style;
use netscript_lang::DryRun;
use netscript_model::Model;
use netscript_net::op::{Family, IfName, LinkKind, Mac, NetnsName, NetnsRef, Op, Prefix};
use netscript_net::state::{Link, NetState};
use netscript_net::world::Apply;

use super::run::read_state;
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
        held: Vec::new(),
        serial: 0,
    };
    let length = 30 + generator.rng.below(31);
    let mut program = Vec::new();
    for _ in 0..length {
        generator.look();
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
    /// Numbers of the namespaces without a name.
    held: Vec<u32>,
    serial: u8,
}

fn ifname(name: &str) -> IfName {
    IfName::parse(name).expect("the names are legal")
}

impl Generator {
    /// Reads the current state.
    fn look(&mut self) {
        let held: Vec<_> = self.held.iter().map(|n| (NetnsRef::Held(*n), NetnsRef::Held(*n))).collect();
        self.state = read_state(&mut self.run, &[], &held).unwrap_or_default();
    }

    fn op(&mut self) -> Op {
        match self.rng.below(100) {
            0..9 => self.netns(),
            9..23 => self.link_add(),
            23..52 => self.link_change(),
            52..66 => self.addr(),
            66..77 => self.route(),
            77..80 => self.policy(),
            80..83 => self.neigh(),
            83..86 => self.fdb(),
            86..89 => self.sysctl(),
            _ => self.netfilter(),
        }
    }

    fn netns_name(&mut self) -> NetnsName {
        NetnsName::parse(self.rng.word(&NETNS)).expect("the names are legal")
    }

    /// A namespace, mostly one that exists.
    fn place(&mut self) -> NetnsRef {
        let there: Vec<NetnsRef> = self.state.netns.keys().cloned().collect();
        match self.rng.percent(98) && !there.is_empty() {
            true => self.rng.pick(&there).clone(),
            false => NetnsRef::Named(self.netns_name()),
        }
    }

    fn links_of(&self, netns: &NetnsRef) -> &[Link] {
        self.state.netns.get(netns).map_or(&[], |contents| &contents.links)
    }

    fn found(&self, netns: &NetnsRef, name: &IfName) -> Option<&Link> {
        self.links_of(netns).iter().find(|link| link.name == *name)
    }

    fn is_a(&self, netns: &NetnsRef, name: &IfName, kind: LinkKind) -> bool {
        self.found(netns, name).is_some_and(|link| link.kind.word() == kind.word())
    }

    /// A link's name, mostly of one that exists.
    fn link(&mut self, netns: &NetnsRef) -> IfName {
        let there: Vec<IfName> = self.links_of(netns).iter().map(|link| link.name.clone()).collect();
        match self.rng.percent(96) && !there.is_empty() {
            true => self.rng.pick(&there).clone(),
            false => self.new_name(),
        }
    }

    /// A namespace and a link in it.
    fn somewhere(&mut self) -> (NetnsRef, IfName) {
        let netns = self.place();
        let link = self.link(&netns);
        (netns, link)
    }

    fn new_name(&mut self) -> IfName {
        ifname(self.rng.word(&LINKS))
    }

    fn serial(&mut self) -> u8 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }

    /// Never twice the same: duplicate address detection would find it.
    fn mac(&mut self) -> Mac {
        match self.rng.below(40) {
            0..2 => Mac([3, 0, 0, 0, 1, self.serial()]),
            2 => Mac([0; 6]),
            _ => Mac([2, 0, 0, 0, 1, self.serial()]),
        }
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

    /// A usable address of a link, not a tentative one.
    fn own_address(&mut self, netns: &NetnsRef, family: Family) -> Option<IpAddr> {
        let addrs = self.links_of(netns).iter().flat_map(|link| &link.addrs);
        let addrs = addrs.filter(|addr| addr.nodad || family == Family::V4).map(|addr| addr.local.addr());
        let own: Vec<IpAddr> = addrs.filter(|addr| Family::of(*addr) == family && !addr.is_loopback()).collect();
        (!own.is_empty()).then(|| *self.rng.pick(&own))
    }

    fn is_own(&self, netns: &NetnsRef, addr: IpAddr) -> bool {
        self.links_of(netns).iter().flat_map(|link| &link.addrs).any(|own| own.local.addr() == addr)
    }
}
