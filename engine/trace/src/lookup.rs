//! The choice of a route for a packet that a namespace sends.

use std::net::IpAddr;

use netscript_net::error::Errno;
use netscript_net::op::{PolicyRule, Route};
use netscript_net::state::Netns;
use netscript_net::world::{ChosenRoute, RouteGet};

use crate::{v4, v6};

/// How a packet's route is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup<'a> {
    /// The route, or the kernel's error.
    pub answer: Result<ChosenRoute, Errno>,
    /// The routing rule that decided; `None`: no rule did.
    pub rule: Option<&'a PolicyRule>,
    /// The route that decided, in its table; `None`: no route did.
    pub route: Option<&'a Route>,
}

impl Lookup<'_> {
    /// A refusal that neither a rule nor a route decided.
    pub(crate) fn refused(errno: Errno) -> Self {
        Lookup { answer: Err(errno), rule: None, route: None }
    }
}

/// Something that the state does not determine, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown(pub(crate) String);

impl Unknown {
    pub(crate) fn new(what: impl Into<String>) -> Unknown {
        Unknown(what.into())
    }
}

/// The result of one step.
pub(crate) type Known<T> = Result<T, Unknown>;

/// Whether the state holds every neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbours {
    /// It does.
    Known,
    /// Packets were sent, and what the kernel learned from them is not known.
    Unknown,
}

/// Chooses the route of a packet that a namespace sends, as `ip route get` does. The error says in words what the state
/// does not determine.
pub fn route_get<'a>(netns: &'a Netns, request: &RouteGet, neighbours: Neighbours) -> Result<Lookup<'a>, String> {
    let found = match request.dst {
        IpAddr::V4(dst) => v4::route_get(netns, dst, request),
        IpAddr::V6(dst) => v6::route_get(netns, dst, request, neighbours),
    };
    found.map_err(|Unknown(what)| what)
}

/// What a routing table says about a packet.
pub(crate) enum TableAnswer<'a, T> {
    /// A route that forwards or delivers it.
    Found(&'a Route, T),
    /// A route that rejects or discards it.
    Refused(&'a Route, Errno),
    /// Nothing: the next rule decides.
    Nothing,
}
