//! Namespaces: making them, finding them, what they hold.

use std::fmt;

use netscript_dialect::Command;
use netscript_lang::NetnsId;
use netscript_lang::diagnostics::{At, Error, Invalid, Result, Step, Within};
use netscript_lang::interpreter::{Session, add_words, at};
use netscript_net::op::{Action, NetnsName, NetnsOp, NetnsRef, Op, PidRef};
use netscript_net::world::World;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine};

use crate::{Link, RhaiResult, args};

/// A handle to a network namespace.
#[derive(Clone)]
pub struct Netns {
    session: Session,
    id: NetnsId,
}

impl Netns {
    pub(crate) fn new(session: &Session, reference: &NetnsRef) -> Netns {
        Netns { session: session.clone(), id: session.lab().netns_id(reference) }
    }

    /// The namespace that the script runs in.
    pub(crate) fn host(session: &Session) -> Netns {
        Netns::new(session, &NetnsRef::Host)
    }

    /// The namespace in which words without a receiver act: the host, unless `:ns` of the REPL selected another.
    pub(crate) fn here(session: &Session) -> Netns {
        Netns::new(session, &session.here())
    }

    /// The namespace that it refers to; an error once it has been removed.
    pub fn reference(&self) -> Result<NetnsRef> {
        self.session.lab().netns(self.id)
    }

    /// Its session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Applies an operation in this namespace.
    pub(crate) fn submit(&self, action: impl Into<Action>, at: Option<At>) -> Result<()> {
        let op = Op::new(self.reference()?, action);
        self.session.lab().submit(op, at)
    }

    /// Asks the world a question about this namespace, for a place of the script.
    pub(crate) fn ask<T>(&self, at: Option<At>, ask: impl FnOnce(&mut dyn World, &NetnsRef) -> T) -> Result<T> {
        let reference = self.reference()?;
        let mut lab = self.session.lab();
        lab.world().located(at.as_ref());
        Ok(ask(lab.world(), &reference))
    }

    /// Reports the equivalent command of a probe or a program in this namespace.
    pub(crate) fn tell(&self, command: impl FnOnce(&NetnsRef) -> Command) -> Result<()> {
        let reference = self.reference()?;
        self.session.lab().tell(|| command(&reference));
        Ok(())
    }

    /// The handle to a link of this namespace that is known to exist.
    pub(crate) fn link(&self, name: &netscript_net::op::IfName) -> Result<Link> {
        let reference = self.reference()?;
        let id = self.session.lab().link_id(&reference, name);
        Ok(Link::new(&self.session, id))
    }
}

impl PartialEq for Netns {
    fn eq(&self, other: &Netns) -> bool {
        self.session.same(&other.session) && self.id == other.id
    }
}

impl fmt::Display for Netns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reference() {
            Ok(reference) => reference.fmt(f),
            Err(_) => f.write_str("(removed)"),
        }
    }
}

pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Netns>("Netns");
    add_words(engine, exported_manifest!(words));
}

fn open(session: &Session, name: &str) -> Result<Netns> {
    let reference = args::netns(session, "a namespace", &Dynamic::from(name.to_owned())).argument(0)?;
    Ok(Netns::new(session, &reference))
}

fn make(session: &Session, op: NetnsOp, reference: &NetnsRef, at: Option<At>) -> Result<Netns> {
    session.lab().submit(Op::host(op), at)?;
    Ok(Netns::new(session, reference))
}

/// The operations that remove a namespace, and the name servers that this lab set for it.
fn removal(session: &Session, reference: NetnsRef) -> Result<Vec<NetnsOp>> {
    let mut ops = Vec::new();
    if let NetnsRef::Named(name) = &reference
        && session.lab().has_resolver(&reference)
    {
        ops.push(NetnsOp::Resolver(name.clone(), Vec::new()));
    }
    ops.push(end(reference)?);
    Ok(ops)
}

fn end(reference: NetnsRef) -> Result<NetnsOp> {
    let conflict =
        |message: &str, help: &str| Error::Invalid(Invalid::Conflict { message: message.into(), help: help.into() });
    match reference {
        NetnsRef::Named(name) => Ok(NetnsOp::Del(name)),
        NetnsRef::Held(number) => Ok(NetnsOp::Release(number)),
        NetnsRef::Host => Err(conflict(
            "the namespace that the script runs in cannot be removed",
            "remove links, routes and rules in it one by one",
        )),
        NetnsRef::OfPid(_) => Err(conflict(
            "the namespace of a process without a name cannot be removed",
            "it ends with the last process in it",
        )),
    }
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Creates a named namespace, visible to `ip netns`.
    ///
    /// ```
    /// let red = netns("red");
    /// assert(red.name == "red");
    /// ```
    #[rhai_fn(name = "netns", return_raw)]
    pub fn netns_named(ctx: NativeCallContext, name: &str) -> RhaiResult<Netns> {
        let name = NetnsName::parse(name).argument(0)?;
        let reference = NetnsRef::Named(name.clone());
        Ok(make(&Session::of(&ctx), NetnsOp::Add(name), &reference, at(&ctx))?)
    }

    /// Creates a namespace without a name, held by a process of netscript.
    ///
    /// ```
    /// let box = netns();
    /// assert(box.pid > 0);
    /// ```
    #[rhai_fn(name = "netns", return_raw)]
    pub fn netns_unnamed(ctx: NativeCallContext) -> RhaiResult<Netns> {
        let session = Session::of(&ctx);
        let number = session.lab().next_held();
        Ok(make(&session, NetnsOp::Hold(number), &NetnsRef::Held(number), at(&ctx))?)
    }

    /// A handle to an existing named namespace.
    ///
    /// ```
    /// netns("red");
    /// let red = netns_open("red");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn netns_open(ctx: NativeCallContext, name: &str) -> RhaiResult<Netns> {
        Ok(open(&Session::of(&ctx), name)?)
    }

    /// Names the namespace of a running process. `pid` is its number, or a handle with a `.pid`.
    ///
    /// ```
    /// let unnamed = netns();
    /// let box = netns_attach("box", unnamed);
    /// assert(box.inode == unnamed.inode);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn netns_attach(ctx: NativeCallContext, name: &str, pid: Dynamic) -> RhaiResult<Netns> {
        let name = NetnsName::parse(name).argument(0)?;
        let pid = args::pid("a process", &pid).argument(1)?;
        let reference = NetnsRef::Named(name.clone());
        let made = make(&Session::of(&ctx), NetnsOp::Attach(name, pid), &reference, at(&ctx));
        Ok(made.map_err(|error| match error {
            error @ Error::OutOfReach { .. } => error.within(Step::Argument(1)),
            error => error,
        })?)
    }

    /// Removes the name of a namespace. The namespace stays while it is in use.
    ///
    /// ```
    /// let unnamed = netns();
    /// netns_attach("box", unnamed);
    /// netns_detach("box");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn netns_detach(ctx: NativeCallContext, name: Dynamic) -> RhaiResult<()> {
        let session = Session::of(&ctx);
        match args::netns(&session, "a namespace", &name).argument(0)? {
            NetnsRef::Named(name) => Ok(session.lab().submit(Op::host(NetnsOp::Detach(name)), at(&ctx))?),
            NetnsRef::Host | NetnsRef::Held(_) | NetnsRef::OfPid(_) => Err(Error::Invalid(Invalid::Conflict {
                message: "this namespace has no name that could be taken away".into(),
                help: "give the name of a namespace under /run/netns".into(),
            })
            .into()),
        }
    }

    /// A handle to the namespace of a process, without naming it.
    ///
    /// ```
    /// let unnamed = netns();
    /// assert(netns_of(unnamed.pid).inode == unnamed.inode);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn netns_of(ctx: NativeCallContext, pid: Dynamic) -> RhaiResult<Netns> {
        let session = Session::of(&ctx);
        let reference = match args::pid("a process", &pid).argument(0)? {
            PidRef::Held(number) => NetnsRef::Held(number),
            PidRef::Number(pid) => NetnsRef::OfPid(pid),
            started @ PidRef::Started(_) => NetnsRef::OfPid(session.lab().world().pid(started)?),
        };
        match session.lab().world().netns_contents(&reference) {
            Ok(_) => {}
            // A dry run knows the namespaces that the script made, but not those of the machine's processes.
            Err(Error::NotSimulated { .. }) if !matches!(reference, NetnsRef::OfPid(_)) => {}
            Err(error) => return Ok(Err(error).argument(0)?),
        }
        Ok(Netns::new(&session, &reference))
    }

    /// Every named namespace, sorted by name.
    ///
    /// ```
    /// netns("red");
    /// assert("red" in netns_list());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn netns_list(ctx: NativeCallContext) -> RhaiResult<Array> {
        let session = Session::of(&ctx);
        let names = session.lab().world().netns_names()?;
        Ok(names.into_iter().map(|name| Dynamic::from(Netns::new(&session, &name.into()))).collect())
    }

    /// Removes the namespace. When the word returns, the other ends of its pairs are gone too.
    ///
    /// ```
    /// let red = netns("red");
    /// red.delete();
    /// assert("red" !in netns_list());
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn delete(ctx: NativeCallContext, netns: &mut Netns) -> RhaiResult<()> {
        let ops = removal(netns.session(), netns.reference()?)?;
        Ok(netns.session().lab().submit_all(ops.into_iter().map(Op::host).collect(), at(&ctx))?)
    }

    /// Its name: `"host"` for the host, `()` for a namespace without a name.
    ///
    /// ```
    /// assert(host.name == "host");
    /// ```
    #[rhai_fn(get = "name", pure, return_raw)]
    pub fn get_name(netns: &mut Netns) -> RhaiResult {
        Ok(match netns.reference()? {
            NetnsRef::Host => "host".into(),
            NetnsRef::Named(name) => name.to_string().into(),
            NetnsRef::Held(_) | NetnsRef::OfPid(_) => Dynamic::UNIT,
        })
    }

    /// Its inode: the number of `net:[…]` in `readlink /proc/PID/ns/net`.
    ///
    /// ```
    /// assert(netns("red").inode != host.inode);
    /// ```
    #[rhai_fn(get = "inode", pure, return_raw)]
    pub fn get_inode(netns: &mut Netns) -> RhaiResult<i64> {
        let reference = netns.reference()?;
        let inode = netns.session().lab().world().netns_contents(&reference)?.inode;
        Ok(i64::try_from(inode).unwrap_or(i64::MAX))
    }

    /// The numbers of the processes in it, as `ip netns pids` lists them.
    ///
    /// ```
    /// assert(netns("red").pids.is_empty());
    /// ```
    #[rhai_fn(get = "pids", pure, return_raw)]
    pub fn get_pids(netns: &mut Netns) -> RhaiResult<Array> {
        let reference = netns.reference()?;
        let pids = netns.session().lab().world().netns_contents(&reference)?.pids;
        Ok(pids.into_iter().map(|pid| Dynamic::from(i64::from(pid))).collect())
    }

    /// The number of the process that holds a namespace without a name.
    ///
    /// ```
    /// assert(netns().pid > 0);
    /// ```
    #[rhai_fn(get = "pid", pure, return_raw)]
    pub fn get_pid(netns: &mut Netns) -> RhaiResult<i64> {
        let pid = match netns.reference()? {
            NetnsRef::Held(number) => netns.session().lab().world().pid(PidRef::Held(number))?,
            NetnsRef::OfPid(pid) => pid,
            NetnsRef::Host | NetnsRef::Named(_) => {
                return Err(
                    Error::NotThere { what: format!("one process that holds {netns}"), known: Vec::new() }.into()
                );
            }
        };
        Ok(i64::from(pid))
    }

    /// Its links, in the order of their indexes.
    ///
    /// ```
    /// assert(netns("red").links.map(|l| l.name) == ["lo"]);
    /// ```
    #[rhai_fn(get = "links", pure, return_raw)]
    pub fn get_links(netns: &mut Netns) -> RhaiResult<Array> {
        let reference = netns.reference()?;
        let links = netns.session().lab().world().links(&reference)?;
        Ok(links.iter().map(|link| netns.link(&link.name).map(Dynamic::from)).collect::<Result<_>>()?)
    }

    /// The namespace's name as text.
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn to_string(netns: &mut Netns) -> String {
        netns.to_string()
    }

    /// Whether two handles refer to the same namespace.
    #[rhai_fn(global, name = "==", pure)]
    pub fn eq(a: &mut Netns, b: Netns) -> bool {
        *a == b
    }

    /// Whether two handles refer to different namespaces.
    #[rhai_fn(global, name = "!=", pure)]
    pub fn ne(a: &mut Netns, b: Netns) -> bool {
        *a != b
    }

    /// Whether a namespace has this name.
    #[rhai_fn(global, name = "==", pure)]
    pub fn eq_name(a: &mut Netns, b: &str) -> bool {
        a.to_string() == b
    }

    /// Whether a namespace has another name.
    #[rhai_fn(global, name = "!=", pure)]
    pub fn ne_name(a: &mut Netns, b: &str) -> bool {
        a.to_string() != b
    }

    /// Whether this is the name of a namespace.
    #[rhai_fn(global, name = "==")]
    pub fn name_eq(a: &str, b: Netns) -> bool {
        b.to_string() == a
    }

    /// Whether this is not the name of a namespace.
    #[rhai_fn(global, name = "!=")]
    pub fn name_ne(a: &str, b: Netns) -> bool {
        b.to_string() != a
    }
}
