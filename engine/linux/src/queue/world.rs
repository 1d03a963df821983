//! The queue as a [`World`]: what may wait, and what does not.

use std::net::IpAddr;
use std::time::Duration;

use super::{LIMIT, Queue, late};
use netscript_net::error::{At, Result};
use netscript_net::op::{Family, IfName, NetnsName, NetnsRef, Op, PidRef, PolicyRule, Route, SysctlKey};
use netscript_net::state::{Contents, FdbRecord, ForeignRules, Link, NeighRecord, Ruleset};
use netscript_net::world::{
    Capture, Connect, Connected, Failed, Fetch, Fetched, Hop, Output, Ping, Point, Pong, Serve, ServeDns, Started,
    Summary, Trace, World,
};

impl World for Queue {
    fn apply(&mut self, ops: &[Op]) -> std::result::Result<(), Failed> {
        if self.at_once || self.closed || self.failed.is_some() {
            return self.apply_now(ops);
        }
        if self.waiting.len() >= LIMIT {
            self.send().map_err(late)?;
        }
        for (index, op) in ops.iter().enumerate() {
            if self.belief.admits(&mut self.kernel, op).map_err(late)? {
                self.wait_with(op);
                continue;
            }
            self.steps += usize::from(index > 0);
            return self.apply_now(&ops[index..]).map_err(|failed| Failed { index: index + failed.index, ..failed });
        }
        self.steps += 1;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.send()
    }

    fn at_once(&mut self, on: bool) -> Result<bool> {
        if on {
            self.send()?;
        }
        Ok(std::mem::replace(&mut self.at_once, on))
    }

    fn located(&mut self, at: Option<&At>) {
        self.here = at.cloned();
        self.kernel.located(at);
    }

    fn remark(&mut self, text: &str) {
        self.kernel.remark(text);
    }

    fn facts(&mut self, op: &Op) -> Vec<String> {
        self.kernel.facts(op)
    }

    fn keep_steps(&mut self) {
        // What fails of what waits is told by whatever is asked next.
        let _ = self.send();
        self.closed = true;
        self.kernel.keep_steps();
    }

    fn point(&self) -> Point {
        let Point(steps) = self.kernel.point();
        Point(steps + self.steps)
    }

    fn rollback(&mut self, point: Point) -> Result<()> {
        self.exposed()?.rollback(point)
    }

    fn keep(&mut self) -> Result<Option<Summary>> {
        // What failed has been told; what came before it stays.
        let _ = self.send();
        self.kernel.keep()
    }

    fn take_down(&mut self) -> Result<bool> {
        self.waiting.clear();
        self.kernel.take_down()
    }

    fn netns_names(&mut self) -> Result<Vec<NetnsName>> {
        self.settled()?.netns_names()
    }

    fn has_netns(&mut self, name: &NetnsName) -> Result<bool> {
        if self.failed.is_none() && self.belief.has_netns(&NetnsRef::Named(name.clone())) {
            return Ok(true);
        }
        // What waits makes no others.
        self.kernel.has_netns(name)
    }

    fn netns_contents(&mut self, netns: &NetnsRef) -> Result<Contents> {
        self.settled()?.netns_contents(netns)
    }

    fn pid(&mut self, pid: PidRef) -> Result<u32> {
        self.settled()?.pid(pid)
    }

    fn links(&mut self, netns: &NetnsRef) -> Result<Vec<Link>> {
        self.settled()?.links(netns)
    }

    fn link_names(&mut self, netns: &NetnsRef) -> Result<Vec<IfName>> {
        self.settled()?.link_names(netns)
    }

    fn link(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<Link>> {
        self.settled()?.link(netns, name)
    }

    fn link_name(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<IfName>> {
        if self.failed.is_none() && self.belief.has_link(netns, name) {
            return Ok(Some(name.clone()));
        }
        self.settled()?.link_name(netns, name)
    }

    fn routes(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<Route>> {
        self.settled()?.routes(netns, family)
    }

    fn policy_rules(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<PolicyRule>> {
        self.settled()?.policy_rules(netns, family)
    }

    fn neighbours(&mut self, netns: &NetnsRef) -> Result<Vec<NeighRecord>> {
        self.settled()?.neighbours(netns)
    }

    fn fdb(&mut self, netns: &NetnsRef) -> Result<Vec<FdbRecord>> {
        self.settled()?.fdb(netns)
    }

    fn ruleset(&mut self, netns: &NetnsRef, family: Family) -> Result<Ruleset> {
        self.settled()?.ruleset(netns, family)
    }

    fn foreign_rules(&mut self, netns: &NetnsRef) -> Result<ForeignRules> {
        self.settled()?.foreign_rules(netns)
    }

    fn sysctl(&mut self, netns: &NetnsRef, key: &SysctlKey) -> Result<String> {
        self.settled()?.sysctl(netns, key)
    }

    fn name_servers(&mut self, netns: &NetnsRef) -> Result<Vec<IpAddr>> {
        self.settled()?.name_servers(netns)
    }

    fn exec(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<Output> {
        self.exposed()?.exec(netns, argv)
    }

    fn shell(&mut self, netns: &NetnsRef) -> Result<i32> {
        self.exposed()?.shell(netns)
    }

    fn start(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<Started> {
        // In the background it may touch the host at any time.
        self.closed |= *netns == NetnsRef::Host;
        self.exposed()?.start(netns, argv)
    }

    fn running(&mut self, program: Started) -> Result<bool> {
        self.settled()?.running(program)
    }

    fn output(&mut self, program: Started) -> Result<String> {
        self.settled()?.output(program)
    }

    fn stop(&mut self, program: Started) -> Result<()> {
        self.settled()?.stop(program)
    }

    fn ping(&mut self, netns: &NetnsRef, request: &Ping) -> Result<Pong> {
        self.settled()?.ping(netns, request)
    }

    fn connect(&mut self, netns: &NetnsRef, request: &Connect) -> Result<Connected> {
        self.settled()?.connect(netns, request)
    }

    fn traceroute(&mut self, netns: &NetnsRef, trace: &Trace) -> Result<Vec<Hop>> {
        self.settled()?.traceroute(netns, trace)
    }

    fn wait(&mut self, time: Duration) -> Result<bool> {
        self.settled()?.wait(time)
    }

    fn fetch(&mut self, netns: &NetnsRef, request: &Fetch) -> Result<Fetched> {
        self.settled()?.fetch(netns, request)
    }

    fn serve(&mut self, netns: &NetnsRef, server: &Serve) -> Result<Started> {
        self.settled()?.serve(netns, server)
    }

    fn serve_dns(&mut self, netns: &NetnsRef, server: &ServeDns) -> Result<Started> {
        self.settled()?.serve_dns(netns, server)
    }

    fn capture(&mut self, netns: &NetnsRef, request: &Capture) -> Result<Started> {
        self.settled()?.capture(netns, request)
    }

    fn packets(&mut self, capture: Started) -> Result<Vec<String>> {
        self.settled()?.packets(capture)
    }

    fn sleep(&mut self, time: Duration) -> Result<()> {
        self.settled()?.sleep(time)
    }

    fn interrupted(&self) -> bool {
        // A script that goes on after a late failure must not.
        self.failed.is_some() || self.kernel.interrupted()
    }
}
