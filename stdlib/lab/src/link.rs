//! Links of a lab.

use std::fmt;

use netscript_lang::LinkId;
use netscript_lang::diagnostics::Result as EngineResult;
use netscript_net::op::{Action, AddrOp, AddrSpec, IfName, LinkFlag, LinkOp, LinkSet, NetnsRef, Op, Prefix};
use netscript_net::state;

use crate::error::Result;
use crate::{Lab, Netns};

/// A handle to a link. It refers to the same link after a rename or a move. Calls that change the link return the handle,
/// so that they can be chained.
#[derive(Clone, Copy)]
pub struct Link<'lab> {
    lab: &'lab Lab,
    id: LinkId,
}

impl<'lab> Link<'lab> {
    pub(crate) fn new(lab: &'lab Lab, id: LinkId) -> Link<'lab> {
        Link { lab, id }
    }

    /// Its current namespace and name.
    ///
    /// # Errors
    ///
    /// If it has been removed.
    pub fn locate(&self) -> Result<(NetnsRef, IfName)> {
        let id = self.id;
        self.lab.with(move |lab| lab.locate(id))
    }

    /// The link's current state.
    ///
    /// # Errors
    ///
    /// If it has been removed.
    pub fn look(&self) -> Result<state::Link> {
        let id = self.id;
        self.lab.with(move |lab| {
            let (netns, name) = lab.locate(id)?;
            match lab.world().link(&netns, &name)? {
                Some(link) => Ok(link),
                None => Err(lab.no_such_link(&netns, name.as_str())),
            }
        })
    }

    /// Switches it on: `ip link set NAME up`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn up(self) -> Result<Link<'lab>> {
        self.set(LinkSet::Flag(LinkFlag::Up, true))
    }

    /// Switches it off: `ip link set NAME down`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn down(self) -> Result<Link<'lab>> {
        self.set(LinkSet::Flag(LinkFlag::Up, false))
    }

    /// Gives it an address: `ip addr add ADDRESS/LENGTH dev NAME`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn addr(self, address: &str) -> Result<Link<'lab>> {
        let spec = AddrSpec::new(Prefix::parse(address)?);
        self.change(move |_, name| Ok(AddrOp::Add(name, spec)))
    }

    /// Makes it a port of a bridge: `ip link set NAME master BRIDGE`.
    ///
    /// # Errors
    ///
    /// If the bridge belongs to another lab (E0213), or the kernel refuses it.
    pub fn master(self, bridge: Link<'_>) -> Result<Link<'lab>> {
        self.lab.check_own(bridge.lab, || "the bridge".to_owned())?;
        let id = bridge.id;
        self.change(move |lab, name| {
            let (_, bridge) = lab.locate(id)?;
            Ok(LinkOp::Set(name, LinkSet::Master(Some(bridge))))
        })
    }

    /// Moves it into another namespace: `ip link set NAME netns OTHER`.
    ///
    /// # Errors
    ///
    /// If the namespace belongs to another lab (E0213), or the kernel refuses it.
    pub fn move_to(self, other: &Netns<'_>) -> Result<Link<'lab>> {
        self.lab.check_own(other.lab(), || format!("the namespace `{}`", other.reference()))?;
        self.set(LinkSet::Netns(other.reference().clone()))
    }

    /// Changes it: `ip link set NAME …`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn set(self, change: LinkSet) -> Result<Link<'lab>> {
        self.change(move |_, name| Ok(LinkOp::Set(name, change)))
    }

    /// Removes it: `ip link del NAME`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn delete(self) -> Result<()> {
        self.change(|_, name| Ok(LinkOp::Del(name))).map(drop)
    }

    fn change<A: Into<Action>>(
        self,
        action: impl FnOnce(&mut netscript_lang::Lab, IfName) -> EngineResult<A> + Send + 'static,
    ) -> Result<Link<'lab>> {
        let id = self.id;
        self.lab.with(move |lab| {
            let (netns, name) = lab.locate(id)?;
            let action = action(lab, name)?;
            lab.submit(Op::new(netns, action), None)
        })?;
        Ok(self)
    }
}

impl fmt::Debug for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.locate() {
            Ok((netns, name)) => write!(f, "Link({name} in {netns})"),
            Err(error) => write!(f, "Link({})", error.message()),
        }
    }
}
