//! Probes, and programs that run in the foreground or the background: servers, captures.

use std::net::IpAddr;
use std::time::Duration;

use netscript_net::op::{HostName, IfName, NetnsRef, PidRef};
use netscript_net::world::{Capture, Connect, Fetch, Ping, ProgramId, Serve, ServeDns, Trace, Transport};

use super::command::{Command, Style, Tail, Word};

/// A program that runs to its end. The script checks its result, so a failure is ignored.
pub fn exec(netns: &NetnsRef, argv: &[String]) -> Command {
    Command::new(netns, argv.iter().cloned()).tolerant()
}

/// The user's shell, with the terminal.
pub fn interactive(netns: &NetnsRef) -> Command {
    Command::new(netns, ["sh", "-c", "exec \"${SHELL:-sh}\""]).tolerant()
}

/// A program that runs in the background.
pub fn start(netns: &NetnsRef, argv: &[String], program: ProgramId) -> Command {
    let mut command = Command::new(netns, argv.iter().cloned());
    command.tail = Tail::Background(PidRef::Started(program.0));
    command
}

/// The line before the first program in the background: it ends the programs when the script ends; nothing else would.
/// A program that has just been started may still be the shell, which handles the first signal itself, so there is a
/// second one.
pub const END_JOBS: &str = "trap 'kill $jobs 2>/dev/null || true; sleep 0.1; kill $jobs 2>/dev/null || true' EXIT; \
                            trap 'exit 143' HUP INT TERM";

/// The end of a started program.
pub fn stop(program: ProgramId) -> Command {
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

/// The default of netscript's `traceroute`.
const DEFAULT_HOPS: u8 = 30;
const DEFAULT_TRACE_WAIT: Duration = Duration::from_secs(1);

/// Bytes of data that `ping` sends by default (ping(8), `-s`).
const DEFAULT_PING_SIZE: u16 = 56;

/// `curl URL`
pub fn fetch(netns: &NetnsRef, request: &Fetch) -> Command {
    let Fetch { server: _, port: _, authority, path, timeout } = request;
    Command::new(netns, ["curl", "--silent", "--max-time", &seconds(*timeout)])
        .with([format!("http://{authority}{path}")])
        .tolerant()
}

/// A server that answers every request with one page; it needs only `python3`.
pub fn serve(netns: &NetnsRef, server: &Serve, program: ProgramId) -> Command {
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

/// `tcpdump -p -i LINK -w FILE`, or with its lines on standard output. Like netscript's capture, it does not change the
/// link's promiscuous mode.
pub fn capture(netns: &NetnsRef, request: &Capture, program: ProgramId) -> Command {
    let Capture { link, file } = request;
    let command = Command::new(netns, ["tcpdump", "-p", "--immediate-mode", "-n", "-i", link.as_str()]);
    let mut command = match file {
        Some(file) => command.with([Word::from("-U"), "-w".into(), file.display().to_string().into()]),
        None => command.with(["-l"]),
    };
    command.tail = Tail::Background(PidRef::Started(program.0));
    command
}

/// A name server that knows only these names.
pub fn serve_dns(netns: &NetnsRef, server: &ServeDns, program: ProgramId) -> Command {
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

/// Waits until a link is gone that the kernel removes after its namespace or its peer's.
pub fn wait_until_gone(netns: &NetnsRef, link: &IfName, style: Style) -> String {
    let show = Command::new(netns, ["ip", "link", "show", "dev", link.as_str()]);
    format!("while {} >/dev/null 2>&1; do sleep 0.01; done", show.words(style))
}
