//! The limits of a script: memory, the stack, and Ctrl-C. They are checked between the operations of the script, and
//! between the tokens of a text that is parsed.

use std::cell::Cell;
use std::rc::Rc;

use rhai::{Dynamic, Engine};

use super::session::Session;
use crate::diagnostics::{Code, Description, Error};

/// How deep script functions may call each other.
pub const MAX_CALL_LEVELS: usize = 128;

/// How deep expressions may nest, also inside functions.
pub const MAX_EXPR_DEPTH: usize = 128;

/// Stack that a thread needs to run a script up to the limits, in bytes; generous for debug
/// builds. Memory is taken only as it is used.
pub const STACK_SIZE: usize = 256 << 20;

/// The most memory that the program may have taken while a script runs, in bytes.
pub const MAX_MEMORY: usize = 2 << 30;

/// The rest of the stack at which a script is stopped, in bytes: enough for any single operation.
const STACK_RESERVE: usize = 64 << 20;

/// Why a script must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Interrupted,
    Memory,
    Stack,
}

/// The limits of a run.
#[derive(Clone, Default)]
pub(super) struct Limits(Rc<Inner>);

#[derive(Default)]
struct Inner {
    /// Returns how much memory the program has taken, if a counting allocator is in use.
    taken: Cell<Option<fn() -> usize>>,
    /// The address at which the run began.
    base: Cell<usize>,
}

impl Limits {
    pub(super) fn count_memory(&self, taken: fn() -> usize) {
        self.0.taken.set(Some(taken));
    }

    /// Begins a run, at this address of the stack.
    pub(super) fn begin(&self) {
        self.0.base.set(here());
    }

    /// Why parsing must stop, if a limit is reached.
    pub(super) fn too_much(&self) -> Option<&'static str> {
        self.reached().map(message)
    }

    fn reached(&self) -> Option<Stop> {
        if self.0.taken.get().is_some_and(|taken| taken() > MAX_MEMORY) {
            return Some(Stop::Memory);
        }
        let base = self.0.base.get();
        (base != 0 && base.abs_diff(here()) > STACK_SIZE - STACK_RESERVE).then_some(Stop::Stack)
    }

    /// Makes the engine check the limits continually.
    pub(super) fn watch(&self, engine: &mut Engine, session: &Session) {
        let interrupted = session.interrupt_check();
        let limits = self.clone();
        let stop = move || if interrupted() { Some(Stop::Interrupted) } else { limits.reached() };
        engine.on_progress(move |_| stop().map(|stop| Dynamic::from(message(stop))));
    }
}

/// An address near the top of the stack.
fn here() -> usize {
    let local = 0_u8;
    (&raw const local).addr()
}

const fn message(stop: Stop) -> &'static str {
    match stop {
        Stop::Interrupted => "interrupted",
        Stop::Memory => "memory",
        Stop::Stack => "stack",
    }
}

/// The reason that stopped the parser, if that is what an error of it says.
pub(super) fn stopped_by(text: &str) -> Option<&'static str> {
    [Stop::Interrupted, Stop::Memory, Stop::Stack].map(message).into_iter().find(|why| *why == text)
}

/// The error of a stopped script.
pub(super) fn cause(token: &Dynamic) -> Error {
    let token = token.clone().into_string().unwrap_or_default();
    if token == message(Stop::Memory) {
        Error::TooMuchMemory { limit: MAX_MEMORY }
    } else if token == message(Stop::Stack) {
        Error::Script(Box::new(
            Description::new(Code::E0109, "the script nests too deeply", "this does not end")
                .help("look for an `eval` or a function that calls itself without end"),
        ))
    } else {
        Error::Interrupted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_to_stop_has_its_error() {
        let code = |stop| cause(&Dynamic::from(message(stop))).code();
        assert_eq!(code(Stop::Interrupted), Code::E0114);
        assert_eq!(code(Stop::Memory), Code::E0121);
        assert_eq!(code(Stop::Stack), Code::E0109);
    }
}
