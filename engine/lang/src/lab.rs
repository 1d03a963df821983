//! The lab, which all operations of a script go through: it keeps the meaning of handles, and adds to errors what it
//! knows.

mod handles;

use std::rc::Rc;

use handles::Handles;
pub use handles::{LinkId, NetnsId};

use crate::diagnostics::{self, At, Errno, Error, Rejection, Result};
use netscript_dialect::Command;
use netscript_net::op::{Action, AddrOp, Effect, Family, IfName, NetnsName, NetnsRef, Op};
use netscript_net::world::{Missing, Point, World};

/// A function that is called with each operation or command.
type Observer<T> = Rc<dyn Fn(&T)>;

/// A network being built. Words reach the machine only through it.
pub struct Lab {
    world: Box<dyn World>,
    handles: Handles,
    /// Is called with each operation that has taken effect.
    op_observer: Option<Observer<Op>>,
    /// Is called with the command that each probe and each program stands for.
    command_observer: Option<Observer<Command>>,
    /// For each step: its point, and the state of the handles then.
    marks: Vec<(Point, usize)>,
}

/// What a script's handles meant at one moment.
#[derive(Clone)]
pub struct HandleSnapshot(Handles);

/// A lab's World while another replaces it.
pub struct Stage {
    world: Box<dyn World>,
    handles: Handles,
    marks: Vec<(Point, usize)>,
}

impl Lab {
    /// A lab in which nothing has been made yet.
    pub fn new(world: Box<dyn World>) -> Lab {
        Lab { world, handles: Handles::default(), op_observer: None, command_observer: None, marks: Vec::new() }
    }

    /// Calls a function with each operation that has taken effect.
    pub fn on_op(&mut self, observer: impl Fn(&Op) + 'static) {
        self.op_observer = Some(Rc::new(observer));
    }

    /// Calls a function with the command that does the same as a probe or a program.
    pub fn on_command(&mut self, observer: impl Fn(&Command) + 'static) {
        self.command_observer = Some(Rc::new(observer));
    }

    /// Reports the command of a probe or a program.
    pub fn tell(&self, command: impl FnOnce() -> Command) {
        if let Some(observer) = &self.command_observer {
            observer(&command());
        }
    }

    /// Does one operation. `at` is the place in the script that asks for it.
    pub fn submit(&mut self, op: Op, at: Option<At>) -> Result<()> {
        self.submit_all(vec![op], at)
    }

    /// Does the operations of one word of the script, in order.
    pub fn submit_all(&mut self, ops: Vec<Op>, at: Option<At>) -> Result<()> {
        self.world.located(at.as_ref());
        self.marks.push((self.world.point(), self.handles.mark()));
        let result = self.world.apply(&ops);
        let done = match &result {
            Ok(()) => ops.len(),
            Err((index, _)) => *index,
        };
        for op in &ops[..done] {
            self.handles.follow(op, at.as_ref());
            if let Some(observer) = &self.op_observer {
                observer(op);
            }
        }
        result.map_err(|(index, rejection)| self.explain(&ops[index], rejection))
    }

    /// Does the operations that are waiting.
    pub fn flush(&mut self) -> Result<()> {
        self.world.flush()
    }

    /// Sets whether every operation is done at once from now on; returns the setting before.
    pub fn at_once(&mut self, on: bool) -> Result<bool> {
        self.world.at_once(on)
    }

    /// Keeps single steps from now on, so that they can be taken back.
    pub fn keep_steps(&mut self) {
        self.world.keep_steps();
    }

    /// The present moment, to which the lab can be taken back.
    pub fn checkpoint(&mut self) -> Point {
        self.world.keep_steps();
        self.world.point()
    }

    /// Takes back all steps since a point. Handles on things made since then are invalid.
    pub fn rollback(&mut self, point: Point, at: Option<&At>) -> Result<()> {
        if point > self.world.point() {
            return Err(Error::NoUndo { why: "what came before this checkpoint has been undone already".to_owned() });
        }
        let result = self.world.rollback(point);
        let first = self.marks.partition_point(|(before, _)| *before < point);
        if let Some((_, mark)) = self.marks.get(first) {
            self.handles.back_to(*mark, at);
        }
        self.marks.truncate(first);
        result
    }

    /// Takes the last step back.
    pub fn undo(&mut self, at: Option<&At>) -> Result<()> {
        let Point(steps) = self.world.point();
        match steps.checked_sub(1) {
            Some(before) => self.rollback(Point(before), at),
            None => Err(Error::NoUndo { why: "nothing has been done yet".to_owned() }),
        }
    }

    /// Replaces the World with another, on which everything acts from now on.
    pub fn rehearse(&mut self, world: Box<dyn World>) -> Stage {
        let marks = std::mem::take(&mut self.marks);
        Stage { world: std::mem::replace(&mut self.world, world), handles: self.handles.clone(), marks }
    }

    /// What handles mean now.
    pub fn snapshot(&self) -> HandleSnapshot {
        HandleSnapshot(self.handles.clone())
    }

    /// Restores what handles meant; everything done since must have been taken back.
    pub fn restore(&mut self, snapshot: &HandleSnapshot) {
        self.handles = snapshot.0.clone();
        let point = self.world.point();
        self.marks.retain(|(before, _)| *before < point);
    }

    /// Goes back to the World from before a rehearsal. Handles that were made since are invalid.
    pub fn end_rehearsal(&mut self, stage: Stage) {
        self.world = stage.world;
        self.handles = stage.handles;
        self.marks = stage.marks;
    }

    /// The World, for questions and programs.
    pub fn world(&mut self) -> &mut dyn World {
        &mut *self.world
    }

    /// The handle on a link that exists.
    pub fn link_id(&mut self, netns: &NetnsRef, name: &IfName) -> LinkId {
        self.handles.link(netns, name)
    }

    /// Where a link is now and what it is called.
    pub fn locate(&self, id: LinkId) -> Result<(NetnsRef, IfName)> {
        self.handles.locate(id)
    }

    /// The other end of a pair that this lab made.
    pub fn peer(&self, id: LinkId) -> Option<LinkId> {
        self.handles.peer(id)
    }

    /// The handle on a namespace that exists.
    pub fn netns_id(&mut self, netns: &NetnsRef) -> NetnsId {
        self.handles.netns(netns)
    }

    /// What a handle on a namespace refers to.
    pub fn netns(&self, id: NetnsId) -> Result<NetnsRef> {
        self.handles.reference(id)
    }

    /// Whether this lab gave name servers to a namespace; they go with it.
    pub fn has_resolver(&self, netns: &NetnsRef) -> bool {
        self.handles.has_resolver(netns)
    }

    /// A number for a namespace without a name, not used before in this lab.
    pub fn next_held(&mut self) -> u32 {
        self.handles.next_held()
    }

    /// The error of a link that is not there, with what is known about it.
    pub fn no_such_link(&mut self, netns: &NetnsRef, name: &str) -> Error {
        let known = self.world.links(netns).unwrap_or_default();
        Error::NoSuchLink {
            name: name.to_owned(),
            netns: netns.to_string(),
            known: known.into_iter().map(|link| link.name.to_string()).collect(),
            elsewhere: self.elsewhere(netns, name),
        }
    }

    /// The error of a namespace that is not there, with those that are.
    pub fn no_such_netns(&mut self, name: &str) -> Error {
        let known = self.world.netns_names().unwrap_or_default();
        Error::NoSuchNetns { name: name.to_owned(), known: known.iter().map(NetnsName::to_string).collect() }
    }

    fn explain(&mut self, op: &Op, mut rejection: Rejection) -> Error {
        match rejection.missing.take() {
            Some(missing) => {
                let part = diagnostics::missing_part(op, &missing);
                let error = match missing {
                    Missing::Link(netns, name) => self.no_such_link(&netns, name.as_str()),
                    Missing::Netns(netns) => self.no_such_netns(&netns.to_string()),
                    missing @ (Missing::Leftover(_) | Missing::Process(_) | Missing::Other(_)) => missing.into_error(),
                };
                error.about(part)
            }
            None => {
                if let (Action::Sysctl(write), Errno::ENOENT) = (&op.action, rejection.errno)
                    && let Err(error) = self.world.sysctl(&op.netns, write.key())
                {
                    return error;
                }
                let mut facts = self.facts(op, &rejection);
                if facts.is_empty() && rejection.errno == Errno::EEXIST {
                    facts = self.world.facts(op);
                }
                facts.extend(self.small_mtu(op, &rejection));
                Error::Refused { op: Box::new(op.clone()), rejection, facts }
            }
        }
    }

    /// Notes about a refusal that this lab knows and the kernel does not tell.
    fn facts(&self, op: &Op, rejection: &Rejection) -> Vec<String> {
        if rejection.errno != Errno::EEXIST {
            return Vec::new();
        }
        match op.effect() {
            Some(Effect::LinkCreated { link, peer }) => {
                [link].into_iter().chain(peer).filter_map(|link| self.made(link.netns, link.name)).collect()
            }
            Some(Effect::LinkMoved { from: _, to }) => self.made(to.netns, to.name).into_iter().collect(),
            Some(Effect::NetnsCreated(netns)) => {
                let made = self.handles.netns_made(&netns);
                made.map(|at| format!("the namespace `{netns}` was made at {at}")).into_iter().collect()
            }
            Some(
                Effect::NetnsAttached(..) | Effect::NetnsRemoved(_) | Effect::NetnsDetached(_) | Effect::LinkRemoved(_),
            )
            | None => Vec::new(),
        }
    }

    /// A note on the MTU of a link that is too small for IPv6.
    fn small_mtu(&mut self, op: &Op, rejection: &Rejection) -> Option<String> {
        let Action::Addr(AddrOp::Add(name, spec)) = &op.action else { return None };
        if rejection.errno != Errno::EINVAL || spec.local.family() != Family::V6 {
            return None;
        }
        let link = self.world.link(&op.netns, name).ok()??;
        Some(format!("the MTU of `{name}` is {}", link.mtu))
    }

    fn made(&self, netns: &NetnsRef, name: &IfName) -> Option<String> {
        self.handles.link_made(netns, name).map(|at| format!("`{name}` exists in {netns}, made at {at}"))
    }

    fn elsewhere(&self, netns: &NetnsRef, name: &str) -> Option<String> {
        let other = self.handles.whereabouts(name).find(|place| *place != netns)?;
        Some(format!("there is a `{name}` in {other}"))
    }
}
