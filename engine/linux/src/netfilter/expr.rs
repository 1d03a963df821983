//! The nft expressions of iptables' rules, as plain data.

use netscript_net::op::netfilter::{ChainName, Extension};

/// An expression. Those that load or compare use register 1, as iptables does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    /// Loads metadata of the packet.
    Meta(MetaKey),
    /// Loads bytes of the packet from a header, with offset and length.
    Payload(Base, u32, u32),
    /// Clears the bits outside the mask.
    Mask(Vec<u8>),
    /// Continues if the comparison of the register with these bytes holds.
    Cmp(Compare, Vec<u8>),
    /// Continues if the register is (`true`: is not) between two values.
    Range(bool, Vec<u8>, Vec<u8>),
    /// Continues for a number of packets in a number of seconds, after a burst.
    Limit(u64, u64, u32),
    /// Continues if an xtables match matches.
    Match(Extension),
    /// Runs an xtables target.
    Target(Extension),
    /// Counts packets and bytes.
    Counter(u64, u64),
    /// Ends the rule.
    Verdict(Verdict),
    /// Any other expression, by name.
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
    /// Equal, or not equal if inverted.
    pub(super) fn equal(inverted: bool) -> Compare {
        if inverted { Compare::Ne } else { Compare::Eq }
    }
}

/// The end of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Drop,
    Return,
    Jump(ChainName),
    Goto(ChainName),
}
