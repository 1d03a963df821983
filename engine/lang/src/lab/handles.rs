//! Keeps track of what a script's handles on links and namespaces mean, through renames and moves.

use std::collections::BTreeMap;

use crate::diagnostics::{At, Error, Result};
use netscript_net::op::{Action, Effect, IfName, LinkAt, NetnsOp, NetnsRef, Op};

/// A handle on a link. It keeps meaning the same link after a rename or a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(usize);

/// A handle on a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetnsId(usize);

#[derive(Clone, Debug)]
struct LinkSlot {
    netns: NetnsRef,
    name: IfName,
    peer: Option<LinkId>,
    made: Option<At>,
    removed: Option<Removed>,
}

#[derive(Clone, Debug)]
struct NetnsSlot {
    reference: NetnsRef,
    made: Option<At>,
    removed: Option<Removed>,
    /// Whether this lab gave it name servers.
    resolver: bool,
}

/// Where in the script something was removed, if a script did it.
type Removed = Option<At>;

/// What an operation did to the handles, so that it can be taken back.
#[derive(Clone, Debug)]
enum Change {
    LinkMade(LinkId),
    NetnsMade(NetnsId),
    LinkMoved(LinkId, NetnsRef, IfName),
    LinkRemoved(LinkId),
    NetnsRemoved(NetnsId),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Handles {
    links: Vec<LinkSlot>,
    netns: Vec<NetnsSlot>,
    links_by_name: BTreeMap<NetnsRef, BTreeMap<IfName, LinkId>>,
    netns_by_name: BTreeMap<NetnsRef, NetnsId>,
    held: u32,
    changes: Vec<Change>,
}

impl Handles {
    pub(super) fn link(&mut self, netns: &NetnsRef, name: &IfName) -> LinkId {
        self.find(netns, name).unwrap_or_else(|| self.new_link(netns, name, None))
    }

    pub(super) fn locate(&self, id: LinkId) -> Result<(NetnsRef, IfName)> {
        let slot = &self.links[id.0];
        match &slot.removed {
            None => Ok((slot.netns.clone(), slot.name.clone())),
            Some(at) => Err(Error::Gone { what: format!("the link `{}`", slot.name), removed: at.clone() }),
        }
    }

    pub(super) fn peer(&self, id: LinkId) -> Option<LinkId> {
        self.links[id.0].peer
    }

    pub(super) fn netns(&mut self, reference: &NetnsRef) -> NetnsId {
        match self.netns_by_name.get(reference) {
            Some(id) => *id,
            None => self.new_netns(reference, None),
        }
    }

    pub(super) fn reference(&self, id: NetnsId) -> Result<NetnsRef> {
        let slot = &self.netns[id.0];
        match &slot.removed {
            None => Ok(slot.reference.clone()),
            Some(at) => Err(Error::Gone { what: format!("the namespace `{}`", slot.reference), removed: at.clone() }),
        }
    }

    pub(super) fn has_resolver(&self, netns: &NetnsRef) -> bool {
        self.netns_by_name.get(netns).is_some_and(|id| self.netns[id.0].resolver)
    }

    pub(super) fn next_held(&mut self) -> u32 {
        self.held += 1;
        self.held
    }

    /// Where in the script a link was made, if this lab made it.
    pub(super) fn link_made(&self, netns: &NetnsRef, name: &IfName) -> Option<&At> {
        self.links[self.find(netns, name)?.0].made.as_ref()
    }

    /// Where in the script a namespace was made, if this lab made it.
    pub(super) fn netns_made(&self, netns: &NetnsRef) -> Option<&At> {
        self.netns[self.netns_by_name.get(netns)?.0].made.as_ref()
    }

    /// The namespaces in which a link of this name is known to be.
    pub(super) fn whereabouts(&self, name: &str) -> impl Iterator<Item = &NetnsRef> {
        self.links_by_name
            .iter()
            .filter(move |(_, links)| links.keys().any(|known| known.as_str() == name))
            .map(|(netns, _)| netns)
    }

    /// Keeps the handles true after an operation has taken effect.
    pub(super) fn follow(&mut self, op: &Op, at: Option<&At>) {
        if let Action::Netns(NetnsOp::Resolver(name, servers)) = &op.action
            && let Some(id) = self.netns_by_name.get(&NetnsRef::Named(name.clone()))
        {
            self.netns[id.0].resolver = !servers.is_empty();
        }
        match op.effect() {
            Some(Effect::NetnsCreated(netns) | Effect::NetnsAttached(netns, _)) => {
                let id = self.new_netns(&netns, at);
                self.changes.push(Change::NetnsMade(id));
            }
            Some(Effect::NetnsRemoved(netns) | Effect::NetnsDetached(netns)) => self.remove_netns(&netns, at),
            Some(Effect::LinkCreated { link, peer }) => self.add_link(link, peer, at),
            Some(Effect::LinkRemoved(link)) => {
                if let Some(id) = self.find(link.netns, link.name) {
                    self.remove_link(id, at);
                }
            }
            Some(Effect::LinkMoved { from, to }) => self.relocate(from.netns, from.name, to.netns, to.name),
            None => {}
        }
    }

    fn add_link(&mut self, link: LinkAt, peer: Option<LinkAt>, at: Option<&At>) {
        let near = self.new_link(link.netns, link.name, at);
        self.changes.push(Change::LinkMade(near));
        if let Some(peer) = peer {
            let far = self.new_link(peer.netns, peer.name, at);
            self.links[near.0].peer = Some(far);
            self.links[far.0].peer = Some(near);
            self.changes.push(Change::LinkMade(far));
        }
    }

    /// How many changes there have been.
    pub(super) fn mark(&self) -> usize {
        self.changes.len()
    }

    /// Takes the changes since a mark back. Handles on things made since then are invalid.
    pub(super) fn back_to(&mut self, mark: usize, at: Option<&At>) {
        while self.changes.len() > mark {
            let Some(change) = self.changes.pop() else { return };
            match change {
                Change::LinkMade(id) => self.drop_link(id, at),
                Change::NetnsMade(id) => {
                    let slot = &mut self.netns[id.0];
                    slot.removed = Some(at.cloned());
                    self.netns_by_name.remove(&slot.reference);
                }
                Change::LinkMoved(id, netns, name) => {
                    let LinkSlot { netns: from, name: called, .. } = &self.links[id.0];
                    let (from, called) = (from.clone(), called.clone());
                    self.relocate(&from, &called, &netns, &name);
                    self.changes.pop();
                }
                Change::LinkRemoved(id) => {
                    let slot = &mut self.links[id.0];
                    slot.removed = None;
                    let (netns, name) = (slot.netns.clone(), slot.name.clone());
                    self.links_by_name.entry(netns).or_default().insert(name, id);
                }
                Change::NetnsRemoved(id) => {
                    let slot = &mut self.netns[id.0];
                    slot.removed = None;
                    self.netns_by_name.insert(slot.reference.clone(), id);
                }
            }
        }
    }

    fn find(&self, netns: &NetnsRef, name: &IfName) -> Option<LinkId> {
        self.links_by_name.get(netns)?.get(name).copied()
    }

    fn new_link(&mut self, netns: &NetnsRef, name: &IfName, made: Option<&At>) -> LinkId {
        let id = LinkId(self.links.len());
        let slot =
            LinkSlot { netns: netns.clone(), name: name.clone(), peer: None, made: made.cloned(), removed: None };
        self.links.push(slot);
        self.links_by_name.entry(netns.clone()).or_default().insert(name.clone(), id);
        id
    }

    fn new_netns(&mut self, reference: &NetnsRef, made: Option<&At>) -> NetnsId {
        let id = NetnsId(self.netns.len());
        self.netns.push(NetnsSlot {
            reference: reference.clone(),
            made: made.cloned(),
            removed: None,
            resolver: false,
        });
        self.netns_by_name.insert(reference.clone(), id);
        id
    }

    fn relocate(&mut self, netns: &NetnsRef, name: &IfName, to_netns: &NetnsRef, to_name: &IfName) {
        let Some(id) = self.links_by_name.get_mut(netns).and_then(|links| links.remove(name)) else { return };
        let slot = &mut self.links[id.0];
        slot.netns = to_netns.clone();
        slot.name = to_name.clone();
        self.links_by_name.entry(to_netns.clone()).or_default().insert(to_name.clone(), id);
        self.changes.push(Change::LinkMoved(id, netns.clone(), name.clone()));
    }

    /// Removes a link whose making was taken back.
    fn drop_link(&mut self, id: LinkId, at: Option<&At>) {
        let slot = &mut self.links[id.0];
        slot.removed = Some(at.cloned());
        if let Some(links) = self.links_by_name.get_mut(&slot.netns) {
            links.remove(&slot.name);
        }
    }

    fn remove_netns(&mut self, reference: &NetnsRef, at: Option<&At>) {
        if let Some(id) = self.netns_by_name.remove(reference) {
            self.netns[id.0].removed = Some(at.cloned());
            self.changes.push(Change::NetnsRemoved(id));
        }
        for id in self.links_by_name.remove(reference).into_iter().flat_map(BTreeMap::into_values) {
            self.remove_link(id, at);
        }
    }

    /// Removes a link, and the other end of a pair with it.
    fn remove_link(&mut self, id: LinkId, at: Option<&At>) {
        for id in [Some(id), self.links[id.0].peer].into_iter().flatten() {
            let slot = &mut self.links[id.0];
            if slot.removed.is_some() {
                continue;
            }
            slot.removed = Some(at.cloned());
            if let Some(links) = self.links_by_name.get_mut(&slot.netns) {
                links.remove(&slot.name);
            }
            self.changes.push(Change::LinkRemoved(id));
        }
    }
}
