//! Operations: the changes that a script requests, typed and valid by construction. Start with [`Op`].
//!
//! An [`Op`] is plain data. It names links and namespaces by their names at the time when it takes effect, as the
//! corresponding `ip` command does. So it can be printed, applied to the kernel or to a model, and kept in a journal by
//! itself.

mod addr;
mod effect;
mod fdb;
mod host;
mod link;
mod mac;
mod name;
mod neigh;
pub mod netfilter;
mod netns;
mod phrase;
mod policy;
mod prefix;
pub mod raw;
mod route;
mod sysctl;

pub use addr::{AddrOp, AddrSpec, Broadcast, Scope};
pub use effect::Effect;
pub use fdb::{FdbEntry, FdbOp};
pub use host::{Host, HostName};
pub use link::{
    Bridge, IpvlanMode, LinkAt, LinkFlag, LinkKind, LinkOp, LinkSet, LinkSpec, Lower, MacvlanMode, TunMode, VXLAN_PORT,
    Veth, Vlan, VlanId, Vni, Vxlan,
};
pub use mac::Mac;
pub use name::{IFNAME_MAX, IfName, NetnsName};
pub use neigh::{NeighOp, Neighbour};
pub use netfilter::NetfilterOp;
pub use netns::{NetnsOp, NetnsRef, PidRef};
pub use policy::{NumberRange, PolicyAction, PolicyMatch, PolicyOp, PolicyPattern, PolicyRule, Uncompared};
pub use prefix::{Family, Prefix, parse_ip};
pub use route::{Nexthop, Route, RouteKind, RouteOp, RouteProto, TableId};
pub use sysctl::{SysctlKey, SysctlOp};

/// Whether a value is its type's default, which the journal leaves out.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One operation and the namespace that it acts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// Its namespace. Operations on namespaces themselves act on the host.
    pub netns: NetnsRef,
    /// The action.
    pub action: Action,
}

/// The action of an [`Op`], by noun. Each layer has a file of the same name as the noun's file here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make, name or remove a namespace.
    Netns(NetnsOp),
    /// Make, change or remove a link.
    Link(LinkOp),
    /// Give an address to a link or take it away.
    Addr(AddrOp),
    /// Add, replace, remove or flush routes.
    Route(RouteOp),
    /// Add or remove a rule that chooses a routing table.
    Policy(PolicyOp),
    /// Add or remove a permanent neighbour.
    Neigh(NeighOp),
    /// Add or remove an entry of a bridge's or vxlan's forwarding table.
    Fdb(FdbOp),
    /// Change iptables' chains and rules.
    Netfilter(NetfilterOp),
    /// Write a kernel setting.
    Sysctl(SysctlOp),
}

macro_rules! action_from {
    ($($variant:ident($noun:ty)),* $(,)?) => {
        $(impl From<$noun> for Action {
            fn from(op: $noun) -> Action {
                Action::$variant(op)
            }
        })*
    };
}
action_from!(
    Netns(NetnsOp),
    Link(LinkOp),
    Addr(AddrOp),
    Route(RouteOp),
    Policy(PolicyOp),
    Neigh(NeighOp),
    Fdb(FdbOp),
    Netfilter(NetfilterOp),
    Sysctl(SysctlOp),
);

impl Op {
    /// An operation in a namespace.
    pub fn new(netns: NetnsRef, action: impl Into<Action>) -> Op {
        Op { netns, action: action.into() }
    }

    /// An operation on the host.
    pub fn host(action: impl Into<Action>) -> Op {
        Op::new(NetnsRef::Host, action)
    }
}
