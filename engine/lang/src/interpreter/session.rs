//! The state that native functions share: the lab, the exit status, and settings of the run.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;

use rhai::plugin::ModuleManifest;
use rhai::{Dynamic, Engine, NativeCallContext};

use super::limits::Limits;
use crate::Lab;
use crate::diagnostics::At;
use netscript_net::op::NetnsRef;

/// Returns the width of the terminal; `None` without one.
pub type Columns = fn() -> Option<u16>;

/// A run's state, of which handles and functions hold clones.
#[derive(Clone)]
pub struct Session(Rc<Shared>);

struct Shared {
    lab: RefCell<Lab>,
    exit: Cell<Option<i64>>,
    here: RefCell<NetnsRef>,
    constants: RefCell<Vec<(&'static str, Dynamic)>>,
    limits: Limits,
    columns: Cell<Option<Columns>>,
    main: RefCell<String>,
    manifests: RefCell<Vec<&'static ModuleManifest>>,
}

impl Session {
    pub(super) fn new(lab: Lab) -> Session {
        Session(Rc::new(Shared {
            lab: RefCell::new(lab),
            exit: Cell::new(None),
            here: RefCell::new(NetnsRef::Host),
            constants: RefCell::default(),
            limits: Limits::default(),
            columns: Cell::new(None),
            main: RefCell::default(),
            manifests: RefCell::default(),
        }))
    }

    /// The session of a running script.
    pub fn of(context: &NativeCallContext<'_>) -> Session {
        context
            .tag()
            .and_then(|tag| tag.clone().try_cast::<Session>())
            .expect("the interpreter tags every run with its session")
    }

    /// The session of an evaluation.
    pub fn of_context(context: &rhai::EvalContext<'_, '_, '_, '_, '_, '_>) -> Session {
        let tag = context.tag().clone();
        tag.try_cast::<Session>().expect("the interpreter tags every run with its session")
    }

    /// The session that an interpreter gave to its engine.
    pub fn of_engine(engine: &mut Engine) -> Session {
        let tag = engine.default_tag_mut().clone();
        tag.try_cast::<Session>().expect("the interpreter tags its engine with its session")
    }

    /// The same, for an engine that cannot be changed.
    pub(super) fn known_to(engine: &Engine) -> Session {
        engine.default_tag().clone().try_cast::<Session>().expect("the interpreter tags its engine with its session")
    }

    /// Remembers functions that were registered without their documentation.
    pub(super) fn add_manifest(&self, manifest: &'static ModuleManifest) {
        self.0.manifests.borrow_mut().push(manifest);
    }

    /// The functions that were registered without their documentation.
    pub(super) fn manifests(&self) -> Vec<&'static ModuleManifest> {
        self.0.manifests.borrow().clone()
    }

    /// The lab, for the duration of one word. A native function must not hold it while a script's closure runs.
    pub fn lab(&self) -> RefMut<'_, Lab> {
        self.0.lab.borrow_mut()
    }

    /// Sets the status with which the run ends if nothing fails. Only its lowest eight bits count.
    pub fn set_exit_status(&self, status: i64) {
        self.0.exit.set(Some(status));
    }

    /// Forgets a script's exit status.
    pub(super) fn go_on(&self) {
        self.0.exit.set(None);
    }

    /// The status with which a script ended itself.
    pub(super) fn exit_status(&self) -> Option<i32> {
        self.0.exit.get().map(|status| i32::try_from(status & 0xff).expect("eight bits fit"))
    }

    /// The namespace in which bare words act.
    pub fn here(&self) -> NetnsRef {
        self.0.here.borrow().clone()
    }

    /// Lets bare words act in a namespace from now on.
    pub fn set_here(&self, netns: NetnsRef) {
        self.0.here.replace(netns);
    }

    /// The width of the terminal that scripts print to; `None` without one.
    pub fn columns(&self) -> Option<u16> {
        self.0.columns.get().and_then(|columns| columns())
    }

    /// Sets the function that returns the width of the terminal.
    pub fn set_columns(&self, columns: Option<Columns>) {
        self.0.columns.set(columns);
    }

    /// Whether a source is a module, and not the script that runs or typed text.
    pub fn is_module(&self, source: &str) -> bool {
        *self.0.main.borrow() != source
    }

    /// Sets the script that runs from now on.
    pub(super) fn set_main(&self, name: &str) {
        name.clone_into(&mut self.0.main.borrow_mut());
    }

    /// The variables that always exist, such as `host`.
    pub fn constants(&self) -> Vec<(&'static str, Dynamic)> {
        self.0.constants.borrow().clone()
    }

    pub(super) fn set_constants(&self, constants: Vec<(&'static str, Dynamic)>) {
        self.0.constants.replace(constants);
    }

    /// Whether two handles belong to one session.
    pub fn same(&self, other: &Session) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// The limits of the run.
    pub(super) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Why parsing must stop: the user has asked to stop, or a limit is reached. A text may be long, and must be parsed
    /// before any of it runs.
    pub fn stop_reading(&self) -> Option<&'static str> {
        let interrupted = self.interrupt_check()();
        if interrupted { Some("interrupted") } else { self.0.limits.too_much() }
    }

    pub(super) fn interrupt_check(&self) -> impl Fn() -> bool + 'static {
        let shared = Rc::clone(&self.0);
        move || shared.lab.try_borrow_mut().is_ok_and(|mut lab| lab.world().interrupted())
    }
}

/// The place of the script that calls a native function.
pub fn at(context: &NativeCallContext<'_>) -> Option<At> {
    let position = context.call_position();
    let source = context.call_source()?;
    let module = Session::of(context).is_module(source);
    Some(At { source: source.into(), line: position.line()?, column: position.position().unwrap_or(0), module })
}
