//! Targets of probes: addresses, and names to resolve.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::resolve::resolve;
use crate::interrupt::Interrupt;
use crate::netns::Namespaces;
use crate::resolver;
use netscript_net::error::{Error, Result};
use netscript_net::op::{Host, HostName, NetnsRef};

/// A host's address, or the text of the error, in curl's words. Names are resolved by the namespace's own name servers
/// only, IPv4 first; `localhost` needs none.
pub(crate) fn look_up(
    namespaces: &Namespaces,
    interrupt: &Interrupt,
    netns: &NetnsRef,
    host: &Host,
    timeout: Duration,
) -> Result<Result<IpAddr, String>> {
    let name = match host {
        Host::Addr(addr) => return Ok(Ok(*addr)),
        Host::Name(name) if name.is_localhost() => return Ok(Ok(Ipv4Addr::LOCALHOST.into())),
        Host::Name(name) => name,
    };
    let servers = resolver::servers_of(netns)?;
    if servers.is_empty() {
        return Err(no_server(netns, name));
    }
    let addrs = resolve(namespaces, interrupt, netns, &servers, name, timeout)?;
    Ok(addrs.first().copied().ok_or_else(|| format!("Could not resolve host: {name}")))
}

fn no_server(netns: &NetnsRef, name: &HostName) -> Error {
    let why = match netns {
        NetnsRef::Named(_) => {
            format!(
                "it is not an address, and {netns} has no name server to ask (`.resolver(\"8.8.8.8\")` gives it one)"
            )
        }
        NetnsRef::Host | NetnsRef::Held(_) | NetnsRef::OfPid(_) => {
            format!("it is not an address, and {netns} has no name server of its own to ask")
        }
    };
    Error::Target { given: format!("{:?}", name.as_str()), why }
}
