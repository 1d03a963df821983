//! The expressions of nft that iptables' rules are made of, as plain data.

use netscript_net::op::netfilter::{ChainName, Extension};

/// One expression. All of them that load or compare use register 1, as iptables' do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    /// Loads something that the kernel knows about the packet.
    Meta(MetaKey),
    /// Loads bytes of the packet: how many, and from where in which header.
    Payload(Base, u32, u32),
    /// Clears the bits that are not in the mask.
    Mask(Vec<u8>),
    /// Goes on if what was loaded compares so with these bytes.
    Cmp(Compare, Vec<u8>),
    /// Goes on if what was loaded is (`true`: is not) between two values.
    Range(bool, Vec<u8>, Vec<u8>),
    /// Goes on for so many packets in so many seconds, after a burst.
    Limit(u64, u64, u32),
    /// Goes on if an extension of xtables matches.
    Match(Extension),
    /// Does what a target of xtables does.
    Target(Extension),
    /// Counts packets and bytes.
    Counter(u64, u64),
    /// Ends the rule.
    Verdict(Verdict),
    /// Something else, by name.
    Other(String),
}

/// `enum nft_meta_keys`, linux/netfilter/nf_tables.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetaKey {
    /// 3
    Mark,
    /// 6
    Iifname,
    /// 7
    Oifname,
    /// 16
    L4proto,
}

/// `enum nft_payload_bases`, linux/netfilter/nf_tables.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// 1
    Network,
    /// 2
    Transport,
}

/// `enum nft_cmp_ops`, linux/netfilter/nf_tables.h, from 0 in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Compare {
    /// Equal, or inverted.
    pub(super) fn equal(inverted: bool) -> Compare {
        if inverted { Compare::Ne } else { Compare::Eq }
    }
}

/// How a rule ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Drop,
    Return,
    Jump(ChainName),
    Goto(ChainName),
}
