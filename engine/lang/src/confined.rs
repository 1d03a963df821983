//! A [`World`] for scripts that may not start programs and may not write files (`--no-exec`). Everything
//! else is another World's. There is no method here that is not written out, so that one that is added
//! to `World` without a body of its own must be decided on.

use std::net::IpAddr;
use std::time::Duration;

use crate::diagnostics::{At, Errno, Error, Refusal, Result};
use netscript_net::op::{Action, Family, IfName, NetnsName, NetnsRef, Op, PidRef, PolicyRule, Route, SysctlKey};
use netscript_net::state::{Contents, FdbRecord, ForeignRules, Link, NeighRecord, Ruleset};
use netscript_net::world::{
    Absent, Alternatives, Capture, Connect, Connected, Failed, Fetch, Fetched, Hop, Output, Ping, Point, Pong, Serve,
    ServeDns, Started, Summary, Trace, World,
};

/// What another World does, without programs and without files.
pub struct Confined(Box<dyn World>);

impl Confined {
    /// Confines a World.
    pub fn new(world: Box<dyn World>) -> Confined {
        Confined(world)
    }
}

/// An error about what is not allowed.
fn refused<T>(what: String) -> Result<T> {
    Err(Error::NotAllowed { what })
}

/// A setting outside the network can start programs (`kernel.core_pattern`).
fn is_allowed(op: &Op) -> Result<()> {
    match &op.action {
        Action::Sysctl(op) if !op.key().as_str().starts_with("net.") => {
            refused(format!("write the setting `{}`, which is not the network's", op.key()))
        }
        Action::Netns(_)
        | Action::Link(_)
        | Action::Addr(_)
        | Action::Route(_)
        | Action::Policy(_)
        | Action::Neigh(_)
        | Action::Fdb(_)
        | Action::Netfilter(_)
        | Action::Sysctl(_) => Ok(()),
    }
}

impl World for Confined {
    fn apply(&mut self, ops: &[Op]) -> std::result::Result<(), Failed> {
        let allowed = ops.iter().take_while(|op| is_allowed(op).is_ok()).count();
        self.0.apply(&ops[..allowed])?;
        match ops.get(allowed).map(is_allowed) {
            Some(Err(error)) => {
                let refusal = Refusal::from(Errno::EPERM);
                Err(Failed { index: allowed, refusal, absent: Some(Absent::Leave(Box::new(error))) })
            }
            Some(Ok(())) | None => Ok(()),
        }
    }

    fn located(&mut self, at: Option<&At>) {
        self.0.located(at);
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }

    fn at_once(&mut self, on: bool) -> Result<bool> {
        self.0.at_once(on)
    }

    fn remark(&mut self, text: &str) {
        self.0.remark(text);
    }

    fn alternatives(&mut self, step: Alternatives) {
        self.0.alternatives(step);
    }

    fn keep_steps(&mut self) {
        self.0.keep_steps();
    }

    fn point(&self) -> Point {
        self.0.point()
    }

    fn rollback(&mut self, point: Point) -> Result<()> {
        self.0.rollback(point)
    }

    fn keep(&mut self) -> Result<Option<Summary>> {
        self.0.keep()
    }

    fn take_down(&mut self) -> Result<bool> {
        self.0.take_down()
    }

    fn netns_names(&mut self) -> Result<Vec<NetnsName>> {
        self.0.netns_names()
    }

    fn has_netns(&mut self, name: &NetnsName) -> Result<bool> {
        self.0.has_netns(name)
    }

    fn netns_contents(&mut self, netns: &NetnsRef) -> Result<Contents> {
        self.0.netns_contents(netns)
    }

    fn pid(&mut self, pid: PidRef) -> Result<u32> {
        self.0.pid(pid)
    }

    fn links(&mut self, netns: &NetnsRef) -> Result<Vec<Link>> {
        self.0.links(netns)
    }

    fn link_names(&mut self, netns: &NetnsRef) -> Result<Vec<IfName>> {
        self.0.link_names(netns)
    }

    fn link(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<Link>> {
        self.0.link(netns, name)
    }

    fn link_name(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<IfName>> {
        self.0.link_name(netns, name)
    }

    fn routes(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<Route>> {
        self.0.routes(netns, family)
    }

    fn policy_rules(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<PolicyRule>> {
        self.0.policy_rules(netns, family)
    }

    fn neighbours(&mut self, netns: &NetnsRef) -> Result<Vec<NeighRecord>> {
        self.0.neighbours(netns)
    }

    fn fdb(&mut self, netns: &NetnsRef) -> Result<Vec<FdbRecord>> {
        self.0.fdb(netns)
    }

    fn ruleset(&mut self, netns: &NetnsRef, family: Family) -> Result<Ruleset> {
        self.0.ruleset(netns, family)
    }

    fn foreign_rules(&mut self, netns: &NetnsRef) -> Result<ForeignRules> {
        self.0.foreign_rules(netns)
    }

    fn sysctl(&mut self, netns: &NetnsRef, key: &SysctlKey) -> Result<String> {
        self.0.sysctl(netns, key)
    }

    fn name_servers(&mut self, netns: &NetnsRef) -> Result<Vec<IpAddr>> {
        self.0.name_servers(netns)
    }

    fn exec(&mut self, _: &NetnsRef, argv: &[String]) -> Result<Output> {
        refused(format!("start the program `{}`", argv.first().map_or("", String::as_str)))
    }

    fn shell(&mut self, _: &NetnsRef) -> Result<i32> {
        refused("start a shell".to_owned())
    }

    fn start(&mut self, _: &NetnsRef, argv: &[String]) -> Result<Started> {
        refused(format!("start the program `{}`", argv.first().map_or("", String::as_str)))
    }

    fn running(&mut self, program: Started) -> Result<bool> {
        self.0.running(program)
    }

    fn output(&mut self, program: Started) -> Result<String> {
        self.0.output(program)
    }

    fn stop(&mut self, program: Started) -> Result<()> {
        self.0.stop(program)
    }

    fn ping(&mut self, netns: &NetnsRef, request: &Ping) -> Result<Pong> {
        self.0.ping(netns, request)
    }

    fn connect(&mut self, netns: &NetnsRef, request: &Connect) -> Result<Connected> {
        self.0.connect(netns, request)
    }

    fn traceroute(&mut self, netns: &NetnsRef, trace: &Trace) -> Result<Vec<Hop>> {
        self.0.traceroute(netns, trace)
    }

    fn wait(&mut self, time: Duration) -> Result<bool> {
        self.0.wait(time)
    }

    fn fetch(&mut self, netns: &NetnsRef, request: &Fetch) -> Result<Fetched> {
        self.0.fetch(netns, request)
    }

    /// netscript itself is the server.
    fn serve(&mut self, netns: &NetnsRef, server: &Serve) -> Result<Started> {
        self.0.serve(netns, server)
    }

    /// netscript itself is the server.
    fn serve_dns(&mut self, netns: &NetnsRef, server: &ServeDns) -> Result<Started> {
        self.0.serve_dns(netns, server)
    }

    /// netscript itself captures; without a path the file is the lab's own.
    fn capture(&mut self, netns: &NetnsRef, request: &Capture) -> Result<Started> {
        match &request.file {
            Some(file) => refused(format!("write the file `{}`", file.display())),
            None => self.0.capture(netns, request),
        }
    }

    fn packets(&mut self, capture: Started) -> Result<Vec<String>> {
        self.0.packets(capture)
    }

    fn sleep(&mut self, time: Duration) -> Result<()> {
        self.0.sleep(time)
    }

    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }
}
