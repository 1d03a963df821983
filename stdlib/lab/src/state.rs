//! What a lab's thread owns.

use std::cell::RefCell;
use std::rc::Rc;

use netscript_lang::interpreter::{Interpreter, Session};
use netscript_linux::Interrupt;
use netscript_net::op::{NetnsOp, Op};

use crate::error::{Error, Result};

/// What becomes of a lab in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LabEnd {
    /// Nothing was done.
    Nothing,
    /// Its network is the thread's, and ends with it; its programs must be ended.
    GoesWithThread,
    /// It is taken down.
    TakenDown,
}

/// What is heard while a lab works.
#[derive(Default)]
pub(crate) struct Recorded {
    /// What scripts print.
    pub(crate) printed: Rc<RefCell<String>>,
    /// The commands of a dry run.
    pub(crate) commands: Rc<RefCell<Vec<String>>>,
}

/// An interpreter, and what belongs to it.
pub(crate) struct State {
    interpreter: Interpreter,
    recorded: Recorded,
    interrupt: Interrupt,
    end: LabEnd,
}

/// What a script came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The status that it ended with: that of `exit(n)`, or 0.
    pub status: i32,
    /// What it printed, each line with its end.
    pub printed: String,
}

impl State {
    pub(crate) fn new(interpreter: Interpreter, recorded: Recorded, interrupt: Interrupt, end: LabEnd) -> State {
        State { interpreter, recorded, interrupt, end }
    }

    /// The session whose lab typed calls work on.
    pub(crate) fn session(&self) -> &Session {
        self.interpreter.session()
    }

    /// Runs a script.
    pub(crate) fn run(&mut self, name: &str, text: &str) -> Result<Run> {
        self.recorded.printed.take();
        let result = self.interpreter.run(name, text);
        self.interrupt.reset();
        let printed = self.recorded.printed.take();
        match result {
            Ok(status) => Ok(Run { status, printed }),
            Err(failure) => Err(Error::new(&failure, self.interpreter.sources()).after(printed)),
        }
    }

    /// The commands of a dry run.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.recorded.commands.borrow().clone()
    }

    /// The lab is not taken down.
    pub(crate) fn keep(&mut self) {
        self.end = LabEnd::Nothing;
    }

    /// Does at the end what is to be done.
    pub(crate) fn end(self) -> Result<()> {
        let mut lab = self.session().lab();
        match self.end {
            LabEnd::Nothing => return Ok(()),
            LabEnd::TakenDown => {}
            LabEnd::GoesWithThread => {
                // Namespaces without a name are held by processes, which would go on.
                for number in 1..lab.next_held() {
                    // Those that the script has let go are gone.
                    let _ = lab.world().apply(&[Op::host(NetnsOp::Release(number))]);
                }
            }
        }
        lab.world().take_down().map(drop).map_err(Error::from)
    }
}
