//! Steps back that take away what others make.

use crate::journal::Deed;
use crate::{policy, route};
use netscript_net::op::{AddrOp, FdbOp, NeighOp, PolicyOp, RouteOp};

/// Whether a deed takes away the very thing that another makes.
pub(crate) fn undoes(del: &Deed, made: &Deed) -> bool {
    match (del, made) {
        (Deed::Route(RouteOp::Del(del)), Deed::Route(RouteOp::Add(made))) => route::has_same_key(made, del),
        (Deed::Addr(AddrOp::Del(at, del)), Deed::Addr(AddrOp::Add(on, made))) => at == on && del.local == made.local,
        (Deed::Policy(PolicyOp::Del(del)), Deed::Policy(PolicyOp::Add(made))) => policy::is_same(made, del),
        (Deed::Neigh(NeighOp::Del(dst, dev)), Deed::Neigh(NeighOp::Add(made) | NeighOp::Replace(made))) => {
            *dst == made.dst && *dev == made.dev
        }
        (Deed::Fdb(FdbOp::Del(del)), Deed::Fdb(FdbOp::Add(made) | FdbOp::Append(made) | FdbOp::Replace(made))) => {
            del == made
        }
        (
            Deed::Link(_) | Deed::Addr(_) | Deed::Route(_) | Deed::Policy(_) | Deed::Neigh(_) | Deed::Fdb(_),
            Deed::Link(_) | Deed::Addr(_) | Deed::Route(_) | Deed::Policy(_) | Deed::Neigh(_) | Deed::Fdb(_),
        ) => false,
    }
}
