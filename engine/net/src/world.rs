//! Everything that reaches outside the program goes through [`World`].

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{At, Error, Refusal, Result};
use crate::op::{
    Family, Host, HostName, IfName, NetnsName, NetnsRef, Op, PidRef, PolicyRule, Route, SysctlKey, TableId,
};
use crate::state::{Contents, FdbRecord, ForeignRules, Link, NeighRecord, Ruleset};

/// What operations act on and questions are answered by: the kernel, or a model of it.
pub trait World {
    /// Applies operations. They may be fused and reordered as long as the end state is the same;
    /// on failure everything before the failing one is there and nothing after it.
    fn apply(&mut self, ops: &[Op]) -> Result<(), Failed>;
    /// The place of the script that asks for what comes next.
    fn located(&mut self, _at: Option<&At>) {}
    /// Does now what has been waiting: operations may travel together. An error that comes late is
    /// [`Error::Late`], says which operation it is about, and comes again whatever is asked next.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
    /// Whether every operation is to be done at once from now on, since somebody handles errors; tells
    /// how that was before.
    fn at_once(&mut self, _on: bool) -> Result<bool> {
        Ok(true)
    }
    /// Something that is no operation and that a reader of the commands should know.
    fn remark(&mut self, _text: &str) {}
    /// Programs and probes that follow are asked in turn until one of them succeeds.
    fn alternatives(&mut self, _step: Alternatives) {}

    /// What is known of things that have the name which an operation was refused because of (EEXIST).
    fn facts(&mut self, _op: &Op) -> Vec<String> {
        Vec::new()
    }

    /// From now on single steps may be taken back, those on the lab's own things too.
    fn keep_steps(&mut self) {}
    /// The present moment.
    fn point(&self) -> Point {
        Point::default()
    }
    /// Takes back everything that was done after a point, the last first. It goes on after an
    /// error, which tells what could not be undone.
    fn rollback(&mut self, _point: Point) -> Result<()> {
        Err(Error::NoUndo { why: "this run keeps no journal".to_owned() })
    }

    /// The script has succeeded, and what it made stays: tells what that is. `None`: nothing that
    /// would have to be taken down.
    fn keep(&mut self) -> Result<Option<Summary>> {
        Ok(None)
    }
    /// Takes everything back, and tells whether there was anything. It goes on after an error, which
    /// tells what could not be undone.
    fn take_down(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// The names under `/run/netns`, sorted.
    fn netns_names(&mut self) -> Result<Vec<NetnsName>>;
    /// Whether there is a namespace of a name under `/run/netns`.
    fn has_netns(&mut self, name: &NetnsName) -> Result<bool> {
        Ok(self.netns_names()?.contains(name))
    }
    /// What identifies a namespace, and who is in it.
    fn netns_contents(&mut self, netns: &NetnsRef) -> Result<Contents>;
    /// A process's number.
    fn pid(&mut self, pid: PidRef) -> Result<u32>;

    /// The links of a namespace with their addresses, by index.
    fn links(&mut self, netns: &NetnsRef) -> Result<Vec<Link>>;
    /// The names of a namespace's links, in any order, without anything else being read.
    fn link_names(&mut self, netns: &NetnsRef) -> Result<Vec<IfName>> {
        Ok(self.links(netns)?.into_iter().map(|link| link.name).collect())
    }
    /// One link, without a list of all of them being read; `None`: it is not there.
    fn link(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<Link>>;
    /// What a link is called that may be known by another name; `None`: it is not there.
    fn link_name(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<IfName>> {
        Ok(self.link(netns, name)?.map(|link| link.name))
    }
    /// The routes of a namespace, in the kernel's order.
    fn routes(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<Route>>;
    /// The rules that choose a routing table, in order.
    fn policy_rules(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<PolicyRule>>;
    /// The neighbours of both families.
    fn neighbours(&mut self, netns: &NetnsRef) -> Result<Vec<NeighRecord>>;
    /// The forwarding tables of bridges and vxlan links.
    fn fdb(&mut self, netns: &NetnsRef) -> Result<Vec<FdbRecord>>;
    /// The chains and rules of iptables of one family.
    fn ruleset(&mut self, netns: &NetnsRef, family: Family) -> Result<Ruleset>;
    /// Rules that packets meet and that `ruleset` does not tell of.
    fn foreign_rules(&mut self, netns: &NetnsRef) -> Result<ForeignRules>;
    /// Why a part of what is answered about a namespace is not known completely, in words: what only
    /// a real kernel knows, in a dry run. `None`: it is.
    fn unknown_part(&mut self, _netns: &NetnsRef, _part: Part) -> Result<Option<String>> {
        Ok(None)
    }
    /// The value of a setting, without the line's end.
    fn sysctl(&mut self, netns: &NetnsRef, key: &SysctlKey) -> Result<String>;

    /// The name servers that a namespace asks; none where it has none of its own.
    fn name_servers(&mut self, netns: &NetnsRef) -> Result<Vec<IpAddr>>;

    /// Runs a program to its end.
    fn exec(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<Output>;
    /// Runs the user's shell with the terminal, and gives its status.
    fn shell(&mut self, netns: &NetnsRef) -> Result<i32>;
    /// Starts a program that lives as long as the lab.
    fn start(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<Started>;
    /// Whether a started program is still running.
    fn running(&mut self, program: Started) -> Result<bool>;
    /// What a started program has written so far, standard output and standard error together.
    fn output(&mut self, program: Started) -> Result<String>;
    /// Ends a started program: first kindly (SIGTERM), then (SIGKILL).
    fn stop(&mut self, program: Started) -> Result<()>;

    /// Sends ICMP echo requests.
    fn ping(&mut self, netns: &NetnsRef, request: &Ping) -> Result<Pong>;
    /// Opens a connection and closes it again.
    fn connect(&mut self, netns: &NetnsRef, request: &Connect) -> Result<Connected>;
    /// Looks who is on the way to a target.
    fn traceroute(&mut self, netns: &NetnsRef, trace: &Trace) -> Result<Vec<Hop>>;
    /// Lets time pass until something may have changed; false where waiting changes nothing.
    fn wait(&mut self, time: Duration) -> Result<bool> {
        self.sleep(time).map(|()| true)
    }
    /// Asks an HTTP server for a page.
    fn fetch(&mut self, netns: &NetnsRef, request: &Fetch) -> Result<Fetched>;
    /// Starts a small HTTP server of our own that lives as long as the lab.
    fn serve(&mut self, netns: &NetnsRef, server: &Serve) -> Result<Started>;
    /// Starts a small name server of our own that lives as long as the lab.
    fn serve_dns(&mut self, netns: &NetnsRef, server: &ServeDns) -> Result<Started>;
    /// Starts to write a link's packets into a file, as long as the lab lives. Those that pass after
    /// this returns are in it.
    fn capture(&mut self, netns: &NetnsRef, request: &Capture) -> Result<Started>;
    /// The packets that a capture has heard until now, a line each.
    fn packets(&mut self, capture: Started) -> Result<Vec<String>>;
    /// Waits; ends early, with an error, when the user interrupts.
    fn sleep(&mut self, time: Duration) -> Result<()>;
    /// Whether the user has asked to stop.
    fn interrupted(&self) -> bool;
}

/// What a [`World`] may know only a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
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
pub struct Failed {
    /// Its index in the slice.
    pub index: usize,
    /// The kernel's word, or the model's.
    pub refusal: Refusal,
    /// What the operation names and is not there.
    pub absent: Option<Absent>,
}

/// Something that an operation names and that is not there.
#[derive(Clone, Debug, PartialEq)]
pub enum Absent {
    /// A link.
    Link(NetnsRef, IfName),
    /// A namespace.
    Netns(NetnsRef),
    /// What a name under `/run/netns` once stood for.
    Leftover(NetnsName),
    /// A process.
    Process(u32),
    /// Leave to do it: what netscript itself has against it.
    Leave(Box<Error>),
}

impl Absent {
    /// The error of one who asked for it, with nothing that is known about others.
    pub fn into_error(self) -> Error {
        match self {
            Absent::Netns(netns) => Error::NoSuchNetns { name: netns.to_string(), known: Vec::new() },
            Absent::Link(netns, name) => Error::NoSuchLink {
                name: name.to_string(),
                netns: netns.to_string(),
                known: Vec::new(),
                elsewhere: None,
            },
            Absent::Leftover(name) => Error::LeftoverNetns { name: name.to_string() },
            Absent::Process(pid) => Error::NoSuchProcess { pid },
            Absent::Leave(error) => *error,
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

/// A program that was started: the n-th of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Started(pub u32);

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
    pub fn follow(&self, target: IpAddr, mut ping: impl FnMut(&Ping) -> Result<Pong>) -> Result<Vec<Hop>> {
        let Trace { target: _, hops, timeout } = *self;
        let mut list = Vec::new();
        for ttl in 1..=hops {
            let target = Host::Addr(target);
            let request = Ping { target, dev: None, count: 1, timeout, src: None, size: 0, ttl: Some(ttl) };
            let pong = ping(&request)?;
            list.push(Hop { ttl, addr: pong.from, reached: pong.received > 0 });
            if pong.received > 0 || (pong.sent == 0 && pong.error.is_some()) {
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
pub struct Pong {
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
