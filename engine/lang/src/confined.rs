//! A [`World`] for scripts that may not start programs and may not write files (`--no-exec`). Everything
//! else is another World's.

use crate::diagnostics::{Errno, Error, Refusal, Result};
use netscript_net::op::{Action, NetnsRef, Op};
use netscript_net::world::{
    Absent, Apply, Capture, Failed, ForwardApply, ForwardHistory, ForwardProbes, ForwardPrograms, ForwardQuery,
    History, Output, Probes, Programs, Query, Started, World,
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

impl ForwardApply for Confined {
    fn beneath(&mut self) -> &mut dyn Apply {
        &mut *self.0
    }

    fn apply(&mut self, ops: &[Op]) -> Result<(), Failed> {
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
}

impl ForwardQuery for Confined {
    fn query(&mut self) -> Result<&mut dyn Query> {
        Ok(&mut *self.0)
    }
}

/// A server, a name server and a capture are netscript itself.
impl ForwardPrograms for Confined {
    fn programs(&mut self) -> Result<&mut dyn Programs> {
        Ok(&mut *self.0)
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

    /// Without a path the file is the lab's own.
    fn capture(&mut self, netns: &NetnsRef, request: &Capture) -> Result<Started> {
        match &request.file {
            Some(file) => refused(format!("write the file `{}`", file.display())),
            None => self.0.capture(netns, request),
        }
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
