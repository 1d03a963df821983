//! A [`World`] for scripts that may not start programs or write files (`--no-exec`). It passes everything else on to
//! another World.

use crate::diagnostics::{Errno, Error, Rejection, Result};
use netscript_net::op::{Action, NetnsRef, Op, PidRef};
use netscript_net::world::{
    Apply, Capture, ForwardApply, ForwardHistory, ForwardProbes, ForwardQuery, History, Missing, Output, Probes,
    ProgramId, Programs, Query, Serve, ServeDns, World,
};

/// Another World, without programs and without files.
pub struct Confined(Box<dyn World>);

impl Confined {
    /// Confines a World.
    pub fn new(world: Box<dyn World>) -> Confined {
        Confined(world)
    }
}

/// The error of something that is not allowed.
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

impl ForwardApply for Confined {
    fn beneath(&mut self) -> &mut dyn Apply {
        &mut *self.0
    }

    fn apply(&mut self, ops: &[Op]) -> Result<(), (usize, Rejection)> {
        let allowed = ops.iter().take_while(|op| is_allowed(op).is_ok()).count();
        self.0.apply(&ops[..allowed])?;
        match ops.get(allowed).map(is_allowed) {
            Some(Err(error)) => Err((allowed, Rejection::missing(Missing::Other(Box::new(error)), Errno::EPERM))),
            Some(Ok(())) | None => Ok(()),
        }
    }
}

impl ForwardQuery for Confined {
    fn query(&mut self) -> Result<&mut dyn Query> {
        Ok(&mut *self.0)
    }
}

/// Every method is written out, so that for each new one it must be decided whether it is allowed. Servers, name
/// servers and captures are netscript itself.
impl Programs for Confined {
    fn pid(&mut self, pid: PidRef) -> Result<u32> {
        self.0.pid(pid)
    }

    fn admit(&mut self, netns: &NetnsRef) -> Result<()> {
        self.0.admit(netns)
    }

    fn exec(&mut self, _: &NetnsRef, argv: &[String]) -> Result<Output> {
        refused(format!("start the program `{}`", argv.first().map_or("", String::as_str)))
    }

    fn shell(&mut self, _: &NetnsRef) -> Result<i32> {
        refused("start a shell".to_owned())
    }

    fn start(&mut self, _: &NetnsRef, argv: &[String]) -> Result<ProgramId> {
        refused(format!("start the program `{}`", argv.first().map_or("", String::as_str)))
    }

    fn running(&mut self, program: ProgramId) -> Result<bool> {
        self.0.running(program)
    }

    fn output(&mut self, program: ProgramId) -> Result<String> {
        self.0.output(program)
    }

    fn stop(&mut self, program: ProgramId) -> Result<()> {
        self.0.stop(program)
    }

    fn serve(&mut self, netns: &NetnsRef, server: &Serve) -> Result<ProgramId> {
        self.0.serve(netns, server)
    }

    fn serve_dns(&mut self, netns: &NetnsRef, server: &ServeDns) -> Result<ProgramId> {
        self.0.serve_dns(netns, server)
    }

    /// Without a path, the file is a temporary one of the lab.
    fn capture(&mut self, netns: &NetnsRef, request: &Capture) -> Result<ProgramId> {
        match &request.file {
            Some(file) => refused(format!("write the file `{}`", file.display())),
            None => self.0.capture(netns, request),
        }
    }

    fn packets(&mut self, capture: ProgramId) -> Result<Vec<String>> {
        self.0.packets(capture)
    }
}

impl ForwardProbes for Confined {
    fn probes(&mut self) -> Result<&mut dyn Probes> {
        Ok(&mut *self.0)
    }
}

impl ForwardHistory for Confined {
    fn history(&mut self) -> &mut dyn History {
        &mut *self.0
    }
}
