//! Generates operations on addresses.

use std::net::Ipv6Addr;

use netscript_net::op::{AddrOp, AddrSpec, Broadcast, Family, IfName, NetnsRef, Op, Prefix, Scope};
use netscript_net::state::Addr;

use super::Generator;

impl Generator {
    pub(super) fn addr(&mut self) -> Op {
        let (netns, link) = self.somewhere();
        if self.rng.percent(22) {
            return Op::new(netns.clone(), AddrOp::Del(link.clone(), self.given(&netns, &link)));
        }
        let family = self.family();
        let mut spec = AddrSpec::new(self.prefix(family));
        // The kernel adds the route to the peer of an IPv6 address with a delay, if the link is up.
        let up = self.found(&netns, &link).is_some_and(|link| link.up);
        let peer = self.rng.percent(6) && (family == Family::V4 || up);
        spec.peer = peer.then(|| self.prefix(family));
        match family {
            Family::V4 => {
                spec.broadcast = self.broadcast();
                let scopes = [Scope::Link, Scope::Host, Scope::Global, Scope::Site, Scope::Nowhere, Scope::Other(7)];
                spec.scope = self.rng.percent(8).then(|| *self.rng.pick(&scopes));
                if self.rng.percent(5) {
                    spec.local = self.strange4();
                }
                spec.label = self.rng.percent(6).then(|| format!("{link}:1"));
            }
            Family::V6 => self.vary6(&mut spec),
        }
        Op::new(netns, AddrOp::Add(link, spec))
    }

    fn broadcast(&mut self) -> Option<Broadcast> {
        match self.rng.below(20) {
            0..6 => Some(Broadcast::Derived),
            6 => Some(Broadcast::Address([10, 0, 0, 255].into())),
            _ => None,
        }
    }

    /// With duplicate address detection, each address must be unique, or a duplicate is found.
    fn vary6(&mut self, spec: &mut AddrSpec) {
        let own = |net: [u16; 4], host: u8, len: u8| {
            let [a, b, c, d] = net;
            Prefix::new(Ipv6Addr::new(a, b, c, d, 0, 0, 0xff, host.into()).into(), len).expect("the lengths fit")
        };
        match self.rng.below(20) {
            0..2 => {
                spec.local = own([0xfd00, 0, 0, 1], self.serial(), 64);
                spec.dad = true;
            }
            2 => spec.local = own([0xfe80, 0, 0, 0], self.serial(), 64),
            3 => spec.local = self.wrong6(),
            _ => {}
        }
    }

    /// Addresses that hardly any link has.
    fn strange4(&mut self) -> Prefix {
        let words = [
            "224.0.0.5/24",
            "127.0.0.9/8",
            "255.255.255.255/32",
            "0.0.0.0/8",
            "0.0.0.7/8",
            "10.0.0.9/0",
            "240.0.0.1/4",
        ];
        Prefix::parse(self.rng.word(&words)).expect("they are prefixes")
    }

    /// Addresses that no link may have, or none but `lo`.
    fn wrong6(&mut self) -> Prefix {
        Prefix::parse(self.rng.word(&[
            "ff02::5/64",
            "::/64",
            "::1/128",
            "fec0::7/64",
            "::ffff:10.0.0.1/96",
            "2001:db8::7/0",
        ]))
        .expect("they are prefixes")
    }

    /// Mostly an address that the link has. The address that the kernel derives from the hardware address comes up to a
    /// second later (`linkwatch_event`).
    fn given(&mut self, netns: &NetnsRef, link: &IfName) -> AddrSpec {
        let given: Vec<AddrSpec> = self.found(netns, link).map_or(Vec::new(), |link| {
            let made = |addr: &&Addr| addr.scope == Scope::Link && addr.local.addr().is_ipv6() && !addr.nodad;
            let addrs = link.addrs.iter().filter(|addr| !made(addr));
            addrs.map(|addr| AddrSpec { peer: addr_peer(addr), ..AddrSpec::new(addr.local) }).collect()
        });
        if given.is_empty() || self.rng.percent(15) {
            let family = self.family();
            return AddrSpec::new(self.prefix(family));
        }
        self.rng.pick(&given).clone()
    }
}

fn addr_peer(addr: &Addr) -> Option<Prefix> {
    addr.peer.and_then(|peer| Prefix::new(peer, addr.local.len()))
}
