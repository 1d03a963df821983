//! What the kernel's refusals mean, by operation and error number.

use super::{Code, Description, Errno, Refusal};
use crate::op::netfilter::{ChainName, Target};
use crate::op::{Action, AddrOp, FdbOp, LinkOp, LinkSet, NeighOp, NetfilterOp, NetnsOp, Op, PidRef, PolicyOp, RouteOp};

/// The code of a refusal of which nothing but the number is known.
pub(super) fn code(refusal: &Refusal) -> Code {
    if refusal.missing.is_some() {
        return Code::E0402;
    }
    match refusal.errno {
        Errno::EPERM | Errno::EACCES => Code::E0401,
        _ => Code::E0305,
    }
}

/// A refused operation in words.
pub(super) fn describe(op: &Op, refusal: &Refusal) -> Description {
    let code = code_for(op, refusal);
    let reason = refusal.errno.text().map_or_else(|| refusal.errno.to_string(), str::to_owned);
    let mut description = Description::new(code, format!("cannot {op}: {reason}"), label(op, code, &reason));
    description.culprit = culprit(op, refusal.errno);
    if let Some(text) = &refusal.text {
        description = description.note(format!("the kernel says: {text}"));
    }
    match refusal.missing.clone().or_else(|| remedy(op, refusal.errno)) {
        Some(help) => description.help(help),
        None if code == Code::E0305 => description.help(format!("the kernel's number for this is {}", refusal.errno)),
        None => description,
    }
}

/// What to do next, where more is known than the code says.
fn remedy(op: &Op, errno: Errno) -> Option<String> {
    match (&op.action, errno) {
        (Action::Link(LinkOp::Set(_, LinkSet::Master(Some(master)))), Errno::EOPNOTSUPP | Errno::EINVAL) => {
            Some(format!("`{master}` must be a bridge, and a bridge cannot be a port of another"))
        }
        (Action::Link(LinkOp::Set(name, LinkSet::Hairpin(_))), Errno::EOPNOTSUPP | Errno::EINVAL) => {
            Some(format!("`{name}` must be a port of a bridge first: `.master(bridge)`"))
        }
        (Action::Link(LinkOp::Set(_, LinkSet::Mtu(_))), Errno::EINVAL) => {
            Some("give an MTU that this kind of link can have, such as 1500; IPv6 needs 1280".to_owned())
        }
        (Action::Route(RouteOp::Add(route) | RouteOp::Replace(route)), Errno::EINVAL)
            if route.dst != route.dst.network() =>
        {
            Some(format!("the address has bits beyond its length: did you mean {}?", route.dst.network()))
        }
        (Action::Route(RouteOp::Add(_)), Errno::EEXIST) => {
            Some("put it in the other's place with `replace_route`, or give it another `metric`".to_owned())
        }
        (Action::Neigh(NeighOp::Add(_)), Errno::EEXIST) => Some(
            "an entry of this address is there, set or learned: put this one in its place with `replace_neigh`"
                .to_owned(),
        ),
        (Action::Fdb(FdbOp::Add(_)), Errno::EEXIST) => Some(
            "an entry of this address is there: put this one in its place with `replace_fdb`, or give the address \
             `00:00:00:00:00:00` or a group one more far end with `append_fdb`"
                .to_owned(),
        ),
        (Action::Fdb(FdbOp::Replace(_)), Errno::EOPNOTSUPP) => Some(
            "an address of a group, or of all zeros, may have several far ends: use `append_fdb` and `del_fdb`"
                .to_owned(),
        ),
        (Action::Netns(NetnsOp::Attach(..)), Errno::ESRCH) => {
            Some("give the number of a process that is running, or a handle with a `.pid`".to_owned())
        }
        (Action::Route(_), Errno::ENETDOWN) => Some("bring the link up first: `.up()`".to_owned()),
        _ => None,
    }
}

fn label(op: &Op, code: Code, reason: &str) -> String {
    match code {
        Code::E0301 => "this exists already".to_owned(),
        Code::E0304 => "no link leads to this gateway".to_owned(),
        Code::E0306 => match &op.action {
            Action::Netfilter(op) => absent(op),
            Action::Netns(_)
            | Action::Link(_)
            | Action::Addr(_)
            | Action::Route(_)
            | Action::Policy(_)
            | Action::Neigh(_)
            | Action::Fdb(_)
            | Action::Sysctl(_) => "this is not there".to_owned(),
        },
        Code::E0402 => "this kernel cannot do this".to_owned(),
        _ => format!("the kernel refuses: {reason}"),
    }
}

/// What an operation on rules misses. Built-in chains are made when they are first needed.
fn absent(op: &NetfilterOp) -> String {
    let mut chains: Vec<&ChainName> = Vec::new();
    match op {
        NetfilterOp::Delete(..) => return "no such rule is there any more".to_owned(),
        NetfilterOp::Append(rule) | NetfilterOp::Insert(rule, _) => {
            chains.extend(Some(&rule.chain().name).filter(|_| rule.chain().hook().is_none()));
            if let Some(Target::Jump(chain) | Target::Goto(chain)) = rule.target() {
                chains.push(chain);
            }
        }
        NetfilterOp::Flush(chain)
        | NetfilterOp::Policy(chain, _)
        | NetfilterOp::NewChain(chain)
        | NetfilterOp::DelChain(chain) => chains.push(&chain.name),
        NetfilterOp::FlushTable(_) => {}
    }
    match &chains[..] {
        [] => "this is not there".to_owned(),
        [chain] => format!("the chain `{chain}` is not there, or not any more"),
        [chain, other, ..] => format!("the chain `{chain}` or `{other}` is not there, or not any more"),
    }
}

fn code_for(op: &Op, refusal: &Refusal) -> Code {
    let general = code(refusal);
    if general != Code::E0305 {
        return general;
    }
    match refusal.errno {
        Errno::EEXIST => Code::E0301,
        Errno::EBUSY | Errno::EMLINK => Code::E0308,
        Errno::ENODEV => Code::E0302,
        Errno::ENETUNREACH | Errno::EHOSTUNREACH if matches!(op.action, Action::Route(_)) => Code::E0304,
        Errno::ENOENT | Errno::ESRCH | Errno::EADDRNOTAVAIL if removes(op) => match op.action {
            Action::Netns(_) => Code::E0303,
            _ => Code::E0306,
        },
        Errno::ENOENT if matches!(op.action, Action::Netfilter(_)) => Code::E0306,
        Errno::ERANGE if matches!(op.action, Action::Netfilter(_)) => Code::E0211,
        Errno::ESRCH if matches!(op.action, Action::Netns(_)) => Code::E0303,
        _ => Code::E0305,
    }
}

fn removes(op: &Op) -> bool {
    match &op.action {
        Action::Netns(op) => matches!(op, NetnsOp::Del(_) | NetnsOp::Detach(_) | NetnsOp::Release(_)),
        Action::Link(op) => matches!(op, LinkOp::Del(_)),
        Action::Addr(op) => matches!(op, AddrOp::Del(..)),
        Action::Route(op) => matches!(op, RouteOp::Del(_) | RouteOp::Flush(..)),
        Action::Policy(op) => matches!(op, PolicyOp::Del(_)),
        Action::Neigh(op) => matches!(op, NeighOp::Del(..)),
        Action::Fdb(op) => matches!(op, FdbOp::Del(_)),
        Action::Netfilter(op) => op.removes(),
        Action::Sysctl(_) => false,
    }
}

/// The name in the script that an operation is about.
fn culprit(op: &Op, errno: Errno) -> Option<String> {
    match &op.action {
        Action::Netns(NetnsOp::Attach(_, PidRef::Number(pid))) if errno == Errno::ESRCH => Some(pid.to_string()),
        Action::Netns(
            NetnsOp::Add(name)
            | NetnsOp::Del(name)
            | NetnsOp::Attach(name, _)
            | NetnsOp::Detach(name)
            | NetnsOp::Resolver(name, _),
        ) => Some(name.to_string()),
        Action::Netns(NetnsOp::Hold(_) | NetnsOp::Release(_)) => None,
        Action::Link(LinkOp::Add(name, _)) => Some(name.to_string()),
        Action::Addr(AddrOp::Add(_, spec) | AddrOp::Del(_, spec)) => Some(spec.local.to_string()),
        Action::Route(RouteOp::Add(route) | RouteOp::Replace(route)) => {
            route.nexthops.first().and_then(|hop| hop.via).map(|via| via.to_string())
        }
        Action::Netfilter(NetfilterOp::NewChain(chain)) => Some(chain.name.to_string()),
        Action::Link(LinkOp::Set(..) | LinkOp::Del(_))
        | Action::Route(RouteOp::Del(_) | RouteOp::Flush(..))
        | Action::Policy(_)
        | Action::Neigh(_)
        | Action::Fdb(_)
        | Action::Netfilter(_)
        | Action::Sysctl(_) => None,
    }
}
