//! Inverses of operations.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{NetnsKey, Place, Process};
use netscript_net::op::netfilter::{ChainRef, Policy, TableRef};
use netscript_net::op::{
    Action, AddrOp, FdbOp, IfName, LinkOp, LinkSpec, NeighOp, NetnsName, PolicyOp, RouteOp, SysctlKey,
};

/// One step back. Each finds its object by what identifies it; where that is gone, or is as it
/// should be already, there is nothing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// Takes a name away from a namespace that the lab named, and with it the namespace unless
    /// something else keeps it.
    Netns {
        /// The name.
        name: NetnsName,
        /// The namespace that it must be bound to.
        key: NetnsKey,
        /// The namespace is somebody else's: what is in it does not go with the name.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        attached: bool,
    },
    /// Something of the lab's own that cannot be made again, should only the steps from here on be
    /// taken back.
    Lost {
        /// In words.
        what: String,
    },
    /// Gives a name back to a namespace.
    Bind {
        /// The name.
        name: NetnsName,
        /// The namespace.
        place: Place,
    },
    /// Sets the name servers of a namespace back, if the file is still the lab's.
    Resolver {
        /// The namespace.
        name: NetnsName,
        /// What they were; none: there was no file.
        before: Vec<IpAddr>,
        /// The folder of the file was there before, perhaps with nothing in it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        had_folder: bool,
    },
    /// Ends a process, and those in its session.
    Process {
        /// Which.
        process: Process,
        /// What it is, in words.
        what: String,
    },
    /// Removes a link that the lab made.
    Link {
        /// Where it is.
        place: Place,
        /// Its index there.
        index: u32,
        /// What it was called.
        name: IfName,
    },
    /// Makes a link again that was removed.
    Make {
        /// Where it was.
        place: Place,
        /// Its index there.
        index: u32,
        /// Its name.
        name: IfName,
        /// What it was.
        kind: LinkSpec,
        /// Where the other end of a pair was, and its index there.
        peer: Option<(Place, u32)>,
    },
    /// Moves a link back.
    Move {
        /// Where it was moved.
        from: Place,
        /// Its index there.
        index: u32,
        /// Where it came from.
        to: Place,
        /// Its index there.
        former: u32,
        /// Its name there.
        name: IfName,
    },
    /// Does an operation that the kernel knows by names.
    Do {
        /// Where.
        place: Place,
        /// The links that it names, and their indexes: if one is another by now, what is to be
        /// undone went with the former.
        links: Vec<(IfName, u32)>,
        /// What, under the key that version 0.1.0 of netscript writes.
        #[serde(rename = "deed")]
        op: NamedOp,
    },
    /// Writes settings back, unless somebody else has changed the first since.
    Sysctl {
        /// Where.
        place: Place,
        /// What the operation wrote to the first.
        wrote: String,
        /// What they were: the setting itself, and those that the kernel changes along with it.
        before: Vec<(SysctlKey, String)>,
    },
    /// Removes a rule that the lab added.
    Rule {
        /// Where.
        place: Place,
        /// Its chain.
        chain: ChainRef,
        /// Its line in `iptables -S`.
        text: String,
        /// The handles of equal rules that were there before.
        before: Vec<u64>,
    },
    /// Puts rules back that were removed.
    Rules {
        /// Where.
        place: Place,
        /// Their chain.
        chain: ChainRef,
        /// In the order of the chain.
        rules: Vec<RemovedRule>,
    },
    /// Sets a chain's policy back, unless somebody else has changed it since.
    Policy {
        /// Where.
        place: Place,
        /// The chain.
        chain: ChainRef,
        /// What it was.
        before: Policy,
        /// What the operation made it.
        wrote: Policy,
    },
    /// Removes a chain that was not there before, if nothing is in it.
    Chain {
        /// Where.
        place: Place,
        /// The chain.
        chain: ChainRef,
    },
    /// Makes a chain of somebody's own again.
    NewChain {
        /// Where.
        place: Place,
        /// The chain.
        chain: ChainRef,
    },
    /// Removes a table that was not there before, if nothing is in it.
    Table {
        /// Where.
        place: Place,
        /// The table.
        table: TableRef,
    },
}

/// An operation by names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedOp {
    /// On a link.
    Link(LinkOp),
    /// On an address.
    Addr(AddrOp),
    /// On a route.
    Route(RouteOp),
    /// On a rule that chooses a routing table.
    Policy(PolicyOp),
    /// On a neighbour.
    Neigh(NeighOp),
    /// On an entry of a forwarding table.
    Fdb(FdbOp),
}

impl NamedOp {
    /// The same as the action of an operation.
    pub fn action(&self) -> Action {
        match self.clone() {
            NamedOp::Link(op) => op.into(),
            NamedOp::Addr(op) => op.into(),
            NamedOp::Route(op) => op.into(),
            NamedOp::Policy(op) => op.into(),
            NamedOp::Neigh(op) => op.into(),
            NamedOp::Fdb(op) => op.into(),
        }
    }
}

macro_rules! named_op_from {
    ($($variant:ident($noun:ty)),* $(,)?) => {
        $(impl From<$noun> for NamedOp {
            fn from(op: $noun) -> NamedOp {
                NamedOp::$variant(op)
            }
        })*
    };
}
named_op_from!(Link(LinkOp), Addr(AddrOp), Route(RouteOp), Policy(PolicyOp), Neigh(NeighOp), Fdb(FdbOp));

/// A rule as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedRule {
    /// Its place in the chain, from 0.
    pub at: usize,
    /// Its line in `iptables -S`.
    pub text: String,
    /// Its handle.
    pub handle: u64,
    /// How many equal rules the chain has once this one is back, and those before it that went
    /// with it: as many mean that it is back.
    pub equals: usize,
    /// `NFTA_RULE_EXPRESSIONS` as the kernel told it, in hexadecimal.
    pub expressions: String,
    /// `NFTA_RULE_USERDATA`, where nft keeps comments, in hexadecimal; empty: there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub userdata: String,
    /// Protocol and flags for extensions of xtables (`NFTA_RULE_COMPAT`), as the version that wrote this
    /// understood the expressions. They are derived anew from these.
    pub compat: (u32, u32),
}
