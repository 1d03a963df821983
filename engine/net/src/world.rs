//! Everything that reaches outside the program goes through [`World`]: the roles that make one, and what is asked and
//! answered.

mod roles;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Refusal, Result};
use crate::op::{Host, HostName, IfName, NetnsName, NetnsRef, TableId};

pub use roles::{
    Apply, ForwardApply, ForwardHistory, ForwardProbes, ForwardPrograms, ForwardQuery, History, Probes, Programs,
    Query, World,
};

/// What a [`World`] may know only a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatePart {
    /// The neighbours, of which the kernel learns some.
    Neighbours,
    /// The forwarding tables: bridges and tunnels learn, and the kernel enters addresses of links.
    Fdb,
    /// The numbers of rules.
    Handles,
    /// The routes of a table: the kernel makes one for each fe80 address.
    Routes(TableId),
}

/// The first operation of a slice that failed, and why.
#[derive(Clone, Debug)]
pub struct BatchError {
    /// Its index in the slice.
    pub index: usize,
    /// The kernel's word, or the model's.
    pub refusal: Refusal,
    /// What the operation names and does not exist.
    pub missing: Option<Missing>,
}

/// Something that an operation names and that does not exist, or another reason of netscript's own.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    /// A link.
    Link(NetnsRef, IfName),
    /// A namespace.
    Netns(NetnsRef),
    /// What a name under `/run/netns` once stood for.
    Leftover(NetnsName),
    /// A process.
    Process(u32),
    /// Something else, or permission: an error of netscript's own says what.
    Other(Box<Error>),
}

impl Missing {
    /// The error of one who asked for it, with nothing that is known about others.
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

/// What a lab that is up consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The lab's name.
    pub name: String,
    /// How many of which: `("namespace", 3)`.
    pub made: Vec<(String, usize)>,
}

/// How far a condition with alternatives, `A || B`, has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternatives {
    /// It begins.
    Begin,
    /// The next alternative follows.
    Next,
    /// It is at its end.
    End,
}

/// A moment of a run to which it can be taken back: so many steps had been done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point(pub usize);

/// What a program left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 and the signal's number when a signal ended it, as in a shell.
    pub status: i32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A program that the lab started, by its number: the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub u32);

/// What a ping asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ping {
    /// Where to.
    pub target: Host,
    /// The link of a link-local target.
    pub dev: Option<IfName>,
    /// How many requests, one a second at most; the next goes out when the last is answered or
    /// has timed out.
    pub count: u16,
    /// How long to wait for each answer.
    pub timeout: Duration,
    /// The source address.
    pub src: Option<IpAddr>,
    /// Bytes of data after the ICMP header.
    pub size: u16,
    /// How many routers the requests may pass (IPv4 time to live, IPv6 hop limit); `None`: the
    /// namespace's default.
    pub ttl: Option<u8>,
}

/// How a connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By a handshake.
    Tcp,
    /// By an empty datagram.
    Udp,
}

/// A connection to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Where to.
    pub target: Host,
    /// On which port.
    pub port: u16,
    /// By which protocol.
    pub transport: Transport,
    /// How long to wait.
    pub timeout: Duration,
}

/// What became of a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connected {
    /// How long the handshake took, or the datagram that came back.
    pub rtt: Option<Duration>,
    /// Why there is none: `"Connection refused"`, `"Network is unreachable"`, `"timed out"`, or, for
    /// UDP, `"no answer"`.
    pub error: Option<String>,
}

impl Connected {
    /// Whether there was one.
    pub fn ok(&self) -> bool {
        self.error.is_none()
    }
}

/// A page to ask for, by HTTP/1.1.
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
    /// How long connecting, asking and answering may take together.
    pub timeout: Duration,
}

/// An HTTP server's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The page.
    pub body: Vec<u8>,
    /// Why there was no answer: `"Connection refused"`, `"Network is unreachable"`, `"timed out"`, …
    pub error: Option<String>,
}

impl Fetched {
    /// Whether the server gave the page (RFC 9110, section 15.3).
    pub fn ok(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// A small HTTP server: it answers every request with one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serve {
    /// Where it listens; `None`: on every address of both families.
    pub addr: Option<IpAddr>,
    /// On which port.
    pub port: u16,
    /// The page.
    pub body: String,
}

/// A small name server, on port 53.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeDns {
    /// Where it listens; `None`: on every address of both families.
    pub addr: Option<IpAddr>,
    /// The hosts that it knows.
    pub records: BTreeMap<HostName, Vec<IpAddr>>,
}

/// A way to look at: ICMP echo requests that may pass 1, 2, … routers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Where it leads.
    pub target: Host,
    /// How many steps to look at, at most.
    pub hops: u8,
    /// How long to wait for each answer.
    pub timeout: Duration,
}

impl Trace {
    /// Looks at each step, by `ping`, until the target answers or nothing can be sent.
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

/// A step on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// How many routers the request could pass, plus one.
    pub ttl: u8,
    /// Who answered.
    pub addr: Option<IpAddr>,
    /// Whether that was the target.
    pub reached: bool,
}

/// A capture of a link's packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Which link is heard.
    pub link: IfName,
    /// The file that takes the packets; `None`: one of the lab's own.
    pub file: Option<PathBuf>,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PingResult {
    /// Requests that left.
    pub sent: u16,
    /// Answers that came.
    pub received: u16,
    /// Round-trip times of the answers.
    pub rtts: Vec<Duration>,
    /// Time to live of the last answer as it arrived.
    pub ttl: Option<u8>,
    /// Who sent the last answer, or the refusal of a router on the way.
    pub from: Option<IpAddr>,
    /// Why the last request without an answer got none: `"Network is unreachable"`, `"no answer"`,
    /// `"Destination Host Unreachable"`, `"Could not resolve host: NAME"`, …
    pub error: Option<String>,
}

impl PingResult {
    /// Whether an answer came.
    pub fn ok(&self) -> bool {
        self.received > 0
    }
}
