//! Inverses of operations.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{NetnsKey, Place, Process};
use netscript_net::op::netfilter::{ChainRef, Policy, TableRef};
use netscript_net::op::{
    Action, AddrOp, FdbOp, IfName, LinkOp, LinkSpec, NeighOp, NetnsName, PolicyOp, RouteOp, SysctlKey,
};

/// One step of an inverse. A step finds its object by its identity. If the object is gone, or is already in the wanted
/// state, the step does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// Removes a name that the lab gave to a namespace. The namespace ends unless something else keeps it.
    Netns {
        /// The name.
        name: NetnsName,
        /// The namespace that the name must be bound to.
        key: NetnsKey,
        /// Whether the namespace belongs to somebody else: its contents stay when the name is removed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        attached: bool,
    },
    /// An object of the lab that cannot be restored, if only the steps from here on are undone.
    Lost {
        /// The object, in words.
        what: String,
    },
    /// Restores a namespace's name.
    Bind {
        /// The name.
        name: NetnsName,
        /// The namespace.
        place: Place,
    },
    /// Restores the name servers of a namespace, if the file is still the lab's.
    Resolver {
        /// The namespace.
        name: NetnsName,
        /// The name servers before; empty: there was no file.
        before: Vec<IpAddr>,
        /// Whether the file's folder existed before.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        had_folder: bool,
    },
    /// Ends a process, and all processes in its session.
    Process {
        /// The process.
        process: Process,
        /// A description of the process.
        what: String,
    },
    /// Removes a link that the lab made.
    Link {
        /// Its namespace.
        place: Place,
        /// Its index there.
        index: u32,
        /// Its name.
        name: IfName,
    },
    /// Restores a removed link.
    Make {
        /// Its namespace.
        place: Place,
        /// Its index there.
        index: u32,
        /// Its name.
        name: IfName,
        /// Its specification.
        kind: LinkSpec,
        /// The namespace of a pair's other end, and its index there.
        peer: Option<(Place, u32)>,
    },
    /// Moves a link back.
    Move {
        /// Its namespace after the move.
        from: Place,
        /// Its index there.
        index: u32,
        /// Its namespace before the move.
        to: Place,
        /// Its index there.
        former: u32,
        /// Its name there.
        name: IfName,
    },
    /// Does an operation on named objects.
    Do {
        /// The namespace.
        place: Place,
        /// The links that it names, with their indexes. If a name belongs to another link by then, the object to undo
        /// vanished with the old link.
        links: Vec<(IfName, u32)>,
        /// The operation. The key is the one that version 0.1.0 of netscript writes.
        #[serde(rename = "deed")]
        op: NamedOp,
        /// The kernel's message of the object that the operation restores, if the object has more properties than the
        /// operation sets. It is sent instead of the operation. If the kernel refuses it at the last try, or one of the
        /// links in it has another index by then, the operation is applied, and a warning says so. Programs that do
        /// not know this field apply the operation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<KernelMessage>,
    },
    /// Restores settings, unless somebody else has changed the first one since then.
    Sysctl {
        /// The namespace.
        place: Place,
        /// The value that the operation wrote to the first setting.
        wrote: String,
        /// The values before, of the setting itself and of those that the kernel changes with it.
        before: Vec<(SysctlKey, String)>,
    },
    /// Removes a rule that the lab added.
    Rule {
        /// The namespace.
        place: Place,
        /// Its chain.
        chain: ChainRef,
        /// Its line in `iptables -S`.
        text: String,
        /// The handles of equal rules that existed before.
        before: Vec<u64>,
    },
    /// Restores removed rules.
    Rules {
        /// The namespace.
        place: Place,
        /// Their chain.
        chain: ChainRef,
        /// In the order of the chain.
        rules: Vec<RemovedRule>,
    },
    /// Restores a chain's policy, unless somebody else has changed it since then.
    Policy {
        /// The namespace.
        place: Place,
        /// The chain.
        chain: ChainRef,
        /// The policy before.
        before: Policy,
        /// The policy that the operation set.
        wrote: Policy,
    },
    /// Removes a chain that did not exist before, if it is empty.
    Chain {
        /// The namespace.
        place: Place,
        /// The chain.
        chain: ChainRef,
    },
    /// Restores a user-defined chain.
    NewChain {
        /// The namespace.
        place: Place,
        /// The chain.
        chain: ChainRef,
    },
    /// Removes a table that did not exist before, if it is empty.
    Table {
        /// The namespace.
        place: Place,
        /// The table.
        table: TableRef,
    },
}

/// The kernel's message of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelMessage {
    /// The payload of an `RTM_NEW…` message as it was listed, in hexadecimal: the fixed part and the attributes.
    pub payload: String,
    /// Links in the message that the operation does not name, with their indexes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<(IfName, u32)>,
}

/// An operation on objects that the kernel knows by names.
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
    /// The operation as an [`Action`].
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

/// A removed rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedRule {
    /// Its position in the chain, from 0.
    pub at: usize,
    /// Its line in `iptables -S`.
    pub text: String,
    /// Its handle.
    pub handle: u64,
    /// The number of equal rules in the chain once this rule, and equal ones before it, are restored. If there are as
    /// many, the rule has been restored.
    pub equals: usize,
    /// The kernel's `NFTA_RULE_EXPRESSIONS`, in hexadecimal.
    pub expressions: String,
    /// The kernel's `NFTA_RULE_USERDATA`, where nft keeps comments, in hexadecimal; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub userdata: String,
    /// Protocol and flags for xtables extensions (`NFTA_RULE_COMPAT`), as the program that wrote this derived them from
    /// the expressions. They are derived again when the rule is restored.
    pub compat: (u32, u32),
}

#[cfg(test)]
mod tests {
    use super::*;
    use netscript_net::op::{NetnsRef, Prefix, Route};

    #[test]
    fn a_message_of_the_kernel_is_optional() {
        let route = Route::new(Prefix::parse("10.9.0.0/24").expect("it is a prefix"));
        let place = Place { netns: NetnsRef::Host, key: NetnsKey::default(), process: None };
        let without = Undo::Do { place, links: Vec::new(), op: RouteOp::Add(route).into(), message: None };
        let text = serde_json::to_value(&without).expect("it is text");
        assert!(text["do"]["deed"].is_object() && text["do"].get("message").is_none(), "{text}");
        assert_eq!(serde_json::from_value::<Undo>(text.clone()).expect("it can be read"), without);
        let mut with = text;
        with["do"]["message"] = serde_json::json!({ "payload": "02ff" });
        let Ok(Undo::Do { message: Some(message), .. }) = serde_json::from_value(with) else { panic!("it has none") };
        assert_eq!(message, KernelMessage { payload: "02ff".into(), links: Vec::new() });
    }
}
