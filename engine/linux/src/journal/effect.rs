//! The effect of an inverse on namespaces, processes, links and objects that labs share.
//!
//! Code that searches a journal for one of these (such as the lab's processes, or the lab that changed a chain) reads
//! [`Undo::effect`], so a new kind of inverse declares its effect here only.

use super::{NamedOp, NetnsKey, Place, Process, SharedObject, Undo};
use netscript_net::op::{IfName, NetnsName};

/// The effect of an inverse.
pub(crate) enum UndoEffect<'a> {
    /// A namespace loses the name that the lab gave it; `attached`: the namespace is not the lab's.
    NameRemoved { name: &'a NetnsName, key: NetnsKey, attached: bool },
    /// A namespace gets its name back.
    NameRestored { place: &'a Place },
    /// A process ends; `what` describes it.
    ProcessEnded { process: Process, what: &'a str },
    /// A link is removed.
    LinkRemoved(LinkId<'a>),
    /// A link is restored, with its other end if it has one.
    LinkRestored { link: LinkId<'a>, peer: Option<LinkId<'a>> },
    /// A link is moved back.
    LinkMoved { from: LinkId<'a>, to: LinkId<'a>, name: &'a IfName },
    /// An operation on named objects.
    ByNames(&'a NamedOp),
    /// An object changes that several labs may share.
    SharedObject(&'a Place, SharedObject<'a>),
}

/// A link by its index in a namespace.
#[derive(Clone, Copy)]
pub(crate) struct LinkId<'a> {
    pub(crate) place: &'a Place,
    pub(crate) index: u32,
}

impl LinkId<'_> {
    pub(crate) fn is_at(self, key: NetnsKey, index: u32) -> bool {
        (self.place.key, self.index) == (key, index)
    }
}

impl Undo {
    /// The effect; `None` if only a file of the lab changes, or nothing.
    pub(crate) fn effect(&self) -> Option<UndoEffect<'_>> {
        let link = |place, index: &u32| LinkId { place, index: *index };
        Some(match self {
            Undo::Netns { name, key, attached } => UndoEffect::NameRemoved { name, key: *key, attached: *attached },
            Undo::Bind { name: _, place } => UndoEffect::NameRestored { place },
            Undo::Process { process, what } => UndoEffect::ProcessEnded { process: *process, what },
            Undo::Link { place, index, name: _ } => UndoEffect::LinkRemoved(link(place, index)),
            Undo::Make { place, index, name: _, kind: _, peer } => UndoEffect::LinkRestored {
                link: link(place, index),
                peer: peer.as_ref().map(|(place, index)| link(place, index)),
            },
            Undo::Move { from, index, to, former, name } => {
                UndoEffect::LinkMoved { from: link(from, index), to: link(to, former), name }
            }
            Undo::Do { place: _, links: _, op, message: _ } => UndoEffect::ByNames(op),
            Undo::Sysctl { place, wrote: _, before } => UndoEffect::SharedObject(place, SharedObject::Settings(before)),
            Undo::Policy { place, chain, before: _, wrote: _ } => {
                UndoEffect::SharedObject(place, SharedObject::Policy(chain))
            }
            Undo::Rule { place, chain, text: _, before: _ }
            | Undo::Rules { place, chain, rules: _ }
            | Undo::NewChain { place, chain } => UndoEffect::SharedObject(place, SharedObject::In(chain)),
            Undo::Chain { place, chain } => UndoEffect::SharedObject(place, SharedObject::Chain(chain)),
            Undo::Table { place, table } => UndoEffect::SharedObject(place, SharedObject::Table(*table)),
            Undo::Lost { .. } | Undo::Resolver { .. } => return None,
        })
    }

    /// The shared object that the inverse changes, and its namespace.
    pub(crate) fn shared(&self) -> Option<(&Place, SharedObject<'_>)> {
        let Some(UndoEffect::SharedObject(place, shared)) = self.effect() else { return None };
        Some((place, shared))
    }

    /// The process that the inverse ends, with its description.
    pub(crate) fn process(&self) -> Option<(Process, &str)> {
        let Some(UndoEffect::ProcessEnded { process, what }) = self.effect() else { return None };
        Some((process, what))
    }

    /// The namespace that loses its name.
    pub(crate) fn named(&self) -> Option<(&NetnsName, NetnsKey)> {
        let Some(UndoEffect::NameRemoved { name, key, attached: _ }) = self.effect() else { return None };
        Some((name, key))
    }

    /// Whether the inverse restores or moves a link to this namespace and index.
    pub(crate) fn brings_link(&self, key: NetnsKey, index: u32) -> bool {
        if let Some(UndoEffect::LinkMoved { from: _, to, name: _ }) = self.effect() {
            to.is_at(key, index)
        } else if let Some(UndoEffect::LinkRestored { link, peer }) = self.effect() {
            link.is_at(key, index) || peer.is_some_and(|peer| peer.is_at(key, index))
        } else {
            false
        }
    }
}
