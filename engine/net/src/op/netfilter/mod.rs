//! Chains and rules of iptables: `iptables -A`, `-I`, `-D`, `-F`, `-P`, `-N`, `-X`.
//!
//! A [`Rule`] holds the arguments of `iptables -A CHAIN …`, in iptables' order. `netscript-linux` translates it into
//! nft expressions.

mod chain;
mod icmp;
mod iface;
mod matches;
mod nat;
mod negatable;
mod ports;
mod proto;
mod rule;
mod target;
mod tcp;
mod text;

use std::fmt;

use super::raw;

pub use chain::{CHAIN_NAME_MAX, ChainName, ChainRef, Hook, Policy, Table, TableRef};
pub use icmp::{ICMP_ANY, IcmpType};
pub use iface::IfPattern;
pub use matches::{
    AddrTypes, Addrtype, Comment, Conntrack, CtStates, Extension, IfaceLimit, Masked, Match, Multiport, MultiportSide,
    Nth, Probability, Rate,
};
pub use nat::{NatAddrs, NatOptions, NatTo};
pub use negatable::Negatable;
pub use ports::{PortList, PortRange};
pub use proto::Proto;
pub use rule::{Header, Rule};
pub use target::{ConnmarkTarget, Log, LogPrefix, Mss, RejectWith, Target};
pub use tcp::{TcpFlagSet, TcpFlags, TcpMatch, UdpMatch};

/// An operation on iptables' chains and rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetfilterOp {
    /// `iptables -A CHAIN …`
    Append(Rule),
    /// `iptables -I CHAIN N …`: positions count from 1
    Insert(Rule, u32),
    /// `iptables -D CHAIN …`: the first equal rule, or the rule with a handle
    Delete(Rule, Option<u64>),
    /// `iptables -F CHAIN`
    Flush(ChainRef),
    /// `iptables -t TABLE -F`
    FlushTable(TableRef),
    /// `iptables -P CHAIN ACCEPT|DROP`
    Policy(ChainRef, Policy),
    /// `iptables -N CHAIN`
    NewChain(ChainRef),
    /// `iptables -X CHAIN`
    DelChain(ChainRef),
}

impl NetfilterOp {
    /// Whether it removes something that must exist.
    pub fn removes(&self) -> bool {
        match self {
            NetfilterOp::Delete(..) | NetfilterOp::DelChain(_) | NetfilterOp::Flush(_) => true,
            NetfilterOp::Append(_)
            | NetfilterOp::Insert(..)
            | NetfilterOp::FlushTable(_)
            | NetfilterOp::Policy(..)
            | NetfilterOp::NewChain(_) => false,
        }
    }

    /// Its table.
    pub fn table(&self) -> TableRef {
        match self {
            NetfilterOp::Append(rule) | NetfilterOp::Insert(rule, _) | NetfilterOp::Delete(rule, _) => {
                rule.chain().table
            }
            NetfilterOp::Flush(chain)
            | NetfilterOp::Policy(chain, _)
            | NetfilterOp::NewChain(chain)
            | NetfilterOp::DelChain(chain) => chain.table,
            NetfilterOp::FlushTable(table) => *table,
        }
    }

    /// The arguments of the equivalent `iptables` or `ip6tables` command, with the command's name. `-t filter` is left
    /// out, as people do.
    pub fn argv(&self) -> Vec<String> {
        let table = self.table();
        let mut argv = vec![table.command().to_owned()];
        if table.table != Table::Filter {
            argv.extend(["-t".to_owned(), table.table.word().to_owned()]);
        }
        match self {
            NetfilterOp::Append(rule) => argv.extend(flag("-A", rule).chain(rule.spec())),
            NetfilterOp::Insert(rule, 1) => argv.extend(flag("-I", rule).chain(rule.spec())),
            NetfilterOp::Insert(rule, at) => argv.extend(flag("-I", rule).chain([at.to_string()]).chain(rule.spec())),
            NetfilterOp::Delete(rule, _) => argv.extend(flag("-D", rule).chain(rule.spec())),
            NetfilterOp::Flush(chain) => argv.extend(["-F".to_owned(), chain.name.to_string()]),
            NetfilterOp::FlushTable(_) => argv.push("-F".to_owned()),
            NetfilterOp::Policy(chain, policy) => {
                argv.extend(["-P".to_owned(), chain.name.to_string(), policy.word().to_owned()]);
            }
            NetfilterOp::NewChain(chain) => argv.extend(["-N".to_owned(), chain.name.to_string()]),
            NetfilterOp::DelChain(chain) => argv.extend(["-X".to_owned(), chain.name.to_string()]),
        }
        argv
    }
}

fn flag(flag: &str, rule: &Rule) -> impl Iterator<Item = String> {
    [flag.to_owned(), rule.chain().name.to_string()].into_iter()
}

impl fmt::Display for NetfilterOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetfilterOp::Append(rule) => {
                write!(f, "add the rule `{}` to {}", raw::shown(&rule.text()), rule.chain().table)
            }
            NetfilterOp::Insert(rule, at) => {
                write!(f, "insert the rule `{}` at position {at} in {}", raw::shown(&rule.text()), rule.chain().table)
            }
            NetfilterOp::Delete(rule, _) => {
                write!(f, "remove the rule `{}` from {}", raw::shown(&rule.text()), rule.chain().table)
            }
            NetfilterOp::Flush(chain) => write!(f, "flush the chain `{}` of {}", chain.name, chain.table),
            NetfilterOp::FlushTable(table) => write!(f, "flush {table}"),
            NetfilterOp::Policy(chain, policy) => {
                write!(f, "set the policy of `{}` in {} to {}", chain.name, chain.table, policy.word())
            }
            NetfilterOp::NewChain(chain) => write!(f, "make the chain `{}` in {}", chain.name, chain.table),
            NetfilterOp::DelChain(chain) => write!(f, "remove the chain `{}` from {}", chain.name, chain.table),
        }
    }
}
