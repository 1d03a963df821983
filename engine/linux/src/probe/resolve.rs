//! Resolves names: requests to the namespace's own name servers, by UDP, from inside it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::dns::{self, Reply};
use super::ping::random_id;
use crate::interrupt::Interrupt;
use crate::netns::Namespaces;
use netscript_net::error::Result;
use netscript_net::op::{Family, HostName, NetnsRef};

/// The number of attempts for each server (`RES_DFLRETRY`, resolv.h).
const ATTEMPTS: u32 = 2;

/// A host's addresses, IPv4 before IPv6; empty: no server knows the name, or none answers.
///
/// `ip netns exec NETNS getent ahosts NAME`
pub(crate) fn resolve(
    namespaces: &Namespaces,
    interrupt: &Interrupt,
    netns: &NetnsRef,
    servers: &[IpAddr],
    name: &HostName,
    timeout: Duration,
) -> Result<Vec<IpAddr>> {
    let questions = u32::try_from(servers.len()).unwrap_or(u32::MAX).saturating_mul(ATTEMPTS).max(1);
    let asker = Asker { namespaces, interrupt, netns, name, patience: timeout / questions };
    for _ in 0..ATTEMPTS {
        for server in servers {
            if let Some(addrs) = asker.addresses(*server)? {
                return Ok(addrs);
            }
        }
    }
    Ok(Vec::new())
}

struct Asker<'a> {
    namespaces: &'a Namespaces,
    interrupt: &'a Interrupt,
    netns: &'a NetnsRef,
    name: &'a HostName,
    /// The time limit for one answer of one server.
    patience: Duration,
}

impl Asker<'_> {
    /// A host's addresses, IPv4 first; empty: the name does not exist. `None`: the server gave no answer.
    fn addresses(&self, server: IpAddr) -> Result<Option<Vec<IpAddr>>> {
        for family in [Family::V4, Family::V6] {
            match self.ask(server, family)? {
                Some(Reply::Addrs(addrs)) if addrs.is_empty() => {}
                Some(Reply::Addrs(addrs)) => return Ok(Some(addrs)),
                Some(Reply::NoSuchName) => return Ok(Some(Vec::new())),
                Some(Reply::Failure) | None => return Ok(None),
            }
        }
        Ok(Some(Vec::new()))
    }

    /// A server's reply; `None`: the server is unreachable, refuses, or is silent.
    fn ask(&self, server: IpAddr, family: Family) -> Result<Option<Reply>> {
        let opened = self.namespaces.within(self.netns, || connect(server));
        let Ok(socket) = opened.map_err(|rejection| rejection.into_error(|| format!("enter {}", self.netns)))? else {
            return Ok(None);
        };
        let id = random_id();
        let Ok(question) = dns::question(id, self.name, family) else { return Ok(None) };
        if socket.send(&question).is_err() {
            return Ok(None);
        }
        self.hear(&socket, |bytes| dns::reply(id, self.name, family, bytes))
    }

    fn hear(&self, socket: &Socket, recognise: impl Fn(&[u8]) -> Option<Reply>) -> Result<Option<Reply>> {
        let until = Instant::now().checked_add(self.patience);
        let mut buffer = [0; 4096];
        while self.interrupt.wait(&[socket.as_fd()], until)?[0] {
            // An error is an ICMP message: the server is unreachable.
            let Ok(length) = io::Read::read(&mut &*socket, &mut buffer) else { return Ok(None) };
            if let Some(reply) = recognise(&buffer[..length]) {
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }
}

fn connect(server: IpAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(SocketAddr::new(server, 0)), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.connect(&SocketAddr::new(server, dns::PORT).into())?;
    Ok(socket)
}
