//! Operations as the commands of iproute2, iptables and sysctl that do the same.
//!
//! A command is a vector of words until it is printed, and is quoted in one place ([`quote`]).
//! Nothing here decides anything, and nothing can fail.

mod addr;
mod fdb;
mod link;
mod neigh;
mod netfilter;
mod netns;
mod policy;
mod route;
mod sysctl;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

pub use netscript_net::{quote, quote_program};

use netscript_net::op::{Action, Family, HostName, IfName, NetnsRef, Op, PidRef};
use netscript_net::world::{Capture, Connect, Fetch, Ping, Serve, ServeDns, Started, Trace, Transport};

/// How commands inside a namespace are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// `ip -n NS …` where a tool takes it.
    #[default]
    Plain,
    /// `ip netns exec NS ip …`, as tutorials do.
    Tutorial,
}

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A text, quoted when it is printed.
    Text(String),
    /// The number of a process: a number, or the shell variable that holds it.
    Pid(PidRef),
    /// A word of the shell's own, such as a builtin.
    Builtin(&'static str),
    /// The number of the shell that runs the script: it lives on the host.
    Shell,
}

impl From<&str> for Word {
    fn from(text: &str) -> Word {
        Word::Text(text.to_owned())
    }
}

impl From<String> for Word {
    fn from(text: String) -> Word {
        Word::Text(text)
    }
}

impl From<&IfName> for Word {
    fn from(name: &IfName) -> Word {
        Word::Text(name.to_string())
    }
}

/// What becomes of a command's exit status, and whether the script waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// A failure stops the script.
    Strict,
    /// A failure is survived: `|| true`.
    Tolerant,
    /// The command goes on in the background, and a variable holds its number: `& p1=$!`.
    Background(PidRef),
}

/// A command, and where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The namespace.
    pub netns: NetnsRef,
    /// Program and arguments.
    pub argv: Vec<Word>,
    /// What follows it.
    pub tail: Tail,
}

impl Command {
    /// A command of these words, which is run in a namespace.
    pub fn new<W: Into<Word>>(netns: &NetnsRef, argv: impl IntoIterator<Item = W>) -> Command {
        Command { netns: netns.clone(), argv: argv.into_iter().map(Into::into).collect(), tail: Tail::Strict }
    }

    fn host<W: Into<Word>>(argv: impl IntoIterator<Item = W>) -> Command {
        Command::new(&NetnsRef::Host, argv)
    }

    /// Adds words.
    fn with<W: Into<Word>>(mut self, words: impl IntoIterator<Item = W>) -> Command {
        self.argv.extend(words.into_iter().map(Into::into));
        self
    }

    /// Adds an option and its value, if there is one.
    fn option<W: Into<Word>>(self, key: &str, value: Option<W>) -> Command {
        match value {
            Some(value) => self.with([Word::from(key), value.into()]),
            None => self,
        }
    }

    /// Its failure is survived.
    fn tolerant(mut self) -> Command {
        self.tail = Tail::Tolerant;
        self
    }

    /// The command as a line of a POSIX shell script.
    pub fn line(&self, style: Style) -> String {
        let mut line = self.words(style);
        match self.tail {
            Tail::Strict => {}
            Tail::Tolerant => line.push_str(" || true"),
            Tail::Background(pid @ PidRef::Started(_)) => {
                let _ = write!(line, " & {}=$! jobs=\"$jobs $!\"", variable(pid));
            }
            Tail::Background(pid @ (PidRef::Held(_) | PidRef::Number(_))) => {
                let _ = write!(line, " & {}=$!", variable(pid));
            }
        }
        line
    }

    /// The command as a person types it.
    pub fn typed(&self) -> String {
        let words = self.words(Style::Plain);
        match self.tail {
            Tail::Strict | Tail::Tolerant => words,
            Tail::Background(_) => format!("{words} &"),
        }
    }

    fn words(&self, style: Style) -> String {
        let takes_n = style == Style::Plain
            && matches!(self.argv.first(), Some(Word::Text(tool)) if tool == "ip" || tool == "bridge");
        let (prefix, rest): (Vec<Word>, &[Word]) = match (&self.netns, self.argv.split_first()) {
            (NetnsRef::Host, _) | (_, None) => (Vec::new(), &self.argv),
            (NetnsRef::Named(name), Some((tool, rest))) if takes_n => {
                (vec![tool.clone(), "-n".into(), name.as_str().into()], rest)
            }
            (NetnsRef::Named(name), Some(_)) => {
                (vec!["ip".into(), "netns".into(), "exec".into(), name.as_str().into()], &self.argv)
            }
            (NetnsRef::Held(number), Some(_)) => (nsenter(PidRef::Held(*number)), &self.argv),
            (NetnsRef::OfPid(pid), Some(_)) => (nsenter(PidRef::Number(*pid)), &self.argv),
        };
        let program = quoted_program(prefix.first().or(rest.first()));
        let others = prefix.iter().chain(rest).skip(1).map(quoted);
        program.into_iter().chain(others).collect::<Vec<_>>().join(" ")
    }
}

/// `nsenter --target PID --net`
fn nsenter(pid: PidRef) -> Vec<Word> {
    vec!["nsenter".into(), "--target".into(), Word::Pid(pid), "--net".into()]
}

fn quoted_program(word: Option<&Word>) -> Option<String> {
    Some(match word? {
        Word::Text(text) => quote_program(text),
        own @ (Word::Pid(_) | Word::Shell | Word::Builtin(_)) => quoted(own),
    })
}

fn quoted(word: &Word) -> String {
    match word {
        Word::Text(text) => quote(text),
        Word::Pid(PidRef::Number(number)) => number.to_string(),
        Word::Builtin(word) => (*word).to_owned(),
        Word::Shell => "$$".to_owned(),
        Word::Pid(pid @ (PidRef::Held(_) | PidRef::Started(_))) => format!("\"${}\"", variable(*pid)),
    }
}

/// The shell variable that holds the number of a process of the lab: `p1` for the holder of its
/// first unnamed namespace, `job1` for its first program.
pub fn variable(pid: PidRef) -> String {
    match pid {
        PidRef::Number(number) => format!("pid{number}"),
        PidRef::Held(number) => format!("p{number}"),
        PidRef::Started(number) => format!("job{number}"),
    }
}

/// The name or number by which `ip` is told a namespace; the host's is that of the shell itself.
fn netns_word(netns: &NetnsRef) -> Word {
    match netns {
        NetnsRef::Host => Word::Shell,
        NetnsRef::Named(name) => name.as_str().into(),
        NetnsRef::Held(number) => Word::Pid(PidRef::Held(*number)),
        NetnsRef::OfPid(pid) => Word::Pid(PidRef::Number(*pid)),
    }
}

/// `ip`, or `ip -6`: for most words `ip` reads the family off the addresses, but not for all.
fn ip(netns: &NetnsRef, family: Family) -> Command {
    match family {
        Family::V4 => Command::new(netns, ["ip"]),
        Family::V6 => Command::new(netns, ["ip", "-6"]),
    }
}

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

/// A program run to its end; what it answers, failure included, is for the script to look at.
pub fn exec(netns: &NetnsRef, argv: &[String]) -> Command {
    Command::new(netns, argv.iter().cloned()).tolerant()
}

/// The user's shell, with the terminal.
pub fn interactive(netns: &NetnsRef) -> Command {
    Command::new(netns, ["sh", "-c", "exec \"${SHELL:-sh}\""]).tolerant()
}

/// A program that is started and goes on in the background.
pub fn start(netns: &NetnsRef, argv: &[String], program: Started) -> Command {
    let mut command = Command::new(netns, argv.iter().cloned());
    command.tail = Tail::Background(PidRef::Started(program.0));
    command
}

/// The line before the first program in the background: the programs end when the script ends, as
/// nothing else would end them. One that was started a moment ago is still the shell, which takes the
/// first signal for itself.
pub const END_JOBS: &str = "trap 'kill $jobs 2>/dev/null || true; sleep 0.1; kill $jobs 2>/dev/null || true' EXIT; \
                            trap 'exit 143' HUP INT TERM";

/// The end of a started program.
pub fn stop(program: Started) -> Command {
    Command::host([Word::Builtin("kill"), Word::Pid(PidRef::Started(program.0))]).tolerant()
}

/// `ping -c COUNT -W SECONDS [-I LINK] [-I SOURCE] TARGET`
pub fn ping(netns: &NetnsRef, request: &Ping) -> Command {
    let Ping { target, dev, count, timeout, src, size, ttl } = request;
    let command = Command::new(netns, ["ping", "-c", &count.to_string(), "-W", &seconds(*timeout)])
        .option("-I", dev.as_ref())
        .option("-I", src.map(|src| src.to_string()))
        .option("-s", (*size != DEFAULT_PING_SIZE).then(|| size.to_string()));
    let command = command.option("-t", ttl.map(|ttl| ttl.to_string()));
    command.with([target.to_string()]).tolerant()
}

/// `nc -z [-u] -w SECONDS ADDRESS PORT`
pub fn connect(netns: &NetnsRef, request: &Connect) -> Command {
    let Connect { target, port, transport, timeout } = request;
    let command = match transport {
        Transport::Tcp => Command::new(netns, ["nc", "-z"]),
        Transport::Udp => Command::new(netns, ["nc", "-z", "-u"]),
    };
    // nc counts whole seconds.
    let seconds = timeout.as_secs_f64().ceil().max(1.0).to_string();
    command.with(["-w", &seconds, &target.to_string(), &port.to_string()]).tolerant()
}

/// `traceroute -n TARGET`
pub fn traceroute(netns: &NetnsRef, trace: &Trace) -> Command {
    let Trace { target, hops, timeout } = trace;
    Command::new(netns, ["traceroute", "-n"])
        .option("-m", (*hops != DEFAULT_HOPS).then(|| hops.to_string()))
        .option("-w", (*timeout != DEFAULT_TRACE_WAIT).then(|| seconds(*timeout)))
        .with([target.to_string()])
        .tolerant()
}

/// What `traceroute` of ours does when nothing is said.
const DEFAULT_HOPS: u8 = 30;
const DEFAULT_TRACE_WAIT: Duration = Duration::from_secs(1);

/// Bytes of data that `ping` sends when nothing is said (ping(8), `-s`).
const DEFAULT_PING_SIZE: u16 = 56;

/// `curl` with the page's address
pub fn fetch(netns: &NetnsRef, request: &Fetch) -> Command {
    let Fetch { server: _, port: _, authority, path, timeout } = request;
    Command::new(netns, ["curl", "--silent", "--max-time", &seconds(*timeout)])
        .with([format!("http://{authority}{path}")])
        .tolerant()
}

/// A server that answers every request with one page, made of nothing but `python3`.
pub fn serve(netns: &NetnsRef, server: &Serve, program: Started) -> Command {
    let Serve { addr, port, body } = server;
    let addr = addr.map_or("::".to_owned(), |addr| addr.to_string());
    let mut command = Command::new(netns, ["python3", "-c", SERVER, &addr, &port.to_string(), body]);
    command.tail = Tail::Background(PidRef::Started(program.0));
    command
}

/// Address, port and page are its arguments.
const SERVER: &str = "\
import http.server as h, socket, sys
class S(h.ThreadingHTTPServer): address_family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
class A(h.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(sys.argv[3].encode())
S((sys.argv[1], int(sys.argv[2])), A).serve_forever()";

/// `tcpdump -p -i LINK -w FILE`, or with its lines on standard output. Like ours it leaves the link's
/// promiscuous mode as it is.
pub fn capture(netns: &NetnsRef, request: &Capture, program: Started) -> Command {
    let Capture { link, file } = request;
    let command = Command::new(netns, ["tcpdump", "-p", "--immediate-mode", "-n", "-i", link.as_str()]);
    let mut command = match file {
        Some(file) => command.with([Word::from("-U"), "-w".into(), file.display().to_string().into()]),
        None => command.with(["-l"]),
    };
    command.tail = Tail::Background(PidRef::Started(program.0));
    command
}

/// A name server that knows these names, and no others.
pub fn serve_dns(netns: &NetnsRef, server: &ServeDns, program: Started) -> Command {
    let ServeDns { addr, records } = server;
    let listen = addr.map(|addr| format!("--listen-address={addr}"));
    let record = |name: &HostName, addr: &IpAddr| format!("--host-record={name},{addr}");
    let mut command = Command::new(netns, ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts"])
        .with(listen)
        .with(records.iter().flat_map(|(name, addrs)| addrs.iter().map(move |addr| record(name, addr))));
    command.tail = Tail::Background(PidRef::Started(program.0));
    command
}

/// `sleep SECONDS`
pub fn sleep(time: Duration) -> Command {
    Command::host(["sleep", &seconds(time)])
}

fn seconds(time: Duration) -> String {
    time.as_secs_f64().to_string()
}

/// Waits until a link is gone that ends in its own time, with a namespace that was removed.
pub fn wait_until_gone(netns: &NetnsRef, link: &IfName, style: Style) -> String {
    let show = Command::new(netns, ["ip", "link", "show", "dev", link.as_str()]);
    format!("while {} >/dev/null 2>&1; do sleep 0.01; done", show.words(style))
}
