//! The options of a lab.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use netscript_dialect::Style;
use netscript_lang::DryRun;
use netscript_lang::diagnostics::visible;
use netscript_linux::{Interrupt, Kernel, check_release, may_change_networks, privilege_missing, take_own_network};
use netscript_model::Model;
use netscript_net::op::Op;
use netscript_net::world::World;
use netscript_stdlib::Environment;
use rhai::Engine;

use crate::error::Result;
use crate::machine::{self, Claim};
use crate::state::{LabEnd, Recorded, State};
use crate::wiring::{self, Wiring};
use crate::worker::Worker;
use crate::{Lab, sandbox};

/// The message to the lab's thread.
type AddWords = Box<dyn FnOnce(&mut Engine) + Send>;
type OnPrint = Box<dyn Fn(&str) + Send>;
type OnOp = Box<dyn Fn(&Op) + Send>;

/// A builder for a lab with other options than the defaults.
///
/// ```
/// # fn main() -> Result<(), netscript_lab::Error> {
/// use netscript_lab::Lab;
///
/// let lab = Lab::builder().args(["3"]).dry_run()?;
/// let run = lab.run("print(args[0].parse_int() * 2)")?;
/// assert_eq!(run.printed, "6\n");
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
#[must_use = "nothing is made before one of `sandbox`, `on_machine` and `dry_run` is called"]
pub struct Builder {
    args: Vec<String>,
    folder: Option<PathBuf>,
    allow_import: Vec<PathBuf>,
    confined: bool,
    replace: bool,
    force: bool,
    one_by_one: bool,
    signals: bool,
    memory: Option<fn() -> usize>,
    words: Vec<AddWords>,
    on_print: Option<OnPrint>,
    on_op: Option<OnOp>,
}

impl Builder {
    /// The arguments that scripts see as `args`.
    pub fn args<T: Into<String>>(mut self, args: impl IntoIterator<Item = T>) -> Builder {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The folder of imported modules; by default the current folder.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Builder {
        self.folder = Some(folder.as_ref().to_owned());
        self
    }

    /// Lets scripts also import from this folder and its subfolders in a dry run, and if they are
    /// [confined](Builder::confined).
    pub fn allow_import(mut self, folder: impl AsRef<Path>) -> Builder {
        self.allow_import.push(folder.as_ref().to_owned());
        self
    }

    /// Forbids scripts to start programs, write files, and import from outside their folder.
    pub fn confined(mut self) -> Builder {
        self.confined = true;
        self
    }

    /// On the machine: takes a lab of the same name down first, if one is up.
    pub fn replace(mut self) -> Builder {
        self.replace = true;
        self
    }

    /// On the machine: lets scripts remove what the lab did not make.
    pub fn force(mut self) -> Builder {
        self.force = true;
        self
    }

    /// Makes SIGINT, SIGTERM and SIGHUP interrupt a running script instead of ending the process. This is for programs
    /// without signal handlers of their own; others call [`Lab::interrupt`].
    pub fn stopped_by_signals(mut self) -> Builder {
        self.signals = true;
        self
    }

    /// Limits the memory of scripts to 2 GiB. `taken` returns the number of bytes that the program has allocated, as counted
    /// by an allocator.
    pub fn limit_memory(mut self, taken: fn() -> usize) -> Builder {
        self.memory = Some(taken);
        self
    }

    /// Adds words to the language. The function is called on the lab's thread, once.
    ///
    /// ```
    /// # fn main() -> Result<(), netscript_lab::Error> {
    /// use netscript_lab::Lab;
    ///
    /// let words = |engine: &mut netscript_lab::rhai::Engine| {
    ///     engine.register_fn("site", |number: i64| format!("10.{number}.0.0/16"));
    /// };
    /// let lab = Lab::builder().with_words(words).dry_run()?;
    /// assert_eq!(lab.run("print(site(7))")?.printed, "10.7.0.0/16\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_words(mut self, words: impl FnOnce(&mut Engine) + Send + 'static) -> Builder {
        self.words.push(Box::new(words));
        self
    }

    /// Calls a function with each line when a script prints it. [`Run::printed`](crate::Run) still has the
    /// lines.
    pub fn on_print(mut self, print: impl Fn(&str) + Send + 'static) -> Builder {
        self.on_print = Some(Box::new(print));
        self
    }

    /// Calls a function with each operation when it has been applied. Operations are then not batched.
    pub fn on_op(mut self, listen: impl Fn(&Op) + Send + 'static) -> Builder {
        self.on_op = Some(Box::new(listen));
        self.one_by_one = true;
        self
    }

    /// A lab in a network of its own, which is removed when the lab is dropped.
    ///
    /// # Errors
    ///
    /// If this process may not make namespaces: the error says what to do.
    pub fn sandbox(self) -> Result<Lab> {
        let interrupt = self.interrupt()?;
        let theirs = interrupt.clone();
        self.start(interrupt, LabEnd::GoesWithThread, move |_, one_by_one| {
            check_release()?;
            sandbox::check()?;
            take_own_network()?;
            Ok(wiring::batched(Kernel::new(theirs)?.named("lab").warning(warn), one_by_one))
        })
    }

    /// A lab on the machine itself, in the network of the calling thread, with a journal. It is taken down when it is
    /// dropped, unless it is [kept](Lab::keep); `netscript ps` lists it, and `netscript down` takes it down after a crash.
    ///
    /// # Errors
    ///
    /// If this process may not change the network, or a lab of this name is up.
    pub fn on_machine(self, name: &str) -> Result<Lab> {
        let claim = Claim {
            name: name.to_owned(),
            replace: self.replace,
            force: self.force,
            script: std::env::current_exe().map_or(String::new(), |path| path.display().to_string()),
            or_next: false,
        };
        let interrupt = self.interrupt()?;
        let theirs = interrupt.clone();
        self.start(interrupt, LabEnd::TakenDown, move |_, one_by_one| {
            check_release()?;
            if !may_change_networks() {
                return Err(privilege_missing(false).into());
            }
            Ok(wiring::batched(machine::begin(&claim, theirs, warn, warn)?, one_by_one))
        })
    }

    /// A lab that changes nothing: operations change a model of a blank machine, and
    /// [`commands`](Lab::commands) lists the equivalent commands.
    ///
    /// # Errors
    ///
    /// If a folder of modules does not exist.
    pub fn dry_run(self) -> Result<Lab> {
        let interrupt = self.interrupt()?;
        let theirs = interrupt.clone();
        self.start(interrupt, LabEnd::Nothing, move |recorded, _| {
            let commands = Rc::clone(&recorded.commands);
            let world =
                DryRun::new(Model::new(), Style::Plain, move |line| commands.borrow_mut().push(line.to_owned()));
            Ok(Box::new(world.stopped_by(move || theirs.raised())))
        })
    }

    fn interrupt(&self) -> Result<Interrupt> {
        Ok(if self.signals { Interrupt::listen()? } else { Interrupt::by_hand()? })
    }

    fn start(
        self,
        interrupt: Interrupt,
        end: LabEnd,
        world: impl FnOnce(&Recorded, bool) -> Result<Box<dyn World>> + Send + 'static,
    ) -> Result<Lab> {
        let theirs = interrupt.clone();
        let make = move || {
            let recorded = Recorded::default();
            let world = world(&recorded, self.one_by_one)?;
            let (printed, on_print) = (Rc::clone(&recorded.printed), self.on_print);
            let wiring = Wiring {
                environment: Environment {
                    args: self.args,
                    dry_run: end == LabEnd::Nothing,
                    sandboxed: end == LabEnd::GoesWithThread,
                    columns: None,
                },
                confined: self.confined,
                folder: self.folder.unwrap_or_else(|| PathBuf::from(".")),
                allow_import: self.allow_import,
                print: Box::new(move |line| {
                    write_line(&printed, line);
                    on_print.iter().for_each(|print| print(line));
                }),
                debug: Box::new(|line| eprintln!("{}", visible(line))),
                memory: self.memory,
                words: self.words.into_iter().map(|words| words as wiring::AddWords).collect(),
            };
            let on_op = self.on_op;
            let interpreter = wiring.interpreter(world, |lab| {
                if let Some(listen) = on_op {
                    lab.on_op(listen);
                }
            })?;
            Ok(State::new(interpreter, recorded, theirs, end))
        };
        Ok(Lab::new(Worker::start("lab", make, State::end)?, interrupt))
    }
}

fn write_line(text: &RefCell<String>, line: &str) {
    let mut text = text.borrow_mut();
    text.push_str(line);
    text.push('\n');
}

fn warn(text: &str) {
    eprintln!("warning: {}", visible(text));
}
