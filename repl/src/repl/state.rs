//! The state of a session: how it evaluates lines, takes them back and shows results.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Instant;

use netscript_lang::diagnostics::{Error, Failure, Result, visible_json};
use netscript_lang::interpreter::{Evaluated, Interpreter, Mark};
use netscript_lang::{HandleSnapshot, Stage};
use netscript_linux::Interrupt;
use netscript_net::op::NetnsRef;
use netscript_net::world::Point;
use netscript_stdlib::show::{self, Screen};

use super::json;
use super::lexicon::Lexicon;
use super::style::Style;
use super::transcript::{Status, TranscriptEntry};
use crate::cli::Colour;
use crate::output::{Printer, fail};
use crate::script::Script;

/// A session.
pub struct Repl {
    pub(super) interpreter: Rc<RefCell<Interpreter>>,
    pub(super) lexicon: Rc<Lexicon>,
    pub(super) settings: Rc<Settings>,
    pub(super) echo: Rc<Echo>,
    pub(super) transcript: Vec<TranscriptEntry>,
    pub(super) printer: Printer,
    pub(super) interrupt: Interrupt,
    pub(super) colours: Colours,
    pub(super) rehearsal: Option<Rehearsal>,
    /// The lines that changed the network and can be taken back.
    pub(super) changes: Vec<Change>,
}

/// A line that changed the network.
pub(super) struct Change {
    /// Its index in the transcript.
    pub(super) entry: usize,
    pub(super) before: Moment,
    pub(super) after: Mark,
}

/// A point of the session to go back to.
#[derive(Clone)]
pub(super) struct Moment {
    pub(super) point: Point,
    pub(super) handles: HandleSnapshot,
    pub(super) mark: Mark,
    pub(super) here: NetnsRef,
}

/// The state before `:dry`.
pub(super) struct Rehearsal {
    pub(super) stage: Stage,
    pub(super) mark: Mark,
}

/// The settings that commands switch.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) echo: Cell<bool>,
    /// Whether `:dry` is on. A dry run shows its commands itself.
    pub(super) dry: Cell<bool>,
    pub(super) json: Cell<bool>,
    pub(super) time: Cell<bool>,
}

/// Whether standard output and standard error are coloured.
#[derive(Clone, Copy)]
pub(super) struct Colours {
    pub(super) out: bool,
    pub(super) errors: bool,
}

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The session goes on.
    GoOn,
    /// The session ends, with this exit status.
    Leave(i32),
}

impl Repl {
    pub(super) fn new(interpreter: Interpreter, printer: Printer, interrupt: Interrupt, colour: Colour) -> Repl {
        let lexicon = Rc::new(Lexicon::new(interpreter.engine()));
        let colours = Colours { out: colour.wanted_on(&io::stdout()), errors: colour.wanted() };
        let settings = Rc::new(Settings::default());
        let echo = Rc::new(Echo {
            settings: Rc::clone(&settings),
            printer: printer.clone(),
            colour: colours.out,
            last: RefCell::default(),
        });
        let (ops, commands) = (Rc::clone(&echo), Rc::clone(&echo));
        interpreter
            .session()
            .lab()
            .on_op(move |op| ops.show(netscript_dialect::lines(op, netscript_dialect::Style::Plain)));
        interpreter.session().lab().on_command(move |command| commands.show([command.typed()]));
        interpreter.session().lab().world().keep_steps();
        let interpreter = Rc::new(RefCell::new(interpreter));
        Repl {
            interpreter,
            lexicon,
            settings,
            echo,
            transcript: Vec::new(),
            printer,
            interrupt,
            colours,
            rehearsal: None,
            changes: Vec::new(),
        }
    }

    pub(super) fn evaluate(&mut self, text: &str) -> std::result::Result<Flow, Failure> {
        let line = self.interpreter.borrow().next_line();
        self.record(line, text, |interpreter| interpreter.evaluate(text))
    }

    /// Runs a script as if it had been typed.
    pub(super) fn load(&mut self, script: &Script) -> std::result::Result<Flow, Failure> {
        self.record(1, &script.text, |interpreter| interpreter.load(&script.name, &script.text))
    }

    /// Evaluates, records, and shows the result.
    pub(super) fn record(
        &mut self,
        line: usize,
        text: &str,
        evaluate: impl FnOnce(&mut Interpreter) -> std::result::Result<Evaluated, Failure>,
    ) -> std::result::Result<Flow, Failure> {
        let moment = self.moment();
        let here = moment.here.clone();
        self.echo.begin();
        let start = Instant::now();
        let result = evaluate(&mut self.interpreter.borrow_mut());
        let time = start.elapsed();
        let result = match result {
            Err(failure) => Err(self.undone(&moment, failure)),
            Ok(outcome) => {
                self.remember(moment);
                Ok(outcome)
            }
        };
        let status = match (&result, &self.rehearsal) {
            (Err(_), _) => Status::Failed,
            (Ok(_), Some(_)) => Status::Rehearsed,
            (Ok(_), None) => Status::Worked,
        };
        self.transcript.push(TranscriptEntry { line, text: text.to_owned(), status, here });
        self.leave_what_is_gone();
        let flow = match result? {
            Evaluated::Value(value) => {
                self.show(&value)?;
                Flow::GoOn
            }
            Evaluated::Exit(status) => Flow::Leave(status),
        };
        if self.settings.time.get() {
            self.note(&format!("({:.1} ms)", time.as_secs_f64() * 1000.0));
        }
        Ok(flow)
    }

    /// This point of the session.
    pub(super) fn moment(&self) -> Moment {
        let interpreter = self.interpreter.borrow();
        let mut lab = interpreter.session().lab();
        let (point, handles) = (lab.world().point(), lab.snapshot());
        Moment { point, handles, mark: interpreter.mark(), here: interpreter.session().here() }
    }

    /// Keeps the moments before and after a line that changed the network.
    pub(super) fn remember(&mut self, before: Moment) {
        let now = self.interpreter.borrow().session().lab().world().point();
        if self.rehearsal.is_none() && now != before.point {
            let after = self.interpreter.borrow().mark();
            self.changes.push(Change { entry: self.transcript.len(), before, after });
        }
    }

    /// Takes back the lines that changed the network, from the change `first` on: their operations, and their
    /// definitions. Definitions of other lines stay. Returns the indexes of the lines.
    pub(super) fn take_back(&mut self, first: usize) -> (Vec<usize>, Result<()>) {
        self.interrupt.reset();
        let undone = self.changes.split_off(first);
        let mut interpreter = self.interpreter.borrow_mut();
        let result = match undone.first() {
            Some(change) => interpreter.session().lab().rollback(change.before.point, None),
            None => Ok(()),
        };
        undone.iter().rev().for_each(|change| interpreter.forget(&change.before.mark, &change.after));
        drop(interpreter);
        self.leave_what_is_gone();
        (undone.iter().map(|change| change.entry).collect(), result)
    }

    /// Takes back the operations of a failed line, and returns its error.
    pub(super) fn undone(&mut self, moment: &Moment, mut failure: Failure) -> Failure {
        if let Err(error) = self.go_back(moment)
            && let Error::Script(description) = &mut failure.error
        {
            description.notes.push(error.describe().message);
        }
        failure
    }

    /// Restores the network and the variables as they were at a moment.
    pub(super) fn go_back(&mut self, moment: &Moment) -> Result<()> {
        self.interrupt.reset();
        let mut interpreter = self.interpreter.borrow_mut();
        let changed = interpreter.session().lab().world().point() != moment.point;
        let result = if changed { interpreter.session().lab().world().rollback(moment.point) } else { Ok(()) };
        interpreter.session().lab().restore(&moment.handles);
        interpreter.session().set_here(moment.here.clone());
        interpreter.go_back(moment.mark.clone());
        result
    }

    /// Goes back to the host if the session's namespace was removed.
    pub(super) fn leave_what_is_gone(&self) {
        let interpreter = self.interpreter.borrow();
        let here = interpreter.session().here();
        if let Some(name) = here.name()
            && interpreter.session().lab().world().netns_names().is_ok_and(|names| !names.contains(name))
        {
            interpreter.session().set_here(NetnsRef::Host);
        }
    }

    pub(super) fn show(&self, value: &rhai::Dynamic) -> Result<()> {
        let text = if self.settings.json.get() && !value.is_unit() {
            Some(visible_json(&json::json(value)?).into_owned())
        } else {
            show::show(value, self.screen())?
        };
        if let Some(text) = text {
            self.print(&text);
        }
        Ok(())
    }

    pub(super) fn screen(&self) -> Screen {
        Screen { width: crate::output::columns(), colour: self.colours.out }
    }

    pub(super) fn print(&self, text: &str) {
        self.printer.shown(text);
    }

    /// Prints a note about the session itself.
    pub(super) fn note(&self, text: &str) {
        self.print(&Style::Dim.paint_if(self.colours.out, text));
    }

    /// Shows an error, and returns its exit status.
    pub(super) fn report(&self, failure: &Failure) -> i32 {
        fail(failure, self.interpreter.borrow().sources(), self.colours.errors)
    }
}

/// Shows operations as the commands that do the same.
pub(super) struct Echo {
    pub(super) settings: Rc<Settings>,
    pub(super) printer: Printer,
    pub(super) colour: bool,
    /// The last command shown; `wait_until` repeats the same one.
    pub(super) last: RefCell<String>,
}

impl Echo {
    pub(super) fn show(&self, commands: impl IntoIterator<Item = String>) {
        if !self.settings.echo.get() || self.settings.dry.get() {
            return;
        }
        for command in commands {
            if *self.last.borrow() != command {
                self.printer.shown(&Style::Dim.paint_if(self.colour, &format!("# {command}")));
            }
            self.last.replace(command);
        }
    }

    /// Begins a typed line.
    pub(super) fn begin(&self) {
        self.last.take();
    }
}
