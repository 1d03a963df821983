//! The objects that a lab created.

use std::collections::{HashMap, HashSet};

use netscript_net::op::netfilter::ChainRef;
use netscript_net::op::{Effect, IfName, LinkAt, NetnsRef, Op, PidRef};

/// The objects that the lab created. Everything in its namespaces and on its links vanishes with them.
#[derive(Clone, Default)]
pub(crate) struct Ownership {
    netns: HashSet<NetnsRef>,
    /// Namespaces without a name that were named later.
    named: HashMap<NetnsRef, NetnsRef>,
    links: HashMap<NetnsRef, HashMap<IfName, u32>>,
    /// Links of others in the lab's namespaces.
    guests: HashMap<NetnsRef, Vec<IfName>>,
    /// The rules that a chain had before the lab's first operation on it: text and handle.
    pub(crate) rules: HashMap<(NetnsRef, ChainRef), Vec<(String, u64)>>,
    /// Chains that are known to exist.
    pub(crate) chains: HashSet<(NetnsRef, ChainRef)>,
}

impl Ownership {
    /// Whether a namespace is the lab's own.
    pub(crate) fn has_netns(&self, netns: &NetnsRef) -> bool {
        self.netns.contains(netns)
    }

    /// The number of the lab's namespaces, however many names each has.
    pub(crate) fn netns_count(&self) -> usize {
        self.netns.iter().map(|netns| self.named.get(netns).unwrap_or(netns)).collect::<HashSet<_>>().len()
    }

    /// The number of the lab's links that exist, as far as the lab knows.
    pub(crate) fn link_count(&self) -> usize {
        self.links.values().map(HashMap::len).sum()
    }

    /// Whether a link is the lab's own.
    pub(crate) fn has_link(&self, netns: &NetnsRef, name: &IfName) -> bool {
        match self.has_netns(netns) {
            true => !self.guests.get(netns).is_some_and(|guests| guests.contains(name)),
            false => self.links.get(netns).is_some_and(|links| links.contains_key(name)),
        }
    }

    /// Links of others in a namespace of the lab.
    pub(crate) fn guests(&self, netns: &NetnsRef) -> impl Iterator<Item = &IfName> {
        self.guests.get(netns).into_iter().flatten()
    }

    /// The index of a link that the lab made.
    pub(crate) fn index(&self, netns: &NetnsRef, name: &IfName) -> Option<u32> {
        self.links.get(netns)?.get(name).copied()
    }

    /// Updates the ownership before an operation; `index` is the index of the next link.
    pub(crate) fn follow(&mut self, op: &Op, index: u32) {
        match op.effect() {
            Some(Effect::NetnsCreated(netns)) => {
                self.netns.insert(netns);
            }
            Some(Effect::NetnsAttached(netns, PidRef::Held(number))) => {
                self.netns.insert(netns.clone());
                self.named.insert(netns, NetnsRef::Held(*number));
            }
            // The namespace belongs to somebody else.
            Some(Effect::NetnsAttached(_, PidRef::Number(_) | PidRef::Started(_))) => {}
            Some(Effect::NetnsRemoved(netns) | Effect::NetnsDetached(netns)) => self.forget_netns(&netns),
            Some(Effect::LinkCreated { link, peer }) => {
                self.add(link, index);
                peer.into_iter().for_each(|peer| self.add(peer, index + 1));
            }
            Some(Effect::LinkRemoved(link)) => self.remove(link),
            Some(Effect::LinkMoved { from, to }) => self.relocate(from, to),
            None => {}
        }
    }

    fn forget_netns(&mut self, netns: &NetnsRef) {
        self.netns.remove(netns);
        self.named.remove(netns);
        self.links.remove(netns);
        self.guests.remove(netns);
    }

    fn add(&mut self, link: LinkAt, index: u32) {
        self.links.entry(link.netns.clone()).or_default().insert(link.name.clone(), index);
    }

    fn remove(&mut self, link: LinkAt) {
        if let Some(links) = self.links.get_mut(link.netns) {
            links.remove(link.name);
        }
        if let Some(guests) = self.guests.get_mut(link.netns) {
            guests.retain(|guest| guest != link.name);
        }
    }

    fn relocate(&mut self, from: LinkAt, to: LinkAt) {
        let own = self.has_link(from.netns, from.name);
        let index = self.index(from.netns, from.name);
        self.remove(from);
        // The name was free: a link of the lab that had it went with the other end of its pair.
        self.remove(to);
        match (own, index) {
            (true, Some(index)) => self.add(to, index),
            (true, None) => {}
            (false, _) if self.has_netns(to.netns) => {
                self.guests.entry(to.netns.clone()).or_default().push(to.name.clone());
            }
            (false, _) => {}
        }
    }
}
