//! Namespaces of a lab.

use std::fmt;
use std::panic;
use std::thread;

use netscript_lang::LinkId;
use netscript_linux::Entrance;
use netscript_net::op::{
    Bridge, IfName, LinkOp, LinkSpec, NetnsOp, NetnsRef, Nexthop, Op, Prefix, Route, RouteOp, SysctlKey, SysctlOp,
    Veth, parse_ip,
};
use netscript_net::state;
use netscript_net::world::{Connected, Fetched, Output, PingResult};
use netscript_stdlib::requests;

use crate::Lab;
use crate::error::{Error, Result};
use crate::link::Link;
use crate::worker::not_started;

/// A namespace of a lab.
#[derive(Clone)]
pub struct Netns<'lab> {
    lab: &'lab Lab,
    netns: NetnsRef,
}

impl<'lab> Netns<'lab> {
    pub(crate) fn new(lab: &'lab Lab, netns: NetnsRef) -> Netns<'lab> {
        Netns { lab, netns }
    }

    /// The lab that it belongs to.
    pub(crate) fn lab(&self) -> &'lab Lab {
        self.lab
    }

    /// Its reference in operations, and its key in [`Lab::state`].
    pub fn reference(&self) -> &NetnsRef {
        &self.netns
    }

    /// Runs a function on a thread that has entered this namespace, and returns its result; a panic is passed to the caller.
    /// A socket opened in the function stays in the namespace and can be used on any thread. The function sees the lab's
    /// `/run/netns` and the namespace's own `/sys` and files of `/etc`, like a program run by `ip netns exec`.
    ///
    /// # Errors
    ///
    /// If the namespace is gone, or this is a dry run.
    ///
    /// # Panics
    ///
    /// If the function panics.
    pub fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R> {
        let netns = self.netns.clone();
        let entrance = self.lab.with(move |lab| {
            lab.world().admit(&netns)?;
            Entrance::of(&netns)
        })?;
        thread::scope(|scope| {
            let work = || entrance.enter().map_err(Error::from).map(|()| work());
            let thread = thread::Builder::new().name(self.netns.to_string()).spawn_scoped(scope, work);
            match thread.map_err(not_started)?.join() {
                Ok(entered) => entered,
                Err(cause) => panic::resume_unwind(cause),
            }
        })
    }

    /// Runs a program to its end: `ip netns exec NETNS ARGV…`.
    ///
    /// # Errors
    ///
    /// If it cannot be started. A status other than 0 is not an error.
    pub fn exec<T: Into<String>>(&self, argv: impl IntoIterator<Item = T>) -> Result<Output> {
        let netns = self.netns.clone();
        let argv: Vec<String> = argv.into_iter().map(Into::into).collect();
        self.lab.with(move |lab| lab.world().exec(&netns, &argv))
    }

    /// Sends an ICMP echo request and waits up to a second for the answer: `ping -c 1 TARGET`. The target is an address, the
    /// name of a namespace, or a host name that this namespace's name servers know.
    ///
    /// # Errors
    ///
    /// If the target is invalid. A missing answer is not an error: see [`PingResult::ok`].
    pub fn ping(&self, target: &str) -> Result<PingResult> {
        let (netns, target) = (self.netns.clone(), target.to_owned());
        self.lab.probe(move |session| {
            let request = requests::ping(session, &netns, &target)?;
            session.lab().world().ping(&netns, &request)
        })
    }

    /// Opens a TCP connection and closes it again.
    ///
    /// # Errors
    ///
    /// As for [`ping`](Netns::ping).
    pub fn connect(&self, target: &str, port: u16) -> Result<Connected> {
        let (netns, target) = (self.netns.clone(), target.to_owned());
        self.lab.probe(move |session| {
            let request = requests::connection(session, &netns, &target, port)?;
            session.lab().world().connect(&netns, &request)
        })
    }

    /// Requests a page from an HTTP server.
    ///
    /// # Errors
    ///
    /// If the URL is invalid. A missing answer is not an error: see [`Fetched::ok`].
    pub fn fetch(&self, url: &str) -> Result<Fetched> {
        let (netns, url) = (self.netns.clone(), url.to_owned());
        self.lab.probe(move |session| {
            let request = requests::page(&url)?;
            session.lab().world().fetch(&netns, &request)
        })
    }

    /// Makes a bridge: `ip link add NAME type bridge`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn bridge(&self, name: &str) -> Result<Link<'lab>> {
        self.add_link(name, LinkSpec::Bridge(Bridge::default()))
    }

    /// Makes a dummy link, which drops every packet: `ip link add NAME type dummy`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn dummy(&self, name: &str) -> Result<Link<'lab>> {
        self.add_link(name, LinkSpec::Dummy)
    }

    /// Makes a pair with one end here and one in `other`: `ip link add NAME type veth peer name PEER netns OTHER`.
    ///
    /// # Errors
    ///
    /// If the other namespace belongs to another lab (E0213), or the kernel refuses it.
    pub fn veth(&self, name: &str, other: &Netns<'_>, peer: &str) -> Result<(Link<'lab>, Link<'lab>)> {
        self.lab.check_own(other.lab, || format!("the namespace `{}`", other.netns))?;
        let peer = IfName::parse(peer)?;
        let elsewhere = (other.netns != self.netns).then(|| other.netns.clone());
        let near = self.add_link(name, LinkSpec::Veth(Veth { peer: peer.clone(), netns: elsewhere }))?;
        let far = self.handle(other.netns.clone(), peer)?;
        Ok((near, far))
    }

    /// Makes a link of any kind: `ip link add NAME type KIND …`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn add_link(&self, name: &str, spec: LinkSpec) -> Result<Link<'lab>> {
        let name = IfName::parse(name)?;
        self.lab.submit(Op::new(self.netns.clone(), LinkOp::Add(name.clone(), spec)))?;
        self.handle(self.netns.clone(), name)
    }

    fn handle(&self, netns: NetnsRef, name: IfName) -> Result<Link<'lab>> {
        let id = self.lab.with(move |lab| Ok::<LinkId, _>(lab.link_id(&netns, &name)))?;
        Ok(Link::new(self.lab, id))
    }

    /// An existing link, also a foreign one.
    ///
    /// # Errors
    ///
    /// If there is none of this name.
    pub fn link(&self, name: &str) -> Result<Link<'lab>> {
        let (netns, name) = (self.netns.clone(), IfName::parse(name)?);
        let id = self.lab.with(move |lab| match lab.world().link_name(&netns, &name)? {
            Some(name) => Ok(lab.link_id(&netns, &name)),
            None => Err(lab.no_such_link(&netns, name.as_str())),
        })?;
        Ok(Link::new(self.lab, id))
    }

    /// The loopback link.
    ///
    /// # Errors
    ///
    /// If the namespace is gone.
    pub fn lo(&self) -> Result<Link<'lab>> {
        self.link("lo")
    }

    /// The links with their addresses, by index.
    ///
    /// # Errors
    ///
    /// If the namespace is gone.
    pub fn links(&self) -> Result<Vec<state::Link>> {
        let netns = self.netns.clone();
        self.lab.with(move |lab| lab.world().links(&netns))
    }

    /// Adds a route through a gateway: `ip route add DESTINATION via GATEWAY`. The destination is a network, an address or
    /// `default`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn route(&self, destination: &str, gateway: &str) -> Result<()> {
        let via = parse_ip(gateway)?;
        let dst = match destination {
            "default" => Prefix::all(netscript_net::op::Family::of(via)),
            network if network.contains('/') => Prefix::parse(network)?,
            address => Prefix::host(parse_ip(address)?),
        };
        let nexthops = vec![Nexthop { via: Some(via), dev: None, weight: 1, onlink: false }];
        self.add_route(Route { nexthops, ..Route::new(dst) })
    }

    /// Adds a route: `ip route add …`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn add_route(&self, route: Route) -> Result<()> {
        self.lab.submit(Op::new(self.netns.clone(), RouteOp::Add(route)))
    }

    /// The value of a kernel setting: `sysctl -n KEY`.
    ///
    /// # Errors
    ///
    /// If there is none of this key.
    pub fn sysctl(&self, key: &str) -> Result<String> {
        let (netns, key) = (self.netns.clone(), SysctlKey::parse(key)?);
        self.lab.with(move |lab| lab.world().sysctl(&netns, &key))
    }

    /// Writes a kernel setting: `sysctl -w KEY=VALUE`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn set_sysctl(&self, key: &str, value: impl fmt::Display) -> Result<()> {
        let key = SysctlKey::parse(key)?;
        self.lab.submit(Op::new(self.netns.clone(), SysctlOp::Write(key, value.to_string())))
    }

    /// Removes the namespace: `ip netns del NAME`.
    ///
    /// # Errors
    ///
    /// If the kernel refuses it.
    pub fn delete(self) -> Result<()> {
        match self.netns {
            NetnsRef::Named(name) => self.lab.submit(Op::host(NetnsOp::Del(name))),
            // There is no handle on others but the host, which nobody can remove.
            netns @ (NetnsRef::Host | NetnsRef::Held(_) | NetnsRef::OfPid(_)) => {
                Err(netscript_net::error::Error::NotThere {
                    what: format!("name of {netns} that could be removed"),
                    known: Vec::new(),
                }
                .into())
            }
        }
    }
}

impl fmt::Debug for Netns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Netns({})", self.netns)
    }
}
