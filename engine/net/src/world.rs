//! [`World`], through which everything outside of the program is reached: its roles, and the requests and results of
//! its methods.

mod roles;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::op::{Host, HostName, IfName, NetnsName, NetnsRef, RouteKind, TableId};

pub use roles::{
    Apply, ForwardApply, ForwardHistory, ForwardProbes, ForwardPrograms, ForwardQuery, History, Probes, Programs,
    Query, World,
};

/// The parts of a namespace's state that a [`World`] may know incompletely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatePart {
    /// Neighbours: the kernel learns some.
    Neighbours,
    /// Forwarding tables: bridges and tunnels learn addresses, and the kernel adds those of links.
    Fdb,
    /// The handles of rules.
    Handles,
    /// The routes of a table: the kernel adds one for each fe80 address.
    Routes(TableId),
}

/// A missing object that an operation names, or another reason of netscript's own.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    /// A link.
    Link(NetnsRef, IfName),
    /// A namespace.
    Netns(NetnsRef),
    /// A name under `/run/netns` that does not refer to a namespace.
    Leftover(NetnsName),
    /// A process.
    Process(u32),
    /// Any other reason, such as a missing permission, as an error of netscript.
    Other(Box<Error>),
}

impl Missing {
    /// The error for this object, without suggestions of others that exist.
    pub fn into_error(self) -> Error {
        match self {
            Missing::Netns(netns) => Error::NoSuchNetns { name: netns.to_string(), known: Vec::new() },
            Missing::Link(netns, name) => Error::NoSuchLink {
                name: name.to_string(),
                netns: netns.to_string(),
                known: Vec::new(),
                elsewhere: None,
            },
            Missing::Leftover(name) => Error::LeftoverNetns { name: name.to_string() },
            Missing::Process(pid) => Error::NoSuchProcess { pid },
            Missing::Other(error) => *error,
        }
    }
}

/// What a lab consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The lab's name.
    pub name: String,
    /// The number of objects of each kind: `("namespace", 3)`.
    pub made: Vec<(String, usize)>,
}

/// A step in the evaluation of a condition with alternatives, `A || B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternatives {
    /// The condition begins.
    Begin,
    /// The next alternative follows.
    Next,
    /// The condition ends.
    End,
}

/// A point of a run to roll back to: the number of steps done before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point(pub usize);

/// The result of a program that has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 plus the signal's number if a signal ended the program, as in a shell.
    pub status: i32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A program that the lab started, by its number: the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub u32);

/// A ping request.
#[derive(Clone, Debug, PartialEq)]
pub struct Ping {
    /// The target.
    pub target: Host,
    /// The link, for a link-local target.
    pub dev: Option<IfName>,
    /// The number of requests, at most one a second. The next one is sent when the last one was answered or timed out.
    pub count: u16,
    /// How long to wait for each answer.
    pub timeout: Duration,
    /// The source address.
    pub src: Option<IpAddr>,
    /// Bytes of data after the ICMP header.
    pub size: u16,
    /// The number of routers that a request may pass (IPv4 time to live, IPv6 hop limit); `None`: the namespace's
    /// default.
    pub ttl: Option<u8>,
}

/// A packet that a namespace sends, for which a route is to be chosen: `ip route get`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteGet {
    /// The destination.
    pub dst: IpAddr,
    /// The source address; `None`: it is not chosen yet, as for a socket that is not bound.
    pub src: Option<IpAddr>,
    /// The link that the sending socket is bound to.
    pub oif: Option<IfName>,
    /// The firewall mark.
    pub mark: u32,
    /// The type of service: the byte of the IPv4 header, or the traffic class of IPv6.
    pub tos: u8,
    /// The number of the transport protocol; `None`: the kernel takes UDP for IPv4, and no protocol for IPv6.
    pub ipproto: Option<u8>,
    /// The source port.
    pub sport: Option<u16>,
    /// The destination port.
    pub dport: Option<u16>,
}

/// The route that a namespace chose for a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenRoute {
    /// Its type: the packet is delivered (`local`), sent to one machine, to all or to a group.
    pub kind: RouteKind,
    /// The link that the packet leaves by; `lo` for the namespace's own addresses.
    pub dev: IfName,
    /// The gateway; `None`: the destination is on the link.
    pub via: Option<IpAddr>,
    /// The packet's source address.
    pub src: Option<IpAddr>,
}

/// The transport protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP: a handshake.
    Tcp,
    /// UDP: an empty datagram.
    Udp,
}

/// A connection to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// The target.
    pub target: Host,
    /// The port.
    pub port: u16,
    /// The protocol.
    pub transport: Transport,
    /// How long to wait.
    pub timeout: Duration,
}

/// The result of trying a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connected {
    /// How long the handshake took, or the answer to the datagram.
    pub rtt: Option<Duration>,
    /// Why there is no connection: `"Connection refused"`, `"Network is unreachable"`, `"timed out"`, or, for UDP, `"no
    /// answer"`.
    pub error: Option<String>,
}

impl Connected {
    /// Whether there was a connection.
    pub fn ok(&self) -> bool {
        self.error.is_none()
    }
}

/// A page to fetch with HTTP/1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The server.
    pub server: Host,
    /// Its port.
    pub port: u16,
    /// Server and port as the request names them.
    pub authority: String,
    /// The page, with its leading `/`.
    pub path: String,
    /// The time limit for connecting, asking and answering together.
    pub timeout: Duration,
}

/// An HTTP server's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// HTTP status, if the server answered.
    pub status: Option<u16>,
    /// The page.
    pub body: Vec<u8>,
    /// Why there was no answer: `"Connection refused"`, `"Network is unreachable"`, `"timed out"`, …
    pub error: Option<String>,
}

impl Fetched {
    /// Whether the server returned the page (RFC 9110, section 15.3).
    pub fn ok(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// A small HTTP server: it answers every request with one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serve {
    /// The address to listen on; `None`: every address of both families.
    pub addr: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// The page.
    pub body: String,
}

/// A small name server, on port 53.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeDns {
    /// The address to listen on; `None`: every address of both families.
    pub addr: Option<IpAddr>,
    /// The names that it resolves.
    pub records: BTreeMap<HostName, Vec<IpAddr>>,
}

/// A traceroute request: ICMP echo requests that may pass 1, 2, … routers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The target.
    pub target: Host,
    /// The largest number of hops.
    pub hops: u8,
    /// How long to wait for each answer.
    pub timeout: Duration,
}

impl Trace {
    /// Probes each hop with `ping`, until the target answers or a request cannot be sent.
    pub fn follow(&self, target: IpAddr, mut ping: impl FnMut(&Ping) -> Result<PingResult>) -> Result<Vec<Hop>> {
        let Trace { target: _, hops, timeout } = *self;
        let mut list = Vec::new();
        for ttl in 1..=hops {
            let target = Host::Addr(target);
            let request = Ping { target, dev: None, count: 1, timeout, src: None, size: 0, ttl: Some(ttl) };
            let result = ping(&request)?;
            list.push(Hop { ttl, addr: result.from, reached: result.received > 0 });
            if result.received > 0 || (result.sent == 0 && result.error.is_some()) {
                break;
            }
        }
        Ok(list)
    }
}

/// A hop of a traceroute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The hop's number: the request could pass one router less.
    pub ttl: u8,
    /// The address that answered.
    pub addr: Option<IpAddr>,
    /// Whether the target itself answered.
    pub reached: bool,
}

/// A request to capture a link's packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The link.
    pub link: IfName,
    /// The file for the packets; `None`: a file of the lab.
    pub file: Option<PathBuf>,
}

/// The result of a ping.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PingResult {
    /// Requests sent.
    pub sent: u16,
    /// Answers received.
    pub received: u16,
    /// Round-trip times of the answers.
    pub rtts: Vec<Duration>,
    /// Time to live of the last answer on arrival.
    pub ttl: Option<u8>,
    /// The sender of the last answer, or of an ICMP error from a router.
    pub from: Option<IpAddr>,
    /// Why the last unanswered request got no answer: `"Network is unreachable"`, `"no answer"`, `"Destination Host
    /// Unreachable"`, `"Could not resolve host: NAME"`, …
    pub error: Option<String>,
}

impl PingResult {
    /// Whether there was an answer.
    pub fn ok(&self) -> bool {
        self.received > 0
    }
}
