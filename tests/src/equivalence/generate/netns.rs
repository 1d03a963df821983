//! Generates operations on namespaces.

use netscript_net::op::{NetnsOp, NetnsRef, Op, PidRef};

use super::Generator;

impl Generator {
    pub(super) fn netns(&mut self) -> Op {
        Op::host(match self.rng.below(20) {
            0..2 => self.hold(),
            2 => self.release(),
            3 => self.attach(),
            4 => NetnsOp::Detach(self.netns_name()),
            5 => self.resolver(),
            _ => self.named(),
        })
    }

    fn named(&mut self) -> NetnsOp {
        let name = self.netns_name();
        let there = self.state.netns.contains_key(&NetnsRef::Named(name.clone()));
        let del = if there { self.rng.percent(60) } else { self.rng.percent(10) };
        if del { NetnsOp::Del(name) } else { NetnsOp::Add(name) }
    }

    fn hold(&mut self) -> NetnsOp {
        let number = self.serial().into();
        self.held.push(number);
        NetnsOp::Hold(number)
    }

    fn release(&mut self) -> NetnsOp {
        if self.held.is_empty() {
            return self.named();
        }
        let at = self.rng.below(self.held.len());
        NetnsOp::Release(self.held.remove(at))
    }

    /// Attaches a name to a process: one that holds a namespace of the program, or a foreign one.
    fn attach(&mut self) -> NetnsOp {
        if self.held.is_empty() {
            return self.named();
        }
        let number = *self.rng.pick(&self.held);
        // Linux has no process of a higher number than 2²² (PID_MAX_LIMIT).
        let pid = if self.rng.percent(15) { PidRef::Number((1 << 22) + 1) } else { PidRef::Held(number) };
        NetnsOp::Attach(self.netns_name(), pid)
    }

    fn resolver(&mut self) -> NetnsOp {
        let servers = ["8.8.8.8", "fd00::53", "10.0.0.1"].map(|server| server.parse().expect("they are addresses"));
        let many = self.rng.below(4);
        NetnsOp::Resolver(self.netns_name(), servers[..many].to_vec())
    }
}
