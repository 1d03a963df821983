//! Operations as the commands of iproute2, iptables and sysctl that do the same.
//!
//! A command is a vector of words until it is printed, and is quoted in one place ([`quote`]).
//! Nothing here decides anything, and nothing can fail.

mod addr;
mod command;
mod fdb;
mod link;
mod neigh;
mod netfilter;
mod netns;
mod policy;
mod program;
mod route;
mod sysctl;

use netscript_net::op::{Action, Op};
pub use netscript_net::{quote, quote_program};

pub use command::{Command, Style, Tail, Word, variable};
pub use program::{
    END_JOBS, capture, connect, exec, fetch, interactive, ping, serve, serve_dns, sleep, start, stop, traceroute,
    wait_until_gone,
};

/// The lines that do what an operation does.
pub fn lines(op: &Op, style: Style) -> Vec<String> {
    match &op.action {
        Action::Netns(op) => netns::lines(op, style),
        Action::Link(_)
        | Action::Addr(_)
        | Action::Route(_)
        | Action::Policy(_)
        | Action::Neigh(_)
        | Action::Fdb(_)
        | Action::Netfilter(_)
        | Action::Sysctl(_) => commands(op).iter().map(|command| command.line(style)).collect(),
    }
}

/// The commands that do what an operation does.
pub fn commands(op: &Op) -> Vec<Command> {
    let netns = &op.netns;
    match &op.action {
        Action::Netns(op) => netns::commands(op),
        Action::Link(op) => vec![link::command(netns, op)],
        Action::Addr(op) => vec![addr::command(netns, op)],
        Action::Route(op) => vec![route::command(netns, op)],
        Action::Policy(op) => vec![policy::command(netns, op)],
        Action::Neigh(op) => vec![neigh::command(netns, op)],
        Action::Fdb(op) => vec![fdb::command(netns, op)],
        Action::Netfilter(op) => vec![netfilter::command(netns, op)],
        Action::Sysctl(op) => vec![sysctl::command(netns, op)],
    }
}
