//! Whether one operation is the inverse of another.

use crate::journal::NamedOp;
use crate::{policy, route};
use netscript_net::op::{AddrOp, FdbOp, NeighOp, PolicyOp, RouteOp};

/// Whether an operation removes exactly what another makes.
pub(crate) fn undoes(del: &NamedOp, made: &NamedOp) -> bool {
    match (del, made) {
        (NamedOp::Route(RouteOp::Del(del)), NamedOp::Route(RouteOp::Add(made))) => route::has_same_key(made, del),
        (NamedOp::Addr(AddrOp::Del(at, del)), NamedOp::Addr(AddrOp::Add(on, made))) => {
            at == on && del.local == made.local
        }
        (NamedOp::Policy(PolicyOp::Del(del)), NamedOp::Policy(PolicyOp::Add(made))) => policy::is_same(made, del),
        (NamedOp::Neigh(NeighOp::Del(dst, dev)), NamedOp::Neigh(NeighOp::Add(made) | NeighOp::Replace(made))) => {
            *dst == made.dst && *dev == made.dev
        }
        (
            NamedOp::Fdb(FdbOp::Del(del)),
            NamedOp::Fdb(FdbOp::Add(made) | FdbOp::Append(made) | FdbOp::Replace(made)),
        ) => del == made,
        (
            NamedOp::Link(_)
            | NamedOp::Addr(_)
            | NamedOp::Route(_)
            | NamedOp::Policy(_)
            | NamedOp::Neigh(_)
            | NamedOp::Fdb(_),
            NamedOp::Link(_)
            | NamedOp::Addr(_)
            | NamedOp::Route(_)
            | NamedOp::Policy(_)
            | NamedOp::Neigh(_)
            | NamedOp::Fdb(_),
        ) => false,
    }
}
