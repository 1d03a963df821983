//! The REPL: `netscript` without a script, or with `-i`. Start with [`run`].

mod commands;
mod complete;
mod context;
mod editor;
mod highlight;
mod history;
mod json;
mod lexicon;
mod receiver;
mod slips;
mod state;
mod statements;
mod style;
mod sysctl;
mod transcript;
mod watch;

use std::io::{self, IsTerminal};

use editor::{Assistant, LineReader, Typed};
use history::History;
use netscript_lang::diagnostics::{Error, Failure, visible_line};
use netscript_lang::interpreter::Interpreter;
use netscript_linux::Interrupt;
use netscript_net::world::Point;
use state::{Flow, Repl};

use crate::cli::Colour;
use crate::output::{Printer, tell};
use crate::script::Script;

/// The commands of a session, each with its arguments and a description.
pub fn commands() -> impl Iterator<Item = (String, &'static str)> {
    commands::COMMANDS.iter().map(|command| (command.synopsis(), command.about))
}

/// How a session begins.
pub struct Start<'a> {
    /// A script that is run first.
    pub script: Option<&'a Script>,
    /// Whose network the session is in.
    pub network: TargetNetwork,
    /// The command line's option for colours.
    pub colour: Colour,
    /// Whether `:echo` is on, even on the machine.
    pub verbose: bool,
    /// Whether to ask at the end if the lab stays.
    pub ask: bool,
}

/// The network that a session works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetNetwork {
    /// The machine's.
    Machine,
    /// A sandbox's, because of `--sandbox`.
    Sandbox,
    /// A sandbox's, because the user may not change the machine's.
    Unprivileged,
}

/// The folder of the history, if there is one.
pub fn history_folder() -> Option<std::path::PathBuf> {
    History::folder()
}

/// The exit status of a session that a signal ended.
const INTERRUPTED: i32 = 128 + 2;

/// Runs a session to its end, and returns the exit status, and whether the lab stays.
pub fn run(interpreter: Interpreter, printer: Printer, interrupt: Interrupt, start: &Start<'_>) -> (i32, bool) {
    let history = History::of_user();
    let interactive = io::stdin().is_terminal();
    let mut repl = Repl::new(interpreter, printer, interrupt, start.colour);
    // Echo helps learners, who use a sandbox.
    repl.settings.echo.set(start.verbose || (interactive && start.network != TargetNetwork::Machine));
    if interactive {
        repl.banner(start.network);
    } else if start.network == TargetNetwork::Unprivileged {
        tell(UNPRIVILEGED);
    }
    if let Some(script) = start.script
        && let Err(status) = repl.begin_with(script)
        && !interactive
    {
        return (status, status == 0);
    }
    if !interactive {
        let status = repl.read_statements();
        return (status, status == 0);
    }
    let status = repl.interact(history);
    let stays = !repl.interrupt.ended() && status != INTERRUPTED && (!start.ask || repl.shall_stay());
    (status, stays)
}

const UNPRIVILEGED: &str = "You have no right to change this machine's network, so this is a sandbox.";

impl Repl {
    fn banner(&self, network: TargetNetwork) {
        self.note(&format!("netscript {}", env!("CARGO_PKG_VERSION")));
        match network {
            TargetNetwork::Machine => self.note("This is the machine's own network: lines change the machine."),
            TargetNetwork::Sandbox => {
                self.note("This is a sandbox, a network of its own: it is removed when you leave.")
            }
            TargetNetwork::Unprivileged => {
                self.note(UNPRIVILEGED);
                self.note("The sandbox is removed when you leave. `sudo netscript` works on the machine.");
            }
        }
        self.note(":help lists the words, Tab completes, Ctrl-D leaves.");
    }

    /// Runs the script of the command line.
    fn begin_with(&mut self, script: &Script) -> Result<(), i32> {
        match self.load(script) {
            Ok(Flow::GoOn) => Ok(()),
            Ok(Flow::Leave(status)) => Err(status),
            Err(failure) => Err(self.report(&failure)),
        }
    }

    /// Reads lines until the user leaves.
    fn interact(&mut self, history: History) -> i32 {
        watch::leave_when_told(&self.interrupt);
        let assistant = Assistant::new(&self.interpreter, &self.lexicon, self.colours.out);
        let mut lines = match LineReader::new(assistant, history) {
            Ok(lines) => lines,
            Err(error) => return self.report(&unreadable(&error).into()),
        };
        loop {
            match lines.read(&self.prompt()) {
                Ok(Typed::Line(text)) => {
                    if let Flow::Leave(status) = self.take_all(&text) {
                        return status;
                    }
                }
                Ok(Typed::Nothing) => {}
                Ok(Typed::NoText) => drop(self.report(&not_text().into())),
                Ok(Typed::End) => return 0,
                // The terminal was closed.
                Err(_) => return INTERRUPTED,
            }
            if self.interrupt.ended() {
                return INTERRUPTED;
            }
        }
    }

    /// Reads statements from standard input, up to the first that fails.
    fn read_statements(&mut self) -> i32 {
        let mut statements = statements::Statements::new(io::stdin().lock());
        loop {
            let next = statements.next(|text| self.interpreter.borrow().completeness(text));
            let result = match next {
                Ok(Some(text)) => self.take(&text),
                Ok(None) => break,
                Err(error) => Err(Error::Unreadable { path: "<stdin>".into(), why: error.to_string() }.into()),
            };
            match result {
                Ok(Flow::GoOn) => {}
                Ok(Flow::Leave(status)) => return status,
                Err(failure) => return self.report(&failure),
            }
        }
        match self.printer.finish() {
            Ok(()) => 0,
            Err(error) => self.report(&error.into()),
        }
    }

    /// Asks whether the lab stays, if there is one.
    fn shall_stay(&mut self) -> bool {
        if let Some(rehearsal) = self.rehearsal.take() {
            self.interpreter.borrow().session().lab().end_rehearsal(rehearsal.stage);
        }
        if self.interpreter.borrow().session().lab().world().point() == Point::default() {
            return true;
        }
        loop {
            self.note("Keep this lab on the machine? [y/N]");
            let mut answer = String::new();
            let is_read = io::stdin().read_line(&mut answer).is_ok_and(|bytes| bytes > 0);
            match answer.trim().to_lowercase().as_str() {
                "y" | "yes" => return true,
                "n" | "no" | "" => return false,
                _ if is_read => self.note("Answer `y` or `n`."),
                _ => return false,
            }
        }
    }

    fn prompt(&self) -> String {
        let dry = if self.rehearsal.is_some() { "dry:" } else { "" };
        visible_line(&format!("{dry}{}> ", self.interpreter.borrow().session().here())).into_owned()
    }

    /// Evaluates typed or pasted text, one statement after the other. After an error it goes on with the next, as if
    /// each had been typed by itself; Ctrl-C stops it.
    fn take_all(&mut self, text: &str) -> Flow {
        for statement in statements::split(text, |text| self.interpreter.borrow().completeness(text)) {
            match self.take(&statement) {
                Ok(Flow::GoOn) => {}
                Ok(Flow::Leave(status)) => return Flow::Leave(status),
                Err(failure) => {
                    self.report(&failure);
                    if failure.error == Error::Interrupted {
                        break;
                    }
                }
            }
            if self.interrupt.ended() {
                break;
            }
        }
        Flow::GoOn
    }

    /// Runs a line: a command, or statements.
    fn take(&mut self, line: &str) -> Result<Flow, Failure> {
        self.interrupt.reset();
        match line.trim() {
            "" => Ok(Flow::GoOn),
            command if command.starts_with(':') => commands::run(self, command),
            _ => match slips::instead_of(line, |name| self.interpreter.borrow().variable(name).is_some()) {
                Some(help) => Err(commands::wrong("this is a shell command".to_owned(), help.to_owned())),
                None => self.evaluate(line),
            },
        }
    }
}

fn not_text() -> Error {
    let why = "the line is not UTF-8 and was skipped".to_owned();
    Error::Unreadable { path: "the terminal".to_owned(), why }
}

fn unreadable(error: &rustyline::error::ReadlineError) -> Error {
    Error::Unreadable { path: "the terminal".to_owned(), why: error.to_string() }
}
