//! Refusals by the kernel in words, by operation and error number.

use super::remedy::{ipv6_is_disabled, remedy};
use super::{Code, Description, Errno, Rejection, blame};
use crate::op::netfilter::{ChainName, Target};
use crate::op::{Action, AddrOp, FdbOp, LinkOp, NeighOp, NetfilterOp, NetnsOp, Op, PolicyOp, RouteOp};

/// The code of a refusal of which only the number is known.
pub(super) fn code(rejection: &Rejection) -> Code {
    if rejection.unsupported.is_some() {
        return Code::E0402;
    }
    match rejection.errno {
        Errno::EPERM | Errno::EACCES => Code::E0401,
        _ => Code::E0305,
    }
}

/// A refused operation in words.
pub(super) fn describe(op: &Op, rejection: &Rejection) -> Description {
    let code = code_for(op, rejection);
    let reason = rejection.errno.text().map_or_else(|| rejection.errno.to_string(), str::to_owned);
    let remedy = remedy(op, rejection);
    let label = remedy.as_ref().and_then(|remedy| remedy.label.clone()).unwrap_or_else(|| label(op, code, &reason));
    let mut description = Description::new(code, format!("cannot {op}: {reason}"), label);
    description.part = blame::refused(op, rejection);
    if let Some(text) = &rejection.text {
        description = description.note(format!("the kernel says: {text}"));
    }
    match rejection.unsupported.clone().or_else(|| remedy.map(|remedy| remedy.help)) {
        Some(help) => description.help(help),
        None if code == Code::E0305 => description.help(format!("the kernel's error number is {}", rejection.errno)),
        None => description,
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
        Code::E0402 => "this kernel does not support this".to_owned(),
        _ => format!("the kernel refuses: {reason}"),
    }
}

/// The label for a missing rule or chain. Built-in chains cannot be missing: they are created when first needed.
fn absent(op: &NetfilterOp) -> String {
    let mut chains: Vec<&ChainName> = Vec::new();
    match op {
        NetfilterOp::Delete(..) => return "there is no such rule".to_owned(),
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
        [chain] => format!("there is no chain `{chain}`"),
        [chain, other, ..] => format!("there is no chain `{chain}`, or no chain `{other}`"),
    }
}

fn code_for(op: &Op, rejection: &Rejection) -> Code {
    let forbidden = matches!(rejection.errno, Errno::EACCES | Errno::EPERM);
    // A missing privilege is not the reason if nobody may do it.
    if rejection.unsupported.is_none()
        && forbidden
        && (ipv6_is_disabled(op, rejection) || is_read_only(op, rejection.errno))
    {
        return Code::E0305;
    }
    let general = code(rejection);
    if general != Code::E0305 {
        return general;
    }
    match rejection.errno {
        Errno::EEXIST => Code::E0301,
        Errno::EMLINK if matches!(op.action, Action::Netfilter(_)) => Code::E0305,
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

/// Whether the setting's file is read-only.
fn is_read_only(op: &Op, errno: Errno) -> bool {
    matches!(op.action, Action::Sysctl(_)) && errno == Errno::EACCES
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
