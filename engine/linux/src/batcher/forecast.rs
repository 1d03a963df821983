//! A forecast of the network's state, used to decide which operations can be deferred: a model of what the lab made
//! itself.

use std::collections::HashSet;

use super::shape::Shape;
use crate::kernel::Kernel;
use netscript_model::Model;
use netscript_net::error::Result;
use netscript_net::op::{Action, AddrOp, Effect, IfName, LinkOp, LinkSet, NetnsName, NetnsOp, NetnsRef, Op, RouteOp};
use netscript_net::world::Query;

/// A forecast of the lab's objects that nobody else can have changed.
#[derive(Default)]
pub(super) struct Forecast {
    /// The lab's namespaces, and the names of all links on the host; created when first needed.
    model: Option<Model>,
    /// The lab's namespaces that the model knows completely.
    netns: HashSet<NetnsRef>,
    /// The lab's links on the host.
    links: HashSet<IfName>,
    /// The names of existing namespaces of others.
    taken: HashSet<NetnsName>,
    /// Settings that the lab wrote on the host. With some of them, links reject IPv6 addresses.
    settings: Vec<Op>,
    /// The shapes of rules that the kernel has accepted on the host.
    taken_rules: HashSet<Shape>,
}

impl Forecast {
    /// Discards the forecast. Objects that the lab creates afterwards are covered again.
    pub(super) fn forget(&mut self) {
        let settings = std::mem::take(&mut self.settings);
        *self = Forecast { settings, ..Forecast::default() };
    }

    /// Whether an operation will certainly succeed, as far as can be known, and affects only objects of the lab. If so,
    /// it is applied to the forecast.
    pub(super) fn admits(&mut self, kernel: &mut Kernel, op: &Op) -> Result<bool> {
        if !self.is_about_own(op) {
            return Ok(false);
        }
        if self.model.is_none() {
            self.taken = kernel.netns_names()?.into_iter().collect();
            let mut model = Model::with_links(kernel.all_link_names(&NetnsRef::Host)?);
            for setting in &self.settings {
                // Settings of removed links have no effect.
                let _ = model.apply(std::slice::from_ref(setting));
            }
            self.model = Some(model);
        }
        let Some(model) = &mut self.model else { return Ok(false) };
        if let Action::Netns(NetnsOp::Add(name)) = &op.action
            && self.taken.contains(name)
        {
            return Ok(false);
        }
        let admitted = model.apply(std::slice::from_ref(op)).is_ok();
        if admitted {
            self.note(op);
        }
        Ok(admitted)
    }

    /// Updates the forecast after an operation that was not deferred.
    pub(super) fn follow(&mut self, op: &Op) {
        if let Action::Netns(NetnsOp::Del(_) | NetnsOp::Release(_) | NetnsOp::Attach(..) | NetnsOp::Detach(_)) =
            &op.action
        {
            // Only the kernel knows whether something else keeps the namespace, and what ends with it.
            return self.forget();
        }
        if let (NetnsRef::Host, Action::Sysctl(_)) = (&op.netns, &op.action) {
            self.settings.push(op.clone());
        }
        if let (NetnsRef::Host, Action::Netfilter(rules)) = (&op.netns, &op.action) {
            self.taken_rules.extend(Shape::of(rules));
        }
        let Some(model) = &mut self.model else { return };
        if op.netns == NetnsRef::Host && op.effect().is_none() {
            let followed = model.apply(std::slice::from_ref(op)).is_ok();
            // If the model cannot follow, the link depends on links of others, and is not treated as the lab's own.
            // Changes of other links on the host are not in the model.
            if let Action::Link(LinkOp::Set(name, _)) | Action::Addr(AddrOp::Del(name, _)) = &op.action
                && !followed
            {
                self.links.remove(name);
            }
            return;
        }
        match model.apply(std::slice::from_ref(op)) {
            Ok(()) => self.note(op),
            Err(_) => self.forget(),
        }
    }

    /// Whether a link certainly exists under this name.
    pub(super) fn has_link(&self, netns: &NetnsRef, name: &IfName) -> bool {
        let own = self.netns.contains(netns) || (*netns == NetnsRef::Host && self.links.contains(name));
        own && self.model.as_ref().is_some_and(|model| model.has_link(netns, name))
    }

    /// Whether a namespace certainly exists.
    pub(super) fn has_netns(&self, netns: &NetnsRef) -> bool {
        self.netns.contains(netns)
    }

    /// Whether a link will be up with a carrier once all deferred operations are applied.
    pub(super) fn is_ready(&self, netns: &NetnsRef, name: &IfName) -> bool {
        self.model.as_ref().is_some_and(|model| model.is_ready(netns, name))
    }

    /// Whether an operation may be deferred, and names only objects of the lab.
    fn is_about_own(&self, op: &Op) -> bool {
        let here = self.netns.contains(&op.netns);
        let on_host = op.netns == NetnsRef::Host;
        let link = |name: &IfName| here || (on_host && self.links.contains(name));
        let netns = |netns: &NetnsRef| *netns == NetnsRef::Host || self.netns.contains(netns);
        match &op.action {
            Action::Netns(NetnsOp::Add(_) | NetnsOp::Hold(_)) => true,
            Action::Netns(
                NetnsOp::Del(_)
                | NetnsOp::Release(_)
                | NetnsOp::Attach(..)
                | NetnsOp::Detach(_)
                | NetnsOp::Resolver(..),
            ) => false,
            Action::Link(LinkOp::Add(_, kind)) => {
                (here || (on_host && kind.kind().stands_alone()))
                    && kind.lower().is_none_or(|lower| link(lower.link))
                    && kind.peer(&op.netns).is_none_or(|peer| netns(peer.netns))
            }
            Action::Link(LinkOp::Set(name, LinkSet::Master(Some(master)))) => link(name) && link(master),
            Action::Link(LinkOp::Set(name, LinkSet::Netns(to))) => link(name) && netns(to),
            Action::Link(LinkOp::Set(
                name,
                LinkSet::Master(None)
                | LinkSet::Flag(..)
                | LinkSet::Name(_)
                | LinkSet::Mac(_)
                | LinkSet::Mtu(_)
                | LinkSet::Alias(_)
                | LinkSet::Hairpin(_),
            )) => link(name),
            Action::Link(LinkOp::Del(_)) => false,
            Action::Addr(AddrOp::Add(name, _)) => link(name),
            Action::Addr(AddrOp::Del(..)) => false,
            Action::Route(RouteOp::Add(_) | RouteOp::Replace(_)) => here,
            Action::Route(RouteOp::Del(_) | RouteOp::Flush(..)) => false,
            Action::Policy(_) | Action::Neigh(_) => here,
            Action::Netfilter(rules) => {
                here || (on_host && Shape::of(rules).is_some_and(|shape| self.taken_rules.contains(&shape)))
            }
            // Only the kernel knows which entries and settings are valid.
            Action::Fdb(_) | Action::Sysctl(_) => false,
        }
    }

    /// Notes the objects that have become the lab's, or ceased to be.
    fn note(&mut self, op: &Op) {
        match op.effect() {
            Some(Effect::NetnsCreated(netns)) => {
                self.netns.insert(netns);
            }
            Some(Effect::LinkCreated { link, peer }) => {
                let ends = std::iter::once(link).chain(peer);
                self.links.extend(ends.filter(|end| end.on_host()).map(|end| end.name.clone()));
            }
            Some(Effect::LinkRemoved(link)) if link.on_host() => {
                self.links.remove(link.name);
            }
            Some(Effect::LinkMoved { from, to }) => {
                let own = !from.on_host() || self.links.remove(from.name);
                if own && to.on_host() {
                    self.links.insert(to.name.clone());
                }
            }
            Some(
                Effect::LinkRemoved(_) | Effect::NetnsAttached(..) | Effect::NetnsRemoved(_) | Effect::NetnsDetached(_),
            )
            | None => {}
        }
    }
}
