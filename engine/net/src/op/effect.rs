//! The namespaces and links that an operation creates, moves, renames and removes.
//!
//! Four parts of netscript follow a lab by its operations: the script's handles, the lab's ownership, the forecast of
//! the batcher and the plan of a batch. All of them read [`Op::effect`], so a new operation declares its effect on
//! names here only.

use super::{Action, IfName, LinkAt, LinkOp, LinkSet, NetnsOp, NetnsRef, Op, PidRef};

/// The effect of an operation on the set of namespaces and links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<'a> {
    /// A new namespace.
    NetnsCreated(NetnsRef),
    /// A name for the namespace of a process.
    NetnsAttached(NetnsRef, &'a PidRef),
    /// A namespace is removed, with its links.
    NetnsRemoved(NetnsRef),
    /// A namespace loses its name, and ends if nothing else keeps it.
    NetnsDetached(NetnsRef),
    /// A new link, and its other end if it has one.
    LinkCreated {
        /// The link.
        link: LinkAt<'a>,
        /// The other end of a pair.
        peer: Option<LinkAt<'a>>,
    },
    /// A link is removed, and with it the other end of a pair.
    LinkRemoved(LinkAt<'a>),
    /// A link changes its name or its namespace.
    LinkMoved {
        /// Its name and namespace before.
        from: LinkAt<'a>,
        /// Its name and namespace after.
        to: LinkAt<'a>,
    },
}

impl Op {
    /// The effect of the operation on the set of namespaces and links; `None` if it only changes something within one
    /// of them.
    pub fn effect(&self) -> Option<Effect<'_>> {
        match &self.action {
            Action::Netns(op) => op.effect(),
            Action::Link(op) => op.effect(&self.netns),
            Action::Addr(_)
            | Action::Route(_)
            | Action::Policy(_)
            | Action::Neigh(_)
            | Action::Fdb(_)
            | Action::Netfilter(_)
            | Action::Sysctl(_) => None,
        }
    }

    /// The namespace that is removed or loses its name.
    pub fn removed_netns(&self) -> Option<NetnsRef> {
        let Some(Effect::NetnsRemoved(netns) | Effect::NetnsDetached(netns)) = self.effect() else { return None };
        Some(netns)
    }
}

impl NetnsOp {
    fn effect(&self) -> Option<Effect<'_>> {
        let named = |name: &super::NetnsName| NetnsRef::Named(name.clone());
        Some(match self {
            NetnsOp::Add(name) => Effect::NetnsCreated(named(name)),
            NetnsOp::Hold(number) => Effect::NetnsCreated(NetnsRef::Held(*number)),
            NetnsOp::Attach(name, pid) => Effect::NetnsAttached(named(name), pid),
            NetnsOp::Del(name) => Effect::NetnsRemoved(named(name)),
            NetnsOp::Release(number) => Effect::NetnsRemoved(NetnsRef::Held(*number)),
            NetnsOp::Detach(name) => Effect::NetnsDetached(named(name)),
            NetnsOp::Resolver(..) => return None,
        })
    }
}

impl LinkOp {
    fn effect<'a>(&'a self, netns: &'a NetnsRef) -> Option<Effect<'a>> {
        let here = |name: &'a IfName| LinkAt { netns, name };
        Some(match self {
            LinkOp::Add(name, kind) => Effect::LinkCreated { link: here(name), peer: kind.peer(netns) },
            LinkOp::Del(name) => Effect::LinkRemoved(here(name)),
            LinkOp::Set(name, LinkSet::Name(to)) => Effect::LinkMoved { from: here(name), to: here(to) },
            LinkOp::Set(name, LinkSet::Netns(to)) => {
                Effect::LinkMoved { from: here(name), to: LinkAt { netns: to, name } }
            }
            LinkOp::Set(
                _,
                LinkSet::Flag(..)
                | LinkSet::Master(_)
                | LinkSet::Mac(_)
                | LinkSet::Mtu(_)
                | LinkSet::Alias(_)
                | LinkSet::Hairpin(_),
            ) => return None,
        })
    }
}
