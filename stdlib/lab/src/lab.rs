//! Labs in a Rust program.

use std::path::Path;

use netscript_lang::diagnostics::{self, Error as Facts, Invalid};
use netscript_lang::interpreter::Session;
use netscript_linux::Interrupt;
use netscript_net::files;
use netscript_net::op::{NetnsName, NetnsOp, NetnsRef, Op};
use netscript_net::state::NetState;
use netscript_net::world::Summary;

use crate::builder::Builder;
use crate::error::Result;
use crate::netns::Netns;
use crate::state::{Run, State};
use crate::worker::Worker;

/// A network built with scripts and typed calls. Threads can share it; their calls take turns. When it is
/// dropped, also by a panic, it is taken down.
///
/// ```
/// # fn main() -> Result<(), netscript_lab::Error> {
/// use netscript_lab::Lab;
///
/// let lab = Lab::dry_run()?;
/// let red = lab.add_netns("red")?;
/// red.bridge("br0")?.addr("10.0.0.1/24")?.up()?;
/// lab.run(r#"netns("blue")"#)?;
/// assert_eq!(lab.state()?.netns.len(), 3);
/// assert_eq!(lab.commands()[1], "ip netns add red");
/// # Ok(())
/// # }
/// ```
pub struct Lab {
    worker: Worker<State>,
    interrupt: Interrupt,
}

impl Lab {
    pub(crate) fn new(worker: Worker<State>, interrupt: Interrupt) -> Lab {
        Lab { worker, interrupt }
    }

    /// A lab with options.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A lab in a network of its own; see [`Builder::sandbox`].
    ///
    /// # Errors
    ///
    /// If this process may not make namespaces: the error says what to do.
    pub fn sandbox() -> Result<Lab> {
        Lab::builder().sandbox()
    }

    /// A lab on the machine itself; see [`Builder::on_machine`].
    ///
    /// # Errors
    ///
    /// If this process may not change the network, or a lab of this name is up.
    pub fn on_machine(name: &str) -> Result<Lab> {
        Lab::builder().on_machine(name)
    }

    /// A lab that changes nothing; see [`Builder::dry_run`].
    ///
    /// # Errors
    ///
    /// None that a program could cause.
    pub fn dry_run() -> Result<Lab> {
        Lab::builder().dry_run()
    }

    /// Runs a script to its end. Its changes stay until the lab is taken down, even if it fails.
    ///
    /// # Errors
    ///
    /// The script's, with its place.
    pub fn run(&self, text: &str) -> Result<Run> {
        self.run_as("script", text)
    }

    /// Runs a script from a file. It imports modules from the [folder of the lab](crate::Builder::folder), wherever the file is.
    ///
    /// # Errors
    ///
    /// The script's, with its place; or E0111 if it cannot be read.
    pub fn run_file(&self, path: impl AsRef<Path>) -> Result<Run> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text =
            files::read_text(path).map_err(|error| Facts::Unreadable { path: name.clone(), why: error.to_string() })?;
        self.run_as(&name, &text)
    }

    /// Runs a script with a name, which its errors show.
    ///
    /// # Errors
    ///
    /// The script's, with its place.
    pub fn run_as(&self, name: &str, text: &str) -> Result<Run> {
        let (name, text) = (name.to_owned(), text.to_owned());
        self.worker.call(move |state| state.run(&name, &text))
    }

    /// Interrupts the running script from another thread: it fails with E0114.
    pub fn interrupt(&self) {
        self.interrupt.raise();
    }

    /// Checks that a handle, in words, belongs to this lab: its namespaces and links have names of their own.
    pub(crate) fn check_own(&self, lab: &Lab, handle: impl FnOnce() -> String) -> Result<()> {
        if std::ptr::eq(self, lab) {
            return Ok(());
        }
        Err(Facts::Invalid(Invalid::Conflict {
            message: format!("{} belongs to another lab", handle()),
            help: "a handle is only for calls on its own lab".to_owned(),
        })
        .into())
    }

    /// The namespace that the lab is in: the machine's own, or the sandbox's.
    pub fn host(&self) -> Netns<'_> {
        Netns::new(self, NetnsRef::Host)
    }

    /// Makes a namespace: `ip netns add NAME`.
    ///
    /// # Errors
    ///
    /// If the name exists or is invalid.
    pub fn add_netns(&self, name: &str) -> Result<Netns<'_>> {
        let name = NetnsName::parse(name)?;
        self.submit(Op::host(NetnsOp::Add(name.clone())))?;
        Ok(Netns::new(self, NetnsRef::Named(name)))
    }

    /// An existing namespace, also a foreign one.
    ///
    /// # Errors
    ///
    /// If there is none of this name.
    pub fn netns(&self, name: &str) -> Result<Netns<'_>> {
        let name = NetnsName::parse(name)?;
        let netns = NetnsRef::Named(name.clone());
        self.with(move |lab| match lab.world().has_netns(&name)? {
            true => Ok(()),
            false => Err(lab.no_such_netns(name.as_str())),
        })?;
        Ok(Netns::new(self, netns))
    }

    /// The names of the namespaces that have one, sorted.
    ///
    /// # Errors
    ///
    /// If the machine does not allow listing them.
    pub fn netns_names(&self) -> Result<Vec<String>> {
        self.with(|lab| Ok(lab.world().netns_names()?.iter().map(NetnsName::to_string).collect()))
    }

    /// Applies an operation. All typed calls use it; use it for operations without a typed call.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn submit(&self, op: Op) -> Result<()> {
        self.with(move |lab| lab.submit(op, None))
    }

    /// The current state: the namespaces with their links, addresses, routes and rules.
    ///
    /// # Errors
    ///
    /// If the kernel does not answer.
    pub fn state(&self) -> Result<NetState> {
        self.with(|lab| NetState::read(lab.world(), &[]))
    }

    /// The equivalent commands, line by line, as a shell script. Only a dry run has them.
    pub fn commands(&self) -> Vec<String> {
        self.worker.call(|state| state.commands())
    }

    /// Keeps a lab on the machine until `netscript down NAME` takes it down, and returns a summary. `None` means that there
    /// is nothing to keep, as in a sandbox, which is removed with its lab.
    ///
    /// # Errors
    ///
    /// If the journal cannot be written; the lab is taken down then.
    pub fn keep(mut self) -> Result<Option<Summary>> {
        let kept = self.with(|lab| lab.world().keep())?;
        if kept.is_some() {
            self.worker.call(State::keep);
        }
        self.worker.end()?;
        Ok(kept)
    }

    /// Takes the lab down. Dropping it does the same, but can only print errors.
    ///
    /// # Errors
    ///
    /// If a step could not be undone; all other steps have been.
    pub fn take_down(mut self) -> Result<()> {
        self.worker.end()
    }

    /// Asks something by words of the language.
    pub(crate) fn probe<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&Session) -> diagnostics::Result<R> + Send + 'static,
    ) -> Result<R> {
        self.worker.call(move |state| ask(state.session()).map_err(Into::into))
    }

    /// Runs a function with the engine's own lab, on the lab's thread, and waits until its operations have been applied. Use
    /// it for features of `netscript_lang` and `netscript_net` that this crate has no call for.
    ///
    /// # Errors
    ///
    /// Those of the function, and of the operations that it submitted.
    pub fn with<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut netscript_lang::Lab) -> diagnostics::Result<R> + Send + 'static,
    ) -> Result<R> {
        self.worker.call(move |state| {
            let mut lab = state.session().lab();
            let done = work(&mut lab).and_then(|value| lab.flush().map(|()| value));
            done.map_err(Into::into)
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = self.worker.end() {
            eprintln!("{error}");
        }
    }
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lab").finish_non_exhaustive()
    }
}
