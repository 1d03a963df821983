//! A pair with what is set of its ends, as one message makes it.

use netscript_net::op::{IfName, LinkFlag, LinkSet, Mac, NetnsRef};

/// An end of a pair as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct End {
    pub(in super::super) netns: NetnsRef,
    pub(in super::super) name: IfName,
    pub(in super::super) mac: Option<Mac>,
    pub(in super::super) mtu: Option<u32>,
    /// The first end alone can have one in the message.
    pub(in super::super) master: Option<IfName>,
    /// The other end cannot be on: the message gives it no carrier yet (ENOTCONN).
    pub(in super::super) up: bool,
}

/// A pair and the operations that are in its message, in program order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) near: End,
    pub(super) far: End,
    pub(super) parts: Vec<usize>,
    /// Operations that make namespaces which must be there before.
    pub(super) namespaces: Vec<usize>,
}

/// Which end of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Near,
    Far,
}

impl End {
    pub(super) fn new(netns: &NetnsRef, name: &IfName) -> End {
        End { netns: netns.clone(), name: name.clone(), mac: None, mtu: None, master: None, up: false }
    }

    /// Takes a change into the message; false if it cannot be in it. A move takes a link out of its bridge
    /// and switches it off, and so comes before both.
    pub(super) fn take(&mut self, side: Side, change: &LinkSet) -> bool {
        let untouched = !self.up && self.master.is_none();
        match change {
            LinkSet::Netns(to) if untouched && *to != self.netns => self.netns = to.clone(),
            LinkSet::Name(name) => self.name = name.clone(),
            LinkSet::Mac(mac) if untouched => self.mac = Some(*mac),
            LinkSet::Mtu(mtu) if untouched => self.mtu = Some(*mtu),
            LinkSet::Master(Some(master)) if side == Side::Near && self.master.is_none() => {
                self.master = Some(master.clone());
            }
            LinkSet::Flag(LinkFlag::Up, true) if side == Side::Near => self.up = true,
            LinkSet::Netns(_)
            | LinkSet::Mac(_)
            | LinkSet::Mtu(_)
            | LinkSet::Master(_)
            | LinkSet::Flag(..)
            | LinkSet::Alias(_)
            | LinkSet::Hairpin(_) => return false,
        }
        true
    }
}
