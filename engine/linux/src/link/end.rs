//! The ends of a pair with their settings, which one message creates.

use netscript_net::op::{IfName, LinkFlag, LinkSet, Mac, NetnsRef};

/// An end of a pair with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) netns: NetnsRef,
    pub(crate) name: IfName,
    pub(crate) mac: Option<Mac>,
    pub(crate) mtu: Option<u32>,
    /// Only the first end can have a master in the message.
    pub(crate) master: Option<IfName>,
    /// The other end cannot be up: the message does not give it a carrier (ENOTCONN).
    pub(crate) up: bool,
}

/// The two ends of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Near,
    Far,
}

impl End {
    pub(crate) fn new(netns: &NetnsRef, name: &IfName) -> End {
        End { netns: netns.clone(), name: name.clone(), mac: None, mtu: None, master: None, up: false }
    }

    /// Adds a change to the message; false if that is impossible. A move takes a link out of its bridge and brings it
    /// down, and so must come before both.
    pub(crate) fn take(&mut self, side: Side, change: &LinkSet) -> bool {
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
