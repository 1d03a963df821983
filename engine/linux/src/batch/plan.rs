//! Plans a batch: the operations that share a message with a pair, and those that are applied last.

use std::collections::HashMap;

use super::pair::Pair;
use crate::link::{End, Side};
use netscript_net::op::{
    Action, AddrOp, Effect, FdbOp, IfName, LinkAt, LinkFlag, LinkOp, LinkSet, LinkSpec, NetnsRef, Op,
};

/// A link, by its namespace and its name there.
type LinkKey = (NetnsRef, IfName);

/// The plan of a batch.
pub(super) struct Plan {
    pairs: HashMap<usize, Pair>,
    /// Operations that bring bridges up.
    last: Vec<usize>,
}

impl Plan {
    /// Plans a batch.
    pub(super) fn of(ops: &[Op], is_ready: impl Fn(&NetnsRef, &IfName) -> bool) -> Plan {
        let mut draft = Draft::default();
        ops.iter().enumerate().for_each(|(index, op)| draft.add(index, op));
        let mut last: Vec<usize> = draft
            .bridges
            .iter()
            .filter(|((netns, name), bridge)| bridge.joined && is_ready(netns, name))
            .filter_map(|(_, bridge)| bridge.up)
            .collect();
        last.sort_unstable();
        draft.pairs.retain(|_, pair| !pair.parts.is_empty());
        Plan { pairs: draft.pairs, last }
    }

    /// The pair that an operation creates, with its settings.
    pub(super) fn pair(&self, index: usize) -> Option<Pair> {
        self.pairs.get(&index).cloned()
    }

    /// Whether an operation is applied after all others.
    pub(super) fn comes_last(&self, index: usize) -> bool {
        self.last.binary_search(&index).is_ok()
    }

    /// The operations that are applied last, in order.
    pub(super) fn last(&self) -> Vec<usize> {
        self.last.clone()
    }
}

/// A bridge that the batch creates.
#[derive(Default)]
struct NewBridge {
    /// The operation that brings it up, if it can be moved after everything that follows.
    up: Option<usize>,
    /// Whether ports join it after that operation.
    joined: bool,
}

/// A plan under construction.
#[derive(Default)]
struct Draft {
    pairs: HashMap<usize, Pair>,
    /// The ends of pairs whose message can take further settings.
    ends: HashMap<LinkKey, (usize, Side)>,
    /// The operation that last gave a name to a link or took it away.
    named: HashMap<LinkKey, usize>,
    /// The operation that created a namespace.
    namespaces: HashMap<NetnsRef, usize>,
    bridges: HashMap<LinkKey, NewBridge>,
}

impl Draft {
    fn add(&mut self, index: usize, op: &Op) {
        match op.effect() {
            Some(Effect::NetnsCreated(netns)) => {
                self.namespaces.insert(netns, index);
                return;
            }
            Some(
                Effect::NetnsAttached(..) | Effect::NetnsRemoved(_) | Effect::NetnsDetached(_) | Effect::LinkRemoved(_),
            ) => return self.close_all(),
            Some(Effect::LinkCreated { link, peer }) => {
                self.named.insert(link.to_owned(), index);
                self.named.extend(peer.map(|peer| (peer.to_owned(), index)));
            }
            Some(Effect::LinkMoved { from, to }) => {
                self.named.insert(from.to_owned(), index);
                self.named.insert(to.to_owned(), index);
            }
            None => {}
        }
        self.change(index, op);
    }

    fn change(&mut self, index: usize, op: &Op) {
        match &op.action {
            Action::Netns(_) => self.close_all(),
            Action::Link(link) => self.change_link(index, &op.netns, link),
            Action::Addr(AddrOp::Add(name, _) | AddrOp::Del(name, _)) => {
                self.close(&(op.netns.clone(), name.clone()));
            }
            Action::Fdb(FdbOp::Add(entry) | FdbOp::Append(entry) | FdbOp::Replace(entry) | FdbOp::Del(entry)) => {
                self.touch(&(op.netns.clone(), entry.dev.clone()));
            }
            // These may refer to any link of the namespace.
            Action::Route(_) | Action::Policy(_) | Action::Neigh(_) | Action::Sysctl(_) => self.close_netns(&op.netns),
            // Rules refer to links by name only.
            Action::Netfilter(_) => {}
        }
    }

    fn change_link(&mut self, index: usize, netns: &NetnsRef, op: &LinkOp) {
        match op {
            LinkOp::Add(name, kind) => self.add_new(index, LinkAt { netns, name }, kind),
            LinkOp::Set(name, change) => {
                let place = (netns.clone(), name.clone());
                if !self.take(index, place.clone(), change) {
                    self.set(index, place, change);
                }
            }
            LinkOp::Del(_) => self.close_all(),
        }
    }

    fn add_new(&mut self, index: usize, link: LinkAt, kind: &LinkSpec) {
        if let Some(peer) = kind.peer(link.netns) {
            let (near, far) = (End::new(link.netns, link.name), End::new(peer.netns, peer.name));
            self.ends.insert(link.to_owned(), (index, Side::Near));
            self.ends.insert(peer.to_owned(), (index, Side::Far));
            self.pairs.insert(index, Pair { near, far, parts: Vec::new(), namespaces: Vec::new() });
        }
        if let Some(lower) = kind.lower() {
            self.touch(&(link.netns.clone(), lower.link.clone()));
        }
        if let LinkSpec::Bridge(options) = kind
            && options.stp != Some(true)
        {
            self.bridges.insert(link.to_owned(), NewBridge::default());
        }
    }

    /// Adds a change to the message of the link's pair, if possible.
    fn take(&mut self, index: usize, place: LinkKey, change: &LinkSet) -> bool {
        let Some((first, side)) = self.ends.get(&place).copied() else { return false };
        let existed = |named: Option<&usize>| named.is_none_or(|named| *named < first);
        if let LinkSet::Master(Some(master)) = change
            && !existed(self.named.get(&(place.0.clone(), master.clone())))
        {
            return false;
        }
        let Some(pair) = self.pairs.get_mut(&first) else { return false };
        let end = match side {
            Side::Near => &mut pair.near,
            Side::Far => &mut pair.far,
        };
        if !end.take(side, change) {
            return false;
        }
        pair.parts.push(index);
        match change {
            LinkSet::Netns(to) => {
                pair.namespaces.extend(self.namespaces.get(to).filter(|made| **made > first));
                let to = (to.clone(), end.name.clone());
                self.rename(place, to, (first, side));
            }
            LinkSet::Name(name) => {
                let to = (place.0.clone(), name.clone());
                self.rename(place, to, (first, side));
            }
            LinkSet::Master(Some(master)) => self.join(&(place.0, master.clone())),
            LinkSet::Master(None)
            | LinkSet::Flag(..)
            | LinkSet::Mac(_)
            | LinkSet::Mtu(_)
            | LinkSet::Alias(_)
            | LinkSet::Hairpin(_) => {}
        }
        true
    }

    fn rename(&mut self, from: LinkKey, to: LinkKey, end: (usize, Side)) {
        self.ends.remove(&from);
        self.ends.insert(to, end);
    }

    /// Handles a change that is applied by itself.
    fn set(&mut self, index: usize, place: LinkKey, change: &LinkSet) {
        self.close(&place);
        match change {
            LinkSet::Flag(LinkFlag::Up, true) => {
                if let Some(bridge) = self.bridges.get_mut(&place)
                    && bridge.up.is_none()
                {
                    bridge.up = Some(index);
                }
                return;
            }
            LinkSet::Master(Some(master)) => {
                let master = (place.0.clone(), master.clone());
                self.close(&master);
                self.join(&master);
            }
            LinkSet::Name(_)
            | LinkSet::Netns(_)
            | LinkSet::Master(None)
            | LinkSet::Flag(..)
            | LinkSet::Mac(_)
            | LinkSet::Mtu(_)
            | LinkSet::Alias(_)
            | LinkSet::Hairpin(_) => {}
        }
        self.bridges.remove(&place);
    }

    fn join(&mut self, bridge: &LinkKey) {
        if let Some(bridge) = self.bridges.get_mut(bridge) {
            bridge.joined |= bridge.up.is_some();
        }
    }

    /// Another operation refers to a link: the message of its pair takes no further settings.
    fn close(&mut self, place: &LinkKey) {
        if let Some((first, _)) = self.ends.remove(place)
            && let Some(pair) = self.pairs.get(&first)
        {
            for end in [&pair.near, &pair.far] {
                self.ends.remove(&(end.netns.clone(), end.name.clone()));
            }
        }
    }

    /// The same; if the link is a bridge, its going up cannot be moved.
    fn touch(&mut self, place: &LinkKey) {
        self.close(place);
        self.bridges.remove(place);
    }

    fn close_netns(&mut self, netns: &NetnsRef) {
        let there: Vec<LinkKey> = self.ends.keys().filter(|(place, _)| place == netns).cloned().collect();
        there.iter().for_each(|place| self.close(place));
        self.bridges.retain(|(place, _), _| place != netns);
    }

    fn close_all(&mut self) {
        self.ends.clear();
        self.bridges.clear();
    }
}
